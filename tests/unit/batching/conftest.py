"""A coalescer over calls that a test answers by hand."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from service.batching.coalescer import Coalescer, Prepared
from service.batching.item import Outcome, Route
from service.batching.policy import Hold, Policy
from service.context import CallContext
from service.salesforce.calls.writes import DEFAULT_OPTIONS, Operation, Row, Saved, Write, WriteOptions
from service.telemetry.tracing import Tracing
from tests.support.clock import ManualClock, settle
from tests.support.transport import call

RECORD_ID = "00Q000000000001AAA"


@dataclass
class Sent:
    """A call that left."""

    names: list[str]
    """What `prepared` called the records."""
    operation: Operation
    answer: "asyncio.Future[Sequence[Outcome]]" = field(repr=False)

    async def succeed(self) -> None:
        """Answer that every record was written."""
        await self.end([Saved(RECORD_ID) for _ in self.names])

    async def end(self, outcomes: "Sequence[Outcome] | Exception") -> None:
        """Answer with an outcome for each record, or refuse the call as a whole."""
        if isinstance(outcomes, Exception):
            self.answer.set_exception(outcomes)
        else:
            self.answer.set_result(outcomes)
        await settle()


class ManualCalls:
    """Calls that a test answers by hand."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    @property
    def names(self) -> list[list[str]]:
        """What each call carried."""
        return [each.names for each in self.sent]

    def most_rows(self, operation: Operation, *, by_key: bool) -> int:
        """Return how many records a call carries."""
        return 25 if by_key and operation is Operation.UPDATE else 200

    async def write_rows(
        self, operation: Operation, rows: Sequence[Row], _options: WriteOptions, _context: CallContext, *, field: str
    ) -> Sequence[Outcome]:
        """Note the call and wait for its answer."""
        del field
        answer: asyncio.Future[Sequence[Outcome]] = asyncio.get_running_loop().create_future()
        self.sent.append(Sent([row.write.record_id for row in rows], operation, answer))
        return await answer


def prepared(
    name: str,
    *,
    key: str | None = None,
    parents: Sequence[str] = (),
    sobject: str = "Lead",
    mixed: bool = False,
    operation: Operation = Operation.UPSERT,
) -> Prepared:
    """Return a write whose row is its name, and whose key too unless it is given."""
    key = name if key is None else key
    route = Route(operation, "" if mixed else sobject.lower(), "ext__c", DEFAULT_OPTIONS)
    row = Row(Write(operation, sobject, record_id=name), sobject, len(name))
    return Prepared(route, row, key, (*([key] if key else []), *parents))


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
def calls() -> ManualCalls:
    """Calls that nobody has answered yet."""
    return ManualCalls()


class Callers:
    """Starts writes and keeps their outcomes.

    Args:
        coalescer: Who writes.
        clock: The clock of their calls.

    """

    def __init__(self, coalescer: Coalescer, clock: ManualClock) -> None:
        self.coalescer = coalescer
        self._clock = clock

    async def start(
        self, *writes: Prepared, deadline: float | None = None, max_wait: float | None = None
    ) -> list["asyncio.Task[Saved]"]:
        """Begin writes at the same moment, in order."""
        deadline = None if deadline is None else self._clock.monotonic() + deadline
        context = call(self._clock, deadline=deadline)
        tasks = [asyncio.create_task(self.coalescer.write(each, context, max_wait)) for each in writes]
        await settle()
        return tasks


def coalescer_of(
    calls: ManualCalls, clock: ManualClock, policy: Policy | None = None, hold: Hold = lambda _waiting, _most: 0.0
) -> Coalescer:
    """Return a coalescer that is not entered yet."""
    tracing = Tracing(None, sample_ratio=0.0, version="0")
    quick = replace(policy or Policy(busy_seconds=0), quiet_turns=2)
    return Coalescer(calls, org="prod", policy=quick, clock=clock, tracing=tracing, hold=hold)


@pytest.fixture
async def callers(calls: ManualCalls, clock: ManualClock) -> AsyncIterator[Callers]:
    """Callers of one coalescer with the usual policy."""
    async with coalescer_of(calls, clock) as coalescer:
        yield Callers(coalescer, clock)
