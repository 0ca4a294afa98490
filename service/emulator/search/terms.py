r"""What stands between the braces of FIND: words, phrases, wildcards and AND, OR, AND NOT.

Source: SOQL and SOSL Reference, "FIND {SearchQuery}". A backslash takes the meaning from `? & | ! { } [ ] ( ) ^ ~ * : \
" ' + -`. Words match whole words without case, `*` any number of characters of a word, `?` one.
"""

import re
import sqlite3
from collections.abc import Callable
from functools import lru_cache

from service.emulator.faults import SalesforceFault
from service.emulator.folding import fold

MATCH_FUNCTION = "search_matches"
"""SQL: `search_matches(terms, text)`, whether text has what the terms ask for; the lines of a text are its fields."""

MAX_LENGTH = 10_000
"""Longer search terms find nothing."""

_KEPT = 64
_DEEPEST = 50
_SHORTEST = 2
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"?|[()]|(?:\\.|[^\s()"\\])+|\\', re.DOTALL)
_PIECE = re.compile(r"\\(.)|(.)", re.DOTALL)
_BETWEEN = r"[^\w\n]+"

Predicate = Callable[[str], bool]


def add_functions(connection: sqlite3.Connection) -> None:
    """Add `MATCH_FUNCTION` to a connection."""
    connection.create_function(MATCH_FUNCTION, 2, _matches, deterministic=True)


def check(terms: str) -> None:
    """Refuse terms that cannot be searched for.

    Raises:
        SalesforceFault: MALFORMED_SEARCH; texts beside that of a lone character are unverified.

    """
    compiled(terms)


@lru_cache(maxsize=_KEPT)
def compiled(terms: str) -> Predicate:
    """Return what tells whether folded text has what the terms ask for.

    Raises:
        SalesforceFault: MALFORMED_SEARCH.

    """
    if len(terms) > MAX_LENGTH:
        return lambda _: False
    return _Parser(_TOKEN.findall(terms)).read()


def malformed(text: str) -> SalesforceFault:
    """Build the answer for a search that cannot be understood."""
    return SalesforceFault(400, "MALFORMED_SEARCH", text)


class _Parser:
    """Reads terms; parentheses bind first, then AND and AND NOT, then OR. Words side by side have to be there all."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def read(self) -> Predicate:
        found = self._any()
        if self._place < len(self._tokens):
            raise malformed(f"unexpected token: '{self._tokens[self._place]}'")
        return found

    def _any(self) -> Predicate:
        parts = [self._all()]
        while self._take("OR"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda text: any(part(text) for part in parts)

    def _all(self) -> Predicate:
        parts = [self._one()]
        while self._next() not in {"", ")", "OR"}:
            if self._take("AND") and self._take("NOT"):
                parts.append(_negated(self._one()))
            else:
                parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda text: all(part(text) for part in parts)

    def _one(self) -> Predicate:
        if self._take("("):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise malformed("the search term is nested too deep")
            inner = self._any()
            if not self._take(")"):
                raise malformed("a parenthesis of the search term is not closed")
            self._depth -= 1
            return inner
        if self._next() in {"", ")", "AND", "OR", "NOT"}:
            raise malformed(f"unexpected token: '{self._next() or '<EOF>'}'")
        token = self._tokens[self._place]
        self._place += 1
        return _word(token)

    def _next(self) -> str:
        if self._place >= len(self._tokens):
            return ""
        token = self._tokens[self._place]
        return token.upper() if token.upper() in {"AND", "OR", "NOT"} else token

    def _take(self, token: str) -> bool:
        found = self._next() == token
        self._place += found
        return found


def _matches(terms: str, text: str) -> bool:
    return compiled(terms)(fold(text))


def _negated(part: Predicate) -> Predicate:
    return lambda text: not part(text)


def _word(token: str) -> Predicate:
    words = _words(token.strip('"') if token.startswith('"') else token)
    if sum(len(word) for word in words) < _SHORTEST:
        raise malformed(f"search term must be longer than one character: {token}")
    pattern = re.compile(rf"(?<!\w){_BETWEEN.join(words)}(?!\w)")
    return lambda text: pattern.search(text) is not None


def _words(text: str) -> list[str]:
    """Return the words of a term as regular expressions; what is no letter or digit parts them."""
    words = [""]
    for match in _PIECE.finditer(text):
        escaped, plain = match[1], match[2]
        if plain == "*":
            # The first place where the rest fits is as good as any later one, so nothing is tried twice.
            words[-1] += r"\w*"
        elif plain == "?":
            words[-1] += r"\w"
        else:
            character = fold(escaped or plain)
            if re.fullmatch(r"\w+", character):
                words[-1] += character
            elif words[-1]:
                words.append("")
    return [_possessive(word) for word in words if word and word != r"\w*"]


def _possessive(word: str) -> str:
    """Make the wildcards of a word cheap: all but the last part are found at their first place."""
    first, *others = re.sub(r"(?:\\w\*)+", r"\\w*", word).split(r"\w*")
    if not others:
        return first
    return first + "".join(rf"(?>\w*?{part})" for part in others[:-1]) + rf"\w*{others[-1]}"
