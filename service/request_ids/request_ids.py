"""Carries a request out once for each request id, and gives whoever repeats the id the first outcome again."""

import asyncio
import hashlib
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from service.clock import Clock
from service.context import CallContext
from service.errors import (
    DeadlineExceeded,
    FieldViolation,
    RequestIdReused,
    SharedStoreUnavailable,
    ShuttingDown,
)
from service.request_ids import outcome
from service.request_ids.memory import Memory
from service.request_ids.outcome import Outcome
from service.request_ids.store import Abandoned, Claim, Done, Granted, SharedStore, Ticket, Working
from service.request_ids.works import Make, Works

_WORK_SECONDS = 60.0
_CLOSE_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Statistics:
    """What request ids hold now, and what they have done since they were made."""

    working: int
    """Requests that are being carried out."""
    remembered: int
    """Outcomes in this replica's memory."""
    remembered_bytes: int
    """Bytes that they take, about."""
    owed: int
    """Requests whose end the shared store does not know yet."""
    carried_out: int
    """Requests carried out."""
    repeated: int
    """Calls that got, or waited for, an outcome which another call had caused."""


def outliving(context: CallContext) -> CallContext:
    """Return the context that a request with an id is carried out in: a minute's time, however short the caller's is.

    The work goes on when the caller has given up, so that a repeat finds the answer and not a write that was cut off.
    """
    if context.deadline is None:
        return context
    return replace(context, deadline=max(context.deadline, context.clock.monotonic() + _WORK_SECONDS))


class RequestIds:
    """Remembers the outcome of each request id for 24 hours: in memory, and in a store that replicas share.

    Use it as an async context manager. Leaving waits for work whose callers have gone, at most `close_seconds`, then
    cancels it, which makes its outcome unknown.

    Args:
        store: What replicas share.
        clock: Tells the time.
        memory: Outcomes of this replica; tests give a small one.
        close_seconds: How long the end waits for work.
        jitter: Returns a number from 0 to 1; tests give a constant.

    """

    def __init__(
        self,
        store: SharedStore,
        clock: Clock,
        *,
        memory: Memory | None = None,
        close_seconds: float = _CLOSE_SECONDS,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._clock = clock
        self._memory = memory or Memory(clock)
        self._works = Works(store, self._memory, clock, close_seconds=close_seconds)
        self._jitter = jitter
        self._carried_out = 0
        self._repeated = 0

    async def __aenter__(self) -> Self:
        """Begin to take requests."""
        await self._works.__aenter__()
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take no more requests, and let the work end."""
        await self._works.__aexit__(error_type, error, traceback)

    def statistics(self) -> Statistics:
        """Return what is held and what was done."""
        return Statistics(
            working=len(self._works),
            remembered=self._memory.entries,
            remembered_bytes=self._memory.size,
            owed=self._works.owed,
            carried_out=self._carried_out,
            repeated=self._repeated,
        )

    async def answer(self, scope: str, request_id: str, digest: bytes, make: Make, context: CallContext) -> bytes:
        """Return the answer of a request, which is carried out only if its id is new.

        Calls with one id, on whatever replica, carry the request out once and all get its outcome. Answers and
        definite failures are remembered for 24 hours; failures that wrote nothing and may pass are not, and the next
        call tries again. A deadline, a cancellation or a fault within `make` is remembered as OUTCOME_UNKNOWN, and so
        is a request whose replica died.

        A caller that is cancelled, or whose deadline passes, stops waiting; the work goes on and is remembered. Only
        a caller that is cancelled before `make` was called has caused nothing.

        Args:
            scope: What ids are unique within: the org and the method.
            request_id: The caller's id of the request.
            digest: A digest of the request's body.
            make: Carries the request out and returns its answer; it should use `outliving(context)`.
            context: The call that waits.

        Raises:
            RequestIdReused: The id belongs to a request with another digest.
            SharedStoreUnavailable: The shared store cannot be asked; `make` was not called.
            ShuttingDown: The object is being closed.
            DeadlineExceeded: The caller's deadline passed; a repeat with the same id gets the outcome.
            SluicegateError: What the request failed with, now or when it was made.

        """
        seconds = None if context.deadline is None else context.remaining_seconds(float("inf"))
        ticket = Ticket(_key(scope, request_id), digest, secrets.token_hex(8))
        try:
            async with asyncio.timeout(seconds):
                found = await self._find(ticket, request_id, make)
        except TimeoutError:
            raise DeadlineExceeded(
                "the deadline passed while the request was carried out; a repeat with its request id gets the outcome",
                metadata={"method": context.method},
            ) from None
        return found.give()

    async def _find(self, ticket: Ticket, request_id: str, make: Make) -> Outcome:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            found = await self._here(ticket, request_id) or await self._there(ticket, request_id, make)
            if found is not None:
                return found
            if self._works.get(ticket.key) is None:
                await self._clock.sleep(pause * (1 + self._jitter()) / 2)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _here(self, ticket: Ticket, request_id: str) -> Outcome | None:
        """Return the outcome if this replica knows it or is finding it out."""
        remembered = self._memory.get(ticket.key)
        if remembered is not None:
            _compare(ticket, remembered.digest, request_id)
            self._repeated += 1
            return outcome.decode(remembered.content)
        work = self._works.get(ticket.key)
        if work is not None:
            _compare(ticket, work.digest, request_id)
            self._repeated += 1
            return await asyncio.shield(work.outcome)
        return None

    async def _there(self, ticket: Ticket, request_id: str, make: Make) -> Outcome | None:
        """Return what the store knows, or what carrying the request out brings; None while another replica does it."""
        if self._works.is_closing:
            raise _shutting_down()
        claim = await self._claim(ticket)
        if isinstance(claim, Granted):
            return await self._carry_out(ticket, make)
        _compare(ticket, claim.digest, request_id)
        match claim:
            case Done():
                self._repeated += 1
                return self._recall(ticket, claim)
            case Abandoned():
                # Not kept in memory: its replica may live after all, and tell the store what became of it.
                self._repeated += 1
                return outcome.unknown("was cut off")
            case Working():
                return None

    async def _claim(self, ticket: Ticket) -> Claim:
        try:
            return await self._store.claim(ticket)
        except (SharedStoreUnavailable, asyncio.CancelledError):
            # The ticket may have been granted. Unless it is given back, this replica will be taken for dead.
            self._works.give_back(ticket)
            raise

    async def _carry_out(self, ticket: Ticket, make: Make) -> Outcome | None:
        if self._works.get(ticket.key) is not None:
            # The store has forgotten that it had granted a ticket for the key already.
            return None
        if self._works.is_closing:
            await self._store.release(ticket)
            raise _shutting_down()
        self._carried_out += 1
        return await asyncio.shield(self._works.begin(ticket, make).outcome)

    def _recall(self, ticket: Ticket, done: Done) -> Outcome:
        """Return an outcome that the store knows, and keep it here."""
        try:
            found = outcome.decode(done.content)
        except ValueError as error:
            raise SharedStoreUnavailable(
                "the store that replicas share holds an outcome that cannot be read", retry_after_seconds=1.0
            ) from error
        self._memory.put(ticket.key, done.digest, done.content, seconds=done.seconds_left)
        return found


def _compare(ticket: Ticket, digest: bytes, request_id: str) -> None:
    """Refuse a request id that belongs to a request with another body."""
    if digest != ticket.digest:
        what = "was used within the last 24 hours for a request with another body; give each request an id of its own"
        raise RequestIdReused(
            f"request_id: {what}",
            metadata={"request_id": request_id},
            violations=[FieldViolation("request_id", what)],
        )


def _key(scope: str, request_id: str) -> str:
    """Return what names a request to the store: of one length, and without what the caller wrote."""
    return hashlib.blake2b(f"{len(scope)}:{scope}:{request_id}".encode(), digest_size=20).hexdigest()


def _shutting_down() -> ShuttingDown:
    return ShuttingDown("this replica is draining; repeat at once, another one answers", retry_after_seconds=0.0)
