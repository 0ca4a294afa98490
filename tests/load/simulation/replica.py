"""A replica on paper: one lane for records, reads that travel alone, and the real governor before both."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from service.context import CallContext
from service.errors import Exhausted
from service.governor.base import Cost
from service.governor.local import LocalGovernor
from service.governor.waiting import Attempt
from tests.load.simulation.demand import Source
from tests.load.simulation.org import Latency, Org, observed
from tests.load.simulation.tally import Tally

MOST_ROWS = 200
"""Records that one call carries. Salesforce REST API, "sObject Collections"."""
_LOOK_AHEAD_SECONDS = 30.0
"""Arrivals are drawn no further ahead, so that who is refused now may be admitted then."""

Spawn = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How long each class lets its records be held back: `max_wait` of the write requests."""

    interactive: float = 1.0
    standard: float = 5.0
    batch: float = 5.0

    def of(self) -> tuple[float, float, float]:
        """Return the seconds by the number of the priority."""
        return self.interactive, self.standard, self.batch


@dataclass(frozen=True, slots=True)
class World:
    """What all replicas have in common."""

    loop: asyncio.AbstractEventLoop
    org: Org
    latency: Latency
    tally: Tally
    spawn: Spawn
    """Runs what has to wait."""


class Calls:
    """The calls of one replica, each with the governor's permit.

    Args:
        governor: The real one.
        source: Draws latencies from the same dice.
        world: The org and the tally.

    """

    def __init__(self, governor: LocalGovernor, source: Source, world: World) -> None:
        self.governor = governor
        self.world = world
        self._dice = source.dice

    def admit(self, context: CallContext) -> bool:
        """Ask whether a record or read may come in, and count it."""
        tally = self.world.tally
        tally.want(context)
        try:
            self.governor.admit(context)
        except Exhausted as refusal:
            tally.refuse((context,), refusal)
            return False
        return True

    def send(self, context: CallContext, riders: Sequence[CallContext], bulkhead: str) -> float:
        """Make a call; return how long it takes, 0 if it has to wait for its permit or is refused."""
        attempt = Attempt(Cost(1, bulkhead), context)
        try:
            if self.governor.begin_now(attempt):
                return self._run(attempt, riders)
        except Exhausted as refusal:
            self.world.tally.refuse(riders, refusal)
            return 0.0
        self.world.spawn(self._wait(attempt, riders))
        return 0.0

    async def _wait(self, attempt: Attempt, riders: Sequence[CallContext]) -> None:
        try:
            await self.governor.wait(attempt)
        except Exhausted as refusal:
            self.world.tally.refuse(riders, refusal)
        else:
            self._run(attempt, riders)

    def _run(self, attempt: Attempt, riders: Sequence[CallContext]) -> float:
        world = self.world
        now = world.loop.time()
        seconds = world.latency.draw(self._dice)
        world.org.roll(now)
        records = len(riders) if attempt.cost.bulkhead else 0
        world.tally.leave(attempt.context.priority, records=records, is_probe=attempt.is_probe)
        well = world.org.call(now)
        world.loop.call_later(seconds, self._end, attempt, seconds, well)
        return seconds

    def _end(self, attempt: Attempt, seconds: float, well: bool) -> None:
        governor = self.governor
        governor.learn(self.world.org.usage())
        governor.observe(observed(well=well, seconds=seconds))
        governor.end(attempt)


class Reads:
    """Calls that carry nothing but themselves."""

    def __init__(self, calls: Calls, source: Source) -> None:
        self._calls = calls
        self._source = source
        self._loop = calls.world.loop

    def begin(self) -> None:
        """Let the reads come in from now on."""
        if self._source.rate(self._loop.time()) <= 0:
            self._loop.call_later(_LOOK_AHEAD_SECONDS, self.begin)
            return
        pause = self._source.pause()
        if pause > _LOOK_AHEAD_SECONDS:
            # Arrivals have no memory: nothing for so long, and then it begins anew, perhaps at another rate.
            self._loop.call_later(_LOOK_AHEAD_SECONDS, self.begin)
        else:
            self._loop.call_later(pause, self._arrive)

    def _arrive(self) -> None:
        context = self._source.draw()
        if self._calls.admit(context):
            self._calls.send(context, (context,), "")
        self.begin()


class PaperLane:
    """A lane as `service.batching.lane.Lane` has it, without the records: only when they came and whose they are.

    A call leaves when 200 records wait, or none is in flight and the oldest was held back as long as the governor says
    and its caller tolerates. All records of a call are drawn at once, when the call before it has left.

    Args:
        calls: Makes the calls.
        source: The records.
        tolerance: How long callers let records be held back.

    """

    def __init__(self, calls: Calls, source: Source, tolerance: Tolerance) -> None:
        self._calls = calls
        self._source = source
        self._tolerance = tolerance.of()
        self._loop = calls.world.loop
        self._free_at = 0.0
        """When the call in flight is over."""

    def begin(self) -> None:
        """Draw the records of the next call."""
        source, calls = self._source, self._calls
        at = now = self._loop.time()
        is_empty = source.rate(now) <= 0
        hold = calls.governor.hold(1, MOST_ROWS)
        leaves_at = now + _LOOK_AHEAD_SECONDS
        riders: list[CallContext] = []
        came: list[float] = []
        while len(riders) < MOST_ROWS and not is_empty:
            at += source.pause()
            if at > leaves_at:
                break
            context = source.draw()
            if not calls.admit(context):
                continue
            if not riders:
                leaves_at = max(self._free_at, at + hold)
            leaves_at = max(self._free_at, min(leaves_at, at + min(hold, self._tolerance[context.priority])))
            riders.append(context)
            came.append(at)
        if len(riders) == MOST_ROWS:
            leaves_at = at
        if riders:
            self._loop.call_at(leaves_at, self._leave, riders, came)
        else:
            self._loop.call_at(leaves_at, self.begin)

    def _leave(self, riders: list[CallContext], came: list[float]) -> None:
        now = self._loop.time()
        self._calls.world.tally.waited_seconds += now * len(came) - sum(came)
        seconds = self._calls.send(call_of(riders), riders, "account")
        self._free_at = max(self._free_at, now + seconds)
        self.begin()


def call_of(riders: Sequence[CallContext]) -> CallContext:
    """Return the context of a call for several callers, as `service.batching.coalescer` makes it."""
    records = Counter(context.caller for context in riders)
    priority = min(context.priority for context in riders)
    if len(records) == 1:
        return replace(riders[0], priority=priority)
    charged = {caller: count / len(riders) for caller, count in records.items()}
    return replace(riders[0], priority=priority, caller=min(records, key=records.__getitem__), charged=charged)
