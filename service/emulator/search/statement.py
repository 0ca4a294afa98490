"""SOSL text taken apart: what to find, in which fields, and what to return of which sObjects.

Source: SOQL and SOSL Reference, "SOSL Syntax". What stands in the parentheses of RETURNING is SOQL, and is read by its
parser; refusals point into the SOSL text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from service.emulator.engine.refusals import Refusals
from service.emulator.faults import SalesforceFault
from service.emulator.search.terms import check, malformed
from service.errors import MalformedQuery
from service.soql import ast, parse

Group = Literal["ALL", "NAME", "EMAIL", "PHONE", "SIDEBAR"]

MAX_ROWS = 2_000
"""Greatest number of rows of one search."""

_FIND = re.compile(r"\s*FIND\s*\{", re.IGNORECASE)
_TERMS = re.compile(r"((?:\\.|[^\\}])*)\}", re.DOTALL)
_GROUP = re.compile(r"\s*IN\s+(ALL|NAME|EMAIL|PHONE|SIDEBAR)\s+FIELDS\b", re.IGNORECASE)
_RETURNING = re.compile(r"\s*RETURNING\b", re.IGNORECASE)
_NAME = re.compile(r"\s*([A-Za-z]\w*)\s*")
_COMMA = re.compile(r"\s*,")
_WITH = re.compile(
    r"\s*WITH\s+(?:METADATA|SNIPPET|HIGHLIGHT|SPELL_CORRECTION)\s*(?:=\s*\S+|\([^()]*\))?", re.IGNORECASE
)
_LIMIT = re.compile(r"\s*LIMIT\s+(\d{1,9})\b", re.IGNORECASE)
_UPDATE = re.compile(r"\s*UPDATE\s+(?:TRACKING|VIEWSTAT)\b(?:\s*,\s*(?:TRACKING|VIEWSTAT)\b)?", re.IGNORECASE)
_CLAUSE = re.compile(r"(?:WHERE|USING|ORDER|LIMIT|OFFSET)\b", re.IGNORECASE)
_TOKENS = re.compile(r"'(?:\\.|[^'\\])*'?|[()]|\w+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """What to return of one sObject."""

    query: ast.Query
    refuse: Refusals


@dataclass(frozen=True, slots=True)
class Search:
    """A whole search."""

    terms: str
    group: Group
    targets: tuple[Target, ...]
    """In the order of the answer; empty for the ids of everything found."""
    limit: int = MAX_ROWS


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the SOSL text that goes into a query."""

    text: str
    start: int


class _Relocated(Refusals):
    """Points into the SOSL text instead of the query made of pieces of it."""

    def __init__(self, sosl: str, query: str, pieces: tuple[tuple[int, _Piece], ...]) -> None:
        super().__init__(sosl)
        self._sosl = sosl
        self._query = query
        self._pieces = pieces

    def at(self, place: ast.Position, error_code: str, text: str) -> SalesforceFault:
        """Build a fault that shows its place in the SOSL text."""
        lines = self._query.split("\n")
        index = sum(len(line) + 1 for line in lines[: place.row - 1]) + place.column - 1
        start, piece = next((each for each in reversed(self._pieces) if each[0] <= index), self._pieces[0])
        before = self._sosl[: piece.start + max(0, min(index - start, len(piece.text)))]
        moved = ast.Position(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        return super().at(moved, "MALFORMED_SEARCH" if error_code == "MALFORMED_QUERY" else error_code, text)


def read(sosl: str) -> Search:
    """Read a search.

    Raises:
        SalesforceFault: MALFORMED_SEARCH; texts beside that of the missing braces are unverified.

    """
    head = _FIND.match(sosl)
    found = _TERMS.match(sosl, head.end()) if head else None
    if found is None or not found[1].strip():
        raise malformed("No search term found. The search term must be enclosed in braces.")
    check(found[1])
    return _Reader(sosl, found.end()).read(found[1])


def target(name: str, fields: str, rest: str = "") -> Target:
    """Return what to read of one sObject, given by parameters instead of SOSL.

    Args:
        name: Of the sObject.
        fields: Names with commas between them.
        rest: Further clauses as in SOQL.

    Raises:
        SalesforceFault: MALFORMED_SEARCH: a part is no SOQL.

    """
    text = f"{name}({fields} {rest})"
    return _Reader(text, 0).target()


class _Reader:
    """Reads what follows the terms."""

    def __init__(self, sosl: str, place: int) -> None:
        self._sosl = sosl
        self._place = place

    def read(self, terms: str) -> Search:
        group = self._take(_GROUP)
        targets: list[Target] = []
        if self._take(_RETURNING):
            targets.append(self.target())
            while self._take(_COMMA):
                targets.append(self.target())
        while self._take(_WITH):
            continue
        limit = self._take(_LIMIT)
        self._take(_UPDATE)
        if self._sosl[self._place :].strip():
            raise self._unexpected()
        rows = min(int(limit[1]), MAX_ROWS) if limit else MAX_ROWS
        return Search(terms, _group(group[1] if group else "ALL"), tuple(targets), rows)

    def target(self) -> Target:
        name = self._take(_NAME)
        if name is None:
            raise self._unexpected()
        inner = _Piece("", self._place)
        if self._sosl[self._place : self._place + 1] == "(":
            end = self._closing(self._place)
            inner = _Piece(self._sosl[self._place + 1 : end], self._place + 1)
            self._place = end + 1
        return self._query(_Piece(name[1], name.start(1)), inner)

    def _query(self, name: _Piece, inner: _Piece) -> Target:
        cut = next((place for place, word in _outside(inner.text) if _CLAUSE.fullmatch(word)), len(inner.text))
        fields = _Piece(inner.text[:cut] if inner.text.strip() else "Id", inner.start)
        rest = _Piece(inner.text[cut:], inner.start + cut)
        query = f"SELECT {fields.text} FROM {name.text} {rest.text}"  # noqa: S608 - SOQL, which the parser reads
        source = len("SELECT ") + len(fields.text) + len(" FROM ")
        pieces = ((len("SELECT "), fields), (source, name), (source + len(name.text) + 1, rest))
        refuse = _Relocated(self._sosl, query, pieces)
        try:
            return Target(parse(query, parameters=False), refuse)
        except MalformedQuery as error:
            raise refuse.malformed(error) from error

    def _closing(self, opening: int) -> int:
        depth = 0
        for match in _TOKENS.finditer(self._sosl, opening):
            depth += {"(": 1, ")": -1}.get(match[0], 0)
            if depth == 0:
                return match.start()
        raise malformed("unexpected token: '<EOF>'")

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._sosl, self._place)
        if match:
            self._place = match.end()
        return match

    def _unexpected(self) -> SalesforceFault:
        word = self._sosl[self._place :].split(maxsplit=1)
        return malformed(f"unexpected token: '{word[0][:40] if word else '<EOF>'}'")


def _outside(text: str) -> Iterator[tuple[int, str]]:
    """Yield the tokens outside parentheses with their places."""
    depth = 0
    for match in _TOKENS.finditer(text):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0:
            yield match.start(), match[0]


def _group(name: str) -> Group:
    groups: dict[str, Group] = {"NAME": "NAME", "EMAIL": "EMAIL", "PHONE": "PHONE", "SIDEBAR": "SIDEBAR"}
    return groups.get(name.upper(), "ALL")
