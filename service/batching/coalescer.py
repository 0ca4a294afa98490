"""Routes records to lanes, and sends the lanes' calls."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from copy import copy
from types import TracebackType
from typing import Any, Protocol, Self

from msgspec import Struct
from msgspec.structs import replace
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

from service.batching.item import Gathering, Item, Outcome, Part, Route, Single, Unlocated
from service.batching.lane import Lane, Shared
from service.batching.lateness import patience_seconds
from service.batching.policy import Hold, Policy
from service.batching.refusals import at_fault
from service.batching.room import Room
from service.batching.statistics import Statistics
from service.clock import Clock
from service.context import CallContext
from service.errors import InternalError, OutcomeUnknown, SluicegateError
from service.salesforce.calls.writes import Operation, Row, Saved, WriteOptions
from service.telemetry import logs, names
from service.telemetry.tracing import Tracing

_log = logs.get_logger(__name__)
_MOST_ROUNDS = 3
"""How often a call goes on without the rows that have a field which Salesforce named."""
_MOST_LANES = 1_000
"""Idle lanes beyond these are dropped: their names come from callers."""


class Prepared(Struct, frozen=True):
    """A write that is ready to travel."""

    route: Route
    row: Row
    key: str
    """Equal for writes of the same record; empty for one that is yet to be created."""
    locks: tuple[str, ...]
    """The records that writing it locks."""


class RowCalls(Protocol):
    """The calls that carry the records of a lane; `service.salesforce.client.SalesforceClient` has them."""

    def most_rows(self, operation: Operation, *, by_key: bool) -> int:
        """Return how many records one call carries at most."""
        ...

    async def write_rows(
        self,
        operation: Operation,
        rows: Sequence[Row],
        options: WriteOptions,
        context: CallContext,
        *,
        field: str,
    ) -> Sequence[Outcome]:
        """Write records in one call; see `SalesforceClient.write_rows`."""
        ...


class Coalescer:
    """Turns the writes of many callers into few calls. One coalescer serves one org, as one Salesforce user.

    Use it as an async context manager; leaving abandons calls in flight. Whoever waits must have been cancelled before.

    Args:
        calls: Sends calls.
        org: The org's configured name.
        policy: Bounds.
        clock: Tells the time and waits.
        tracing: Makes the spans of calls.
        hold: How long calls that are not full are held back; the governor's word.

    """

    def __init__(
        self, calls: RowCalls, *, org: str, policy: Policy, clock: Clock, tracing: Tracing, hold: Hold
    ) -> None:
        self._calls = calls
        self._org = org
        self._policy = policy
        self._clock = clock
        self._tracing = tracing
        self._shared = Shared(self._send, policy, clock, hold, self._spawn)
        self._room = Room(self._shared.totals, policy, org)
        self._lanes: dict[Route, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Abandon the calls in flight."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def statistics(self) -> Statistics:
        """Return what was done and how the lanes stand."""
        totals = self._shared.totals
        lanes = {str(route): lane.statistics() for route, lane in self._lanes.items() if not lane.is_idle}
        return Statistics(totals.calls, totals.records, totals.retried, totals.held_records, totals.held_bytes, lanes)

    async def write(self, prepared: Prepared, context: CallContext, max_wait_seconds: float | None = None) -> Saved:
        """Write one record in a call that may carry others.

        Cancelling withdraws the record if it has not left; after that the write stands.

        Args:
            prepared: What to write.
            context: The call it is for; its deadline bounds the retries.
            max_wait_seconds: How long the record may be held back for a fuller call, half of the time until the
                deadline at most; None for the org's default.

        Raises:
            service.errors.QueueFull: As many records wait as the org may have; nothing was written.
            service.errors.SluicegateError: The record was refused, or Salesforce could not be asked.

        """
        self._room.admit(1, prepared.row.size, context.caller)
        waiter = Single(asyncio.get_running_loop())
        lane = self._lane(prepared.route)
        item = self._item(prepared, context, max_wait_seconds, waiter)
        lane.put(item)
        try:
            outcome = await waiter.future
        except asyncio.CancelledError:
            lane.withdraw(item)
            raise
        if isinstance(outcome, SluicegateError):
            raise outcome
        return outcome

    async def write_all(
        self, prepared: Sequence[Prepared], context: CallContext, max_wait_seconds: float | None = None
    ) -> list[Outcome]:
        """Write several records, each on its own, and return an outcome for each in their order.

        Cancelling withdraws the records that have not left. So does the end of the call's time, shortly before its
        deadline, so that what is known of the others is not lost: each record that has no answer then has an error of
        its own, which tells whether it may have been written.

        Args:
            prepared: What to write, those of one key in the order in which they are to be written.
            context: The call it is for.
            max_wait_seconds: As of `write`.

        Raises:
            service.errors.QueueFull: They are more than may wait; none was written.

        """
        if not prepared:
            return []
        self._room.admit(len(prepared), sum(each.row.size for each in prepared), context.caller)
        gathering = Gathering(asyncio.get_running_loop(), len(prepared))
        put: list[tuple[Lane, Item]] = []
        for index, each in enumerate(prepared):
            lane = self._lane(each.route)
            item = self._item(each, context, max_wait_seconds, Part(gathering, index))
            put.append((lane, item))
            lane.put(item)
        try:
            await self._patiently(gathering.future, context)
        except asyncio.CancelledError:
            for lane, item in put:
                lane.withdraw(item)
            raise
        if gathering.left:
            for index, (lane, item) in enumerate(put):
                if gathering.outcomes[index] is None:
                    gathering.outcomes[index] = lane.give_up(item)
        return [outcome for outcome in gathering.outcomes if outcome is not None]

    async def _patiently(self, future: "asyncio.Future[None]", context: CallContext) -> None:
        """Wait for a future as long as the call's deadline leaves time to tell of it."""
        seconds = patience_seconds(context)
        if seconds is None:
            await future
            return
        end = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((future, end), return_when=asyncio.FIRST_COMPLETED)
        finally:
            end.cancel()

    def _item(self, prepared: Prepared, context: CallContext, max_wait: float | None, waiter: Single | Part) -> Item:
        return Item(
            prepared.row,
            prepared.key,
            prepared.locks,
            context,
            self._policy.max_wait_seconds if max_wait is None else max_wait,
            waiter,
            self._policy.turns.get(context.caller, self._policy.turn),
        )

    def _lane(self, route: Route) -> Lane:
        lane = self._lanes.get(route)
        if lane is None:
            if len(self._lanes) >= _MOST_LANES:
                self._lanes = {name: found for name, found in self._lanes.items() if not found.is_idle}
            most = self._calls.most_rows(route.operation, by_key=bool(route.field))
            lane = self._lanes[route] = Lane(route, most, self._shared)
        return lane

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, route: Route, items: Sequence[Item]) -> Sequence[Outcome | Unlocated]:
        """Send one call in a span of its own, which names every caller that rides along."""
        now = self._clock.monotonic()
        sampled = [(item.context.trace, now - item.queued_at) for item in items if item.context.trace is not None]
        if not sampled:
            return await self._delivered(route, items, _context_of(items, None))
        attributes: dict[str, AttributeValue] = {
            names.ORG: self._org,
            names.LANE: str(route),
            names.BATCH_RECORDS: len(items),
            names.BATCH_ATTEMPT: items[0].attempt,
            names.BATCH_WAITED_MS: round(1000 * (now - min(item.queued_at for item in items)), 3),
        }
        callers = [trace for trace, _ in sampled]
        with self._tracing.batch_span(f"batch {route}", callers, attributes) as trace:
            if trace is not None:
                for caller, seconds in sampled:
                    self._tracing.add_wait("wait for a batch", caller, seconds, trace)
            return await self._delivered(route, items, _context_of(items, trace))

    async def _delivered(
        self, route: Route, items: Sequence[Item], context: CallContext
    ) -> Sequence[Outcome | Unlocated]:
        """Deliver; whatever goes wrong becomes outcomes."""
        try:
            return await self._deliver(route, items, context)
        except Exception as error:  # noqa: BLE001 - a fault of ours must reach the callers, not end the lane
            _log.error("unexpected error in a batch", org=self._org, lane=str(route), exc_info=error)
            kind = OutcomeUnknown if route.operation is Operation.CREATE else InternalError
            return [kind("an unexpected error while the record was sent") for _ in items]

    async def _deliver(
        self, route: Route, items: Sequence[Item], context: CallContext
    ) -> Sequence[Outcome | Unlocated]:
        """Send a call, and if Salesforce refuses it whole for some row's sake, the others: nothing was written then.

        Rows that have the field which Salesforce named need no call of their own to hear of it. Where it named none,
        or one after the other, nobody waits here until it is known who is at fault: the lane sends parts of the call.
        """
        found: dict[Item, Outcome | Unlocated] = {}
        left = items
        rounds = 0
        while left:
            rounds += 1
            try:
                outcomes = await self._outcomes(route, left, context)
            except SluicegateError as error:
                refused = at_fault(error, left, route)
                found.update((item, copy(error)) for item in refused)
                if not refused or rounds == _MOST_ROUNDS:
                    found.update((item, Unlocated(copy(error))) for item in left if item not in found)
                left = [item for item in left if item not in found]
            else:
                if left is items:
                    return outcomes
                found.update(zip(left, outcomes, strict=True))
                left = ()
        return [found[item] for item in items]

    async def _outcomes(self, route: Route, items: Sequence[Item], context: CallContext) -> Sequence[Outcome]:
        rows = [item.row for item in items]
        outcomes = await self._calls.write_rows(route.operation, rows, route.options, context, field=route.field)
        if len(outcomes) != len(items):
            raise ValueError(f"{len(items)} records have {len(outcomes)} outcomes")
        return outcomes


def _context_of(items: Sequence[Item], trace: Context | None) -> CallContext:
    """Return the context of a call for several callers.

    It may take as long as the most patient of them waits and is as urgent as the most urgent. Each pays for its share
    of the records; the call takes its turn as that of the one with the fewest, whom the others' records must not delay.
    """
    first = items[0].context
    if len(items) == 1 and trace is first.trace:
        return first
    deadlines = [item.context.deadline for item in items]
    latest = None if None in deadlines else max(deadline for deadline in deadlines if deadline is not None)
    priority = min(item.context.priority for item in items)
    records = Counter(item.context.caller for item in items)
    if len(records) == 1:
        return replace(first, deadline=latest, trace=trace, priority=priority)
    charged = {caller: count / len(items) for caller, count in records.items()}
    caller = min(records, key=records.__getitem__)
    return replace(first, deadline=latest, trace=trace, priority=priority, caller=caller, charged=charged)
