"""What became of rows, as a file of CSV: as a rule of those that were not written, with the reasons."""

import csv
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sluicegate import BulkPart, RowResult

from service.bulk.data.columns import RESULT_COLUMNS
from service.cli.bulk.json_cells import cells_of
from service.cli.bulk.originals import Originals
from service.cli.bulk.result_form import Form, lines_of
from service.cli.bulk.row_order import in_order
from service.cli.failures import naming

COLUMNS = ("row", "key", "part", "outcome", "reason", "salesforce_code", "fields", "message", "record_id")
"""What is told of a row; in files, which may have columns of the data too, with `sluicegate_` before it."""
_WIDTH = len(COLUMNS)
_ROW, _PART = COLUMNS.index("row"), COLUMNS.index("part")
_PLAIN = Form()


def cells(row: RowResult) -> tuple[str, ...]:
    """Return a result as the cells of a line."""
    number = str(row.row) if row.row else ""
    fields = ";".join(row.fields)
    return (
        *(number, row.key, str(row.part), row.outcome, row.reason),
        *(row.salesforce_code, fields, row.message, row.record_id),
    )


class FailedRows:
    """Writes results to a file, which exists once there is one.

    They come in any order, so that their rows are put beside them when the load is over.

    Args:
        path: The file.
        numbers: Numbers that rows are told by, at the place of each row, for data that was made of other data.

    """

    def __init__(self, path: Path, numbers: Sequence[int] | None = None) -> None:
        self._path = path
        self._numbers = numbers
        self.count = 0
        """How many rows it holds."""

    def begin(self, parts: Sequence[BulkPart]) -> None:
        """Keep the rows of parts that are done, and drop the others: theirs are told again.

        Raises:
            ValueError: The file is another.
            OSError: It cannot be read or written.

        """
        done = {str(part.number) for part in parts if part.state == "done"}
        self.count = 0
        if not self._path.exists():
            return
        lines = lines_of(self._path)
        next(lines)
        # A crash may have cut the last line.
        kept = (line[:_WIDTH] for line in lines if len(line) >= _WIDTH and line[_PART] in done)
        self.count = self._replace(RESULT_COLUMNS, kept, _PLAIN)

    def add(self, rows: Sequence[RowResult]) -> None:
        """Write rows; they are on the disk when this returns.

        Raises:
            OSError: They cannot be written.

        """
        with naming(self._path), self._path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator=_PLAIN.line_end)
            if not file.tell():
                writer.writerow(RESULT_COLUMNS)
            writer.writerows(map(cells, map(self._told, rows)))
            _settle(file)
        self.count += len(rows)

    def finish(self, originals: Originals | None) -> None:
        """Put the results in the order of their rows, and beside each what its row has in the data.

        The file is then written as the data is, so that it can be mended and loaded like it. It is replaced whole or
        not at all, and finishing it once more changes nothing. Memory does not depend on how many results there are.

        Args:
            originals: The data; None if it is not kept.

        Raises:
            ValueError: The data cannot be read.
            OSError: A file cannot be read or written.

        """
        if not self.count:
            return
        if originals is None:
            self._replace(RESULT_COLUMNS, self._ordered(), _PLAIN)
        elif originals.is_json:
            # Which columns there are only the rows tell, so they are read twice.
            texts = (line[_WIDTH] for line in _beside(self._ordered(), originals, 1))
            names = dict.fromkeys(name for text in texts for name in cells_of(text))
            self._replace([*RESULT_COLUMNS, *names], self._spread(originals, names), originals.form())
        else:
            columns = originals.columns()
            beside = _beside(self._ordered(), originals, len(columns))
            self._replace([*RESULT_COLUMNS, *columns], beside, originals.form())

    def _ordered(self) -> Iterator[list[str]]:
        lines = lines_of(self._path)
        next(lines)
        return in_order((line[:_WIDTH] for line in lines if len(line) >= _WIDTH), _ROW, self._path.parent)

    def _spread(self, originals: Originals, names: Iterable[str]) -> Iterator[list[str]]:
        for line in _beside(self._ordered(), originals, 1):
            cells = cells_of(line[_WIDTH])
            yield [*line[:_WIDTH], *(cells.get(name, "") for name in names)]

    def _replace(self, header: Sequence[str], lines: Iterable[Sequence[str]], form: Form) -> int:
        """Write the file anew, or remove it if there are no lines; return how many there are."""
        draft = self._path.with_name(f"{self._path.name}.new")
        count = 0
        with naming(draft), draft.open("w", encoding=form.encoding, newline="") as file:
            writer = csv.writer(file, delimiter=form.delimiter, lineterminator=form.line_end)
            writer.writerow(header)
            for count, line in enumerate(lines, 1):  # noqa: B007 - counts them as well
                writer.writerow(line)
            _settle(file)
        if count:
            draft.replace(self._path)
        else:
            draft.unlink()
            self._path.unlink()
        return count

    def _told(self, row: RowResult) -> RowResult:
        return row if self._numbers is None or not row.row else replace(row, row=self._numbers[row.row - 1])


def _beside(lines: Iterable[list[str]], originals: Originals, width: int) -> Iterator[list[str]]:
    """Yield ordered lines with the cells of their rows, or empty ones for a line without number."""
    rows = originals.rows()
    at, row = 0, list[str]()
    for line in lines:
        number = int(line[_ROW] or 0)
        while at < number:
            at, row = next(rows, (sys.maxsize, []))
        yield [*line, *(row if number and at == number else [""] * width)]


def _settle(file: io.TextIOWrapper) -> None:
    file.flush()
    os.fsync(file.fileno())
