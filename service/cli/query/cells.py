"""Cells of a result as text."""

import base64
import json
from typing import Any


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


def _encoded(value: Any) -> str:
    return base64.b64encode(value).decode("ascii")
