"""The store that replicas share in Valkey or Redis: one hash for each request id, changed by scripts only."""

from types import TracebackType
from typing import Any, Self

from service.errors import SharedStoreUnavailable
from service.request_ids.store import KEPT_SECONDS, Abandoned, Claim, Done, Granted, Ticket, Working
from service.telemetry import logs
from service.valkey import Valkey

LEASE_SECONDS = 5.0
_OPERATION_SECONDS = 1.0
"""Bound on a command with all that goes before it: waiting for its turn, connecting, sending it again."""
_CONNECTIONS = 16

# The store's own clock decides when a lease ends; those of the replicas need not agree.
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_CLAIM = (
    _NOW
    + """
local owner, digest, lease, keep = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'state', 'pending', 'owner', owner, 'digest', digest, 'until', now + lease)
  redis.call('PEXPIRE', KEYS[1], keep)
  return {'granted'}
end
local entry = redis.call('HMGET', KEYS[1], 'state', 'owner', 'digest', 'until', 'content')
local state = entry[1]
if state == 'pending' and entry[2] == owner then
  return {'granted'}
end
if state == 'pending' and tonumber(entry[4]) <= now then
  state = 'abandoned'
end
return {state, entry[3], entry[5], redis.call('PTTL', KEYS[1])}
"""
)

_RENEW = (
    _NOW
    + """
local owner, digest, lease, keep = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local entry = redis.call('HMGET', KEYS[1], 'state', 'owner')
if entry[1] and (entry[2] ~= owner or entry[1] == 'done') then
  return 0
end
redis.call('HSET', KEYS[1], 'state', 'pending', 'owner', owner, 'digest', digest, 'until', now + lease)
redis.call('PEXPIRE', KEYS[1], keep)
return 1
"""
)

_FINISH = """
local owner, digest, content, keep = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local found = redis.call('HGET', KEYS[1], 'owner')
if found and found ~= owner then
  return 0
end
redis.call('HSET', KEYS[1], 'state', 'done', 'owner', owner, 'digest', digest, 'content', content)
redis.call('PEXPIRE', KEYS[1], keep)
return 1
"""

_RELEASE = """
local entry = redis.call('HMGET', KEYS[1], 'state', 'owner')
if entry[2] == ARGV[1] and entry[1] ~= 'done' then
  redis.call('DEL', KEYS[1])
  return 1
end
return 0
"""

_log = logs.get_logger(__name__)


class ValkeyStore:
    """A `service.request_ids.store.SharedStore` in Valkey or Redis 7, or later ones. Use it as a context manager.

    Entering calls nobody. A command waits half a second at most, an operation one second. That the store went away,
    and that it came back, is logged once each.

    Args:
        url: `redis://`, `rediss://`, `valkey://` or `valkeys://` with host, port, user, password and database.
        prefix: What names of keys begin with.
        lease_seconds: How long a replica may be silent before it is taken for dead.

    """

    def __init__(self, url: str, *, prefix: str, lease_seconds: float = LEASE_SECONDS) -> None:
        self.lease_seconds: float | None = lease_seconds
        self._lease_milliseconds = round(lease_seconds * 1000)
        self._keep_milliseconds = round(KEPT_SECONDS * 1000)
        # The version is of the form of an entry: replicas of two releases may share a store.
        self._prefix = f"{prefix}request:1:"
        self._valkey = Valkey(url, connections=_CONNECTIONS)
        self._is_away = False

    async def __aenter__(self) -> Self:
        """Connect to nobody yet."""
        await self._valkey.__aenter__()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._valkey.__aexit__(None, None, None)

    async def claim(self, ticket: Ticket) -> Claim:
        """See `SharedStore.claim`."""
        answer = await self._run(_CLAIM, ticket, ticket.digest, self._lease_milliseconds, self._keep_milliseconds)
        match answer:
            case [b"granted"]:
                return Granted()
            case [b"pending", bytes(digest), None, int()]:
                return Working(digest)
            case [b"abandoned", bytes(digest), None, int()]:
                return Abandoned(digest)
            case [b"done", bytes(digest), bytes(content), int(milliseconds)]:
                return Done(digest, content, milliseconds / 1000)
        raise self._unavailable("holds something that is not of this service")

    async def renew(self, ticket: Ticket) -> None:
        """See `SharedStore.renew`."""
        await self._run(_RENEW, ticket, ticket.digest, self._lease_milliseconds, self._keep_milliseconds)

    async def finish(self, ticket: Ticket, content: bytes) -> None:
        """See `SharedStore.finish`."""
        if not await self._run(_FINISH, ticket, ticket.digest, content, self._keep_milliseconds):
            _log.warning("the shared store lost a request that was being carried out; it may have been made twice")

    async def release(self, ticket: Ticket) -> None:
        """See `SharedStore.release`."""
        await self._run(_RELEASE, ticket)

    async def _run(self, script: str, ticket: Ticket, *arguments: bytes | int) -> Any:
        try:
            answer = await self._valkey.run(
                script, [self._prefix + ticket.key], [ticket.owner, *arguments], seconds=_OPERATION_SECONDS
            )
        except SharedStoreUnavailable as error:
            if not self._is_away:
                self._is_away = True
                # What the error is; its text may repeat what a server said.
                cause = type(error.__cause__).__name__
                _log.warning("the shared store cannot be used; requests with an id are refused", cause=cause)
            raise self._unavailable("cannot be reached") from error.__cause__
        if self._is_away:
            self._is_away = False
            _log.info("the shared store answers again")
        return answer

    @staticmethod
    def _unavailable(why: str) -> SharedStoreUnavailable:
        return SharedStoreUnavailable(
            f"the store that replicas share {why}, and without it a request with an id is not made",
            retry_after_seconds=1.0,
        )
