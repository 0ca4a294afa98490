"""The forms in which rows are written."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sluicegate import Batch

from service.cli.query.cells import to_text
from service.cli.query.places import Place

_WHOLE = 18
"""Texts up to this length, ids and numbers among them, are never cut; where not all fit, a line holds one cell."""
_BETWEEN = 3


class Writer(Protocol):
    """Writes rows in one form."""

    def batch(self, batch: Batch) -> None:
        """Write the rows of a batch."""


class CsvWriter:
    """Comma-separated values (RFC 4180) with a head.

    Args:
        place: Where they go.
        has_head: Whether the head is there already.

    """

    def __init__(self, place: Place, *, has_head: bool) -> None:
        self._place = place
        self._has_head = has_head

    def batch(self, batch: Batch) -> None:
        """Write the rows of a batch."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if not self._has_head and batch.columns:
            writer.writerow(batch.columns)
            self._has_head = True
        columns = [list(map(to_text, values)) for values in batch.columns.values()]
        writer.writerows(zip(*columns, strict=True))
        self._place.write(text.getvalue().encode())


class TableWriter:
    """A table that fits the terminal; where the columns do not, a line for each cell.

    Args:
        place: Where it goes.
        width: How many columns the terminal has.

    """

    def __init__(self, place: Place, width: int) -> None:
        self._place = place
        self._width = width

    def batch(self, batch: Batch) -> None:
        """Write the rows of a batch, under a head of their own."""
        if not batch.columns:
            self._place.write(f"{batch.total_size}\n".encode())
            return
        paper = io.StringIO()
        console = Console(file=paper, width=self._width, no_color=True, _environ={})
        columns = {name: [_plain(to_text(value)) for value in values] for name, values in batch.columns.items()}
        longest = {name: max(map(cell_len, (_plain(name), *texts))) for name, texts in columns.items()}
        widths = _widths(longest, self._width - _BETWEEN * len(columns))
        if widths is None:
            _write_cells(console, columns, batch)
        else:
            console.print(_table(batch.columns, columns, widths))
        lines = [line.rstrip() for line in paper.getvalue().splitlines()]
        self._place.write("".join(f"{line}\n" for line in lines).encode())


class JsonWriter:
    """JSON: a line for each row, or an array of them.

    Args:
        place: Where it goes.
        is_array: Whether it is an array.

    """

    def __init__(self, place: Place, *, is_array: bool) -> None:
        self._place = place
        self._is_array = is_array
        self._has_rows = place.size > 0
        """An array that goes on has at least one row: without any there is nothing to go on behind."""

    def lines(self, lines: bytes) -> None:
        """Write lines as the service sends them."""
        if not self._is_array or not lines:
            self._place.write(lines)
            return
        # No line feed stands inside of a line: JSON writes those of texts as `\n`.
        self._place.write((b",\n" if self._has_rows else b"[\n") + lines[:-1].replace(b"\n", b",\n"))
        self._has_rows = True

    def end(self) -> None:
        """Make it whole."""
        if self._is_array:
            self._place.write(b"\n]\n" if self._has_rows else b"[]\n")


def _widths(longest: Mapping[str, int], room: int) -> dict[str, int] | None:
    """Return how wide each column is; None if not all can be read side by side."""
    widths = {name: min(_WHOLE, length) for name, length in longest.items()}
    left = room - sum(widths.values())
    if left < 0:
        return None
    # What lacks least goes first, so that as few columns as possible are cut.
    lacking = sorted(longest, key=lambda name: longest[name] - widths[name])
    for number, name in enumerate(lacking):
        more = min(longest[name] - widths[name], left // (len(lacking) - number))
        widths[name] += more
        left -= more
    return widths


def _table(
    values: Mapping[str, Sequence[object]], columns: Mapping[str, Sequence[str]], widths: Mapping[str, int]
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        is_number = any(isinstance(value, int | float) and not isinstance(value, bool) for value in values[name])
        side: Literal["left", "right"] = "right" if is_number else "left"
        head = Text(_plain(name))
        table.add_column(head, justify=side, width=widths[name], no_wrap=True, overflow="ellipsis")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*map(Text, row))
    return table


def _write_cells(console: Console, columns: dict[str, list[str]], batch: Batch) -> None:
    for number in range(batch.row_count):
        table = Table(box=None, show_header=False, pad_edge=False, title=f"row {batch.first_row + number + 1}")
        table.title_justify = "left"
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, texts in columns.items():
            if texts[number]:
                table.add_row(Text(_plain(name)), Text(texts[number]))
        console.print(table)
        console.print()


def _plain(text: str) -> str:
    """Return a text without what would move the terminal's cursor."""
    return "".join(character if character.isprintable() else "⏎" if character == "\n" else "?" for character in text)
