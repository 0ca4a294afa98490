"""Rows as tables for people."""

import io
from collections.abc import Mapping, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sluicegate import Batch

from service.cli.query.cells import to_line, to_text
from service.cli.query.places import Place

_WHOLE = 18
"""Texts up to this length, ids and numbers among them, are never cut; where not all fit, a line holds one cell."""
_BETWEEN = 3
_NUMBERS = frozenset({"int64", "double", "decimal"})


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
        paper = io.StringIO()
        console = Console(file=paper, width=self._width, no_color=True, _environ={})
        columns = {
            to_line(name): [to_line(to_text(value)) for value in values] for name, values in batch.columns.items()
        }
        longest = {name: max(map(cell_len, (name, *texts))) for name, texts in columns.items()}
        widths = _widths(longest, self._width - _BETWEEN * len(columns))
        if widths is None:
            _write_cells(console, columns, batch)
        else:
            numbers = {to_line(column.name) for column in batch.descriptions if column.type in _NUMBERS}
            console.print(_table(columns, widths, numbers))
        lines = [line.rstrip() for line in paper.getvalue().splitlines()]
        self._place.write("".join(f"{line}\n" for line in lines).encode())

    def count(self, number: int) -> None:
        """Write the number alone."""
        self._place.write(f"{number}\n".encode())

    def end(self) -> None:
        """Do nothing: each batch is a table."""


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


def _table(columns: Mapping[str, Sequence[str]], widths: Mapping[str, int], numbers: set[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        justify = "right" if name in numbers else "left"
        table.add_column(Text(name), justify=justify, width=widths[name], no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    for row in zip(*columns.values(), strict=True):
        table.add_row(*map(Text, row))
    return table


def _write_cells(console: Console, columns: Mapping[str, Sequence[str]], batch: Batch) -> None:
    for number in range(batch.row_count):
        table = Table(box=None, show_header=False, pad_edge=False, title=f"row {batch.first_row + number + 1:,}")
        table.title_justify = "left"
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, texts in columns.items():
            if texts[number]:
                table.add_row(Text(name), Text(texts[number]))
        console.print(table)
        console.print()
