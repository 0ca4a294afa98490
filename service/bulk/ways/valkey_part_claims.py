"""Claims of parts of loads in the Valkey or Redis that replicas share: one key for each job that was committed."""

from types import TracebackType
from typing import Self

from service.bulk.ways.part_claims import CLAIM_SECONDS
from service.errors import SharedStoreUnavailable
from service.telemetry import logs
from service.valkey import Valkey

_OPERATION_SECONDS = 1.0
"""Bound on a command with all that goes before it: waiting for its turn, connecting, sending it again."""
_CONNECTIONS = 4

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
    """A `service.bulk.ways.part_claims.PartClaims` in Valkey or Redis 7, or later ones. Use it as a context manager.

    Entering calls nobody. Without an answer whoever asks has what it claims.

    Args:
        url: `redis://`, `rediss://`, `valkey://` or `valkeys://` with host, port, user, password and database.
        prefix: What names of keys begin with.

    """

    def __init__(self, url: str, *, prefix: str) -> None:
        # The version is of the form of an entry: replicas of two releases may share a store.
        self._prefix = f"{prefix}load-part:1:"
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
