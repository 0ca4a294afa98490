"""What became of rows, as a file of CSV: as a rule of those that were not written, with the reasons."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sluicegate import BulkPart, RowResult

from service.cli.failures import naming

COLUMNS = ("row", "key", "part", "outcome", "reason", "salesforce_code", "fields", "message", "record_id")


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
        draft = self._path.with_name(f"{self._path.name}.new")
        place = COLUMNS.index("part")
        with (
            naming(draft),
            self._path.open(encoding="utf-8", newline="") as before,
            draft.open("w", encoding="utf-8", newline="") as after,
        ):
            writer = csv.writer(after)
            lines = csv.reader(before)
            if next(lines, None) != list(COLUMNS):
                draft.unlink()
                raise ValueError(f"{self._path} is not the results of a load; name another with --failures")
            for line in lines:
                # A crash may have cut the last line.
                if len(line) == len(COLUMNS) and line[place] in done:
                    if not self.count:
                        writer.writerow(COLUMNS)
                    writer.writerow(line)
                    self.count += 1
            _settle(after)
        if self.count:
            draft.replace(self._path)
        else:
            draft.unlink()
            self._path.unlink()

    def add(self, rows: Sequence[RowResult]) -> None:
        """Write rows; they are on the disk when this returns.

        Raises:
            OSError: They cannot be written.

        """
        with naming(self._path), self._path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if not file.tell():
                writer.writerow(COLUMNS)
            writer.writerows(map(cells, map(self._told, rows)))
            _settle(file)
        self.count += len(rows)

    def _told(self, row: RowResult) -> RowResult:
        return row if self._numbers is None or not row.row else replace(row, row=self._numbers[row.row - 1])


def _settle(file: io.TextIOWrapper) -> None:
    file.flush()
    os.fsync(file.fileno())
