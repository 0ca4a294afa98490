"""The columns of a load: API names of fields, checked before Salesforce fails a whole job over one of them.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files" and "Limits".
"""

import re
from collections.abc import Sequence

from service import errors

MAX_COLUMNS = 5_000
MAX_CELL_CHARACTERS = 131_072
MAX_ROW_CHARACTERS = 400_000
RESULT_COLUMNS = (
    *("sluicegate_row", "sluicegate_key", "sluicegate_part", "sluicegate_outcome", "sluicegate_reason"),
    *("sluicegate_salesforce_code", "sluicegate_fields", "sluicegate_message", "sluicegate_record_id"),
)
"""Columns that tell what became of a row. Data that has them beside its own is loaded without them, unless they are
mapped: rows that were refused can be mended where their reasons stand."""

_NAME = r"[A-Za-z][A-Za-z0-9_]{0,79}"
# A field, or a lookup by external id (`Account__r.Ext__c`), polymorphic ones with their object (`User:Owner.Username`).
_COLUMN = re.compile(rf"{_NAME}(?:(?::{_NAME})?\.{_NAME})?")
# What a header row holds between names when it was cut at another delimiter.
_BETWEEN = re.compile(rf"{_NAME}[,;\t|^`]{_NAME}")
_SHOWN = 40


def is_column(name: str) -> bool:
    """Tell whether a name is formed like the API name of a field or of a lookup by external id."""
    return bool(_COLUMN.fullmatch(name)) and not name.lower().startswith("sf__")


def check_column(name: str, *, position: int | None, row: int) -> None:
    """Check one name.

    Args:
        name: The name.
        position: Where it stands, from 1; None where columns have no order.
        row: The row that brought it; 0 is the header.

    Raises:
        errors.InvalidData: It is not the API name of a field or of a lookup.

    """
    which = "a column" if position is None else f"column {position}"
    if not name:
        raise errors.InvalidData(f"{which} has no name; name every column after a field", row=row)
    if not _COLUMN.fullmatch(name):
        raise errors.InvalidData(
            f"{which} is named {name[:_SHOWN]!r}, which is not the API name of a field or a lookup such as "
            f"Account.Ext__c; {_remedy(name)}",
            row=row,
        )
    if name.lower().startswith("sf__"):
        raise errors.InvalidData(f"column {name} is one of Salesforce's result columns; remove it", row=row)


def _remedy(name: str) -> str:
    if name.startswith("sep="):
        return "remove this line, which is meant for Excel"
    if _BETWEEN.search(name):
        return "name the delimiter that the data has, or none"
    return "rename it, or map it to a field or to nothing"


def check_width(count: int, *, row: int) -> None:
    """Raise `errors.InvalidData` for that row when there are more columns than Salesforce takes."""
    if count > MAX_COLUMNS:
        raise errors.InvalidData(f"the data has more than {MAX_COLUMNS:,} columns", row=row)


def check_lengths(cells: Sequence[str], *, row: int) -> None:
    """Check the size of a row.

    Args:
        cells: Its cells.
        row: Its number, from 1.

    Raises:
        errors.InvalidData: A cell or the whole row is longer than Salesforce takes.

    """
    for position, cell in enumerate(cells, 1):
        if len(cell) > MAX_CELL_CHARACTERS:
            raise errors.InvalidData(
                f"row {row}: the cell of column {position} has more than {MAX_CELL_CHARACTERS:,} characters", row=row
            )
    if sum(map(len, cells)) > MAX_ROW_CHARACTERS:
        raise errors.InvalidData(f"row {row} has more than {MAX_ROW_CHARACTERS:,} characters", row=row)
