"""Whatever happens to attempts, no permit, place or probe is lost: afterwards the org is asked as before."""

import asyncio
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from service.context import CallContext, Priority
from service.governor.base import Cost, Observed, Sign, Usage
from service.governor.limits import CallerLimits, Limits
from service.governor.local import LocalGovernor
from tests.support.attempts import Attempts, attempts_of
from tests.support.clock import ManualClock
from tests.support.scale import examples

OBJECTS = ("", "account", "lead")
CALLERS = ("a", "b", "capped", "x1", "x2")
LIMITS = Limits(
    max_in_flight=2,
    long_running_limit=2,
    long_running_headroom=1,
    max_waiting=12,
    max_waiting_per_caller=6,
    max_callers=2,
    callers={"capped": CallerLimits(weight=0.01, daily_calls=3)},
)

STARTS = st.tuples(
    st.just("start"),
    st.sampled_from(CALLERS),
    st.sampled_from(Priority),
    st.sampled_from(("account", *OBJECTS)),
    st.sampled_from((None, None, 0.5, 60.0)),
    st.booleans(),
)
STEPS = st.one_of(
    STARTS,
    STARTS,
    st.tuples(st.sampled_from(("end", "cancel", "end and cancel")), st.integers(0, 5)),
    st.tuples(
        st.just("observe"),
        st.sampled_from((Sign.USED_UP, Sign.OVERLOADED, *Sign)),
        st.sampled_from((0.0, 30.0)),
        st.sampled_from((None, 0.0, 1e9)),
    ),
    st.tuples(st.just("learn"), st.sampled_from((0, 50, 90, 100, 10**12))),
    st.tuples(st.just("pass"), st.sampled_from((1.0, 25.0, 400.0))),
)


class History:
    """Plays steps on a governor."""

    def __init__(self, clock: ManualClock, governor: LocalGovernor, attempts: Attempts) -> None:
        self._clock = clock
        self._governor = governor
        self._attempts = attempts

    async def play(self, step: Sequence[object]) -> None:
        """Do one thing."""
        match step:
            case ("start", str(caller), Priority() as priority, str(bulkhead), seconds, bool(rides)):
                deadline = self._clock.monotonic() + seconds if isinstance(seconds, float) else None
                charged = {caller: 0.5, "b": 0.5} if rides and caller != "b" else {}
                context = self.context(caller, priority=priority, deadline=deadline, charged=charged)
                await self._attempts.start(str(len(self._attempts.tasks)), context, Cost(bulkhead=bulkhead))
            case (str(way), int(number)) if way != "learn":
                await self._leave(way, number)
            case ("observe", Sign() as sign, float(seconds), asked):
                self._governor.observe(Observed(sign, seconds, asked if isinstance(asked, float) else None))
            case ("learn", int(used)):
                self._governor.learn(Usage(used, 100))
            case ("pass", float(seconds)):
                await self._clock.pass_time(seconds)

    def context(self, caller: str, **values) -> CallContext:
        """Return a call of a caller."""
        return CallContext("method", "request", self._clock, caller=caller, **values)

    async def _leave(self, way: str, number: int) -> None:
        """Let an attempt end or its caller go, or both in the same turn of the event loop, with another's."""
        names = [name for name, task in self._attempts.tasks.items() if not task.done()]
        if not names:
            return
        name, other = names[number % len(names)], names[min(number + 1, 2) % len(names)]
        if way == "cancel":
            self._attempts.tasks[name].cancel()
        else:
            self._attempts.let_end(name)
        if way == "end and cancel":
            await asyncio.sleep(0)
            self._attempts.tasks[other].cancel()
        await self._clock.pass_time(0.0)


async def run(steps: Sequence[Sequence[object]]) -> None:
    clock = ManualClock()
    governor = LocalGovernor(LIMITS, clock, org="prod", jitter=lambda: 1.0)
    async with attempts_of(governor) as attempts:
        history = History(clock, governor, attempts)
        for step in steps:
            await history.play(step)
            now = governor.statistics()
            assert now.in_flight <= LIMITS.max_in_flight
            assert now.waiting <= LIMITS.max_waiting

        for name in list(attempts.tasks):
            attempts.let_end(name)
        # A day and more, so that everything is forgotten that may be.
        await clock.pass_time(3_700.0)
        governor.learn(Usage(0, 100))
        await clock.pass_time(100_000.0)
        governor.learn(Usage(0, 100))
        left = governor.statistics()
        begun = len(attempts.begun)
        # The first one finds out, should the gate still be closed, and says that all is well.
        await attempts.start("first", history.context("a"))
        await attempts.end("first")
        governor.observe(Observed(Sign.WELL, 0.0))
        for bulkhead in OBJECTS:
            await attempts.start(f"last {bulkhead}", history.context("capped"), Cost(bulkhead=bulkhead))
            await attempts.end(f"last {bulkhead}")

        assert (0, 0, 0) == (left.in_flight, left.waiting, left.long_running)
        assert not any(share.waiting for share in (*left.callers.values(), *left.classes.values()))
        assert begun + 1 + len(OBJECTS) == len(attempts.begun)


@settings(max_examples=examples(300))
@given(st.lists(STEPS, min_size=10, max_size=60))
def test_nothing_that_happens_wedges_a_governor(steps: list[Sequence[object]]) -> None:
    """Callers that leave at any moment, outages, pauses and lies of any length pass."""
    asyncio.run(run(steps))
