"""The connection to a Valkey or Redis that replicas share: it runs scripts, each within a time."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.errors import SharedStoreUnavailable

_CONNECT_SECONDS = 0.25
_COMMAND_SECONDS = 0.5


class Valkey:
    """A Valkey or Redis 7, or a later one. Use it as a context manager; entering calls nobody.

    Args:
        url: `redis://`, `rediss://`, `valkey://` or `valkeys://` with host, port, user, password and database.
        connections: Most connections to it; further scripts wait for their turn.

    """

    def __init__(self, url: str, *, connections: int) -> None:
        self._pool: ConnectionPool = ConnectionPool.from_url(
            "redis" + url.removeprefix("redis").removeprefix("valkey"),
            max_connections=connections,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_COMMAND_SECONDS,
            # Once more, at once: a connection of the pool may have died unnoticed, or this process have stood still.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError, RedisTimeoutError)),
            # One exchange less for each new connection.
            protocol=2,
            driver_info=None,
        )
        self._client: Redis = Redis(connection_pool=self._pool)
        self._scripts: dict[str, AsyncScript] = {}
        # The client's own waiting pool serves the newest first, and lets others starve under load.
        self._turns = asyncio.Semaphore(connections)

    async def __aenter__(self) -> Self:
        """Connect to nobody yet."""
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._pool.disconnect()

    async def run(
        self, script: str, keys: Sequence[str], arguments: Sequence[bytes | str | int], *, seconds: float
    ) -> Any:
        """Run a script, whole or not at all. It travels once and is known by its digest from then on.

        Args:
            script: Lua. Every text is kept, so there may be but few.
            keys: The keys that it uses.
            arguments: Its arguments.
            seconds: Bound on the script with all that goes before it: waiting for its turn, connecting, sending again.

        Raises:
            SharedStoreUnavailable: There is no answer; the script may have run. The cause is the client's error, whose
                text may repeat what a server said.

        """
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = self._client.register_script(script)
        task = asyncio.current_task()
        cancelled = task.cancelling() if task is not None else 0
        try:
            async with asyncio.timeout(seconds), self._turns:
                answer = await known(keys=list(keys), args=list(arguments))
        except Exception as error:
            # What is no store can answer anything, which the client meets with exceptions of every kind.
            raise SharedStoreUnavailable(
                "the store that replicas share cannot be reached", retry_after_seconds=1.0
            ) from error
        # The client returns its answer to a task that was cancelled while that was being read.
        if task is not None and task.cancelling() > cancelled:
            raise asyncio.CancelledError
        return answer
