"""Claims of parts of loads in the Valkey or Redis that replicas share: one key for each job that was committed."""

from service.bulk.ways.part_claims import CLAIM_SECONDS
from service.errors import SharedStoreUnavailable
from service.telemetry import logs
from service.valkey import Valkey

_OPERATION_SECONDS = 1.0
"""Bound on a command with all that goes before it: waiting for its turn, connecting, sending it again."""

# Sent again after an answer was lost, it finds its own entry and says the same.
_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[2] then
  return holder
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return ARGV[1]
"""

_log = logs.get_logger(__name__)


class ValkeyPartClaims:
    """A `service.bulk.ways.part_claims.PartClaims` in Valkey or Redis 7, or later ones.

    Without an answer whoever asks has what it claims.

    Args:
        valkey: The connection to it; whoever gives it opens and closes it.
        prefix: What names of keys begin with.

    """

    def __init__(self, valkey: Valkey, *, prefix: str) -> None:
        # The version is of the form of an entry: replicas of two releases may share a store.
        self._prefix = f"{prefix}load-part:1:"
        self._valkey = valkey

    async def take(self, claim: str, holder: str, *, instead_of: str = "") -> str:
        """See `PartClaims.take`."""
        arguments: list[bytes | str | int] = [holder, instead_of, round(CLAIM_SECONDS * 1000)]
        try:
            found = await self._valkey.run(_TAKE, [self._prefix + claim], arguments, seconds=_OPERATION_SECONDS)
        except SharedStoreUnavailable as error:
            # What the error is; its text may repeat what a server said.
            _log.warning("a part of a load is not claimed in the shared store", cause=type(error.__cause__).__name__)
            return holder
        return found.decode() if isinstance(found, bytes) else str(found)
