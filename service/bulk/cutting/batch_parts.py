"""Batches of columns cut into parts: rows that came out of a query go in again."""

from collections.abc import Iterator, Sequence

from service import errors
from service.bulk.cutting.parts import Part, PartLimits, PartWriter, Position, WithoutHeader, batch_of
from service.bulk.data.batches import CellColumn, RowColumns, check_batch, texts_of
from service.bulk.data.cells import quoted_cell, write_row
from service.bulk.data.columns import MAX_CELL_CHARACTERS, MAX_ROW_CHARACTERS, check_lengths
from service.bulk.data.dialect import Delimiter
from service.bulk.data.mapping import NULL, Arrangement, FieldMapping, arrange
from service.bulk.data.spool import SpoolFiles

_CELLS_AT_A_TIME = 20_000
_BYTES_AT_A_TIME = 2 * 1024 * 1024
"""Of constants, which may be much longer than what comes."""
_SPECIAL = ('"', "\r", "\n", ",")


class BatchSplitter(WithoutHeader):
    """Cuts batches into parts; see `service.bulk.cutting.parts.Splitter`.

    Where a part ends has nothing to do with where a batch does. To go on from a `Position`, the rows from its `row` on
    are sent, in batches of any size. Of a batch a few rows at a time are written: it takes up much more as text.

    Args:
        mapping: What becomes of the columns.
        limits: How large a part may be.
        start: Where to go on.
        files: See `PartWriter`.

    """

    def __init__(
        self, mapping: FieldMapping, limits: PartLimits, start: Position, files: SpoolFiles | None = None
    ) -> None:
        self._mapping = mapping
        self._writer = PartWriter(limits, start, files)
        self._names: tuple[str, ...] = ()
        self._arrangement: Arrangement | None = None
        self._header = b""
        self._suffix = ""
        self.columns: tuple[str, ...] = ()
        """Salesforce's names of the columns; empty until the first batch has come."""

    @property
    def position(self) -> Position:
        """How far the data has been read."""
        return self._writer.end

    def feed(self, data: bytes | RowColumns) -> Iterator[Part]:
        """Take a batch, and yield the parts that are complete."""
        batch = batch_of(data)
        row = self._writer.end.row
        arrangement = self._arrange(batch, row)
        if not batch.row_count:
            return
        step = self._rows_at_a_time(len(batch.columns))
        for start in range(0, batch.row_count, step):
            slices = [column.rows(start, start + step) for column in batch.columns]
            yield from self._take(self._rows(slices, arrangement, self._writer.end.row))

    def finish(self) -> Iterator[Part]:
        """Yield the last part, if any row is left."""
        if self._writer.has_begun:
            yield self._cut()

    def close(self) -> None:
        """Free what is held, but for parts that were yielded."""
        self._writer.close()

    def _rows_at_a_time(self, width: int) -> int:
        """Return how many rows make a few megabytes at most, whatever is in them."""
        return max(1, min(_CELLS_AT_A_TIME // width, _BYTES_AT_A_TIME // (len(self._suffix) + 1)))

    def _take(self, rows: Sequence[str]) -> Iterator[Part]:
        """Take rows, half of them at a time where the part does not hold them all."""
        text = _encoded(rows, self._writer.end.row)
        fits = len(rows) <= self._writer.rows_left and len(text) <= self._writer.room(len(self._header))
        if not fits and len(rows) > 1:
            middle = len(rows) // 2
            yield from self._take(rows[:middle])
            yield from self._take(rows[middle:])
            return
        if not fits:
            if self._writer.has_begun:
                yield self._cut()
            if len(text) > self._writer.room(len(self._header)):
                row = self._writer.end.row
                raise errors.InvalidData(f"row {row} is larger than a part of the load may be", row=row)
        self._write(text, len(rows))

    def _arrange(self, batch: RowColumns, row: int) -> Arrangement:
        """Return where the cells of a batch go, after checking that it has the columns of those before it."""
        names = tuple(column.name for column in batch.columns)
        if self._arrangement is None:
            if not names:
                raise errors.InvalidData("the batch has no columns; send at least one", row=0)
            self._names, self._arrangement = names, arrange(names, self._mapping)
            self.columns = self._arrangement.columns
            self._header = (",".join(self.columns) + "\n").encode()
            constants = self._arrangement.constants
            self._suffix = "," + write_row(constants)[:-1] if constants else ""
        elif names != self._names:
            raise errors.InvalidData(
                f"the batch that begins with row {row} has other columns than the first one", row=row
            )
        check_batch(batch, row)
        return self._arrangement

    def _rows(self, columns: Sequence[CellColumn], arrangement: Arrangement, row: int) -> list[str]:
        """Return the lines of some rows, made column by column: only cells that need quotes are looked at alone."""
        kept = columns if arrangement.kept is None else [columns[at] for at in arrangement.kept]
        cells = [texts_of(column, NULL, row) for column in kept]
        null_text = self._mapping.null_text
        if null_text is not None:
            cells = [[NULL if text == null_text else text for text in column] for column in cells]
        _check_lengths(cells, row)
        for at, column in enumerate(cells):
            together = "".join(column)
            if any(special in together for special in _SPECIAL):
                cells[at] = [quoted_cell(text, Delimiter.COMMA) for text in column]
        if len(cells) == 1 and not self._suffix:
            # A line without anything would be no row at all.
            cells = [[text or '""' for text in cells[0]]]
        end = f"{self._suffix}\n"
        return [line + end for line in map(",".join, zip(*cells, strict=True))]

    def _write(self, text: bytes, rows: int) -> None:
        if not self._writer.has_begun:
            self._writer.write(self._header)
        self._writer.write(text, rows)

    def _cut(self) -> Part:
        return self._writer.cut(self.columns, Delimiter.COMMA, 0)


def _check_lengths(cells: Sequence[Sequence[str]], row: int) -> None:
    longest = [max(map(len, column)) for column in cells]
    if max(longest) > MAX_CELL_CHARACTERS or sum(longest) > MAX_ROW_CHARACTERS:
        for at, texts in enumerate(zip(*cells, strict=True)):
            check_lengths(texts, row=row + at)


def _encoded(lines: Sequence[str], row: int) -> bytes:
    """Return lines as bytes.

    Raises:
        errors.InvalidData: One holds a NUL character or half of a surrogate pair.

    """
    text = "".join(lines)
    try:
        if "\0" not in text:
            return text.encode()
        problem = "a NUL character, which no field can store"
        at = next(at for at, line in enumerate(lines) if "\0" in line)
    except UnicodeEncodeError:
        problem = "half of a surrogate pair"
        at = next(at for at, line in enumerate(lines) if any("\ud800" <= each <= "\udfff" for each in line))
    raise errors.InvalidData(f"row {row + at} holds {problem}", row=row + at)
