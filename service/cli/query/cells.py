"""Cells of a result as text."""

import base64
import json
import unicodedata
from typing import Any

_JOINERS = "\u200c\u200d"
"""Invisible and part of what they join, as in emoji of several people."""
_SHOWN = {"\n": "⏎", "\r": "", "\t": " "}


def to_text(value: object) -> str:
    """Return a cell as CSV and tables have it: null is empty, several texts are joined, children are JSON."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case []:
            return ""
        case [str(), *_]:
            return ";".join(map(str, value))
        case list():
            return json.dumps(value, ensure_ascii=False, default=_encoded)
        case _:
            return str(value)


def to_line(text: str) -> str:
    """Return a text as a terminal shows it in one line: without what would move its cursor or turn its direction."""
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    if unicodedata.category(character) == "Cf":
        return ""
    return _SHOWN.get(character, " " if character.isspace() else "?")


def _encoded(value: Any) -> str:
    return base64.b64encode(value).decode("ascii")
