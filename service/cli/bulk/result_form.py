"""How a file of results is written, found in its first line, and its lines."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.bulk.data.columns import RESULT_COLUMNS

MARK = b"\xef\xbb\xbf"
"""What spreadsheets put before UTF-8 (the Unicode Standard, 23.8), and need to take it for that."""
_FIRST = RESULT_COLUMNS[0].encode()


@dataclass(frozen=True, slots=True)
class Form:
    """How CSV is written."""

    delimiter: str = ","
    line_end: str = "\n"
    has_mark: bool = False
    """Whether a byte order mark comes first."""

    @property
    def encoding(self) -> str:
        """Python's name for it, to write a file from its begin."""
        return "utf-8-sig" if self.has_mark else "utf-8"


def form_of(path: Path) -> Form:
    """Return how a file of results is written.

    Raises:
        ValueError: It is none.
        OSError: It cannot be read.

    """
    with path.open("rb") as file:
        first = file.readline(65_536)
    begin = first.removeprefix(MARK)
    if not begin.startswith(_FIRST):
        raise ValueError(f"{path} is not the results of a load; name another with --failures")
    delimiter = begin[len(_FIRST) :][:1].decode("latin-1")
    return Form(delimiter, "\r\n" if first.endswith(b"\r\n") else "\n", has_mark=first.startswith(MARK))


def lines_of(path: Path) -> Iterator[list[str]]:
    """Yield the header of a file of results and its lines, as cells; results first, then the row's own.

    Raises:
        ValueError: It is no such file.
        OSError: It cannot be read.

    """
    form = form_of(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=form.delimiter)
        try:
            header = next(reader)
            if header[: len(RESULT_COLUMNS)] != list(RESULT_COLUMNS):
                raise ValueError(f"{path} is not the results of a load; name another with --failures")
            yield header
            yield from reader
        except csv.Error as error:
            raise ValueError(f"{path}, line {reader.line_num}: {error}") from None
