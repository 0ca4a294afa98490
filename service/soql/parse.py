"""The parser's face: text in, tree out, every refusal with row and column."""

import difflib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.lark import PostLex

from service.errors import MalformedQuery
from service.soql import ast
from service.soql.build import TreeBuilder, at
from service.soql.checks import check
from service.soql.faults import fault, unexpected

MAX_DEPTH = 100
"""Greatest number of parentheses open at once; it keeps everything that walks a tree clear of Python's own limit."""


class _DepthLimit(PostLex):
    """Passes tokens on and refuses text that opens too many parentheses."""

    always_accept = ()

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Count parentheses while the parser pulls tokens."""
        depth = 0
        for token in stream:
            if token.type == "LPAR":
                depth += 1
                if depth > MAX_DEPTH:
                    raise fault(f"more than {MAX_DEPTH} parentheses are open; simplify the query", at(token))
            elif token.type == "RPAR":
                depth -= 1
            yield token


def parse(soql: str, *, parameters: bool = True) -> ast.Query:
    """Parse one SELECT statement.

    Args:
        soql: The text, at most 100,000 characters.
        parameters: Whether `:name` may stand where a value may.

    Raises:
        MalformedQuery: The text is no SOQL. Metadata beside row and column: `detail` (the text without the place), and
            for an unexpected token `found` and `expected`.

    """
    if len(soql) > ast.MAX_LENGTH:
        raise fault(f"the query has {len(soql)} characters, {ast.MAX_LENGTH} are allowed", ast.NOWHERE)
    try:
        query: Any = _parser().parse(soql)
    except UnexpectedInput as error:
        raise _explained(error, soql) from error
    check(query, parameters=parameters)
    return query  # type: ignore[no-any-return]


def prepare() -> None:
    """Build the parser now instead of on the first query: it takes a few tenths of a second, once a process."""
    _parser()


@cache
def _parser() -> Lark:
    """Build the parser once; it holds no state between queries."""
    return Lark(
        Path(__file__).with_name("soql.lark").read_text(encoding="utf-8"),
        parser="lalr",
        lexer="contextual",
        start="query",
        transformer=TreeBuilder(),
        postlex=_DepthLimit(),
        maybe_placeholders=True,
        # SOQL's own words are ASCII: without regard to case, others have letters that pass for some of theirs.
        g_regex_flags=re.ASCII,
    )


def _explained(error: UnexpectedInput, soql: str) -> MalformedQuery:
    if isinstance(error, UnexpectedToken):
        return _token(error, soql)
    if isinstance(error, UnexpectedCharacters):
        place = ast.Position(error.line, error.column)
        if error.char == "'":
            return fault("a string starts here and never ends, or ends in a lone backslash", place, found="'")
        return unexpected("CHARACTER", error.char, place, error.allowed or ())
    return fault("the query cannot be read", ast.NOWHERE)


def _token(error: UnexpectedToken, soql: str) -> MalformedQuery:
    token, expected = error.token, error.accepts or error.expected
    if token.type == "$END":
        return unexpected("$END", "", _end(soql), expected)
    before = error.token_history[-1] if error.token_history else None
    if before is not None and before.type == "NAME" and "_FROM" in expected and _resembles(before, "from"):
        return unexpected("NAME", before, at(before), ["_FROM", "COMMA"])
    hint = ""
    if token.type in {"_AND", "_OR"} and {"_AND", "_OR"} & set(expected):
        hint = "beside its opposite: AND and OR mix only with parentheses around one of them"
    return unexpected(token.type, token, at(token), expected, hint)


def _resembles(word: str, keyword: str) -> bool:
    return bool(difflib.get_close_matches(word.lower(), [keyword], cutoff=0.7))


def _end(soql: str) -> ast.Position:
    lines = soql.split("\n")
    return ast.Position(len(lines), len(lines[-1]) + 1)
