"""How writes are made ready to travel, and their outcomes told."""

import asyncio
from collections.abc import Sequence
from itertools import groupby
from types import SimpleNamespace
from typing import Any

import pytest

from service.batching.coalescer import Prepared
from service.batching.item import Outcome
from service.errors import FieldViolation, InvalidFieldValue, InvalidReference, UnknownField, UnknownObject
from service.orgs import diagnosis
from service.orgs.descriptions import Descriptions
from service.orgs.nearest import NearestNames
from service.orgs.records import OrgRecords
from service.salesforce.calls.describe import Field, SObject
from service.salesforce.calls.writes import DEFAULT_OPTIONS, Operation, Saved, Write
from tests.support.clock import FakeClock
from tests.support.transport import call

SAVED = Saved("a00000000000001AAA")
NAME = Field("Name", "string", createable=True, updateable=True, nillable=True)
PARENT = Field(
    "ParentId", "reference", relationshipName="Parent", referenceTo=("A__c",), createable=True, updateable=True
)


class Sending:
    """Takes what is ready in place of the lanes, and answers with one outcome for all."""

    def __init__(self, outcome: Outcome = SAVED) -> None:
        self.outcome = outcome
        self.taken: list[Prepared] = []

    async def write(self, prepared: Prepared, *_rest: object) -> Saved:
        """Take one."""
        self.taken.append(prepared)
        if isinstance(self.outcome, Saved):
            return self.outcome
        raise self.outcome

    async def write_all(self, prepared: Sequence[Prepared], *_rest: object) -> list[Outcome]:
        """Take several."""
        self.taken += prepared
        return [self.outcome for _ in prepared]


def records(sending: Any, *, check_fields: bool = True) -> OrgRecords:
    """Return the records of an org whose sObjects all look alike, and whose ids begin with a00."""

    async def describe(sobject: str, *_rest: object) -> SObject:
        if sobject == "None__c":
            raise UnknownObject("none")
        fields = {field.name.lower(): field for field in (NAME, PARENT)}
        return SObject(sobject, fields, {"parent": PARENT}, key_prefix="a00")

    async def sobject_names(*_rest: object) -> list[str]:
        return ["A__c", "B__c"]

    client: Any = SimpleNamespace(describe=describe, sobject_names=sobject_names)
    return OrgRecords(sending, Descriptions(client), check_fields=check_fields)


def create(sobject: str, **values: Any) -> Write:
    return Write(Operation.CREATE, sobject, {"Name": "x", **values}, size=1_000)


async def test_records_of_one_sobject_are_sent_as_neighbours():
    """A call has ten runs at most: those of twelve sObjects in turn would fill it with ten records."""
    sending = Sending()
    writes = [create(f"Object{number % 12}__c") for number in range(48)]

    outcomes = await records(sending).apply(writes, DEFAULT_OPTIONS, call(FakeClock()))

    assert [SAVED] * 48 == outcomes
    assert 12 == len([name for name, _ in groupby(prepared.row.sobject for prepared in sending.taken)])


async def test_a_row_takes_the_room_of_its_message():
    """Bounds on bytes would else bound nothing."""
    sending = Sending()

    await records(sending).write(create("A__c"), DEFAULT_OPTIONS, call(FakeClock()))

    assert [True] == [1_000 <= prepared.row.size <= 2_000 for prepared in sending.taken]


async def test_a_deletion_by_id_is_held_against_its_sobject_even_where_fields_are_not_checked():
    """Salesforce would delete any record of that id: a caller that mixed up two ids would lose the other record."""
    sending = Sending()
    deletion = Write(Operation.DELETE, "A__c", record_id="001000000000001AAA")

    with pytest.raises(InvalidFieldValue):
        await records(sending, check_fields=False).write(deletion, DEFAULT_OPTIONS, call(FakeClock()))

    assert [] == sending.taken


async def test_a_refusal_names_fields_as_the_caller_did():
    """Alone and among others; the error of the lanes, which others may hold, is left as it is."""
    error = InvalidReference("m", violations=[FieldViolation("fields.ParentId", "leads nowhere")])
    org, write = records(Sending(error)), create("A__c", parent={"Ext__c": "1"})

    with pytest.raises(InvalidReference) as alone:
        await org.write(write, DEFAULT_OPTIONS, call(FakeClock()))
    (several,) = await org.apply([write], DEFAULT_OPTIONS, call(FakeClock()))

    assert isinstance(several, InvalidReference)
    assert ["fields.parent"] * 2 == [found.violations[0].field for found in (alone.value, several)]
    assert "fields.ParentId" == error.violations[0].field


async def test_operations_that_are_refused_early_stay_in_their_places():
    """The others go on; each outcome has the place of its operation."""
    sending = Sending()
    writes = [create("B__c"), create("None__c"), create("A__c", Nope="x"), create("A__c")]

    outcomes = await records(sending).apply(writes, DEFAULT_OPTIONS, call(FakeClock()))

    assert ["Saved", "UnknownObject", "UnknownField", "Saved"] == [type(outcome).__name__ for outcome in outcomes]
    assert ["A__c", "B__c"] == [prepared.row.sobject for prepared in sending.taken]


async def test_many_refusals_make_one_list_of_near_names(monkeypatch: pytest.MonkeyPatch):
    """To make one takes a millisecond or two: two thousand would keep every other call waiting for seconds."""
    made: list[NearestNames] = []
    make = NearestNames.__init__

    def counted(names: NearestNames, *rest: Any) -> None:
        made.append(names)
        make(names, *rest)

    monkeypatch.setattr(NearestNames, "__init__", counted)
    org = records(Sending(UnknownField("m", metadata={"field": "Nme"})))
    await org.apply([create("A__c")], DEFAULT_OPTIONS, call(FakeClock()))
    before = len(made)

    found = await org.apply([create("A__c") for _ in range(50)], DEFAULT_OPTIONS, call(FakeClock()))

    assert ["Name"] * 50 == [each.metadata["nearest"] for each in found if isinstance(each, UnknownField)]
    assert before == len(made)


async def test_others_go_on_while_refusals_are_explained(monkeypatch: pytest.MonkeyPatch):
    """Two thousand rows of many fields take a while."""
    clock, others = FakeClock(), []

    def explain(error: InvalidFieldValue, *_rest: object) -> InvalidFieldValue:
        clock.advance(0.01)
        others.append(len(seen))
        return error

    async def watch() -> None:
        while True:
            seen.append(clock.monotonic())
            await asyncio.sleep(0)

    seen: list[float] = []
    monkeypatch.setattr(diagnosis, "explain", explain)
    org = records(Sending(InvalidFieldValue("m")))
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch())
        await org.apply([create("A__c") for _ in range(20)], DEFAULT_OPTIONS, call(clock))
        watching.cancel()

    assert others[0] < others[10] < others[19]
