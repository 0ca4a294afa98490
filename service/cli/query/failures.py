"""A query that failed, as a person reads it."""

import re
from collections.abc import Iterator

from rich.cells import cell_len
from sluicegate import SluicegateError

from service.cli.failures import headline, remedies
from service.cli.lines import to_line

_PLACE = re.compile(r"\brow (\d+), column (\d+)\b")
_AROUND = 60
"""Characters of a line that are shown before and behind the place."""


def tell(error: SluicegateError, soql: str, target: str) -> str:
    """Return what is wrong, where in the query, and what would help.

    Args:
        error: Why it failed.
        soql: The query.
        target: Where the service was called.

    """
    return "\n".join(_lines(error, soql, target))


def _lines(error: SluicegateError, soql: str, target: str) -> Iterator[str]:
    yield headline(error)
    yield from _pointed(error, soql)
    yield from remedies(error, target)
    if error.reason == "INVALID_PARAMETER":
        yield "  --param name=text gives text; name:=value gives numbers, true, false, null, dates and lists"


def _pointed(error: SluicegateError, soql: str) -> Iterator[str]:
    """Yield the line of the query that is meant, and a caret below the place."""
    found = _PLACE.search(error.message)
    given = (found[1], found[2]) if found else (error.metadata.get("row", "0"), error.metadata.get("column", "0"))
    if not all(number.isdecimal() for number in given):
        return
    row, column = map(int, given)
    lines = soql.split("\n")
    if not (1 <= row <= len(lines) and 1 <= column <= len(lines[row - 1]) + 1):
        return
    line, place = lines[row - 1], column - 1
    before, behind = line[:place], line[place:]
    if len(before) > _AROUND:
        before = f"…{before[-_AROUND:]}"
    if len(behind) > _AROUND:
        behind = f"{behind[:_AROUND]}…"
    number = f"  {row} | " if len(lines) > 1 else "  "
    # Each line break of the query ends a line; whatever else moves the cursor is shown in one column or none.
    yield f"{number}{to_line(before)}{to_line(behind)}"
    yield " " * (len(number) + cell_len(to_line(before))) + "^"
