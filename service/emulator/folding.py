"""Comparing text without regard to case, in every alphabet.

SQLite's own NOCASE folds ASCII letters only. It is kept while an org holds nothing but ASCII, where both give one
order, and replaced by `compare` before the first other letter is stored: an org without one pays nothing, one with it
about twice the time for a key and five times for sorting by text.
"""

import re
import sqlite3
from collections.abc import Iterable
from functools import lru_cache

COLLATION = "NOCASE"
"""The collation of all text that Salesforce compares without case."""

LIKE_FUNCTION = "folded_like"
"""SQL: `folded_like(text, pattern)`, for patterns that SQLite's LIKE, which folds ASCII only, would get wrong."""

FOLD_FUNCTION = "folded"
"""SQL: `folded(text)`, the text as it is compared."""

_KEPT_PATTERNS = 64


def fold(text: str) -> str:
    """Return the form in which two texts are equal when they differ in case only."""
    return text.lower()


def compare(left: str, right: str) -> int:
    """Return a number below, at or above 0 as the left text comes before, with or behind the right one."""
    left, right = left.lower(), right.lower()
    return (left > right) - (left < right)


def is_plain(values: Iterable[object]) -> bool:
    """Tell whether all texts among the values are ASCII."""
    for value in values:  # noqa: SIM110 - every write passes here, and a loop is quicker than all()
        if type(value) is str and not value.isascii():
            return False
    return True


def add_functions(connection: sqlite3.Connection) -> None:
    """Add `LIKE_FUNCTION` and `FOLD_FUNCTION` to a connection."""
    connection.create_function(LIKE_FUNCTION, 2, _like, deterministic=True)
    connection.create_function(FOLD_FUNCTION, 1, _folded, deterministic=True)


def _folded(text: str | float | None) -> str | float | None:
    return fold(text) if isinstance(text, str) else text


def _like(text: object, pattern: str) -> bool | None:
    return None if text is None else _matcher(pattern).fullmatch(fold(str(text))) is not None


@lru_cache(maxsize=_KEPT_PATTERNS)
def _matcher(pattern: str) -> re.Pattern[str]:
    r"""Return a pattern of LIKE as a regular expression: `%` any text, `_` one character, `\` before either itself.

    The first place where a middle part fits is as good as any later one, so nothing is tried twice.
    """
    parts = [""]
    for piece in re.findall(r"\\.|.|\\$", fold(pattern), re.DOTALL):
        if piece == "%":
            parts.append("")
        else:
            parts[-1] += "." if piece == "_" else re.escape(piece[-1])
    first, *others = parts
    middle = "".join(f"(?>.*?{part})" for part in others[:-1])
    last = f".*{others[-1]}" if others else ""
    return re.compile(first + middle + last, re.DOTALL)
