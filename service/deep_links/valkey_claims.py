"""Claims of deep links in the Valkey or Redis that replicas share: one key for each token that was taken."""

from types import TracebackType
from typing import Self

from service.errors import SharedStoreUnavailable
from service.telemetry import logs
from service.valkey import Valkey

_OPERATION_SECONDS = 1.0
"""Bound on a command with all that goes before it: waiting for its turn, connecting, sending it again."""
_CONNECTIONS = 4

# Sent again after an answer was lost, it finds its own claimant and says the same.
_TAKE = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return 1
end
return redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0
"""

_log = logs.get_logger(__name__)


class ValkeyClaims:
    """A `service.deep_links.claim_store.ClaimStore` in Valkey or Redis 7, or later ones. Use it as a context manager.

    Entering calls nobody. Without an answer nobody gets a token.

    Args:
        url: `redis://`, `rediss://`, `valkey://` or `valkeys://` with host, port, user, password and database.
        prefix: What names of keys begin with.

    """

    def __init__(self, url: str, *, prefix: str) -> None:
        # The version is of the form of an entry: replicas of two releases may share a store.
        self._prefix = f"{prefix}claim:1:"
        self._valkey = Valkey(url, connections=_CONNECTIONS)

    async def __aenter__(self) -> Self:
        """Connect to nobody yet."""
        await self._valkey.__aenter__()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._valkey.__aexit__(None, None, None)

    async def take(self, token: str, claimant: str, seconds: float) -> bool:
        """See `ClaimStore.take`."""
        try:
            answer = await self._valkey.run(
                _TAKE, [self._prefix + token], [claimant, round(seconds * 1000)], seconds=_OPERATION_SECONDS
            )
        except SharedStoreUnavailable as error:
            # What the error is; its text may repeat what a server said.
            _log.warning("a deep link cannot be claimed without the shared store", cause=type(error.__cause__).__name__)
            raise SharedStoreUnavailable(
                "the store that replicas share cannot be reached, and without it no deep link is claimed",
                retry_after_seconds=1.0,
            ) from error.__cause__
        return bool(answer == 1)
