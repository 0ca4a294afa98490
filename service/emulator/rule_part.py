"""One mapping of a fault rule as somebody wrote it, read strictly: what is not understood is refused by its place."""

import re
from collections.abc import Mapping
from typing import Any

_MAXIMUM_TEXT = 10_000
_DAY = 86_400.0


class RuleError(ValueError):
    """A rule that cannot be understood; the text names the place."""


class Part:
    """A mapping of a rule, whose keys have to be taken one by one.

    Args:
        place: What faults call it.
        given: The mapping as read.

    Raises:
        RuleError: It is no mapping; all methods raise it for a value that is no good.

    """

    def __init__(self, place: str, given: object) -> None:
        if not isinstance(given, Mapping):
            raise RuleError(f"{place}: has to be a mapping")
        self.given: Mapping[Any, Any] = given
        self._place = place
        self._taken: set[str] = set()

    def take(self, key: str, absent: object) -> object:
        """Return the value of a key as it is; `absent` where there is none."""
        self._taken.add(key)
        value = self.given.get(key)
        return absent if value is None else value

    def text(self, key: str, absent: str | None = None) -> str:
        """Return text of at most 10,000 characters."""
        value = self.take(key, absent)
        if not isinstance(value, str) or len(value) > _MAXIMUM_TEXT:
            raise RuleError(f"{self._place}, {key}: has to be text")
        return value

    def flag(self, key: str) -> bool:
        """Return true or false; false where there is neither."""
        value = self.take(key, False)
        if not isinstance(value, bool):
            raise RuleError(f"{self._place}, {key}: has to be true or false")
        return value

    def pattern(self, key: str, absent: str) -> re.Pattern[str]:
        """Return a regular expression."""
        try:
            return re.compile(self.text(key, absent))
        except (re.error, RecursionError, OverflowError) as error:
            raise RuleError(f"{self._place}, {key}: is no regular expression: {error}") from None

    def number(self, key: str, absent: float, *, least: float = 0.0, most: float = _DAY) -> float:
        """Return a number within bounds."""
        value = self.take(key, absent)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise RuleError(f"{self._place}, {key}: has to be a number from {least:g} to {most:g}")
        return float(value)

    def whole(self, key: str, absent: int, *, least: int = 0, most: int = 10**9) -> int:
        """Return a whole number within bounds."""
        value = self.take(key, absent)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise RuleError(f"{self._place}, {key}: has to be a whole number from {least} to {most}")
        return value

    def count(self, key: str) -> int | None:
        """Return a whole number from 1, or None where there is none."""
        if self.take(key, None) is None:
            return None
        return self.whole(key, 1)

    def finish(self) -> None:
        """Refuse keys that nobody took."""
        unknown = next((str(key) for key in self.given if key not in self._taken), None)
        if unknown is not None:
            raise RuleError(f"{self._place}: {unknown} is not known; there are {', '.join(sorted(self._taken))}")
