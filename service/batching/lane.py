"""One lane: records of one route gather while a call is in flight and leave as soon as none is, or as they fill one."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.batching.caller_lines import CallerLines
from service.batching.item import Item, Outcome, Route, State, Unlocated
from service.batching.keys import Keys
from service.batching.lateness import still_locked, unanswered
from service.batching.locks import Locks
from service.batching.policy import Hold, Policy
from service.batching.statistics import LaneStatistics, Totals
from service.clock import Clock, backoff_seconds
from service.errors import RowLocked, SluicegateError
from service.salesforce.calls.collections import MOST_RUNS
from service.salesforce.calls.writes import Operation, Row, Write

Send = Callable[[Route, Sequence[Item]], Awaitable[Sequence[Outcome | Unlocated]]]
"""Sends items in one call and returns their outcomes in order; raises nothing but CancelledError."""

_MOST_GONE = 64
"""How many more items may be withdrawn than are left before what they waited in is swept."""
_PARTS = 4
"""Into how many calls one goes that was refused whole."""
_NO_ROW = Row(Write(Operation.DELETE, ""), "", 0)

Spawn = Callable[[Coroutine[Any, Any, None]], None]
"""Runs a coroutine as a task that someone owns."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the lanes of an org have in common."""

    send: Send
    policy: Policy
    clock: Clock
    hold: Hold
    """How long calls that are not full are held back."""
    spawn: Spawn
    """Runs calls and pauses."""
    jitter: Callable[[], float] = random.random
    """Returns a number from 0 to 1."""
    keys: Keys = field(default_factory=Keys)
    locks: Locks = field(default_factory=Locks)
    totals: Totals = field(default_factory=Totals)


class Lane:
    """Gathers the records of one route into calls.

    A record leaves at once if no call of the lane is in flight and nothing holds it back, together with those that the
    event loop has at hand; if there were several of late, once no further record came for two milliseconds, since their
    callers are about to send again. Otherwise it leaves with the next 200, or when the last call in flight ends, or
    after `Policy.longest_gather_seconds`. Records with equal keys leave one after the other, each after the outcome of
    the one before, and those that lock the same parent share a call or wait for each other, both across all lanes of
    the org. A record that another transaction had locked is sent again after a pause, in ever smaller calls, until its
    caller's deadline. So are, at once, the records of a call that was refused whole, until it is known whose fault it
    was; as long as they take, every other call is one of records that were not sent yet. Callers take turns within a
    call.

    All methods belong to the event loop's thread; none blocks.

    Args:
        route: What the records have in common.
        most: Most records of a call.
        shared: What the lanes of the org have in common.

    """

    def __init__(self, route: Route, most: int, shared: Shared) -> None:
        self.route = route
        self._most = most
        self._shared = shared
        self._policy = shared.policy
        self._clock = shared.clock
        self._totals = shared.totals
        self._loop = asyncio.get_running_loop()
        self._ready = CallerLines()
        self._again = CallerLines()
        self._keys = shared.keys
        self._behind = 0
        """Items that wait for their key."""
        self._in_flight = 0
        self._unfinished = 0
        self._gone = 0
        """Items withdrawn since the lane's queues were swept."""
        self._departing = False
        self._was_again = False
        """Whether the last call carried records that had been sent before."""
        self._alarm_at: float | None = None
        self._newest_at = 0.0
        self._free_at = 0.0
        self._busy_until = 0.0

    @property
    def is_idle(self) -> bool:
        """True if the lane holds no record."""
        return not self._unfinished

    def statistics(self) -> LaneStatistics:
        """Return how the lane stands."""
        return LaneStatistics(len(self._ready) + len(self._again), self._behind, self._in_flight)

    def put(self, item: Item) -> None:
        """Take a record; its waiter is told the outcome."""
        item.queued_at = self._newest_at = self._clock.monotonic()
        self._unfinished += 1
        self._totals.hold(item.context.caller, item.row.size)
        if not item.key or self._keys.take(item, self):
            self._ready.push(item)
            self._consider()
        else:
            self._behind += 1

    def withdraw(self, item: Item) -> None:
        """Forget a record whose caller has gone. One that has left stays written; its outcome is dropped."""
        if item.state is State.WAITING:
            self._finish(item)
            self._forget(item)
        elif item.state is State.BEHIND:
            self._behind -= 1
            self._let_go(item)
            self._forget(item)
        elif item.state is State.AWAY:
            item.state = State.ABANDONED

    def give_up(self, item: Item) -> SluicegateError:
        """Withdraw a record whose caller must have an answer now, and return what is known of it."""
        known = unanswered(item)
        self.withdraw(item)
        return known

    def _forget(self, item: Item) -> None:
        """Free what a withdrawn item holds; callers who come and go must not fill the queues while a call is slow."""
        item.row, item.locks = _NO_ROW, ()
        self._gone += 1
        if self._gone > self._unfinished + _MOST_GONE:
            self._gone = 0
            self._ready.sweep()
            self._again.sweep()
        # Counted over all lanes: callers choose how many there are, and each could keep as many.
        self._totals.gone += 1
        if self._totals.gone > self._totals.held_records + _MOST_GONE:
            self._totals.gone = 0
            self._keys.sweep()
            self._shared.locks.sweep()

    def _consider(self) -> None:
        """See to it that what is ready leaves in time."""
        if self._departing or self._in_flight >= self._policy.calls_in_flight:
            return
        now = self._clock.monotonic()
        if len(self._ready) >= self._most or self._again:
            self._departing = True
            self._loop.call_soon(self._depart)
        elif self._in_flight:
            self._wake_at(now + self._policy.longest_gather_seconds)
        elif now < self._busy_until:
            self._wake_at(now + self._policy.quiet_seconds)
        else:
            self._departing = True
            self._loop.call_soon(self._wait_for_quiet, len(self._ready), self._policy.quiet_turns)

    def _wait_for_quiet(self, seen: int, turns: int) -> None:
        """Depart once the event loop has nothing newer for the lane, or a call is full.

        A loop that is behind with its work has further records almost at hand; each turn it takes costs an idle
        process some microseconds, and a call of its own for each record would cost a busy one a hundred times that.
        """
        waiting = len(self._ready)
        if waiting >= self._most or self._again or not turns:
            self._depart()
        elif waiting == seen:
            self._loop.call_soon(self._wait_for_quiet, waiting, turns - 1)
        else:
            self._loop.call_soon(self._wait_for_quiet, waiting, self._policy.quiet_turns)

    def _depart(self) -> None:
        """Send what may leave now."""
        self._departing = False
        while self._in_flight < self._policy.calls_in_flight:
            is_ready = bool(self._ready) and self._may_leave()
            # In turns: one caller's rows that take many calls must not keep the others' waiting.
            self._was_again = bool(self._again) and not (is_ready and self._was_again)
            if not (self._was_again or is_ready):
                return
            self._start(self._take(self._again if self._was_again else self._ready))

    def _may_leave(self) -> bool:
        """Tell whether a call is full or need not be; wake the lane later if it must."""
        waiting = len(self._ready)
        if waiting >= self._most:
            return True
        now = self._clock.monotonic()
        if self._in_flight:
            leaves_at = self._ready.oldest() + self._policy.longest_gather_seconds
        elif (seconds := self._shared.hold(waiting, self._most)) > 0:
            staying = (item for item in self._ready if item.state is State.WAITING)
            leaves_at = min((min(item.queued_at + seconds, item.held_until()) for item in staying), default=now)
        elif now < self._busy_until:
            # What waited for the call in flight waits for its callers too.
            since = max(self._ready.oldest(), self._free_at)
            newest = max(self._newest_at, self._free_at)
            leaves_at = min(since + self._policy.longest_quiet_seconds, newest + self._policy.quiet_seconds)
        else:
            return True
        if leaves_at <= now:
            return True
        self._wake_at(leaves_at)
        return False

    def _wake_at(self, at: float) -> None:
        if self._alarm_at is None or at < self._alarm_at:
            self._alarm_at = at
            self._shared.spawn(self._ring(at))

    async def _ring(self, at: float) -> None:
        await self._clock.sleep(at - self._clock.monotonic())
        if self._alarm_at == at:
            self._alarm_at = None
            self._depart()

    def _take(self, source: CallerLines) -> list[Item]:
        """Take items for one call off a queue; those that another call keeps waiting go to the locks."""
        call: list[Item] = []
        size = 0
        kinds = set()
        most = self._most
        while source and len(call) < most:
            item = source.peek()
            if item.state is State.WAITING:
                if item.attempt:
                    most = min(most, self._shrunk(item))
                    if len(call) >= most:
                        break
                size += item.row.size
                kinds.add(item.row.sobject)
                if call and (size > self._policy.most_call_bytes or len(kinds) > MOST_RUNS):
                    break
                if self._shared.locks.take(item, call, self._take_back):
                    call.append(item)
            source.pop()
        return call

    def _take_back(self, items: Sequence[Item]) -> None:
        """Queue items again whose way is free, before those that came later."""
        self._again.push_front(item for item in items if item.attempt)
        self._ready.push_front(item for item in items if not item.attempt)
        self._consider()

    def _start(self, call: list[Item]) -> None:
        if call:
            self._in_flight += 1
            self._totals.calls += 1
            self._totals.records += len(call)
            for item in call:
                item.state = State.AWAY
                item.attempt += 1
            self._shared.spawn(self._run(call))

    async def _run(self, call: list[Item]) -> None:
        ordered = call if self.route.sobject else sorted(call, key=lambda item: item.row.sobject)
        outcomes = await self._shared.send(self.route, ordered)
        self._in_flight -= 1
        self._free_at = self._clock.monotonic()
        if len(call) > 1 or self._ready:
            self._busy_until = self._free_at + self._policy.busy_seconds
        self._shared.locks.release(call, call)
        locked = []
        for item, outcome in zip(ordered, outcomes, strict=True):
            is_wanted = item.state is State.AWAY
            if isinstance(outcome, Unlocated):
                if is_wanted:
                    item.state, item.company = State.WAITING, max(1, len(call) // _PARTS)
                    self._again.push(item)
                else:
                    self._settle(item, outcome.error)
            elif is_wanted and item.attempt < self._policy.attempts and isinstance(outcome, RowLocked):
                locked.append(item)
            else:
                self._settle(item, outcome)
        if locked:
            self._try_again(locked)
        if self._ready or self._again:
            self._consider()

    def _try_again(self, items: list[Item]) -> None:
        """Send locked rows again after a pause, as far as their callers still wait then."""
        pause = backoff_seconds(
            items[0].attempt,
            base_seconds=self._policy.base_delay_seconds,
            longest_seconds=self._policy.longest_delay_seconds,
            jitter=self._shared.jitter,
        )
        waiting = []
        for item in items:
            if item.context.has_time_for(pause):
                item.state = State.WAITING
                waiting.append(item)
            else:
                self._settle(item, still_locked(item))
        if waiting:
            self._totals.retried += len(waiting)
            self._shared.spawn(self._after(pause, waiting))

    async def _after(self, seconds: float, items: list[Item]) -> None:
        await self._clock.sleep(seconds)
        for item in items:
            self._again.push(item)
        self._depart()

    def _shrunk(self, item: Item) -> int:
        """Return how many records the next call of an item may have: fewer than the last."""
        sizes = self._policy.shrinking
        return min(self._most, item.company or self._most, sizes[min(item.attempt, len(sizes)) - 1])

    def _settle(self, item: Item, outcome: Outcome) -> None:
        item.waiter.settle(outcome)
        self._finish(item)

    def _finish(self, item: Item) -> None:
        """Let go of an item that held its key, and let the next one with the key go on."""
        self._let_go(item)
        if item.key:
            self._keys.hand_on(item.key)

    def follow(self, item: Item) -> None:
        """Queue an item that waited for its key and has it now."""
        self._behind -= 1
        # It is older than what came meanwhile.
        self._ready.push_front([item])
        self._consider()

    def hurry(self) -> None:
        """Look again how long records may be held back: one of them has less time now."""
        self._consider()

    def _let_go(self, item: Item) -> None:
        item.state = State.DONE
        self._unfinished -= 1
        self._totals.let_go(item.context.caller, item.row.size)
