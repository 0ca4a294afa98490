"""Callers that go before they are answered: their neighbours never notice, and nothing of them is left."""

import asyncio
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from sluicegate.v1.record_operation_pb2 import RecordOperation
from sluicegate.v1.record_service_pb2 import ApplyRecordsRequest, UpsertRecordRequest

from service.batching import coalescer
from service.batching.coalescer import Coalescer
from service.batching.item import Item
from service.batching.lane import Lane
from service.settings import WriteSettings
from tests.support.record_messages import parent, text, upsert
from tests.support.stage import SAVED, Stage, StageFactory, result, told, until

UPSERTS, APPLIES = 980, 20
"""Callers of the one and the other: a connection has a thousand calls at most."""
PARENTS = 20
GONE = "gone"
PATIENT = WriteSettings(gather_seconds=60)
"""Records wait for the call in flight, however long it takes."""
LASTING = {"RequestHandler.start", "AioServer._request_call"}
"""Tasks that wait for what comes next on a connection; they end with it."""


def contact(name: str, number: int = 0) -> RecordOperation:
    """Return the upsert of a contact under one of some accounts."""
    return upsert("Contact", name, LastName=text("Curie"), Account=parent(f"A-{number % PARENTS}"))


def request(name: str, number: int = 0) -> UpsertRecordRequest:
    """Return the same as a request of its own."""
    row = contact(name, number).upsert
    return UpsertRecordRequest(object=row.object, external_id=row.external_id, fields=row.fields)


async def heard_or_gone(call: Any) -> str:
    """Return what the caller hears, or that it cancelled."""
    try:
        return await told(call)
    except asyncio.CancelledError:
        return GONE


def is_empty(gathering: Coalescer) -> bool:
    """Tell whether nothing waits and nothing is in flight."""
    found = gathering.statistics()
    return (0, 0, {}) == (found.held_records, found.held_bytes, found.lanes)


def is_in_flight(stage: Stage) -> bool:
    """Tell whether a call to the org is."""
    return any(lane.in_flight for lane in stage.coalescer.statistics().lanes.values())


def open_work() -> set[Any]:
    """Return the tasks that have something to do."""
    return {task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__qualname__", "") not in LASTING}


def accounts(stage: Stage) -> None:
    """Make the accounts."""
    org = stage.org.org
    for number in range(PARENTS):
        org.create("Account", {"Name": "Acme", "Ext__c": f"A-{number}"}, user_id=org.admin_id)


class Crowd:
    """Callers of which about half go at random moments.

    Args:
        chance: Decides who goes and when.

    """

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._loop = asyncio.get_running_loop()
        self.calls: list[Any] = []
        self.stays: list[bool] = []

    def add(self, method: Callable[..., Any], message: Any) -> None:
        """Make a call; its caller may cancel it, or give it too little time."""
        fate = self._chance.choice(["stay", "stay", "cancel", "deadline"])
        moment = self._chance.uniform(0.0, 1.0)
        call = method(message, timeout=moment if fate == "deadline" else 60)
        if fate == "cancel":
            self._loop.call_later(moment, call.cancel)
        self.calls.append(call)
        self.stays.append(fate == "stay")


async def test_callers_that_go_at_any_moment(stage: StageFactory):
    """Half of a thousand callers cancel or run out of time, from the first description on.

    The others have their records, every record was written once or not at all, and nothing is left behind.
    """
    async with stage() as running:
        accounts(running)
        running.script({"effect": {"latency": {"uniform": {"low": 0.0, "high": 0.1}}}})
        before = open_work()
        crowd = Crowd(Random(4))
        for number in range(UPSERTS):
            crowd.add(running.records.UpsertRecord, request(f"C-{number}", number))
        for number in range(APPLIES):
            operations = [contact(f"B-{number}-{index}", index) for index in range(APPLIES)]
            crowd.add(running.records.ApplyRecords, ApplyRecordsRequest(operations=operations))

        heard = await asyncio.gather(*map(heard_or_gone, crowd.calls))
        await until(lambda: is_empty(running.coalescer) and open_work() <= before)

        made = running.writes("Contact")
        assert {SAVED} == {each for each, stays in zip(heard, crowd.stays, strict=True) if stays}
        assert {SAVED, GONE, "DEADLINE_EXCEEDED"} == {*heard}
        assert {1} == {*made.values()}
        assert all(f"C-{number}" in made for number in range(UPSERTS) if heard[number] == SAVED)
        assert len(made) < UPSERTS + APPLIES**2
        again = ApplyRecordsRequest(operations=[contact(f"C-{number}") for number in range(UPSERTS)])
        answer = await running.records.ApplyRecords(again, timeout=60)
        assert [SAVED] * UPSERTS == [result(each) for each in answer.results]


async def behind_a_slow_call(stage: Stage, count: int) -> list[Any]:
    """Return calls whose records wait behind the first one's, which is in flight until the org's time goes on."""
    accounts(stage)
    await stage.records.UpsertRecord(request("before"))
    stage.hold("/composite")
    calls = [stage.records.UpsertRecord(request("first"), timeout=60)]
    await until(lambda: is_in_flight(stage))
    calls += [stage.records.UpsertRecord(request(f"C-{number}"), timeout=60) for number in range(count)]
    await until(lambda: stage.coalescer.statistics().held_records == count + 1)
    return calls


@pytest.mark.parametrize(("withdraws", "written"), [(True, {"before", "first"}), (False, {"before", "first", "C-0"})])
async def test_a_record_that_has_not_left_is_withdrawn(stage: StageFactory, monkeypatch, withdraws, written):
    """What nobody waits for any more is not written; where it is not withdrawn, it is."""
    withdraw, withdrawn = Lane.withdraw, []

    def noted(lane: Lane, item: Item) -> None:
        withdrawn.append(item)
        if withdraws:
            withdraw(lane, item)

    monkeypatch.setattr(Lane, "withdraw", noted)
    async with stage(writes=PATIENT) as running:
        first, late = await behind_a_slow_call(running, 1)
        late.cancel()
        await until(lambda: bool(withdrawn))
        running.go_on()

        heard = [await heard_or_gone(call) for call in (first, late)]
        await until(lambda: is_empty(running.coalescer))

        assert [SAVED, GONE] == heard
        assert written == running.writes("Contact").keys()


async def test_neighbours_of_withdrawn_records_are_written(stage: StageFactory):
    """Of records that wait for a call those that are given up are not written, and the rest is."""
    async with stage(writes=PATIENT) as running:
        first, *waiting = await behind_a_slow_call(running, 6)
        for call in waiting[::2]:
            call.cancel()
        await until(lambda: running.coalescer.statistics().held_records == 4)
        running.go_on()

        kept = await asyncio.gather(first, *waiting[1::2])

        assert all(answer.created for answer in kept)
        assert {"before", "first", "C-1", "C-3", "C-5"} == running.writes("Contact").keys()


async def test_a_record_whose_deadline_passes_before_it_leaves_is_not_written(stage: StageFactory):
    """A record that could not leave in time is not written later on."""
    async with stage(writes=PATIENT) as running:
        first, *_ = await behind_a_slow_call(running, 0)
        late = await told(running.records.UpsertRecord(request("late"), timeout=0.3))
        await until(lambda: running.coalescer.statistics().held_records == 1)
        running.go_on()

        heard = [await told(first), await told(running.records.UpsertRecord(request("next")))]

        assert ["DEADLINE_EXCEEDED", SAVED, SAVED] == [late, *heard]
        assert {"before", "first", "next"} == running.writes("Contact").keys()


async def test_a_call_that_is_its_first_callers_dies_with_it(stage: StageFactory, monkeypatch):
    """Neighbours would wait for nothing if cancelling ended the call: what lanes with tasks of their own are for."""
    write = Coalescer.write

    async def own(gathering: Coalescer, *args: Any) -> Any:
        try:
            return await write(gathering, *args)
        except asyncio.CancelledError:
            for task in gathering._tasks:
                task.cancel()
            raise

    monkeypatch.setattr(Coalescer, "write", own)
    async with stage(writes=PATIENT) as running:
        first, *_ = await behind_a_slow_call(running, 1)
        first.cancel()
        await until(lambda: not running.coalescer._tasks)
        running.go_on()

        found = running.coalescer.statistics()

        assert 0 < found.held_records
        assert {"before"} == running.writes("Contact").keys() - {"first"}


def _is_away_or_over(stage: Stage, call: Any) -> bool:
    return is_in_flight(stage) or call.done()


async def one_that_leaves(stage: Stage) -> Any:
    """Return a call with a deadline that lets its record leave for the org, which a slow machine takes longer for."""
    seconds = 0.5
    while True:
        call = stage.records.UpsertRecord(request("first"), timeout=seconds)
        await until(partial(_is_away_or_over, stage, call))
        if is_in_flight(stage):
            return call
        seconds *= 4


@pytest.mark.parametrize("is_bounded", [True, False])
async def test_an_org_that_never_answers_keeps_nothing(stage: StageFactory, monkeypatch, is_bounded):
    """Everyone hears of its own deadline, and the last one ends the call, which unbounded would stay."""
    if not is_bounded:
        context_of = coalescer._context_of
        monkeypatch.setattr(
            coalescer, "_context_of", lambda items, trace: replace(context_of(items, trace), deadline=None)
        )
    async with stage() as running:
        accounts(running)
        await running.records.UpsertRecord(request("before"))
        before = open_work()
        running.hold("/composite")
        chance = Random(6)
        calls = [await one_that_leaves(running)]
        calls += [
            running.records.UpsertRecord(request(f"C-{number}", number), timeout=chance.uniform(0.1, 0.5))
            for number in range(200)
        ]

        heard = await asyncio.gather(*map(told, calls))

        assert {"DEADLINE_EXCEEDED"} == {*heard}
        if is_bounded:
            await until(lambda: is_empty(running.coalescer))
            running.go_on()
            await until(lambda: open_work() <= before)
        else:
            assert 0 < running.coalescer.statistics().held_records
