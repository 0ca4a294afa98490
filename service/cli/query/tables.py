"""Rows as tables for people."""

import io
from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text
from sluicegate import Batch

from service.cli.lines import to_line
from service.cli.query.cells import to_text
from service.cli.query.places import Place

_WHOLE = 18
"""Texts up to this length, ids and numbers among them, are never cut; where not all fit, a line holds one cell."""
_BETWEEN = "   "
_LEAST_NAME, _LEAST_TEXT = 8, 10
"""Room for a name and the text beside it, on a terminal however narrow."""
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
        columns = {
            to_line(name): [to_line(to_text(value)) for value in values] for name, values in batch.columns.items()
        }
        longest = {name: max(map(_size, (name, *texts))) for name, texts in columns.items()}
        widths = _widths(longest, self._width - len(_BETWEEN) * len(columns))
        if widths is None:
            lines = _cells(columns, batch, self._width)
        else:
            numbers = {to_line(column.name) for column in batch.descriptions if column.type in _NUMBERS}
            lines = _table(columns, widths, numbers)
        self._place.write("".join(f"{line.rstrip()}\n" for line in lines).encode())

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


def _table(columns: Mapping[str, Sequence[str]], widths: Mapping[str, int], numbers: set[str]) -> Iterator[str]:
    yield ""
    yield " " + _BETWEEN.join(_fitted(name, widths[name], right=name in numbers) for name in columns)
    yield " " + "─" * (sum(widths.values()) + len(_BETWEEN) * (len(widths) - 1))
    fitted = [[_fitted(text, widths[name], right=name in numbers) for text in texts] for name, texts in columns.items()]
    for row in zip(*fitted, strict=True):
        yield " " + _BETWEEN.join(row)
    yield ""


def _cells(columns: Mapping[str, Sequence[str]], batch: Batch, width: int) -> Iterator[str]:
    names = min(max(map(_size, columns)), max(width - 2 - _LEAST_TEXT, _LEAST_NAME))
    room = max(width - names - 2, _LEAST_TEXT)
    for number in range(batch.row_count):
        yield f"row {batch.first_row + number + 1:,}"
        for name, texts in columns.items():
            before = _fitted(name, names)
            for line in _wrapped(texts[number], room):
                yield f"{before}  {line}"
                before = " " * names
        yield ""


def _wrapped(text: str, room: int) -> Sequence[str]:
    """Return the lines of a text, none where it is empty."""
    if _size(text) <= room:
        return [text] if text else []
    paper = Console(file=io.StringIO(), width=room, _environ={})
    return [line.plain for line in Text(text).wrap(paper, room, overflow="fold")]


def _size(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _fitted(text: str, width: int, *, right: bool = False) -> str:
    """Return a text that is so wide, cut if it must be."""
    size = _size(text)
    if size > width:
        return (text[: width - 1] if text.isascii() else set_cell_size(text, width - 1)) + "…"
    return " " * (width - size) + text if right else text + " " * (width - size)
