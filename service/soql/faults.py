"""What is wrong with a query, told with the row and column, what stands there and what may."""

from collections.abc import Iterable

from service.errors import MalformedQuery
from service.soql.ast import Position

_VALUE = "a value"
_NAMES = {
    "NAME": "a name",
    "STRING": _VALUE,
    "NUMBER": _VALUE,
    "CURRENCY": _VALUE,
    "DATE": _VALUE,
    "DATETIME": _VALUE,
    "TIME": _VALUE,
    "PERIOD": _VALUE,
    "NULL": _VALUE,
    "BOOLEAN": _VALUE,
    "PARAMETER": "a :parameter",
    "OPERATOR": "a comparison operator",
    "MULTIPLE": "INCLUDES or EXCLUDES",
    "DIRECTION": "ASC or DESC",
    "NULLS_PLACE": "FIRST or LAST",
    "USAGE": "VIEW or REFERENCE",
    "GROUPING": "ROLLUP or CUBE",
    "LPAR": "'('",
    "RPAR": "')'",
    "COMMA": "','",
    "DOT": "'.'",
    "$END": "the end of the query",
}
_SECRET = frozenset({"STRING", "NUMBER", "CURRENCY", "DATE", "DATETIME", "TIME"})
_HIDDEN_NAMES = {"STRING": "a string", "NUMBER": "a number", "CURRENCY": "an amount"}
_OF_CHARACTERS = {
    '"': "; strings stand in single quotes",
    "*": "; FIELDS(ALL) reads all fields, and COUNT() counts rows",
    ";": "; a query ends without one",
}
_SHOWN = 40


def fault(text: str, at: Position, hint: str = "", **metadata: str) -> MalformedQuery:
    """Build the error for a query that parses and still cannot be meant.

    Args:
        text: What is wrong and what would be right, without the place.
        at: Where.
        hint: What may be meant, for the message alone.
        metadata: Further facts; `detail` always holds the text without the place.

    """
    message = f"row {at.row}, column {at.column}: {text}{hint}"
    return MalformedQuery(message, row=at.row, column=at.column, metadata={"detail": text, **metadata})


def unexpected(terminal: str, text: str, at: Position, expected: Iterable[str], hint: str = "") -> MalformedQuery:
    """Build the error for a token that may not stand where it does.

    Literals are named by kind, never repeated: they may be a caller's data.

    Args:
        terminal: The grammar's name for the token; `$END` for the end of the text.
        text: The token.
        at: Where it stands.
        expected: The grammar's names for what may stand there.
        hint: A remedy to put in place of the list.

    """
    metadata = {"found": "<EOF>" if terminal == "$END" else text[:_SHOWN]}
    if terminal == "$END":
        found = "the query ends"
    elif terminal in _SECRET:
        metadata["found"] = _HIDDEN_NAMES.get(terminal, "a date or time")
        found = f"found {metadata['found']}"
    else:
        found = f"found '{metadata['found']}'"
    names = readable(expected)
    remedy = hint or f"where {_either(names)} belongs{_hint(terminal, text, names)}"
    return fault(f"{found} {remedy}", at, **metadata, expected=", ".join(names))


def _hint(terminal: str, text: str, names: list[str]) -> str:
    """Return what is meant by what other languages write there."""
    if terminal == "CHARACTER":
        return _OF_CHARACTERS.get(text, "")
    return "; null is compared with =" if text.upper() == "IS" and _NAMES["OPERATOR"] in names else ""


def readable(terminals: Iterable[str]) -> list[str]:
    """Turn the grammar's names into words a caller knows, each once, in order."""
    return sorted({_NAMES.get(name) or name.lstrip("_") for name in terminals})


def _either(names: list[str]) -> str:
    *rest, last = names or ["nothing"]
    return f"{', '.join(rest)} or {last}" if rest else last
