"""The rows of a part of a bulk result, read as they are wanted (RFC 4180)."""

import csv
from collections.abc import Container, Iterator, Sequence
from io import TextIOWrapper
from itertools import chain, islice, repeat
from typing import IO

from service.errors import UpstreamProtocolError
from service.query.columns import ResultColumn

_SKIPPED_AT_ONCE = 2_000
_MOST_CHARACTERS = 2_097_152
"""Characters from which on no further row is taken: rows can have megabytes each, and a batch of them is in memory."""


class CsvRows:
    """Reads CSV from its header on, as far as rows are taken.

    The header may have the columns in another order. A part without any byte has no rows.

    Args:
        part: UTF-8. A line end within quotes belongs to the cell, whatever it is.
        columns: The columns of the result, at least one.
        unnamed: Indexes of the columns whose names in the header are not known.

    Raises:
        UpstreamProtocolError: It is not CSV, or has other columns.

    """

    def __init__(self, part: IO[bytes], columns: Sequence[ResultColumn], unnamed: Container[int] = ()) -> None:
        self._text = TextIOWrapper(part, encoding="utf-8", newline="")
        self._characters = 0
        """Of the lines that the rows at hand are made of."""
        self._lines = self._counted()
        self._width = len(columns)
        self._order: list[int] | None = None
        header = self._read([], 1)
        if header:
            self._order = _order([cells[0] for cells in header], columns, unnamed)

    def take(self, count: int) -> Sequence[Sequence[str]]:
        """Return the cells of each column for the next rows; nothing behind the last row.

        Args:
            count: How many rows at most; there may be fewer although others follow.

        Raises:
            UpstreamProtocolError: It is not CSV in UTF-8, or a row has too many or too few cells.

        """
        if count == 0:
            return ()
        self._characters = 0
        lines: list[str] = []
        try:
            for line in islice(self._lines, count):
                lines.append(line)
                if self._characters >= _MOST_CHARACTERS:
                    break
        except UnicodeDecodeError as error:
            raise _unreadable(error) from error
        cells = _split(lines, self._width) or self._read(lines, count)
        return cells if self._order is None or not cells else [cells[index] for index in self._order]

    def skip(self, count: int) -> int:
        """Pass over rows and return how many there were, no more than so many."""
        left = count
        while left and (cells := self.take(min(left, _SKIPPED_AT_ONCE))):
            left -= len(cells[0])
        return count - left

    def _counted(self) -> Iterator[str]:
        for line in self._text:
            self._characters += len(line)
            yield line

    def _read(self, lines: Sequence[str], count: int) -> Sequence[Sequence[str]]:
        """Read any CSV, from lines on that were taken already: as many rows have at least as many lines."""
        reader = csv.reader(chain(lines, self._lines), strict=True)
        rows: list[list[str]] = []
        try:
            for row in islice(reader, count):
                rows.append(row)
                if self._characters >= _MOST_CHARACTERS and reader.line_num >= len(lines):
                    break
            if self._width == 1:
                # A row whose only cell is empty may be an empty line.
                rows = [row or [""] for row in rows]
            cells = list(zip(*rows, strict=True))
        except (csv.Error, ValueError) as error:
            raise _unreadable(error) from error
        if cells and len(cells) != self._width:
            raise UpstreamProtocolError(f"a bulk result has {len(cells)} columns instead of {self._width}")
        return cells


def _split(lines: Sequence[str], width: int) -> Sequence[Sequence[str]] | None:
    """Return the cells of lines whose every cell is quoted and has neither quotes nor line ends; None for others.

    Salesforce quotes every cell, and most hold nothing special: a reader of CSV takes three times as long. Each quote
    stands in a separator then, which is looked for afterwards, so that no other text is ever split.
    """
    text = "".join(lines)
    if len(text) < 3 or text[0] != '"' or text[-2:] != '"\n':  # noqa: PLR2004 - two quotes and a line end
        return None
    if set(map(str.count, lines, repeat('","'))) != {width - 1}:
        return None
    cells = text[1:-2].replace('"\n"', '","').split('","')
    if len(cells) != width * text.count("\n") or '"' in "".join(cells):
        return None
    return [cells[index::width] for index in range(width)]


def _order(header: Sequence[str], columns: Sequence[ResultColumn], unnamed: Container[int]) -> list[int] | None:
    """Return where the cell of each column stands; None if they stand in order.

    Salesforce keeps the order of SELECT (from v50.0 on) and spells plain fields as they are; what it calls the value of
    a function is not documented.
    """
    wanted = [column.name.lower() for column in columns]
    found = [name.lower() for name in header]
    if len(found) != len(wanted):
        raise UpstreamProtocolError(f"a bulk result has {len(found)} columns instead of {len(wanted)}")
    if all(name == column or index in unnamed for index, (name, column) in enumerate(zip(found, wanted, strict=True))):
        return None
    if sorted(found) != sorted(wanted):
        raise UpstreamProtocolError("a bulk result has other columns than were asked for")
    return [found.index(name) for name in wanted]


def _unreadable(error: Exception) -> UpstreamProtocolError:
    return UpstreamProtocolError(f"a part of a bulk result cannot be read as CSV: {_why(error)}")


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if "field larger" in str(error):
        return f"a cell has more than {csv.field_size_limit():,} characters; read it by REST"
    return "a row is cut off or its quotes do not match"
