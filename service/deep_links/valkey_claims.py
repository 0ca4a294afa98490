"""Claims of deep links in the Valkey or Redis that replicas share: one key for each token that was taken."""

from service.errors import SharedStoreUnavailable
from service.telemetry import logs
from service.valkey import Valkey

_OPERATION_SECONDS = 1.0
"""Bound on a command with all that goes before it: waiting for its turn, connecting, sending it again."""

# Sent again after an answer was lost, it finds its own claimant and says the same.
_TAKE = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return 1
end
return redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0
"""

_log = logs.get_logger(__name__)


class ValkeyClaims:
    """A `service.deep_links.claim_store.ClaimStore` in Valkey or Redis 7, or later ones.

    Without an answer nobody gets a token.

    Args:
        valkey: The connection to it; whoever gives it opens and closes it.
        prefix: What names of keys begin with.

    """

    def __init__(self, valkey: Valkey, *, prefix: str) -> None:
        # The version is of the form of an entry: replicas of two releases may share a store.
        self._prefix = f"{prefix}claim:1:"
        self._valkey = valkey

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
