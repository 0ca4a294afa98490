"""The check of messages: what is named, and how much work a message makes, be it ordinary or hostile."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sluicegate.v1.bulk_service_pb2 import BulkLoadRequest
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList
from sluicegate.v1.record_batch_pb2 import Column, RecordBatch
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest

from service.errors import InvalidRequest, MalformedMessage, MessageTooLarge
from service.rpc import intake as intake_module
from service.rpc.intake import Intake, Intakes, check


def lead(**fields: FieldValue) -> UpsertRecordRequest:
    """Return a request for a lead."""
    return UpsertRecordRequest(object="Lead", external_id=ExternalId(field="Ext__c", value="1"), fields=fields)


def refused(request: UpsertRecordRequest) -> list[str]:
    """Return the fields at fault."""
    with pytest.raises(InvalidRequest) as raised:
        check(request)
    return sorted(violation.field for violation in raised.value.violations)


def test_every_field_at_fault_is_named():
    """A caller mends all faults at once."""
    assert ["fields.A.kind", "fields.B.kind"] == refused(lead(A=FieldValue(), B=FieldValue()))


def test_a_long_message_full_of_faults_costs_no_more_than_its_first():
    """Two bytes make a fault: a message of a few megabytes must not keep the process busy collecting them."""
    faults = FieldValue(list_value=FieldValueList(values=[FieldValue()] * 10_000))

    assert len(refused(lead(A=faults))) == 1


@pytest.mark.parametrize("name", ["A\n", "A/..", "..", "A?x", "A b", "É", ""])
def test_a_name_is_nothing_but_a_name(name):
    """What stands in Salesforce's URLs is checked to its last character, a line break included."""
    request = lead()
    request.object = name

    assert ["object"] == refused(request)


def intake(limit: int = 4_194_304) -> Intake:
    """Make the intake of upserts."""
    return Intakes(limit).of(UpsertRecordRequest, "RecordService/UpsertRecord")


@pytest.fixture
def checked(monkeypatch) -> list[threading.Thread]:
    """Watch in which threads the full check runs."""
    threads: list[threading.Thread] = []
    full = intake_module.check

    def watched(message: Any) -> None:
        threads.append(threading.current_thread())
        full(message)

    monkeypatch.setattr(intake_module, "check", watched)
    return threads


async def test_a_good_message_is_not_checked_in_full(checked):
    """The costly check is for messages that the cheap one doubts."""
    good, doubtful = lead(A=FieldValue(bool_value=True)), lead(A=FieldValue())
    into = intake()
    received = [into.decode(message.SerializeToString()) for message in (good, doubtful)]

    assert [True, False] == [into.is_good(message) for message in received]
    with pytest.raises(InvalidRequest):
        await into.admit(received[1])
    assert [threading.main_thread()] == checked


async def test_a_large_message_is_checked_beside_the_event_loop(checked):
    """Other calls go on meanwhile, and the message is taken like any other."""
    text = FieldValue(string_value="x" * 131_072)
    good = lead(A=text, B=text, C=text)
    bad = lead(A=text, B=text, C=FieldValue())
    into = intake()
    received = [into.decode(message.SerializeToString()) for message in (good, bad)]

    assert [False, False] == [into.is_good(message) for message in received]
    assert good == await into.admit(received[0])
    with pytest.raises(InvalidRequest):
        await into.admit(received[1])
    assert 1 == len(checked)
    assert threading.main_thread() not in checked


async def test_each_message_of_a_stream_is_taken_in():
    """What comes before a bad message is taken, the bad one is refused."""
    good, into = lead(A=FieldValue(bool_value=True)), intake()

    async def stream() -> AsyncIterator[Any]:
        for message in (good, lead(A=FieldValue()), good):
            yield into.decode(message.SerializeToString())

    messages = into.admit_each(stream())

    assert good == await anext(messages)
    with pytest.raises(InvalidRequest):
        await anext(messages)


async def test_what_was_given_on_of_a_stream_is_not_held():
    """A caller may take its time until the next message, and nothing of the last one stays in memory for that."""
    into, given_on = intake(), asyncio.Event()

    async def stream() -> AsyncIterator[Any]:
        yield into.decode(lead(A=FieldValue(bool_value=True)).SerializeToString())
        given_on.set()
        await asyncio.Event().wait()

    messages = into.admit_each(stream())
    message = await anext(messages)
    following = asyncio.ensure_future(anext(messages))
    await given_on.wait()

    # By this function alone, and by the call that counts.
    assert 2 == sys.getrefcount(message)
    following.cancel()
    await asyncio.wait([following])


async def test_bytes_that_are_no_message_are_refused_when_they_are_admitted():
    """An error while decoding would reach the caller as UNKNOWN, so that it waits."""
    with pytest.raises(MessageTooLarge):
        await intake(limit=1).admit(intake(limit=1).decode(b"xx"))
    with pytest.raises(MalformedMessage):
        await intake().admit(intake().decode(b"\xff"))


async def test_a_large_piece_of_a_stream_needs_no_thread(checked):
    """Bytes that a stream is cut into are checked by their length alone, and the length is checked."""
    into = Intakes(8_388_608).of(BulkLoadRequest, "BulkService/BulkLoad")
    piece, too_long = (BulkLoadRequest(data=b"x" * size) for size in (1_000_000, 4_194_305))
    batch = BulkLoadRequest(batch=RecordBatch(columns=[Column(name="x" * 200_000)]))

    received = [into.decode(message.SerializeToString()) for message in (piece, too_long, batch)]

    assert [True, False, False] == [into.is_good(message) for message in received]
    assert [] == checked
    assert piece == await into.admit(received[0])
    with pytest.raises(InvalidRequest):
        await into.admit(received[1])
