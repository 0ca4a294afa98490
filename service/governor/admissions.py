"""When an attempt may begin: concurrency, long-running slots, bulkheads and pauses, and whose turn it is."""

import asyncio
from collections.abc import Callable

from service.clock import Clock
from service.context import CallContext, Priority
from service.errors import ConcurrencyLimitExceeded, Exhausted
from service.governor import refusals
from service.governor.accounts import Accounts
from service.governor.base import Observed
from service.governor.concurrency import AdaptiveLimit
from service.governor.fair_queue import Ticket
from service.governor.gate import Pause
from service.governor.limits import Limits
from service.governor.slots import Slots
from service.governor.waiting import Attempt, Waiter, WaitingRoom

_DURATION_MEMORY = 32
"""The mean duration of attempts is taken over about so many."""
_SHORTEST_RETRY_SECONDS = 1.0
_WAIT_SHARE = 0.5
"""Of the time that a call has left its attempt waits for no more than this share. One that began just before its
deadline would be sent for nothing: under overload none but such would have their turn, and nobody an answer."""
_LEAST_URGENT_FIRST = (Priority.BATCH, Priority.INTERACTIVE)
"""Classes by how many long-running requests may be open beside them."""

Check = Callable[[Attempt, float], Exhausted | None]
"""Tells why an attempt may not begin at a moment, whatever its turn; None if it may."""
Begin = Callable[[Attempt, float], None]
"""Books an attempt that begins."""


class Admissions:
    """Lets attempts begin as the org can take them, in fair order.

    All methods belong to the event loop's thread.

    Args:
        limits: Bounds.
        clock: Tells the time and waits.
        accounts: Weights of callers, and how many of each wait.
        check: Asked again when the turn of an attempt that waited has come.
        begin: Told of each attempt that waited and begins.
        jitter: Returns a number from 0 to 1.
        org: The org's configured name.

    """

    def __init__(
        self,
        limits: Limits,
        clock: Clock,
        accounts: Accounts,
        *,
        check: Check,
        begin: Begin,
        jitter: Callable[[], float],
        org: str,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._accounts = accounts
        self._check = check
        self._begin = begin
        self._org = org
        self._room = WaitingRoom(accounts)
        self._pause = Pause(jitter)
        self._mean_seconds = 0.0
        self._alarm: asyncio.Task[None] | None = None
        self.limit = AdaptiveLimit(limits.max_in_flight)
        self.slots = Slots(limits.slots(Priority.BATCH), limits.slots(Priority.INTERACTIVE))
        self.slots.on_room = self.dispatch

    @property
    def waiting(self) -> int:
        """How many attempts wait."""
        return len(self._room)

    def paused_seconds(self, now: float) -> float:
        """Return how long nothing begins because the org is overloaded."""
        return max(0.0, self._pause.until - now)

    def is_free(self, attempt: Attempt, now: float) -> bool:
        """Tell whether an attempt may begin without waiting."""
        if self._room and not self._room.is_queue_empty:
            return False
        slots = self.slots
        if slots.in_flight >= self.limit.value or now < self._pause.until:
            return False
        bulkhead = attempt.cost.bulkhead
        if bulkhead and (self._places(bulkhead, now) <= 0 or self._room.is_aside(bulkhead)):
            return False
        # Fewer open attempts than slots cannot fill them, which spares most attempts the count.
        return slots.in_flight < slots.common or self._has_slot(attempt.context.priority, now)

    def hopeless(self, attempt: Attempt, now: float) -> ConcurrencyLimitExceeded | None:
        """Return why an attempt that cannot begin now would wait in vain; None if it may wait.

        Too many wait, or those before it or a pause take longer than its call has time.
        """
        bulkhead = attempt.cost.bulkhead
        account = self._accounts.of(attempt.context.caller, now)
        latest = _latest(attempt.context, now)
        ahead = self._room.ahead_of(account, attempt.context.priority, bulkhead)
        is_alone = self.slots.is_alone(bulkhead, now)
        at_a_time = self.limit.bulkhead(is_alone=is_alone) if self._room.is_aside(bulkhead) else self.limit.value
        seconds = self.paused_seconds(now) + ahead * self._mean_seconds / at_a_time
        if len(self._room) >= self._limits.max_waiting:
            return self._refusal(refusals.MAX_WAITING, seconds)
        # No more than are left, so that a few callers who would take all leave places to those who wait little.
        left = self._limits.max_waiting - len(self._room)
        if account.waiting >= min(self._limits.max_waiting_per_caller, left):
            return self._refusal(refusals.MAX_WAITING_PER_CALLER, seconds)
        if latest is not None and now + seconds >= latest:
            return self._refusal(refusals.DEADLINE, seconds)
        return None

    def end(self, attempt: Attempt) -> None:
        """Take note that an attempt is over, and let the next ones begin."""
        bulkhead = attempt.cost.bulkhead
        self.slots.end(attempt, bulkhead)
        if self._room:
            self._call_back(bulkhead)
            self.dispatch()

    def observe(self, observed: Observed, now: float) -> None:
        """Take note of how an attempt ended."""
        weight = _DURATION_MEMORY if self._mean_seconds else 1
        self._mean_seconds += (observed.seconds - self._mean_seconds) / weight
        # The attempt's permit was returned before its end is told.
        self.limit.observe(observed, self.slots.in_flight + 1, now)
        self._pause.observe(observed, now)
        if self._room:
            self.dispatch()

    async def wait(self, attempt: Attempt) -> None:
        """Wait until an attempt has begun. Cancelling gives its place up, or its permit if it just had one.

        Raises:
            ConcurrencyLimitExceeded: It cannot begin early enough for its call's deadline, or too many wait already.
            Exhausted: What `check` said when its turn had come.

        """
        now = self._clock.monotonic()
        context = attempt.context
        hopeless = self.hopeless(attempt, now)
        if hopeless is not None:
            raise hopeless
        account = self._accounts.of(context.caller, now)
        latest = _latest(context, now)
        granted = asyncio.get_running_loop().create_future()
        waiter = Waiter(attempt, account, granted)
        charged = self._accounts.shares(context, now)
        ticket = Ticket(context.priority, account.name, float(attempt.cost.api_calls), waiter, charged)
        self._room.put(ticket)
        self.dispatch()
        try:
            await self._until(granted, latest)
        except asyncio.CancelledError:
            if granted.done() and granted.exception() is None:
                self.end(attempt)
            raise
        finally:
            if not granted.done():
                self._take_away(ticket)
            self._stop_idle_alarm()
        if not granted.done():
            raise self._refusal(refusals.DEADLINE, _SHORTEST_RETRY_SECONDS + self._mean_seconds)
        granted.result()

    def dispatch(self) -> None:
        """Let those begin that may, in their order."""
        now = self._clock.monotonic()
        if now < self._pause.until:
            self._wake_after_pause()
            return
        while self.slots.in_flight < self.limit.value:
            least_urgent = next((each for each in _LEAST_URGENT_FIRST if self._has_slot(each, now)), None)
            ticket = None if least_urgent is None else self._room.next(least_urgent)
            if ticket is None:
                return
            self._serve(ticket, now)

    def _serve(self, ticket: Ticket[Waiter], now: float) -> None:
        """Let an attempt begin whose turn has come, unless its object has its fill or calls ran out meanwhile."""
        attempt = ticket.payload.attempt
        bulkhead = attempt.cost.bulkhead
        refusal = self._check(attempt, now)
        if refusal is not None:
            self._room.dismiss(ticket)
            ticket.payload.granted.set_exception(refusal)
            self._call_back(bulkhead)
        elif bulkhead and self._places(bulkhead, now) <= 0:
            self._room.set_aside(ticket)
        else:
            self._room.serve(ticket)
            self._begin(attempt, now)
            ticket.payload.granted.set_result(None)

    def _take_away(self, ticket: Ticket[Waiter]) -> None:
        """Let an attempt that waits go without a permit, and another one have its turn."""
        self._room.take_away(ticket)
        if self._room:
            self._call_back(ticket.payload.attempt.cost.bulkhead)
            self.dispatch()

    def _call_back(self, bulkhead: str) -> None:
        """Let as many attempts at an object have a turn again as it takes.

        Whenever one of them is over, or had a turn and left it: if none were open or had a turn, none would ever end
        and call the others back.
        """
        if bulkhead:
            self._room.call_back(bulkhead, self._places(bulkhead, self._clock.monotonic()))

    def _places(self, bulkhead: str, now: float) -> int:
        """Return how many further attempts at an object may be open."""
        slots = self.slots
        return self.limit.bulkhead(is_alone=slots.is_alone(bulkhead, now)) - slots.of(bulkhead)

    def _has_slot(self, priority: Priority, now: float) -> bool:
        slots = self.slots
        bound = slots.interactive if priority is Priority.INTERACTIVE else slots.common
        return slots.long_running(now) < bound

    async def _until(self, granted: asyncio.Future[None], latest: float | None) -> None:
        """Wait until an attempt's turn, or until the latest moment at which it is worth beginning."""
        if latest is None:
            await asyncio.wait({granted})
            return
        sleep = asyncio.ensure_future(self._clock.sleep(max(0.0, latest - self._clock.monotonic())))
        try:
            await asyncio.wait({granted, sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()

    def _refusal(self, limit: str, seconds: float) -> ConcurrencyLimitExceeded:
        slots = refusals.SlotUse(self.slots.in_flight, self.limit.value, len(self._room))
        paused = self.paused_seconds(self._clock.monotonic())
        return refusals.concurrency(limit, slots, paused, max(_SHORTEST_RETRY_SECONDS, seconds), org=self._org)

    def _wake_after_pause(self) -> None:
        if self._alarm is None and self._room:
            self._alarm = asyncio.ensure_future(self._ring())

    async def _ring(self) -> None:
        await self._clock.sleep(self._pause.until - self._clock.monotonic())
        self._alarm = None
        self.dispatch()

    def _stop_idle_alarm(self) -> None:
        """End the alarm with the last of those that it is for."""
        if self._alarm is not None and not self._room:
            self._alarm.cancel()
            self._alarm = None


def _latest(context: CallContext, now: float) -> float | None:
    """Return until when an attempt is worth beginning; None if its call has no deadline."""
    return None if context.deadline is None else now + _WAIT_SHARE * (context.deadline - now)
