"""Columns left out of blocks of CSV whose rows are known to be whole."""

import csv
from collections.abc import Callable, Iterable, Sequence
from io import StringIO
from itertools import repeat
from operator import concat, itemgetter, methodcaller
from typing import Any

from service.bulk.data.dialect import Delimiter

_LF = b"\n"


class ColumnChoice:
    """Keeps some columns, without a step of Python for single rows.

    Args:
        kept: Positions of the cells that stay, ascending.
        delimiter: What stands between cells.

    """

    def __init__(self, kept: Sequence[int], delimiter: Delimiter) -> None:
        self._kept = kept
        self._delimiter = delimiter
        self._split = methodcaller("split", delimiter.value)
        # Of one position it would return the cell alone.
        self._cells: Callable[[Any], Any] = (
            itemgetter(*kept) if len(kept) > 1 else itemgetter(slice(kept[0], kept[0] + 1))
        )

    def plain(self, text: bytes) -> bytes:
        """Return rows without quotes, which end in LF, with the kept cells; one that is left empty is an empty line."""
        rows = map(self._cells, map(self._split, text.removesuffix(_LF).split(_LF)))
        return _LF.join(map(self._delimiter.value.join, rows)) + _LF

    def quoted(self, text: bytes, constants: Sequence[str]) -> bytes:
        """Return rows with quotes, which end in LF and hold no CR, with the kept cells and constants.

        Cells are in quotes exactly where `service.bulk.data.cells.write_row` has them so.
        """
        reader = csv.reader(StringIO(text.decode(), newline="\n"), strict=True, delimiter=self._delimiter.text)
        rows: Iterable[Sequence[str]] = map(self._cells, reader)
        if constants:
            rows = map(concat, map(list, rows), repeat(list(constants)))
        written = StringIO(newline="")
        csv.writer(written, delimiter=self._delimiter.text, lineterminator="\n").writerows(rows)
        return written.getvalue().encode()
