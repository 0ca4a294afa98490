"""The data of a bulk load, from any place on."""

import asyncio
import json
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass
from io import IOBase
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from sluicegate.bulk import Format
from sluicegate.bulk_batches import BatchWriter
from sluicegate.bulk_texts import lookup_key, text_of
from sluicegate.rows import Batch
from sluicegate.v1.record_batch_pb2 import RecordBatch
from sluicegate.values import Reference

Row: TypeAlias = Mapping[str, object]
"""The values of a row by column."""
Stream: TypeAlias = (
    AsyncIterable[bytes] | AsyncIterable[Row] | AsyncIterable[Batch] | Iterable[bytes] | Iterable[Row] | Iterable[Batch]
)
Data: TypeAlias = bytes | PathLike[str] | Stream | Callable[[], Stream]
"""The rows: whole in memory, in a file, as bytes that may be cut anywhere, as dicts by column, or as a query's batches.

An iterator can be read once, so that a load of one cannot go on by itself where its connection breaks. A function that
returns an iterable is called again for that, and must give the same rows.
"""
Piece: TypeAlias = bytes | RecordBatch
"""What one message holds."""

_PIECE_BYTES = 1024 * 1024
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
        data_format: How it is written; None takes rows for `json_lines`, a list of batches for `record_batch`, and
            what is bytes, or is not known before it comes, for `csv`.

    Raises:
        TypeError: It is nothing that data may be. Text is refused because it could be data or a path.
        ValueError: It is bytes, which cannot be record batches.

    """

    def __init__(self, data: Data, data_format: Format | None = None) -> None:
        self._data = data
        # Whoever has no type checker may give anything.
        given: object = data
        is_known = isinstance(given, bytes | bytearray | memoryview | PathLike | AsyncIterable | Iterable)
        if isinstance(given, str) or not (is_known or callable(given)):
            raise TypeError(
                f"data is {type(given).__name__}; it must be bytes, a pathlib.Path or an async iterable of bytes, or "
                "rows as dicts"
            )
        self.data_format: Format = data_format or self._likely_format()
        """How the data is written."""
        if self.data_format == "record_batch" and isinstance(given, bytes | bytearray | memoryview | PathLike):
            raise ValueError("data_format is 'record_batch'; it takes rows as dicts or batches of a query, not bytes")

    @property
    def is_repeatable(self) -> bool:
        """Whether the data can be read more than once."""
        return not isinstance(self._data, Iterator | AsyncIterator)

    def _likely_format(self) -> Format:
        """Return the format of what is rows for certain; what is made asynchronously or by a function is not."""
        data = self._data
        if not isinstance(data, Iterable) or isinstance(data, bytes | bytearray | memoryview | PathLike | IOBase):
            return "csv"
        first = data[0] if isinstance(data, Sequence) and len(data) > 0 else None
        if isinstance(first, bytes | bytearray | memoryview):
            return "csv"
        return "record_batch" if isinstance(first, Batch) else "json_lines"

    async def pieces(self, start: Start) -> AsyncGenerator[Piece, None]:
        """Yield the data from a place on. A file is read in a thread, one piece at a time; a generator is closed.

        Raises:
            TypeError: An item of it is not what its format takes, or a row holds what no field takes.
            ValueError: A row has other columns than the first one, as record batches; or a number is not finite.
            OSError: The file cannot be read.

        """
        data = self._data
        pieces: AsyncGenerator[Piece, None]
        if isinstance(data, PathLike):
            pieces = _of_file(Path(data), start)
        elif isinstance(data, bytes | bytearray | memoryview):
            pieces = _of_bytes(data, start)
        else:
            pieces = _of_items(data() if callable(data) else data, start, self.data_format)
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


async def _of_items(stream: Stream, start: Start, data_format: str) -> AsyncGenerator[Piece, None]:
    is_batches = data_format == "record_batch"
    taker = BatchWriter(start.next_row) if is_batches else _Bytes(start, takes_rows=data_format == "json_lines")
    items = _asynchronous(stream)
    async with aclosing(items):
        async for item in items:
            for piece in taker.take(item):
                yield piece
    for piece in taker.finish():
        yield piece


class _Bytes:
    """Makes pieces of bytes, which are what they are, and of rows, which become lines of JSON.

    Args:
        start: What is wanted of them.
        takes_rows: Whether there may be rows.

    """

    def __init__(self, start: Start, *, takes_rows: bool) -> None:
        self._start = start
        self._takes_rows = takes_rows
        self._place = 0
        self._row = 1
        self._waiting = bytearray()

    def take(self, item: object) -> Iterator[bytes]:
        """Take the next item, and yield the pieces that are complete."""
        if isinstance(item, bytes | bytearray | memoryview):
            view = memoryview(item).cast("B")
            for part in _needed(view, self._place, self._start):
                yield from _cut(part)
            self._place += len(view)
        elif isinstance(item, Mapping) and self._takes_rows:
            if self._row >= self._start.next_row:
                self._waiting += encode_row(item, self._row)
            self._row += 1
            if len(self._waiting) >= _PIECE_BYTES:
                yield from self.finish()
        else:
            raise TypeError(
                f"data yielded {type(item).__name__}; it must yield bytes, rows as dicts with data_format='json_lines' "
                "or 'record_batch', or batches of a query with data_format='record_batch'"
            )

    def finish(self) -> Iterator[bytes]:
        """Yield what waits, which may be nothing."""
        if self._waiting:
            yield bytes(self._waiting)
            self._waiting.clear()


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
        for item in stream:
            yield item
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
    if any(isinstance(value, Reference) and value.object for value in row.values()):
        row = {lookup_key(key, value) if isinstance(value, Reference) else key: value for key, value in row.items()}
    try:
        line = json.dumps(row, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return f"{line}\n".encode()
    except (TypeError, ValueError) as error:
        raise type(error)(f"row {number}: {error}") from None


def _plain(value: object) -> object:
    match value:
        case Reference(field=field, value=key):
            return {field: key}
        case Mapping():
            return dict(value)
    return text_of(value)
