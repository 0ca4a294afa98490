"""The requests that this replica is carrying out: each goes on without its callers, and ends in one outcome for all."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from service.clock import Clock
from service.errors import OutcomeUnknown, SharedStoreUnavailable, SluicegateError
from service.request_ids import outcome
from service.request_ids.arrears import Arrears, Job, tell
from service.request_ids.memory import Memory
from service.request_ids.outcome import Answer, Outcome
from service.request_ids.store import KEPT_SECONDS, SharedStore, Ticket
from service.telemetry import logs

_RENEWALS = 3
"""Renewals within a lease, so that one may be lost."""

Make = Callable[[], Awaitable[bytes]]
"""Carries a request out and returns its answer."""

_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """A request that is being carried out."""

    digest: bytes
    """Of the request's body."""
    outcome: asyncio.Future[Outcome]
    """Never fails; wait for it with `asyncio.shield`."""


class Works:
    """Carries requests out. Use it as an async context manager.

    Leaving waits for what is under way, at most `close_seconds`, then cancels it, which makes its outcome unknown.

    Args:
        store: Is told how each request ended, and meanwhile that this replica lives.
        memory: Is told how each request ended.
        clock: Waits.
        close_seconds: How long the end waits.

    """

    def __init__(self, store: SharedStore, memory: Memory, clock: Clock, *, close_seconds: float) -> None:
        self._store = store
        self._memory = memory
        self._clock = clock
        self._close_seconds = close_seconds
        self._works: dict[str, Work] = {}
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._working: set[asyncio.Task[None]] = set()
        self._arrears = Arrears(store, clock, self._spawn)
        self.is_closing = False

    async def __aenter__(self) -> Self:
        """Begin to take requests."""
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Let the work end."""
        self.is_closing = True
        async with AsyncExitStack() as stack:
            stack.push_async_exit(self._group)
            stack.callback(self._cancel)
            if self._working:
                await asyncio.wait(self._working, timeout=self._close_seconds)
            # A store that is away holds up no end; one that is back is told before that.
            with suppress(SharedStoreUnavailable):
                await self._arrears.try_all()

    def __len__(self) -> int:
        """Return how many requests are being carried out."""
        return len(self._works)

    @property
    def owed(self) -> int:
        """How many requests ended without the store's knowing."""
        return len(self._arrears)

    def get(self, key: str) -> Work | None:
        """Return the work on a request; None if there is none here."""
        return self._works.get(key)

    def begin(self, ticket: Ticket, make: Make) -> Work:
        """Carry a request out, whatever becomes of who asks for it.

        Args:
            ticket: Granted by the store; its key has no work here.
            make: Carries the request out and returns its answer.

        """
        work = Work(ticket.digest, asyncio.get_running_loop().create_future())
        self._works[ticket.key] = work
        task = self._spawn(partial(self._carry_out, ticket, work, make))
        # A task that is cancelled before its first step runs none of its own code.
        task.add_done_callback(lambda _: self._end(ticket, work, outcome.unknown("was cut off")))
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return work

    def give_back(self, ticket: Ticket) -> None:
        """Tell the store, now or when it answers, that a ticket is not used, if it was granted at all."""
        if not self.is_closing:
            self._arrears.owe(ticket, None)

    async def _carry_out(self, ticket: Ticket, work: Work, make: Make) -> None:
        found = await self._made(ticket, make)
        content = outcome.encode(found) if found.is_lasting else None
        try:
            # Before the callers: what they were told must not get lost with this replica.
            await tell(self._store, ticket, content)
        except SharedStoreUnavailable:
            self._arrears.owe(ticket, content)
        finally:
            if content is not None:
                self._memory.put(ticket.key, ticket.digest, content, seconds=KEPT_SECONDS)
            self._end(ticket, work, found)

    async def _made(self, ticket: Ticket, make: Make) -> Outcome:
        """Carry a request out while its lease is renewed."""
        if self._store.lease_seconds is None:
            return await _outcome_of(make)
        renewal = asyncio.Lock()
        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(self._renew(ticket, self._store.lease_seconds / _RENEWALS, renewal))
            found = await _outcome_of(make)
            # Not in the midst of a renewal: it would bring an entry back that is released meanwhile.
            async with renewal:
                renewing.cancel()
        return found

    async def _renew(self, ticket: Ticket, pause_seconds: float, renewal: asyncio.Lock) -> None:
        while True:
            await self._clock.sleep(pause_seconds)
            async with renewal:
                # The store says itself that it is away; the lease outlasts a renewal that is lost.
                with suppress(SharedStoreUnavailable):
                    await self._store.renew(ticket)

    def _end(self, ticket: Ticket, work: Work, found: Outcome) -> None:
        """Let the callers have an outcome, unless they have one."""
        if not work.outcome.done():
            work.outcome.set_result(found)
            del self._works[ticket.key]

    def _spawn(self, job: Job) -> asyncio.Task[None]:
        task = self._group.create_task(_guarded(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()


async def _outcome_of(make: Make) -> Outcome:
    try:
        return Answer(await make())
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it is, whoever repeats must know
        found = outcome.of_error(error)
        if found.reason == OutcomeUnknown.reason and not isinstance(error, OutcomeUnknown):
            is_fault = not isinstance(error, SluicegateError | asyncio.CancelledError)
            cause = error.reason if isinstance(error, SluicegateError) else type(error).__name__
            _log.warning("the outcome of a request is unknown", cause=cause, exc_info=error if is_fault else None)
        return found


async def _guarded(job: Job) -> None:
    """Do a job so that its fault ends no other task of the group."""
    try:
        await job()
    except Exception as error:  # noqa: BLE001 - a supervisor
        _log.error("unexpected error", exc_info=error)
