"""The parts of a load: whole rows of the caller's data as uploads of at most 100 MB, and the places where it was cut.

Source of the size: Bulk API 2.0 and Bulk API Developer Guide, "Upload Job Data": 150 MB after base64, so 100 MB before.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from service import errors
from service.bulk.data.batches import RowColumns
from service.bulk.data.dialect import Delimiter
from service.bulk.data.spool import LONGEST_BYTES, Spool, SpoolFiles

MAX_PART_BYTES = LONGEST_BYTES
MAX_PART_ROWS = 1_000_000
"""What matches a part's results to its rows takes memory for each row."""


@dataclass(frozen=True, slots=True)
class PartLimits:
    """How large a part may be. Of two runs over the same data only those with the same limits cut it alike.

    Raises:
        errors.InvalidRequest: A limit is not positive or larger than what Salesforce takes.

    """

    size_bytes: int = MAX_PART_BYTES
    """Bytes of CSV, the header among them."""
    rows: int = MAX_PART_ROWS

    def __post_init__(self) -> None:
        if not (0 < self.size_bytes <= MAX_PART_BYTES and self.rows > 0):
            raise errors.InvalidRequest(f"a part takes 1 to {MAX_PART_BYTES:,} bytes and at least one row")


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two rows of the caller's data, from where on a load can be gone on with."""

    part: int = 1
    """Number of the part that begins here, from 1."""
    row: int = 1
    """Number of the row that follows, from 1; a CSV header and empty lines are not counted."""
    byte: int = 0
    """Bytes of the caller's data before it, the CSV header among them; 0 for data that does not come as bytes."""


@dataclass(frozen=True, slots=True)
class Part:
    """One upload. Whoever is given it closes its `content`."""

    start: Position
    end: Position
    """Where the next part starts."""
    columns: tuple[str, ...]
    """Salesforce's names, as the header of the content has them."""
    delimiter: Delimiter
    """What the content is written with; its rows end in LF."""
    digest: bytes
    """SHA-256 of the content, the same whenever the same rows are cut by the same limits."""
    content: Spool
    """The CSV to upload, with its header."""

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return self.end.row - self.start.row


class Splitter(Protocol):
    """Cuts data into parts. Where it cuts depends on the rows alone, never on how the bytes arrive.

    To go on from a `Position`, a new splitter is made with it and fed the first `header_bytes` of the data, then all
    bytes from `Position.byte` on: it yields the same parts as the first one did from there on.

    Every error is `errors.InvalidData` with the row's number, after which only `close` may be called. The parts before
    the row at fault have been yielded by then, but for the one that it would have stood in.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        """Salesforce's names of the columns: empty until they are known, then the same for all parts.

        Only JSON Lines, which have no header, tell them part by part: they are those of the part yielded last.
        """
        ...

    @property
    def header_bytes(self) -> int:
        """How long the header of the caller's data is; 0 without one, or while it has not been read."""
        ...

    @property
    def header_digest(self) -> bytes:
        """The SHA-256 of the header row as the caller wrote it; empty without one, or while it has not been read."""
        ...

    @property
    def delimiter(self) -> Delimiter:
        """What stands between the cells of parts, once any row was read."""
        ...

    @property
    def position(self) -> Position:
        """How far the data has been read: the number of the part in work, the next row and its byte."""
        ...

    def feed(self, data: bytes | RowColumns) -> Iterator[Part]:
        """Take bytes, cut anywhere, or a batch, and yield the parts that are complete. It must be read to its end.

        It may be read in any thread, one after another. What it works between two parts is bounded by a part's size
        and that of the data, and no single step of it keeps other threads waiting for more than some milliseconds.

        Raises:
            errors.InvalidRequest: The format comes as the other of the two.

        """
        ...

    def finish(self) -> Iterator[Part]:
        """Yield the last part, if any row is left. It must be read to its end."""
        ...

    def close(self) -> None:
        """Free what is held, but for parts that were yielded. May be called at any time, also twice."""
        ...


def bytes_of(data: bytes | RowColumns) -> bytes:
    """Return data that comes as bytes.

    Raises:
        errors.InvalidRequest: It is a batch.

    """
    if isinstance(data, bytes):
        return data
    problem = "batches come with the format of record batches only; send bytes"
    raise errors.InvalidRequest(problem, violations=[errors.FieldViolation("batch", problem)])


def batch_of(data: bytes | RowColumns) -> RowColumns:
    """Return data that comes as batches.

    Raises:
        errors.InvalidRequest: It is bytes.

    """
    if isinstance(data, RowColumns):
        return data
    problem = "the format of record batches comes as batches; send no bytes"
    raise errors.InvalidRequest(problem, violations=[errors.FieldViolation("data", problem)])


class WithoutHeader:
    """What a splitter has of a `Splitter` whose data has no header and is written as CSV with commas."""

    header_bytes = 0
    header_digest = b""
    delimiter = Delimiter.COMMA


class PartWriter:
    """Writes one part after another.

    Args:
        limits: How large they may be.
        start: Where the first one starts.
        files: Where their files come from and go to; None for some of its own.

    """

    def __init__(self, limits: PartLimits, start: Position, files: SpoolFiles | None = None) -> None:
        self.limits = limits
        self._start = start
        self._rows = 0
        self._content: Spool | None = None
        self._digest = hashlib.sha256()
        self._owns_files = files is None
        self._files = files or SpoolFiles()

    @property
    def end(self) -> Position:
        """The part in work and the next row; its byte is that of the part's start."""
        return Position(self._start.part, self._start.row + self._rows, self._start.byte)

    def begin_at(self, start: Position) -> None:
        """Have the first part start elsewhere, before anything was written."""
        self._start = start

    @property
    def has_begun(self) -> bool:
        """Whether the part holds anything."""
        return self._content is not None

    @property
    def rows_left(self) -> int:
        """How many rows the part still takes."""
        return self.limits.rows - self._rows

    def room(self, header_size: int) -> int:
        """Return how many bytes of rows the part still takes.

        Args:
            header_size: Bytes of the header, which a part that has not begun is still to be given.

        """
        return self.limits.size_bytes - (header_size if self._content is None else self._content.size)

    def spool(self) -> Spool:
        """Return a spool for as much as a part may hold; the file it frees is used again."""
        return Spool(limit_bytes=self.limits.size_bytes, files=self._files)

    def write(self, data: bytes, rows: int = 0) -> None:
        """Append bytes: the header first, then rows that fit.

        Args:
            data: The bytes.
            rows: How many rows they hold.

        """
        if self._content is None:
            self._content = self.spool()
        self._content.write(data)
        self._digest.update(data)
        self._rows += rows

    def restart(self) -> None:
        """Forget what the part holds, to write it anew."""
        self._drop()
        self._rows = 0
        self._digest = hashlib.sha256()

    def cut(self, columns: tuple[str, ...], delimiter: Delimiter, end_byte: int) -> Part:
        """End the part and return it; the next `write` begins another.

        Args:
            columns: Those of the header that was written.
            delimiter: What the rows are written with.
            end_byte: Bytes of the caller's data up to the part's end.

        """
        if self._content is None:
            raise errors.InternalError("a part without rows cannot be cut")
        end = Position(self._start.part + 1, self._start.row + self._rows, end_byte)
        part = Part(self._start, end, columns, delimiter, self._digest.digest(), self._content)
        self._start, self._rows = end, 0
        self._content = None
        self._digest = hashlib.sha256()
        return part

    def close(self) -> None:
        """Free what a part that was not cut holds, and the files that wait for the next ones."""
        self._drop()
        if self._owns_files:
            self._files.close()

    def _drop(self) -> None:
        if self._content is not None:
            self._content.close()
            self._content = None
