"""What remembers which claims of deep links were taken: the store that replicas share, or this process alone."""

from typing import Protocol

from service.clock import Clock
from service.errors import QueueFull

MOST_REMEMBERED = 200_000
"""Claims that a process remembers by itself. Further ones are refused: one that is forgotten could be taken twice."""


class ClaimStore(Protocol):
    """Gives each token to one claimant."""

    async def take(self, token: str, claimant: str, seconds: float) -> bool:
        """Return whether the claimant has the token: it is the first, or the same that was.

        Atomic: of several that ask at once, wherever they are, one gets it.

        Args:
            token: Names the token; holds nothing of it.
            claimant: Names who asks.
            seconds: How long to remember the token.

        Raises:
            service.errors.SharedStoreUnavailable: There is no answer; the claimant may have the token.

        """
        ...


class ClaimsInMemory:
    """Remembers claims in this process only: right where there is one, and forgotten when it ends.

    Args:
        clock: Tells the time.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken: dict[str, tuple[str, float]] = {}

    async def take(self, token: str, claimant: str, seconds: float) -> bool:
        """See `ClaimStore.take`.

        Raises:
            QueueFull: More claims are remembered than may be.

        """
        now = self._clock.monotonic()
        found = self._taken.get(token)
        if found is not None and found[1] > now:
            return found[0] == claimant
        if len(self._taken) >= MOST_REMEMBERED:
            self._forget(now)
        self._taken[token] = (claimant, now + seconds)
        return True

    def _forget(self, now: float) -> None:
        for token in [token for token, (_, until) in self._taken.items() if until <= now]:
            del self._taken[token]
        if len(self._taken) >= MOST_REMEMBERED:
            raise QueueFull(
                "more deep links were claimed than one process remembers; configure shared_store.url",
                metadata={"maximum": str(MOST_REMEMBERED)},
                retry_after_seconds=60.0,
            )
