"""Rows of one parent brought together before they are uploaded.

Source: Bulk API 2.0 and Bulk API Developer Guide, "General Guidelines for Data Loads": writing a row locks what it
belongs to; a job's rows are written in batches of 10,000 that run at the same time, so rows of one parent that lie in
two of them lock it for each other. What a job is given is cut into batches as it stands (taken for granted here).

The rows themselves stay as they are, and results are matched by content: only the order of the upload is another.
"""

import asyncio
import csv
from array import array
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from io import StringIO
from itertools import accumulate
from operator import itemgetter, methodcaller

from service.bulk.cutting.csv_blocks import read_header
from service.bulk.data.dialect import Delimiter
from service.bulk.data.mapping import NULL
from service.bulk.data.records import RecordBuffer, split_records
from service.bulk.data.spool import Spool
from service.bulk.desk import Desk
from service.clock import to_its_end

BATCH_ROWS = 10_000
"""Rows that Salesforce writes one after another."""

_BUCKETS = 256
_PIECE_BYTES = 256 * 1024
_LF = b"\n"
# Rows without a parent lock none, so that each stands for itself.
_NO_PARENT = frozenset({hash(b""), hash(NULL.lower().encode())})


@asynccontextmanager
async def parents_together(desk: Desk, content: Spool, delimiter: Delimiter) -> AsyncIterator[Spool]:
    """Give an upload with its rows by parent; the very same if the load names no parent, or it needs no other order.

    Takes three to five seconds for a million rows of 100 bytes, in a thread, and 35 bytes of memory for each row. A
    cancellation is raised when it is done.

    Args:
        desk: The load's.
        content: The upload: its header and rows that end in LF. It stays the caller's.
        delimiter: What stands between its cells.

    Raises:
        service.errors.QueueFull: The disk has no room for another copy of the rows.

    """
    column = desk.request.parent_field
    if not column:
        yield content
        return
    found: list[bool] = []
    with Spool(limit_bytes=content.size) as ordered:

        async def write() -> None:
            found.append(await asyncio.to_thread(write_by_parent, content, delimiter, column, ordered))

        async with desk.reporting:
            # A thread cannot be stopped, and must not write to a file that is closed, and perhaps another's by then.
            await to_its_end(write())
        yield ordered if found[0] else content


def write_by_parent(content: Spool, delimiter: Delimiter, column: str, ordered: Spool) -> bool:
    """Write rows with those of one parent together; return whether that is another order, and write nothing if not.

    Parents stand in the order of their first rows, and so do the rows of each, but where a parent's rows would be torn
    by the end of a batch: then rows of later parents that fit fill the batch up.

    Args:
        content: The header and the rows, which end in LF.
        delimiter: What stands between cells.
        column: Salesforce's name of the column that names the parent, in any case. Without it nothing is written.
        ordered: Empty; takes the header and the rows.

    """
    rows = _Rows.of(content, delimiter, column)
    if rows is None:
        return False
    order = _order(rows.parents)
    if all(row == place for place, row in enumerate(order)):
        return False
    _copy(content, [(0, rows.starts[0])], ordered)
    _copy(content, _runs(order, rows.starts), ordered)
    return True


class _Rows:
    """Where rows begin, and a digest of what each has for a parent."""

    def __init__(self, header_bytes: int) -> None:
        self.starts = array("I", [header_bytes])
        """Where each row begins, and at last where the last one ends."""
        self.parents = array("q")

    @classmethod
    def of(cls, content: Spool, delimiter: Delimiter, column: str) -> "_Rows | None":
        """Read an upload; None if it does not have the column."""
        blocks = _blocks(content)
        first = next(blocks, b"")
        header = next(split_records(first), b"")
        names = [name.lower() for name in read_header(header, delimiter, None)] if header else []
        if column.lower() not in names:
            return None
        rows, place = cls(len(header)), names.index(column.lower())
        rows._add(first[len(header) :], delimiter, place)
        for block in blocks:
            rows._add(block, delimiter, place)
        return rows

    def _add(self, block: bytes, delimiter: Delimiter, place: int) -> None:
        if not block:
            return
        start = self.starts.pop()
        if b'"' in block:
            records = list(split_records(block))
            self.starts.extend(accumulate(map(len, records), initial=start))
            cells = csv.reader(StringIO(block.decode(), newline="\n"), delimiter=delimiter.text)
            keys: Iterable[bytes] = (row[place].encode().lower() if row else b"" for row in cells)
        else:
            lines = block.lower().removesuffix(_LF).split(_LF)
            self.starts.extend(accumulate((len(line) + 1 for line in lines), initial=start))
            keys = map(itemgetter(place), map(methodcaller("split", delimiter.value, place + 1), lines))
        self.parents.extend(map(hash, keys))


def _blocks(content: Spool) -> Iterator[bytes]:
    records = RecordBuffer(quoted=True)
    for chunk in content.chunks():
        if block := records.feed(chunk):
            yield block
    if block := records.finish():
        yield block


def _order(parents: "array[int]") -> "array[int]":
    """Return the rows, from 0, in the order in which they are to be uploaded."""
    firsts = _firsts(parents)
    sizes = array("I", bytes(4 * len(firsts)))
    for first in firsts:
        sizes[first] += 1
    places = array("I", bytes(4 * len(firsts)))
    place = 0
    for first in _packed(sizes):
        places[first] = place
        place += sizes[first]
    order = array("I", bytes(4 * len(firsts)))
    for row, first in enumerate(firsts):
        order[places[first]] = row
        places[first] += 1
    return order


def _firsts(parents: "array[int]") -> "array[int]":
    """Return for each row the first row of its parent.

    A dict of a million parents would take a hundred megabytes: they are looked at in portions.
    """
    buckets = [array("I") for _ in range(_BUCKETS)]
    for row, parent in enumerate(parents):
        buckets[parent % _BUCKETS].append(row)
    firsts = array("I", bytes(4 * len(parents)))
    for bucket in buckets:
        known: dict[int, int] = {}
        for row in bucket:
            parent = parents[row]
            firsts[row] = row if parent in _NO_PARENT else known.setdefault(parent, row)
    return firsts


def _packed(sizes: "array[int]") -> Iterator[int]:
    """Yield the first rows of parents in an order that tears as few parents as need be between batches.

    Args:
        sizes: How many rows a parent has, at its first row; 0 at all other rows.

    """
    later = _Later(sizes)
    room = BATCH_ROWS
    for first, size in enumerate(sizes):
        if not size or later.is_gone[first]:
            continue
        if room < size <= BATCH_ROWS:
            while room and (filling := later.take(room)) is not None:
                yield filling
                room -= sizes[filling]
            # Without anything left that fits, this one is torn.
            room = room or BATCH_ROWS
        later.is_gone[first] = True
        yield first
        room = (room - size) % BATCH_ROWS or BATCH_ROWS


class _Later:
    """The parents that are not placed yet, by how many rows they have."""

    def __init__(self, sizes: "array[int]") -> None:
        self.is_gone = bytearray(len(sizes))
        """Whether a parent is placed, at its first row."""
        self._by_size: dict[int, array[int]] = {}
        for first, size in enumerate(sizes):
            if size:
                self._by_size.setdefault(size, array("I")).append(first)
        self._sizes = sorted(self._by_size)

    def take(self, room: int) -> int | None:
        """Return the first row of one of the largest parents that fit, the last such of the data, as placed."""
        while at := bisect_right(self._sizes, room):
            size = self._sizes[at - 1]
            those = self._by_size[size]
            while those:
                first = those.pop()
                if not self.is_gone[first]:
                    self.is_gone[first] = True
                    return first
            del self._sizes[at - 1]
        return None


def _runs(order: "array[int]", starts: "array[int]") -> Iterator[tuple[int, int]]:
    """Yield where stretches of rows begin and end that follow each other in either order."""
    begin = end = starts[order[0]]
    for row in order:
        if starts[row] != end:
            yield begin, end
            begin = starts[row]
        end = starts[row + 1]
    yield begin, end


def _copy(content: Spool, stretches: Iterable[tuple[int, int]], ordered: Spool) -> None:
    held: list[bytes] = []
    size = 0
    for begin, end in stretches:
        for piece in content.chunks(begin, end):
            held.append(piece)
            size += len(piece)
            if size >= _PIECE_BYTES:
                ordered.write(b"".join(held))
                held.clear()
                size = 0
    ordered.write(b"".join(held))
