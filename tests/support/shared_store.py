"""A store that replicas share, in the memory of a test: it keeps what the real one keeps, and breaks when told to."""

from dataclasses import dataclass

from service.clock import Clock
from service.errors import SharedStoreUnavailable
from service.request_ids.store import KEPT_SECONDS, Abandoned, Claim, Done, Granted, Ticket, Working


@dataclass
class Entry:
    """How a request stands."""

    ticket: Ticket
    leased_until: float
    content: bytes | None = None
    expires: float = float("inf")


class StoreInMemory:
    """A `service.request_ids.store.SharedStore`.

    Args:
        clock: Tells the time.
        lease_seconds: How long a ticket is good; None if for ever.

    Attributes:
        entries: What is held, by key.
        is_away: True lets every method fail without effect.
        loses_answers: True lets every method fail after it had its effect.

    """

    def __init__(self, clock: Clock, *, lease_seconds: float | None = None) -> None:
        self._clock = clock
        self.lease_seconds = lease_seconds
        self.entries: dict[str, Entry] = {}
        self.is_away = False
        self.loses_answers = False

    async def claim(self, ticket: Ticket) -> Claim:
        """Grant the ticket or tell how the entry stands."""
        self._arrive()
        entry = self.entries.get(ticket.key)
        if entry is None:
            entry = self.entries[ticket.key] = Entry(ticket, self._end_of_lease())
        self._depart()
        if entry.content is not None:
            return Done(entry.ticket.digest, entry.content, entry.expires - self._clock.monotonic())
        if entry.ticket.owner == ticket.owner:
            return Granted()
        is_silent = entry.leased_until <= self._clock.monotonic()
        return Abandoned(entry.ticket.digest) if is_silent else Working(entry.ticket.digest)

    async def renew(self, ticket: Ticket) -> None:
        """Extend the lease."""
        self._arrive()
        entry = self.entries.setdefault(ticket.key, Entry(ticket, 0.0))
        if entry.ticket == ticket:
            entry.leased_until = self._end_of_lease()
        self._depart()

    async def finish(self, ticket: Ticket, content: bytes) -> None:
        """Keep the outcome."""
        self._arrive()
        entry = self.entries.setdefault(ticket.key, Entry(ticket, 0.0))
        if entry.ticket == ticket:
            entry.content = content
            entry.expires = self._clock.monotonic() + KEPT_SECONDS
        self._depart()

    async def release(self, ticket: Ticket) -> None:
        """Forget the entry."""
        self._arrive()
        entry = self.entries.get(ticket.key)
        if entry is not None and entry.ticket == ticket and entry.content is None:
            del self.entries[ticket.key]
        self._depart()

    def _end_of_lease(self) -> float:
        return self._clock.monotonic() + (float("inf") if self.lease_seconds is None else self.lease_seconds)

    def _arrive(self) -> None:
        if self.is_away:
            raise SharedStoreUnavailable("the store is away", retry_after_seconds=1.0)

    def _depart(self) -> None:
        if self.loses_answers:
            raise SharedStoreUnavailable("the answer was lost", retry_after_seconds=1.0)
