"""The data of a second pass: keys and references of the rows that the first pass has written."""

import csv
import os
from array import array
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path

from service.cli.bulk.failed_rows import COLUMNS
from service.cli.bulk.result_form import lines_of
from service.cli.bulk.sources import Source, delimiter_of, rows_of

_NULL = "#N/A"
_ROW = COLUMNS.index("row")


def failed_numbers(failures: Path) -> bytearray:
    """Return a flag for each row, by its number, that says whether it was not written.

    Raises:
        ValueError: The file holds no results.
        OSError: It cannot be read.

    """
    flags = bytearray()
    if not failures.exists():
        return flags
    lines = lines_of(failures)
    next(lines)
    for line in lines:
        number = int(line[_ROW] or 0)
        if number >= len(flags):
            flags.extend(bytes(number + 1 - len(flags)))
        flags[number] = 1
    return flags


class SecondPass:
    """Takes what a second pass loads out of a file.

    Args:
        source: The file.
        columns: Salesforce's names of what is loaded: what finds records, and references.
        failures: Where the rows are that the first pass did not write.

    """

    def __init__(self, source: Source, columns: Sequence[str], failures: Path) -> None:
        self._source = source
        self._failures = failures
        self._constants = [name for name in source.constants if name in columns]
        self.columns = [name for name in columns if name not in self._constants]
        """Those that the data has."""
        self.numbers = array("I")
        """The numbers of the rows in the file, once they were read."""

    def write(self, path: Path) -> None:
        """Put the rows in a file, whole or not at all.

        Raises:
            ValueError: A row cannot be read.
            OSError: A file cannot be read or written.

        """
        draft = path.with_name(f"{path.name}.new")
        with draft.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.columns)
            writer.writerows(self._rows())
            _settle(file)
        draft.replace(path)

    def count(self) -> None:
        """Find the numbers of the rows alone, for a file that is there."""
        for _ in self._rows():
            pass

    def _rows(self) -> Iterator[list[str]]:
        source, failed = self._source, failed_numbers(self._failures)
        self.numbers = array("I")
        rows = rows_of(Path(source.file), delimiter_of(source))
        header = [source.target(column).lower() for column in next(rows)]
        places = [header.index(column.lower()) for column in self.columns]
        key = source.key_field.lower()
        references = [at for at, column in enumerate(self.columns) if column.lower() != key]
        for number, row in enumerate(rows, 1):
            cells = [_NULL if row[place] == source.null_text else row[place] for place in places]
            is_written = number >= len(failed) or not failed[number]
            if is_written and (self._constants or any(cells[at] for at in references)):
                self.numbers.append(number)
                yield cells


def _settle(file: TextIOWrapper) -> None:
    file.flush()
    os.fsync(file.fileno())
