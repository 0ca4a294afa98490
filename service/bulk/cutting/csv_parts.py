"""CSV cut into parts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import NoReturn

from service import errors
from service.bulk.cutting import csv_faults
from service.bulk.cutting.csv_blocks import CsvBlocks, read_header
from service.bulk.cutting.parts import Part, PartLimits, PartWriter, Position, bytes_of
from service.bulk.data.batches import RowColumns
from service.bulk.data.dialect import Delimiter, Dialect
from service.bulk.data.mapping import FieldMapping, arrange
from service.bulk.data.records import MAX_RECORD_BYTES, RecordBuffer, split_records
from service.bulk.data.spool import SpoolFiles

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class CsvSplitter:
    """Cuts CSV into parts; see `service.bulk.cutting.parts.Splitter`.

    Rows stay as they are, byte for byte, but for their line ends, nulls and constants, unless columns are ignored.
    What is read is read as blocks; single rows are looked at only where a block holds one that is unusual.

    Args:
        mapping: What becomes of the columns.
        dialect: How the data is written.
        limits: How large a part may be.
        start: Where to go on.
        files: See `PartWriter`.

    """

    def __init__(
        self,
        mapping: FieldMapping,
        dialect: Dialect,
        limits: PartLimits,
        start: Position,
        files: SpoolFiles | None = None,
    ) -> None:
        self._mapping = mapping
        self._dialect = dialect
        self._start = start
        self._records = RecordBuffer(quoted=True)
        self._writer = PartWriter(limits, start, files)
        self._blocks: CsvBlocks | None = None
        self.delimiter = Delimiter.COMMA
        """What parts are written with, once the header was read."""
        self._header = b""
        self._fed = 0
        # Line ends before the rows that were not taken yet.
        self._lines = 0
        # Where the rows begin that this splitter is fed, and where those that were not taken yet do.
        self._first_byte = 0
        self._offset = 0
        self.columns: tuple[str, ...] = ()
        """Salesforce's names of the columns; empty until the header was read."""
        self.header_bytes = 0
        """How long the header is, with what comes before it; 0 until it was read."""
        self.header_digest = b""
        """Of the header with its line end."""

    @property
    def position(self) -> Position:
        """How far the data has been read."""
        return replace(self._writer.end, byte=self._offset)

    def feed(self, data: bytes | RowColumns) -> Iterator[Part]:
        """Take bytes, cut anywhere, and yield the parts that are complete."""
        chunk = bytes_of(data)
        for piece in self._records.pieces(chunk):
            self._fed += len(piece)
            block = self._records.feed(piece)
            if block:
                yield from self._take(block)
            elif self._records.overlong:
                self._refuse(self._records.finish())

    def finish(self) -> Iterator[Part]:
        """Yield the last part, if any row is left."""
        block = self._records.finish()
        if block:
            yield from self._take(block)
        if not self.columns:
            raise _empty()
        if self._writer.has_begun:
            yield self._cut()

    def close(self) -> None:
        """Free what is held, but for parts that were yielded."""
        self._writer.close()

    def _refuse(self, record: bytes) -> NoReturn:
        """Refuse the begin of a record that is longer than any; a stray quote as a rule, which reading it finds."""
        blocks = self._blocks or self._begin(record)[0]
        row = self._writer.end.row if self._blocks else 0
        with self._by_line():
            blocks.take(record, row)
            raise errors.InvalidData(f"{csv_faults.place(row)} is longer than Salesforce takes", row=row)

    def _take(self, block: bytes) -> Iterator[Part]:
        if self._blocks is None:
            self._blocks, block = self._begin(block)
            if not block:
                return
        taken = self._fitting(block, self._blocks, is_divisible=True)
        if taken is None:
            yield from self._take_records(list(split_records(block)), self._blocks)
        else:
            self._write(*taken)
            self._pass_by(block, *taken)

    def _take_records(self, records: Sequence[bytes], blocks: CsvBlocks) -> Iterator[Part]:
        """Take records that one part does not hold all of, or one of which is at fault: half of them at a time.

        What stands before a row at fault is cut as it always is, however much of it came along with that row.
        """
        block = b"".join(records)
        taken = self._fitting(block, blocks, is_divisible=len(records) > 1)
        if taken is None and len(records) > 1:
            middle = len(records) // 2
            yield from self._take_records(records[:middle], blocks)
            yield from self._take_records(records[middle:], blocks)
            return
        if taken is None:
            with self._by_line():
                taken = blocks.take(block, self._writer.end.row)
            if self._writer.has_begun:
                # Empty lines go to the part before: the next one begins with a row.
                yield self._cut()
            if len(taken[0]) > self._writer.room(len(self._header)):
                row = self._writer.end.row
                raise errors.InvalidData(f"row {row} is larger than a part of the load may be", row=row)
        self._write(*taken)
        self._pass_by(block, *taken)

    def _pass_by(self, block: bytes, text: bytes, rows: int) -> None:
        self._offset += len(block)
        # Rows that stay as they are and have no quotes are lines; to count them takes as long as to check them.
        self._lines += rows if text is block and b'"' not in block else block.count(b"\n")

    @contextmanager
    def _by_line(self) -> Iterator[None]:
        """Have an error of the next row tell its line, if all lines before it were counted."""
        try:
            yield
        except errors.InvalidData as error:
            if error.row and error.row == self._writer.end.row and self._start.row == 1:
                raise csv_faults.at_line(error, self._lines + 1) from None
            raise

    def _fitting(self, block: bytes, blocks: CsvBlocks, *, is_divisible: bool) -> tuple[bytes, int] | None:
        """Return the CSV for Salesforce and how many rows it has; None if the part does not hold them or one is bad.

        None as well for more than a few megabytes, if the block can be divided.
        """
        # Long constants would make gigabytes of a block of short rows: less of it is looked at then.
        added = blocks.added_bytes
        if added and is_divisible and added * block.count(b"\n") > MAX_RECORD_BYTES:
            return None
        try:
            text, rows = blocks.take(block, self._writer.end.row)
        except errors.InvalidData:
            return None
        fits = rows <= self._writer.rows_left and len(text) <= self._writer.room(len(self._header))
        return (text, rows) if fits else None

    def _write(self, text: bytes, rows: int) -> None:
        if not rows:
            return
        if not self._writer.has_begun:
            self._writer.write(self._header)
        self._writer.write(text, rows)

    def _cut(self) -> Part:
        # The last record may have been given a line end.
        end_byte = min(self._offset, self._first_byte + self._fed - self.header_bytes)
        return self._writer.cut(self.columns, self.delimiter, end_byte)

    def _begin(self, block: bytes) -> tuple[CsvBlocks, bytes]:
        """Take the header off the first block; return what reads the rows, and the rest of the block."""
        csv_faults.check_kind(block, 0)
        size, lines = len(block), block.count(b"\n")
        block = block.removeprefix(_BYTE_ORDER_MARK).lstrip(b"\r\n")
        if not block:
            raise _empty()
        record = next(split_records(block))
        rest = block[len(record) :]
        self._lines = lines - rest.count(b"\n")
        self.header_bytes = min(size - len(rest), self._fed)
        self.header_digest = sha256(record).digest()
        self.delimiter = self._dialect.delimiter_of(record)
        names = read_header(record, self.delimiter, self._dialect.line_end)
        arrangement = arrange(names, self._mapping)
        self.columns = arrangement.columns
        self._header = (self.delimiter.text.join(self.columns) + "\n").encode()
        self._first_byte = self._offset = self._start.byte or self.header_bytes
        self._writer.begin_at(replace(self._start, byte=self._offset))
        return CsvBlocks(len(names), self.delimiter, self._dialect.line_end, arrangement, self._mapping.null_text), rest


def _empty() -> errors.InvalidData:
    return errors.InvalidData("the data is empty; begin with a header row of field names", row=0)
