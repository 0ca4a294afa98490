"""Checks of single values: that a text, a number or a duration keeps the rules that the contract has for it."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

Check = Callable[[Any], bool]
"""Tells whether something certainly keeps its rules; it may be in doubt about what does."""

_MOST_REMEMBERED = 1_024
_LONGEST_REMEMBERED = 128

_SAME_EVERYWHERE = re.compile(r"[\w .:^$|(){},?*+\[\]-]*", re.ASCII)
_NOT_SAME = ("(?", "[[", "[:", "--")
"""Expressions of the first kind without these mean the same to Python and to protovalidate's engine."""
_NANOS = 1_000_000_000


def never(_value: Any) -> bool:
    """Be in doubt about everything."""
    return False


class ValueChecks:
    """Makes checks of values, and shares what those of one pattern remember.

    Args:
        largest: How many bytes a message has at most: no text in it is longer.

    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._patterns: dict[str, Pattern] = {}

    def of(self, kind: str, rules: Mapping[str, Any], field: FieldDescriptor) -> Check | None:
        """Return the check of one value; None if every value keeps the rules.

        Args:
            kind: Whose rules they are, as the contract names it: `string`, `int32`, `duration`.
            rules: The rules by name.
            field: The field that holds the value.

        """
        if kind == "string":
            return self._string(rules)
        if kind == "bytes":
            return self._length(rules)
        if kind == "int32":
            return _within(rules, "gte", "lte")
        if kind == "duration":
            return _duration(rules)
        if kind == "enum":
            return _enum(rules, field)
        return never

    def _string(self, rules: Mapping[str, Any]) -> Check | None:
        length = self._length({name: rule for name, rule in rules.items() if name != "pattern"})
        if "pattern" not in rules:
            return length
        expression = rules["pattern"]
        if not _is_same_everywhere(expression):
            return never
        pattern = self._patterns.setdefault(expression, Pattern(expression))
        if length is None:
            return pattern
        return lambda value: length(value) and pattern(value)

    def _length(self, rules: Mapping[str, Any]) -> Check | None:
        """Return the check of a length, unless every length that is possible is allowed."""
        telling = {name: rule for name, rule in rules.items() if name != "max_len" or rule < self._largest}
        return _within(telling, "min_len", "max_len", measure=len)


def _within(
    rules: Mapping[str, Any], lower: str, upper: str, measure: Callable[[Any], Any] | None = None
) -> Check | None:
    """Return the check of a range with its ends, of the value or of what is measured of it; None without any end.

    Of ends that are swapped, which mean what is outside of them, it is in doubt.
    """
    if rules.keys() - {lower, upper}:
        return never
    if not rules:
        return None
    least, most = rules.get(lower, -math.inf), rules.get(upper, math.inf)
    if measure is None:
        return lambda value: least <= value <= most
    return lambda value: least <= measure(value) <= most


class Pattern:
    """A pattern of texts. It remembers what matched, so that names are matched once, and forgets in time.

    Args:
        expression: A regular expression that means the same to Python and to protovalidate's engine.

    Attributes:
        remembered: Texts that match; always the same set.

    """

    __slots__ = ("_fullmatch", "remembered")

    def __init__(self, expression: str) -> None:
        # To match all of a text is more than to match somewhere in it; `$` alone would let a line break follow.
        self._fullmatch = re.compile(expression, re.ASCII).fullmatch
        self.remembered: set[str] = set()

    def __call__(self, value: str) -> bool:
        """Tell whether the whole text matches."""
        if value in self.remembered:
            return True
        if not self._fullmatch(value):
            return False
        if len(value) <= _LONGEST_REMEMBERED:
            if len(self.remembered) >= _MOST_REMEMBERED:
                self.remembered.clear()
            self.remembered.add(value)
        return True


def _is_same_everywhere(expression: str) -> bool:
    return bool(_SAME_EVERYWHERE.fullmatch(expression)) and not any(part in expression for part in _NOT_SAME)


def _duration(rules: Mapping[str, Any]) -> Check:
    """Return the check of a `google.protobuf.Duration` that must be at least nothing and has a greatest length."""
    if rules.keys() != {"gte", "lte"}:
        return never
    least, most = ((rules[end].seconds, rules[end].nanos) for end in ("gte", "lte"))
    if least < (0, 0):
        return never
    return lambda value: 0 <= value.nanos < _NANOS and least <= (value.seconds, value.nanos) <= most


def _enum(rules: Mapping[str, Any], field: FieldDescriptor) -> Check | None:
    if rules.keys() - {"defined_only"}:
        return never
    if not rules.get("defined_only"):
        return None
    assert field.enum_type is not None
    defined = frozenset(field.enum_type.values_by_number)
    return lambda value: value in defined
