"""Repeats of the calls that may be repeated only because they carry a request id."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from grpc import StatusCode, aio

from sluicegate.errors import from_rpc_error

Answer = TypeVar("Answer")

_MOST_ATTEMPTS = 3
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_MOST_TOKENS = 100.0
_TOKENS_PER_SUCCESS = 0.1


class Repeats:
    """Repeats calls that failed because the service is unavailable, by the rules that the channel has for the others.

    gRPC's own repeats go by the method (see `channel.service_config`), and whether these calls may be repeated depends
    on the request. As gRPC's, repeats stop while more than about one call in ten fails (gRPC A6, "Client Retries").
    For the tasks of one event loop.
    """

    def __init__(self) -> None:
        self._tokens = _MOST_TOKENS

    async def make(self, call: Callable[[float], Awaitable[Answer]], timeout_seconds: float) -> Answer:
        """Make a call, at most three times.

        A pause that the service asks for is kept; where it asks for more than two seconds the failure stands. Other
        pauses are random, so that the callers of a lost replica do not come back together.

        Args:
            call: Makes the call, which must be harmless to repeat, within the seconds it is given.
            timeout_seconds: Bound of all attempts and pauses together.

        Raises:
            AioRpcError: The last attempt failed.

        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await call(deadline - loop.time())
            except aio.AioRpcError as error:
                pause = self._pause_after(attempt, error)
                if pause is None or loop.time() + pause >= deadline:
                    raise
                await asyncio.sleep(pause)
            else:
                self._tokens = min(_MOST_TOKENS, self._tokens + _TOKENS_PER_SUCCESS)
                return answer

    def _pause_after(self, attempt: int, error: aio.AioRpcError) -> float | None:
        if error.code() is not StatusCode.UNAVAILABLE:
            return None
        self._tokens = max(0.0, self._tokens - 1)
        if attempt >= _MOST_ATTEMPTS or self._tokens <= _MOST_TOKENS / 2:
            return None
        asked = from_rpc_error(error).retry_after_seconds
        if asked is not None:
            return asked if asked <= _LONGEST_PAUSE_SECONDS else None
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt)
        return random.uniform(0, longest)  # noqa: S311 - spreads callers, hides nothing
