"""JSON Lines cut into parts, each with the columns that its own rows have."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from service import errors
from service.bulk.cutting.csv_faults import at_line, check_kind
from service.bulk.cutting.json_rows import Cells, JsonRows
from service.bulk.cutting.parts import Part, PartLimits, PartWriter, Position, WithoutHeader, bytes_of
from service.bulk.data.batches import RowColumns
from service.bulk.data.cells import write_row
from service.bulk.data.columns import MAX_COLUMNS
from service.bulk.data.dialect import Delimiter
from service.bulk.data.mapping import FieldMapping, constant_cells
from service.bulk.data.records import RecordBuffer
from service.bulk.data.spool import CHUNK_BYTES, SpoolFiles

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Ends a row while it waits for columns that only later rows bring; no cell can hold it.
_ROW_END = b"\0"
_REWRITTEN_BYTES = 1024 * 1024


class JsonLinesSplitter(WithoutHeader):
    """Cuts JSON Lines into parts; see `service.bulk.cutting.parts.Splitter`.

    The columns of a part are all keys of its rows, in the order in which they first appear, so `columns` are those of
    the part that was yielded last. A key is known by its first spelling in the part: Salesforce's names do not
    distinguish case. Empty lines are skipped and not counted.

    Args:
        mapping: What becomes of the keys.
        limits: How large a part may be.
        start: Where to go on.
        files: See `PartWriter`.

    """

    def __init__(
        self, mapping: FieldMapping, limits: PartLimits, start: Position, files: SpoolFiles | None = None
    ) -> None:
        self._mapping = mapping
        self._lines = RecordBuffer(quoted=False)
        self._rows = JsonRows(mapping)
        self._writer = PartWriter(limits, start, files)
        self._part = _PartRows(mapping, self._writer)
        self._row = start.row
        # Lines that were read; None where those before the start were not counted.
        self._line = 0 if start.row == 1 else None
        self._offset = start.byte
        self._end_byte = start.byte
        self.columns: tuple[str, ...] = ()
        """Salesforce's names of the columns of the last part; empty before there is one."""

    @property
    def position(self) -> Position:
        """How far the data has been read."""
        return Position(self._writer.end.part, self._row, self._offset)

    def feed(self, data: bytes | RowColumns) -> Iterator[Part]:
        """Take bytes, cut anywhere, and yield the parts that are complete."""
        chunk = bytes_of(data)
        for piece in self._lines.pieces(chunk):
            self._end_byte += len(piece)
            yield from self._take(self._lines.feed(piece))
            if self._lines.overlong:
                raise errors.InvalidData(f"row {self._row} is longer than Salesforce takes", row=self._row)

    def finish(self) -> Iterator[Part]:
        """Yield the last part, if any row is left."""
        yield from self._take(self._lines.finish())
        if self._part.rows:
            yield self._cut()

    def close(self) -> None:
        """Free what is held, but for parts that were yielded."""
        self._writer.close()
        self._part.close()

    def _take(self, block: bytes) -> Iterator[Part]:
        if not self._offset:
            check_kind(block, 1)
        for line in block.removesuffix(b"\n").split(b"\n") if block else ():
            text = line if self._offset else line.removeprefix(_BYTE_ORDER_MARK)
            if self._line is not None:
                self._line += 1
            if text.strip():
                cells = self._read(text)
                if not self._part.add(cells, self._row):
                    yield self._cut()
                    self._part.add(cells, self._row)
                self._row += 1
            self._offset += len(line) + 1

    def _read(self, line: bytes) -> Cells:
        try:
            return self._rows.read(line, self._row)
        except errors.InvalidData as error:
            if self._line is None:
                raise
            raise at_line(error, self._line) from None

    def _cut(self) -> Part:
        part, self._part = self._part, _PartRows(self._mapping, self._writer)
        with closing(part):
            part.finish()
        self.columns = part.all_columns
        # The last line may have been given an end.
        return self._writer.cut(self.columns, Delimiter.COMMA, min(self._offset, self._end_byte))


class _PartRows:
    """The rows of one part, each written once with the columns known by then; what later rows add is commas.

    They go to the part as they come, so that ending it takes no time, and wait in a spool besides: if a column comes
    late, the part is begun anew, at once as long as it is small, otherwise once when it ends: however often that
    happens, little more is written than the part twice.
    """

    def __init__(self, mapping: FieldMapping, writer: PartWriter) -> None:
        self._limits = writer.limits
        self._writer = writer
        self._constants = tuple(mapping.constants)
        self._suffix = ("," + write_row(constant_cells(mapping))[:-1]).encode() if mapping.constants else b""
        self._columns: list[str] = []
        self._shape: tuple[str, ...] = ()
        self._positions: dict[str, int] = {}
        # The columns of what the part holds.
        self._written: tuple[str, ...] = ()
        self._spool = writer.spool()
        self._held = bytearray()
        # Of the CSV as it would be now; every name of the header comes with what stands behind it.
        self._size = sum(len(name) + 1 for name in self._constants)
        # Offsets from which on rows have that many columns.
        self._widths: list[tuple[int, int]] = []
        self.rows = 0
        """How many there are."""

    @property
    def all_columns(self) -> tuple[str, ...]:
        """The columns, those of constants last."""
        return (*self._columns, *self._constants)

    def add(self, cells: Cells, row: int) -> bool:
        """Add a row, or return False if the part does not hold it as well.

        Args:
            cells: Its cells.
            row: Its number.

        Raises:
            errors.InvalidData: No part holds it, or no field does.

        """
        fresh, texts = self._arrange(cells)
        width = len(self._columns) + len(fresh)
        record = _encode(texts, width, row)
        size = self._size + len(record) + len(self._suffix)
        if fresh:
            # Their names, and a comma for each in the rows so far.
            size += sum(map(len, fresh)) + len(fresh) * (self.rows + 1)
        is_too_wide = width + len(self._constants) > MAX_COLUMNS
        if size > self._limits.size_bytes or self.rows == self._limits.rows or is_too_wide:
            if self.rows:
                return False
            raise errors.InvalidData(f"row {row} is larger than a part of the load may be", row=row)
        if fresh:
            self._widths.append((self._spool.size + len(self._held), width))
            for name in fresh:
                self._positions[name] = self._positions[name.lower()] = len(self._columns)
                self._columns.append(name)
            self._shape = tuple(self._columns)
        self._size = size
        self._held += record
        self.rows += 1
        if len(self._held) > CHUNK_BYTES:
            self._flush()
        return True

    def finish(self) -> None:
        """Write what the part does not hold yet."""
        self._flush()
        if self._written != self._shape:
            self._write_anew()

    def close(self) -> None:
        """Free the rows."""
        self._spool.close()

    def _flush(self) -> None:
        rows = bytes(self._held)
        self._held.clear()
        self._spool.write(rows)
        if self._written == self._shape:
            self._write(rows, self._row_end(len(self._columns)))
        elif self._size <= _REWRITTEN_BYTES:
            self._write_anew()

    def _write_anew(self) -> None:
        """Write the header and all rows with all columns."""
        self._writer.restart()
        self._writer.write((",".join(self.all_columns) + "\n").encode())
        ends = [start for start, _ in self._widths[1:]] + [self._spool.size]
        for (start, width), end in zip(self._widths, ends, strict=True):
            for chunk in self._spool.chunks(start, end):
                self._write(chunk, self._row_end(width))
        self._written = self._shape

    def _write(self, rows: bytes, row_end: bytes) -> None:
        # A chunk of the shortest rows would become thousands of times as large.
        step = max(CHUNK_BYTES // len(row_end), 1)
        for at in range(0, len(rows), step):
            piece = rows[at : at + step]
            self._writer.write(piece.replace(_ROW_END, row_end), piece.count(_ROW_END))

    def _row_end(self, width: int) -> bytes:
        return b"," * (len(self._columns) - width) + self._suffix + b"\n"

    def _arrange(self, cells: Cells) -> tuple[Sequence[str], list[str]]:
        """Return the columns that a row adds, and its cells in the order of all, up to its last one.

        Columns behind its last key are left out: a short row in a wide table must not cost what the table does.
        """
        names, given = cells
        if names == self._shape:
            return (), given
        positions = self._positions
        fresh: list[str] = []
        texts: list[str] = []
        for name, text in zip(names, given, strict=True):
            position = positions.get(name)
            if position is None:
                position = positions.get(name.lower())
            if position is None:
                position = len(self._columns) + len(fresh)
                fresh.append(name)
            if position >= len(texts):
                texts.extend([""] * (position + 1 - len(texts)))
            texts[position] = text
        return fresh, texts


def _encode(cells: list[str], width: int, row: int) -> bytes:
    try:
        text = write_row(cells, width=width).encode()
    except UnicodeEncodeError:
        raise errors.InvalidData(f"row {row} holds half of a surrogate pair", row=row) from None
    if _ROW_END in text:
        raise errors.InvalidData(f"row {row} holds a NUL character, which no field can store", row=row)
    return text[:-1] + _ROW_END
