"""Blocks of whole CSV records, checked and made ready for Salesforce without looking at single rows where that can be.

Sources: RFC 4180; Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files".

What a row becomes depends on that row alone, never on the rows that it shares a block with: the same data is uploaded
byte by byte the same however it arrives.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from operator import methodcaller

from service.bulk.cutting import csv_faults
from service.bulk.cutting.csv_choice import ColumnChoice
from service.bulk.data.cells import write_row
from service.bulk.data.columns import MAX_CELL_CHARACTERS, check_lengths
from service.bulk.data.dialect import Delimiter, LineEnd
from service.bulk.data.mapping import NULL, Arrangement

_QUOTE, _LF, _NUL = b'"', b"\n", b"\0"
_LONE_CR = re.compile(rb"\r(?!\n)")
_EMPTY_LINE = b"\n\n"
_NULL = NULL.encode()
# Quotes that touch other text. Both begin with the quote, so that little else is looked at; where quotes are dense,
# looking at everything is faster.
_TEXT_BEHIND, _TEXT_BEFORE = re.compile(rb'"x'), re.compile(rb'"(?<=x")')
_DENSE = 4


class CsvBlocks:
    """Makes Salesforce's CSV of the caller's rows.

    Args:
        width: Cells of the caller's header.
        delimiter: What stands between cells, here and in the result.
        line_end: What must end a row; None takes both.
        arrangement: Where the cells go.
        null_text: The cells that mean null; None for none.

    """

    def __init__(
        self,
        width: int,
        delimiter: Delimiter,
        line_end: LineEnd | None,
        arrangement: Arrangement,
        null_text: str | None,
    ) -> None:
        self._width = width
        self._delimiter = delimiter
        self._line_end = line_end
        self._kept = arrangement.kept
        self._choice = None if arrangement.kept is None else ColumnChoice(arrangement.kept, delimiter)
        self._constants = arrangement.constants
        self._null_text = null_text
        self._null = None if null_text is None else null_text.encode()
        cell = delimiter.value
        self._is_by_row = null_text is not None and any(each in null_text for each in f'"\r\n{delimiter.text}')
        self._row_shape = cell * (width - 1) + _LF
        self._others = bytes(byte for byte in range(256) if byte not in cell + _LF)
        self._separators = methodcaller("count", _QUOTE + cell + _QUOTE)
        # Sorts bytes into delimiters, line ends, quotes and all others.
        self._kinds = bytes(byte if byte in cell + _LF + _QUOTE else ord("x") for byte in range(256))
        suffix = write_row(self._constants, delimiter)[:-1] if self._constants else ""
        self._suffix = (cell + suffix.encode()) if self._constants else b""
        between = re.escape(delimiter.text)
        self._raw_cell = re.compile(rf'"(?:[^"]|"")*"|[^"{between}]+|(?<![^{between}])')
        self._record = csv_faults.record_pattern(delimiter)

    @property
    def added_bytes(self) -> int:
        """How much longer constants make each row."""
        return len(self._suffix)

    def take(self, block: bytes, row: int) -> tuple[bytes, int]:
        """Return the CSV for Salesforce and the number of its rows.

        Args:
            block: Whole records, each with its line end. Empty lines are skipped.
            row: Number of the first row.

        Raises:
            errors.InvalidData: A row cannot be read.

        """
        if len(block) <= MAX_CELL_CHARACTERS and _NUL not in block and _is_utf8(block) and not self._is_by_row:
            taken = self._take_quoted(block) if _QUOTE in block else self._take_plain(block)
            if taken is not None:
                return taken
        return self._take_rows(csv_faults.decode(block, row), row)

    def _take_plain(self, block: bytes) -> tuple[bytes, int] | None:
        """Take rows without quotes, or none if one of them needs a closer look."""
        text = self._with_lf(block)
        if text is None:
            return None
        rows = self._count(text.translate(None, self._others), text)
        if not rows and (_EMPTY_LINE in text or text.startswith(_LF)):
            text = _without_empty_lines(text)
            if not text:
                return b"", 0
            rows = self._count(text.translate(None, self._others), text)
        if not rows:
            return None
        text = text if self._choice is None else self._choice.plain(text)
        return self._with_rows(self._edited(text, self._suffix)), rows

    def _take_quoted(self, block: bytes) -> tuple[bytes, int] | None:
        """Take rows with quotes likewise. What stands between quotes is cut out of them and put back at the end."""
        if self._choice is None and (rows := self._count_all_quoted(block)):
            return (block.replace(_LF, self._suffix + _LF) if self._suffix else block), rows
        pieces = block.split(_QUOTE)
        if not len(pieces) % 2:
            return None
        outside = _QUOTE.join(pieces[::2])
        frame = self._with_lf(outside)
        if frame is None or self._has_null(block):
            return None
        kinds = frame.translate(self._kinds)
        # A quote touches nothing but delimiters, line ends and the other quotes of its cell.
        is_dense = len(kinds) < _DENSE * len(pieces)
        if (
            (b'"x' in kinds or b'x"' in kinds)
            if is_dense
            else (_TEXT_BEHIND.search(kinds) or _TEXT_BEFORE.search(kinds))
        ):
            return None
        rows = self._count(kinds.translate(None, b'x"'), frame)
        if not rows:
            return None
        if self._choice is not None:
            # The writer of whole blocks puts no quotes around a carriage return.
            has_rest = b"\r" in block or b"\r" in self._suffix or self._null is not None
            return None if has_rest else (self._choice.quoted(block, self._constants), rows)
        # Constants may hold quotes themselves, so what marks their place goes in first.
        edited = self._edited(frame, _NUL if self._suffix else b"")
        if edited is outside:
            return block, rows
        pieces[::2] = edited.split(_QUOTE)
        return _QUOTE.join(pieces).replace(_NUL, self._suffix), rows

    def _count_all_quoted(self, block: bytes) -> int:
        """Return the number of rows, or 0 if not every cell is in quotes, or one holds a quote or a line end.

        As many quotes as there would be then, and as many separators of quoted cells, leave no quote for anything else.
        """
        if not (block.startswith(_QUOTE) and block.endswith(b'"\n')) or b"\r" in block:
            return 0
        rows = block.count(_LF)
        if block.count(_QUOTE) != 2 * self._width * rows or self._line_end is LineEnd.CRLF or self._has_null(block):
            return 0
        lines = block[1:-2].split(b'"\n"')
        return rows if len(lines) == rows and set(map(self._separators, lines)) == {self._width - 1} else 0

    def _has_null(self, block: bytes) -> bool:
        """Tell whether a cell in quotes may mean null."""
        return self._null is not None and _QUOTE + self._null + _QUOTE in block

    def _with_lf(self, text: bytes) -> bytes | None:
        """Return rows with LF for CRLF, or None if a line end is not what it should be."""
        if b"\r" not in text:
            return None if self._line_end is LineEnd.CRLF else text
        if self._line_end is LineEnd.LF or _LONE_CR.search(text):
            return None
        # To replace one byte by none takes an eighth of the time that replacing two by one does.
        rows = text.replace(b"\r", b"")
        if self._line_end is LineEnd.CRLF and len(text) - len(rows) != rows.count(_LF):
            return None
        return rows

    def _count(self, shape: bytes, text: bytes) -> int:
        """Return the number of rows, or 0 if one has too many cells or too few, or a line is empty.

        Args:
            shape: The delimiters and line ends of the rows.
            text: Where an empty line could be told from a row of one empty cell.

        """
        rows, rest = divmod(len(shape), self._width)
        if rest or shape != self._row_shape * rows:
            return 0
        return 0 if self._width == 1 and (b"\n\n" in text or text.startswith(_LF)) else rows

    def _edited(self, text: bytes, suffix: bytes) -> bytes:
        """Return rows with their nulls and constants; the very same if they stay as they are."""
        if self._null is not None:
            text = self._with_nulls(text, self._null)
        return text.replace(_LF, suffix + _LF) if suffix else text

    def _with_rows(self, text: bytes) -> bytes:
        """Return rows with quotes for those that nothing is left of: a line without anything would be no row."""
        if self._choice is None or not (b"\n\n" in text or text.startswith(_LF)):
            return text
        return _LF.join(line or b'""' for line in text.removesuffix(_LF).split(_LF)) + _LF

    def _with_nulls(self, text: bytes, null: bytes) -> bytes:
        """Replace whole cells. One pass leaves every second of several in a row, since two share a delimiter."""
        if null not in text:
            return text
        cell = self._delimiter.value
        text = _LF + text
        for begin, end in ((cell, cell), (cell, cell), (_LF, cell), (cell, _LF), (_LF, _LF), (_LF, _LF)):
            text = text.replace(begin + null + end, begin + _NULL + end)
        return text[1:]

    def _take_rows(self, text: str, row: int) -> tuple[bytes, int]:
        """Take rows one by one: what is wrong with one is found here."""
        written: list[str] = []
        for cells, record in self._rows(text, row):
            self._check(cells, record, row + len(written))
            written.append(self._write(cells, record))
        return "".join(written).encode(), len(written)

    def _rows(self, text: str, row: int) -> Iterator[tuple[list[str], str]]:
        # Lines are read one by one: a list of them would be a hundred times as large as a text of line ends.
        lines = StringIO(text, newline="\n")
        start = 0
        try:
            for cells in csv.reader(lines, strict=True, delimiter=self._delimiter.text):
                begin, start = start, lines.tell()
                if cells:
                    yield cells, text[begin:start]
                    row += 1
        except csv.Error as error:
            raise csv_faults.unreadable(error, row) from None

    def _check(self, cells: Sequence[str], record: str, row: int) -> None:
        if len(record) > MAX_CELL_CHARACTERS:
            check_lengths(cells, row=row)
        # A quote within a cell is rare enough to look at the whole record, and a stray one must not pass: Salesforce
        # would take it for the begin of a quoted cell.
        if any('"' in cell for cell in cells) and not self._record.fullmatch(record):
            raise csv_faults.stray_quote(row)
        if len(cells) != self._width:
            raise csv_faults.wrong_width(len(cells), self._width, row)
        _check_line_end(record, self._line_end, row)

    def _write(self, cells: list[str], record: str) -> str:
        if self._kept is not None:
            kept = [cells[position] for position in self._kept]
            if self._null_text is not None:
                kept = [NULL if cell == self._null_text else cell for cell in kept]
            return write_row([*kept, *self._constants], self._delimiter)
        line = record.removesuffix("\n").removesuffix("\r")
        if self._null_text is not None and self._null_text in cells:
            raw = self._raw_cell.findall(line)
            line = self._delimiter.text.join(
                NULL if cell == self._null_text else text for cell, text in zip(cells, raw, strict=True)
            )
        return f"{line}{self._suffix.decode()}\n"


def read_header(record: bytes, delimiter: Delimiter, line_end: LineEnd | None) -> list[str]:
    """Return the names in a header.

    Args:
        record: The header with its line end.
        delimiter: What stands between the names.
        line_end: What must end it; None takes both.

    Raises:
        errors.InvalidData: It cannot be read; row 0.

    """
    text = csv_faults.decode(record, 0)
    try:
        names = next(csv.reader(StringIO(text, newline="\n"), strict=True, delimiter=delimiter.text))
    except csv.Error as error:
        raise csv_faults.unreadable(error, 0) from None
    if '"' in text and not csv_faults.record_pattern(delimiter).fullmatch(text):
        raise csv_faults.stray_quote(0)
    _check_line_end(text, line_end, 0)
    return names


def _check_line_end(record: str, line_end: LineEnd | None, row: int) -> None:
    if line_end is not None and record.endswith("\r\n") != (line_end is LineEnd.CRLF):
        raise csv_faults.wrong_line_end(line_end, row)
    if record.endswith("\r\r\n"):
        # The reader takes them all for one line end; what is uploaded would keep one.
        raise csv_faults.unreadable(csv.Error("new-line character"), row)


def _without_empty_lines(text: bytes) -> bytes:
    """Return lines without those that are empty."""
    while _EMPTY_LINE in text:
        text = text.replace(_EMPTY_LINE, _LF)
    return text.removeprefix(_LF)


def _is_utf8(block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True
