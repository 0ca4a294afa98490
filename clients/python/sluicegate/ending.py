"""How a streaming call ended, kept from being lost to a write that fails in the same moment."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from grpc import StatusCode, aio

T = TypeVar("T")

_SECONDS_TO_ARRIVE = 1.0
"""The service's status is on the wire already when a write fails because of it."""


class Ending:
    """The status that the service sent for a call.

    When a service ends a call that is still being written to, the write that fails makes grpc.aio replace the service's
    status by its own, INTERNAL (grpc/grpc issue 36066). This listens to every status the call takes and keeps the
    service's.

    Args:
        call: The call, before anything is written.

    """

    def __init__(self, call: aio.Call) -> None:
        self._call = call
        self._status: asyncio.Future[aio.AioRpcError] = asyncio.get_running_loop().create_future()
        call.add_done_callback(self._note)

    async def of(self, error: aio.AioRpcError) -> aio.AioRpcError:
        """Tell the failure that the service sent, or `error` if it sent none."""
        if not _is_of_a_write(error.code(), error.details()):
            return error
        try:
            return await asyncio.wait_for(asyncio.shield(self._status), _SECONDS_TO_ARRIVE)
        except TimeoutError:
            return error

    def _note(self, _call: object) -> None:
        code, details = _at_once(self._call.code()), _at_once(self._call.details())
        if not self._status.done() and not _is_of_a_write(code, details):
            trailers = _at_once(self._call.trailing_metadata())
            self._status.set_result(aio.AioRpcError(code, aio.Metadata(), trailers, details))


def _is_of_a_write(code: StatusCode, details: str | None) -> bool:
    return code is StatusCode.INTERNAL and details == "Internal error from Core"


def _at_once(answer: Coroutine[Any, Any, T]) -> T:
    # The status may be replaced before any task runs again; once it is there, its coroutines return without waiting.
    try:
        answer.send(None)
    except StopIteration as returned:
        value: T = returned.value
        return value
    answer.close()
    raise RuntimeError("a call that is done has no status")
