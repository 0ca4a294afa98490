"""Rules that hold for any history of a coalescer: whoever arrives, cancels, is locked or fails, and whenever."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.batching.item import Outcome
from service.batching.policy import Policy
from service.errors import InvalidFieldValue, RowLocked, UpstreamUnavailable
from service.salesforce.calls.writes import Operation, Saved
from tests.support.clock import ManualClock
from tests.support.scale import examples
from tests.unit.batching.conftest import Callers, ManualCalls, coalescer_of, prepared

_SOBJECTS = ("Contact", "Case")
_arrival = st.tuples(
    st.just("arrive"),
    st.integers(0, 5),
    st.sets(st.sampled_from("pqr"), max_size=2),
    st.sampled_from(_SOBJECTS),
    st.booleans(),
    st.sampled_from([Operation.UPSERT, Operation.UPDATE]),
)
_end = st.tuples(st.just("end"), st.integers(0, 9), st.sampled_from(["fine", "locked", "some", "refused", "down"]))
_cancel = st.tuples(st.just("cancel"), st.integers(0, 99))
_pass = st.tuples(st.just("pass"), st.floats(0, 3))
_histories = st.lists(st.one_of(_arrival, _arrival, _end, _end, _cancel, _pass), max_size=60)


class History:
    """Plays a history against a coalescer, and keeps what the rules are about."""

    def __init__(self, calls: ManualCalls, clock: ManualClock, callers: Callers) -> None:
        self._calls = calls
        self._clock = clock
        self._callers = callers
        self.tasks: dict[str, asyncio.Task[Saved]] = {}
        self.keys: dict[str, str] = {}
        self.parents: dict[str, frozenset[str]] = {}
        self.written: list[str] = []

    async def play(self, step: Sequence[object]) -> None:
        match step:
            case ("arrive", int(key), set(parents), str(sobject), bool(keyed), Operation() as operation):
                name = f"{sobject}-{len(self.tasks)}"
                self.keys[name] = f"{sobject}:{key}" if keyed else ""
                self.parents[name] = frozenset(map(str, parents))
                locks = sorted(self.parents[name])
                write = prepared(name, key=self.keys[name], parents=locks, sobject=sobject, operation=operation)
                (self.tasks[name],) = await self._callers.start(write, deadline=60)
            case ("end", int(number), str(how)) if self._open:
                await self._end(number % len(self._open), how)
            case ("cancel", int(number)) if self.tasks:
                list(self.tasks.values())[number % len(self.tasks)].cancel()
                await self._clock.pass_time(0)
            case ("pass", float(seconds)):
                await self._clock.pass_time(seconds)
        self._check()

    async def finish(self) -> None:
        """Answer everything until nothing is left."""
        for _ in range(500):
            while self._open:
                await self._end(0, "fine")
                self._check()
            await self._clock.pass_time(1)
            if not self._callers.coalescer.statistics().held_records:
                return

    @property
    def _open(self) -> list[int]:
        return [index for index, sent in enumerate(self._calls.sent) if not sent.answer.done()]

    async def _end(self, number: int, how: str) -> None:
        sent = self._calls.sent[self._open[number]]
        if how == "down":
            await sent.end(UpstreamUnavailable("down"))
        elif how == "refused" and len(sent.names) > 1:
            await sent.end(InvalidFieldValue("some row"))
        else:
            outcomes: list[Outcome] = []
            for index, name in enumerate(sent.names):
                locked = how == "locked" or (how == "some" and index % 2)
                outcomes.append(RowLocked("locked") if locked else Saved(name))
                if not locked:
                    self.written.append(name)
            await sent.end(outcomes)

    def _check(self) -> None:
        """No two calls in flight have a key or a parent in common, and no key stands twice in one."""
        holders: dict[str, set[int]] = defaultdict(set)
        for index in self._open:
            names = self._calls.sent[index].names
            keys = [self.keys[name] for name in names if self.keys[name]]
            assert len(keys) == len(set(keys))
            for name in names:
                for lock in {*self.parents[name], self.keys[name]} - {""}:
                    holders[lock].add(index)
        assert all(len(calls) == 1 for calls in holders.values())


@settings(max_examples=examples(200))
@given(_histories)
def test_whatever_happens_every_rule_holds(steps: list[Sequence[object]]) -> None:
    """Keys and parents never meet in flight, a key keeps its order, and everyone gets exactly one outcome."""

    async def run() -> History:
        calls, clock = ManualCalls(), ManualClock()
        policy = Policy(busy_seconds=0, calls_in_flight=3, shrinking=(2, 1))
        async with coalescer_of(calls, clock, policy) as coalescer:
            history = History(calls, clock, Callers(coalescer, clock))
            for step in steps:
                await history.play(step)
            await history.finish()
            statistics = coalescer.statistics()
        assert (0, 0, {}) == (statistics.held_records, statistics.held_bytes, statistics.lanes)
        return history

    history = asyncio.run(run())

    assert all(task.done() for task in history.tasks.values())
    assert len(history.written) == len(set(history.written))
    saved = {name for name, task in history.tasks.items() if not task.cancelled() and task.exception() is None}
    assert saved <= set(history.written)
    for key in set(history.keys.values()) - {""}:
        order = [name for name in history.tasks if history.keys[name] == key]
        assert sorted((n for n in history.written if history.keys[n] == key), key=order.index) == [
            n for n in history.written if history.keys[n] == key
        ]


def test_the_rules_can_fail() -> None:
    """The check itself sees two calls in flight that share a parent."""
    calls, clock = ManualCalls(), ManualClock()

    async def run() -> None:
        async with coalescer_of(calls, clock) as coalescer:
            callers = Callers(coalescer, clock)
            history = History(calls, clock, callers)
            for sobject in _SOBJECTS:
                await history.play(("arrive", 1, set(), sobject, True, Operation.UPSERT))
            for name in history.parents:
                history.parents[name] = frozenset("p")
            history._check()

    with pytest.raises(AssertionError):
        asyncio.run(run())
