"""What request ids ask of the store that replicas share."""

from dataclasses import dataclass
from typing import Protocol

KEPT_SECONDS = 86_400.0
"""How long an outcome is remembered."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One caller's attempt to carry out a request."""

    key: str
    """Names the scope and the request id; holds neither."""
    digest: bytes
    """Of the request's body."""
    owner: str
    """Names this attempt among those of all replicas."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The ticket's holder carries the request out, and nobody else does."""


@dataclass(frozen=True, slots=True)
class Working:
    """Another holder carries it out."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Whoever carried it out has not been heard of for longer than the lease: it may have been written."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """It has an outcome."""

    digest: bytes
    content: bytes
    """The outcome, encoded."""
    seconds_left: float
    """How long it is still remembered."""


Claim = Granted | Working | Abandoned | Done


class SharedStore(Protocol):
    """Keeps one entry for each request id. Each method is atomic, and repeating it changes nothing.

    A method that fails, or whose caller is cancelled, may or may not have had its effect.
    """

    @property
    def lease_seconds(self) -> float | None:
        """How long a ticket is good without being renewed; None if for ever."""
        ...

    async def claim(self, ticket: Ticket) -> Claim:
        """Grant the ticket if the key has no entry; else tell how the entry stands.

        Raises:
            service.errors.SharedStoreUnavailable: The store did not answer in time, or not sensibly.

        """
        ...

    async def renew(self, ticket: Ticket) -> None:
        """Extend the lease, also one that ended, and also if the store has lost the entry; raises what `claim` does."""
        ...

    async def finish(self, ticket: Ticket, content: bytes) -> None:
        """Keep the outcome for 24 hours, also if the lease ended meanwhile; raises what `claim` does."""
        ...

    async def release(self, ticket: Ticket) -> None:
        """Forget the entry if it is the ticket's and has no outcome: nothing was written. Raises what `claim` does."""
        ...
