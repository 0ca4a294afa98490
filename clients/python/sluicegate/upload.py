"""The sending side of a bulk load: data of any kind goes up as messages while events come down."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from contextlib import aclosing
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from grpc import aio

from sluicegate.bulk import Event, decode_event
from sluicegate.ending import Ending
from sluicegate.v1.bulk_service_pb2 import BulkLoadHeader, BulkLoadRequest, BulkLoadResponse

Data: TypeAlias = bytes | PathLike[str] | AsyncIterable[bytes]
"""The rows: whole in memory, in a file, or as they come. The bytes may be cut anywhere."""

Call: TypeAlias = aio.StreamStreamCall[BulkLoadRequest, BulkLoadResponse]

_PIECE_BYTES = 256 * 1024
"""Large enough that messages cost little, small enough that few bytes wait in buffers."""


async def exchange(call: Call, header: BulkLoadHeader, data: Data) -> AsyncGenerator[Event, None]:
    """Send a load and yield its events.

    Closing the iterator cancels the call, which aborts a load that is not committed yet and changes nothing about one
    that is. Data that fails does the same, and its own exception is what the caller sees.

    Raises:
        grpc.aio.AioRpcError: The service refused the load, or the connection was lost.
        TypeError: As `pieces`.
        OSError: As `pieces`.

    """
    ending = Ending(call)
    sender = asyncio.create_task(_send(call, header, data))
    try:
        async for response in call:
            if (event := decode_event(response)) is not None:
                yield event
    except aio.AioRpcError as error:
        raise await ending.of(error) from None
    except asyncio.CancelledError:
        # A call is also cancelled by a sender whose data failed; then that failure is the answer.
        if not _is_cancelling() and sender.done() and (failure := sender.exception()) is not None:
            raise failure from None
        raise
    finally:
        call.cancel()
        sender.cancel()
        await asyncio.wait([sender])


async def pieces(data: Data) -> AsyncGenerator[bytes, None]:
    """Cut data into pieces of a message's size. A file is read in a thread, one piece at a time; a generator is closed.

    Raises:
        TypeError: The data, or an item of it, is not bytes. Text is refused because it could be data or a path.
        OSError: The file cannot be read.

    """
    if isinstance(data, bytes | bytearray | memoryview):
        for piece in _cut(data):
            yield piece
    elif isinstance(data, PathLike):
        with await asyncio.to_thread(Path(data).open, "rb") as file:
            while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
                yield piece
    elif isinstance(data, AsyncIterable):
        items = aiter(data)
        try:
            async for item in items:
                for piece in _cut(item):
                    yield piece
        finally:
            # A generator made in the call's arguments has nobody else to close it.
            if isinstance(items, AsyncGenerator):
                await items.aclose()
    else:
        raise TypeError(
            f"data is {type(data).__name__}; it must be bytes, a pathlib.Path or an async iterable of bytes"
        )


def _cut(data: bytes | bytearray | memoryview) -> Iterator[bytes]:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"data yielded {type(data).__name__}; it must yield bytes")
    view = memoryview(data).cast("B")
    for start in range(0, len(view), _PIECE_BYTES):
        yield bytes(view[start : start + _PIECE_BYTES])


async def _send(call: Call, header: BulkLoadHeader, data: Data) -> None:
    try:
        if not await _write(call, BulkLoadRequest(header=header)):
            return
        async with aclosing(pieces(data)) as cut:
            async for piece in cut:
                if not await _write(call, BulkLoadRequest(data=piece)):
                    return
        await call.done_writing()
    except BaseException:
        # Half the data must not be committed, whatever stopped it.
        call.cancel()
        raise


async def _write(call: Call, message: BulkLoadRequest) -> bool:
    """Send a message; False when the call is over, whose reader learns why."""
    try:
        await call.write(message)
    except (aio.AioRpcError, asyncio.InvalidStateError):
        return False
    return True


def _is_cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
