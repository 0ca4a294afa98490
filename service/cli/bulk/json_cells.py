"""A line of JSON Lines as cells by column, as a load takes both.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files" (`#N/A` is null, `Account.Ext__c` a lookup).
"""

import json
from typing import Any

from service.bulk.data.columns import MAX_CELL_CHARACTERS, RESULT_COLUMNS

_NULL = "#N/A"


def cells_of(line: str) -> dict[str, str]:
    """Return the cells of a row, but for those that tell of a load before; none of an empty line.

    Args:
        line: One JSON object.

    Raises:
        ValueError: It is none.

    """
    if not line:
        return {}
    # Numbers keep their own digits.
    value = json.loads(line, parse_float=str, parse_int=str)
    if not isinstance(value, dict):
        raise ValueError("a line is no JSON object")  # noqa: TRY004 - the data's fault, as what is no JSON at all is
    return {
        name: text
        for key, item in value.items()
        if key not in RESULT_COLUMNS
        for name, text in (_lookup(key, item) if isinstance(item, dict) and item else [(key, _text(item))])
    }


def _lookup(key: str, value: dict[str, Any]) -> list[tuple[str, str]]:
    return [(f"{key}.{field}", _text(item)) for field, item in value.items()]


def _text(value: Any) -> str:
    # Lists, deeper objects and what is longer than a cell were in columns that the load left out.
    text = value if isinstance(value, str) else _NULL if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_CELL_CHARACTERS else ""
