"""The data of a bulk load, from any place on."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from sluicegate.values import Reference

Row: TypeAlias = Mapping[str, object]
"""The values of a row by column."""
Stream: TypeAlias = AsyncIterable[bytes] | AsyncIterable[Row] | Iterable[Row]
Data: TypeAlias = bytes | PathLike[str] | Stream | Callable[[], Stream]
"""The rows: whole in memory, in a file, as bytes that may be cut anywhere, or as dicts by column.

An iterator can be read once, so that a load of one cannot go on by itself where its connection breaks. A function that
returns an iterable is called again for that, and must give the same rows.
"""

_PIECE_BYTES = 256 * 1024
"""Large enough that messages cost little, small enough that few bytes wait in buffers."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where the data is to begin, as the service says."""

    header_bytes: int = 0
    """Bytes at the start that come first in any case."""
    next_byte: int = 0
    next_row: int = 1


class Source:
    """Data that is read in pieces of a message's size.

    Args:
        data: The data.

    Raises:
        TypeError: It is nothing that data may be. Text is refused because it could be data or a path.

    """

    def __init__(self, data: Data) -> None:
        self._data = data
        # Whoever has no type checker may give anything.
        given: object = data
        is_known = isinstance(given, bytes | bytearray | memoryview | PathLike | AsyncIterable | Iterable)
        if isinstance(given, str) or not (is_known or callable(given)):
            raise TypeError(
                f"data is {type(given).__name__}; it must be bytes, a pathlib.Path or an async iterable of bytes, or "
                "rows as dicts"
            )

    @property
    def is_repeatable(self) -> bool:
        """Whether the data can be read more than once."""
        return not isinstance(self._data, Iterator | AsyncIterator)

    @property
    def has_rows(self) -> bool:
        """Whether the data is rows for certain; what is made asynchronously or by a function is seen when it comes."""
        data = self._data
        return isinstance(data, Iterable) and not isinstance(data, bytes | bytearray | memoryview | PathLike)

    async def pieces(self, start: Start) -> AsyncGenerator[bytes, None]:
        """Yield the data from a place on. A file is read in a thread, one piece at a time; a generator is closed.

        Raises:
            TypeError: An item of it is neither bytes nor a row, or a row holds what no field takes.
            OSError: The file cannot be read.

        """
        data = self._data
        if isinstance(data, PathLike):
            pieces = _of_file(Path(data), start)
        elif isinstance(data, bytes | bytearray | memoryview):
            pieces = _of_bytes(data, start)
        else:
            pieces = _of_items(data() if callable(data) else data, start)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece


async def _of_file(path: Path, start: Start) -> AsyncGenerator[bytes, None]:
    with await asyncio.to_thread(path.open, "rb") as file:
        if start.header_bytes:
            yield await asyncio.to_thread(file.read, start.header_bytes)
        await asyncio.to_thread(file.seek, max(start.header_bytes, start.next_byte))
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece


async def _of_bytes(data: bytes | bytearray | memoryview, start: Start) -> AsyncGenerator[bytes, None]:
    view = memoryview(data).cast("B")
    for part in (view[: start.header_bytes], view[max(start.header_bytes, start.next_byte) :]):
        for piece in _cut(part):
            yield piece


async def _of_items(stream: Stream, start: Start) -> AsyncGenerator[bytes, None]:
    place, row = 0, 1
    waiting = bytearray()
    items = _asynchronous(stream)
    async with aclosing(items):
        async for item in items:
            if isinstance(item, Mapping):
                if row >= start.next_row:
                    waiting += encode_row(item, row)
                row += 1
                if len(waiting) >= _PIECE_BYTES:
                    yield bytes(waiting)
                    waiting.clear()
            elif isinstance(item, bytes | bytearray | memoryview):
                view = memoryview(item).cast("B")
                for part in _needed(view, place, start):
                    for piece in _cut(part):
                        yield piece
                place += len(view)
            else:
                raise TypeError(f"data yielded {type(item).__name__}; it must yield bytes, or rows as dicts")
    if waiting:
        yield bytes(waiting)


def _needed(view: memoryview, place: int, start: Start) -> Iterator[memoryview]:
    """Yield what is needed of bytes that stand at a place of the data."""
    yield view[: max(0, start.header_bytes - place)]
    yield view[max(0, max(start.header_bytes, start.next_byte) - place) :]


async def _asynchronous(stream: Stream) -> AsyncGenerator[object, None]:
    if isinstance(stream, AsyncIterable):
        items = aiter(stream)
        try:
            async for item in items:
                yield item
        finally:
            # A generator made in the call's arguments has nobody else to close it.
            if isinstance(items, AsyncGenerator):
                await items.aclose()
    elif isinstance(stream, Iterable):
        for row in stream:
            yield row
    else:
        raise TypeError(
            f"the function that makes the data returned {type(stream).__name__}; it must return an iterable"
        )


def _cut(data: memoryview) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE_BYTES):
        yield bytes(data[start : start + _PIECE_BYTES])


def encode_row(row: Row, number: int) -> bytes:
    """Write a row as a line of JSON.

    None writes null, a `Reference` looks a record up, and a key that is absent leaves its field alone.

    Raises:
        TypeError: A value is none that a bulk load takes.
        ValueError: A number is not finite.

    """
    try:
        line = json.dumps(row, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return f"{line}\n".encode()
    except (TypeError, ValueError) as error:
        raise type(error)(f"row {number}: {error}") from None


def _plain(value: object) -> object:
    match value:
        case Decimal() if value.is_finite():
            return f"{value:f}"
        case datetime() if value.tzinfo is None:
            raise TypeError(f"{value!r} has no time zone; give it one")
        case datetime() | date():
            return value.isoformat()
        case time() if value.tzinfo is None:
            return f"{value.isoformat('milliseconds')}Z"
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case Reference(field=field, value=key):
            return {field: key}
        case Mapping():
            return dict(value)
    raise TypeError(f"{value!r:.80} is no value that a bulk load takes")
