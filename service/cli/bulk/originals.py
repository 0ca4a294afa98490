"""The rows of a load's data as they stand there, to be put beside what became of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.bulk.data.columns import RESULT_COLUMNS
from service.cli.bulk.result_form import MARK, Form
from service.cli.bulk.sources import delimiter_in, rows_of

_LONGEST_BEGIN = 65_536


@dataclass(frozen=True, slots=True)
class Originals:
    """The data of a load."""

    data: Path
    is_json: bool = False
    """Whether it is JSON Lines, of which each comes whole, as a single cell."""
    delimiter: str | None = None
    """The name of what stands between the cells of CSV; None if it is to be found."""
    line_end: str | None = None
    """How its rows must end, `lf` or `crlf`; None if either way."""
    numbers: Sequence[int] | None = None
    """Numbers that rows are told by, ascending, at the place of each row; None for those from 1 on."""

    def form(self) -> Form:
        """Return how the results have to be written to be loaded as the data was.

        Raises:
            OSError: The data cannot be read.

        """
        with self.data.open("rb") as file:
            begin = file.read(_LONGEST_BEGIN)
        delimiter = "," if self.is_json else delimiter_in(self.data, self.delimiter)
        first = begin.partition(b"\n")[0]
        is_crlf = self.line_end == "crlf" or (self.line_end is None and first.endswith(b"\r"))
        return Form(delimiter, "\r\n" if is_crlf else "\n", has_mark=begin.startswith(MARK))

    def columns(self) -> list[str]:
        """Return the names of the columns of CSV, but for those that hold results of a load before.

        Raises:
            ValueError: The data has no header.
            OSError: It cannot be read.

        """
        return [name for name in self._header() if name not in RESULT_COLUMNS]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of each row and its cells in those columns.

        Raises:
            ValueError: A row cannot be read.
            OSError: The data cannot be read.

        """
        cells = self._lines() if self.is_json else self._cells()
        yield from zip(self.numbers, cells, strict=False) if self.numbers is not None else enumerate(cells, 1)

    def _header(self) -> list[str]:
        header = next(rows_of(self.data, delimiter_in(self.data, self.delimiter)), None)
        if header is None:
            raise ValueError(f"{self.data.name} is empty")
        return header

    def _cells(self) -> Iterator[list[str]]:
        kept = [at for at, name in enumerate(self._header()) if name not in RESULT_COLUMNS]
        rows = rows_of(self.data, delimiter_in(self.data, self.delimiter))
        next(rows, None)
        for row in rows:
            yield [row[at] for at in kept if at < len(row)]

    def _lines(self) -> Iterator[list[str]]:
        with self.data.open(encoding="utf-8-sig", newline="\n") as file:
            for line in file:
                if text := line.strip(" \t\r\n"):
                    yield [text]
