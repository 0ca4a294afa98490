"""The name that a caller meant, among those that there are."""

import difflib
from collections.abc import Iterable

_MOST_CANDIDATES = 24
_MOST_REMEMBERED = 1024
_LIKENESS = 0.6
_SUFFIXES = ("__c", "__r", "__e", "__s")


class NearestNames:
    """Names that misspelt ones are held against.

    Only names that begin or end alike are compared, and answers are remembered: a caller may misspell thousands.

    Args:
        names: API names.

    """

    def __init__(self, names: Iterable[str]) -> None:
        self._like: dict[str, list[str]] = {}
        self._found: dict[str, str] = {}
        for name in names:
            for end in _ends(name):
                self._like.setdefault(end, []).append(name)

    def find(self, name: str) -> str:
        """Return the nearest name in its own spelling; empty if none is near."""
        found = self._found.get(name)
        if found is None:
            if len(self._found) >= _MOST_REMEMBERED:
                self._found.clear()
            found = self._found[name] = self._search(name)
        return found

    def _search(self, name: str) -> str:
        alike = {other.lower(): other for end in _ends(name) for other in self._like.get(end, ())}
        wanted = name.lower()
        candidates = sorted(alike, key=lambda other: abs(len(other) - len(wanted)))[:_MOST_CANDIDATES]
        nearest = difflib.get_close_matches(wanted, candidates, n=1, cutoff=_LIKENESS)
        return alike[nearest[0]] if nearest else ""


def _ends(name: str) -> tuple[str, str]:
    stem = name.lower()
    for suffix in _SUFFIXES:
        stem = stem.removesuffix(suffix)
    return f"{stem[:2]}-", f"-{stem[-2:]}"
