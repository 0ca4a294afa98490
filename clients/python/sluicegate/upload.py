"""One call of a bulk load: messages go up while answers come down."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TypeAlias

from grpc import aio

from sluicegate.bulk_data import Piece, Source, Start
from sluicegate.ending import Ending
from sluicegate.v1.bulk_service_pb2 import (
    BulkLoadCommit,
    BulkLoadEnd,
    BulkLoadHeader,
    BulkLoadRequest,
    BulkLoadResponse,
)

Call: TypeAlias = aio.StreamStreamCall[BulkLoadRequest, BulkLoadResponse]
Write: TypeAlias = Callable[[BulkLoadRequest], Awaitable[None]]
Send: TypeAlias = Callable[[Write], Awaitable[bool]]
"""Says everything there is to say; True if the sending side is to be closed then."""

_KEPT_BYTES = 8 * 1024 * 1024
"""Some copies of a message."""


class CallOver(Exception):
    """A message cannot be sent, because the call is over."""


async def exchange(call: Call, send: Send) -> AsyncGenerator[BulkLoadResponse, None]:
    """Send a load's messages and yield its answers.

    Closing the iterator cancels the call. A sender that fails does the same, and its own exception is what the caller
    sees.

    Raises:
        grpc.aio.AioRpcError: The service refused the load, or the connection was lost.

    """
    # glibc gives a freed message back to the system and has the next one cleared page by page, for as much processor
    # time as all else takes, unless it has once seen a larger block that was freed. This one is never written to.
    bytearray(_KEPT_BYTES)
    ending = Ending(call)
    sender = asyncio.create_task(_send(call, send))
    try:
        async for response in call:
            yield response
    except aio.AioRpcError as error:
        raise await ending.of(error) from None
    except asyncio.CancelledError:
        # A call is also cancelled by a sender that failed; then that failure is the answer.
        if not _is_cancelling() and sender.done() and (failure := sender.exception()) is not None:
            raise failure from None
        raise
    finally:
        call.cancel()
        sender.cancel()
        await asyncio.wait([sender])


async def _send(call: Call, send: Send) -> None:
    turn = asyncio.Lock()

    async def write(message: BulkLoadRequest) -> None:
        # gRPC takes one message at a time.
        async with turn:
            try:
                await call.write(message)
            except (aio.AioRpcError, asyncio.InvalidStateError):
                raise CallOver from None

    try:
        with suppress(CallOver):
            if await send(write):
                await call.done_writing()
    except BaseException:
        # Half the data must not be committed, whatever stopped it.
        call.cancel()
        raise


class AtEnd:
    """Says a load that its end commits.

    Args:
        header: The first message.
        source: The data.

    """

    def __init__(self, header: BulkLoadHeader, source: Source) -> None:
        self._header = header
        self._source = source

    async def send(self, write: Write) -> bool:
        """Send everything."""
        await write(BulkLoadRequest(header=self._header))
        async with aclosing(self._source.pieces(Start())) as pieces:
            async for piece in pieces:
                await write(_message_of(piece))
        return True


class ByPart:
    """Says a load that is committed by part: data, and commits between it and after it.

    Args:
        header: The first message.
        source: The data.

    """

    def __init__(self, header: BulkLoadHeader, source: Source) -> None:
        self._header = header
        self._source = source
        self._start: asyncio.Future[Start] = asyncio.get_running_loop().create_future()
        self._commits: asyncio.Queue[BulkLoadCommit] = asyncio.Queue()
        if not header.resume_token:
            self._start.set_result(Start())

    def accept(self, response: BulkLoadResponse) -> None:
        """Note from where on the service wants the data."""
        position = response.accepted.resume_from
        if not self._start.done():
            self._start.set_result(Start(position.header_bytes, position.next_byte, max(1, position.next_row)))

    def commit(self, part: int, token: str) -> None:
        """Have a part written whose token is stored. It never waits: who reads answers must go on reading."""
        self._commits.put_nowait(BulkLoadCommit(part=part, resume_token=token))

    async def send(self, write: Write) -> bool:
        """Send everything, and commits until the task is cancelled."""
        await write(BulkLoadRequest(header=self._header))
        commits = asyncio.create_task(self._send_commits(write))
        try:
            await self._send_data(write)
            await commits
        finally:
            commits.cancel()
            await asyncio.wait([commits])
        return False

    async def _send_data(self, write: Write) -> None:
        async with aclosing(self._source.pieces(await self._start)) as pieces:
            async for piece in pieces:
                await write(_message_of(piece))
        await write(BulkLoadRequest(end=BulkLoadEnd()))

    async def _send_commits(self, write: Write) -> None:
        while True:
            commit = await self._commits.get()
            with suppress(CallOver):
                await write(BulkLoadRequest(commit=commit))


def _message_of(piece: Piece) -> BulkLoadRequest:
    return BulkLoadRequest(data=piece) if isinstance(piece, bytes) else BulkLoadRequest(batch=piece)


def _is_cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
