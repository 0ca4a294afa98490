"""The parameters of a query as a command line gives them."""

import json
import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from sluicegate import Value

_GIVEN = re.compile(r"(?P<name>[A-Za-z]\w*)(?P<sign>:?=)(?P<text>.*)", re.DOTALL | re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}T\S+", re.ASCII)


def read_parameters(given: Iterable[str]) -> dict[str, Value]:
    """Return the values by name.

    Args:
        given: `name=text`, or `name:=` before JSON, a date or a datetime with a zone.

    Raises:
        ValueError: One cannot be read, or a name comes twice; the text says which and what would be right.

    """
    values: dict[str, Value] = {}
    for item in given:
        found = _GIVEN.fullmatch(item)
        if found is None:
            raise ValueError(f"--param {item!r} is not name=text or name:=value")
        name = found["name"]
        if name in values:
            raise ValueError(f"--param {name} is given twice")
        values[name] = found["text"] if found["sign"] == "=" else _typed(name, found["text"].strip())
    return values


def _typed(name: str, text: str) -> Value:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _DATETIME.fullmatch(text):
            return datetime.fromisoformat(text)
        value: Value = json.loads(text, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"--param {name}:={text} is no number, true, false, null, list, date (2026-03-01) or datetime "
            "(2026-03-01T12:00:00Z); text is given as name=text"
        ) from error
    return value


def _refuse(found: object) -> None:
    raise ValueError(found)
