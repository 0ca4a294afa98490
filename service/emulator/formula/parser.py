"""Formula text made a predicate over rows.

Source: Salesforce Help, "Formula Operators and Functions". What is not understood is refused when the formula is
compiled, never when a row is written.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from service.emulator.formula.candidate import Candidate, Predicate, Value
from service.emulator.formula.functions import FUNCTIONS, is_blank
from service.emulator.formula.operators import Node, all_of, any_of, binary
from service.emulator.schema.model import SObject

_TOKENS = re.compile(
    r"(?P<space>\s+|/\*.*?\*/)"
    r"|(?P<number>\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<name>\$?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"
    r"|(?P<symbol>&&|\|\||==|<>|!=|<=|>=|[-+*/^&=<>!(),])",
    re.DOTALL,
)
_LEVELS = (("||",), ("&&",), ("=", "==", "<>", "!="), ("<", "<=", ">", ">="), ("+", "-", "&"), ("*", "/"), ("^",))
"""Operators between two values, the loosest first."""
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_MAXIMUM_DEPTH = 40
_MAXIMUM_CHAIN = 200
_MAXIMUM_CHARACTERS = 5_000


class FormulaError(ValueError):
    """A formula that is malformed or uses what is not supported."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def compile_formula(text: str, sobject: SObject, parents: Callable[[str], SObject | None] | None = None) -> Predicate:
    """Compile a formula that yields true or false.

    Fields of the row (`Industry`) and of parents (`Account.Industry`, to any depth) may be named in any case. A formula
    that fails on a row's values (a text where a number has to be, a division by zero) yields false.

    Args:
        text: At most 5,000 characters, Salesforce's bound for a validation rule.
        sobject: Gives the fields.
        parents: Finds the sObjects of parents by name; without it paths are refused.

    Raises:
        FormulaError: Naming the place.

    """
    if len(text) > _MAXIMUM_CHARACTERS:
        raise FormulaError(f"the formula has {len(text)} characters, more than {_MAXIMUM_CHARACTERS}")
    node = _Parser(_tokens(text), sobject, parents or (lambda _: None)).formula()

    def predicate(row: Candidate) -> bool:
        try:
            return node(row) is True
        except (TypeError, ValueError, ArithmeticError):
            return False

    return predicate


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        match = _TOKENS.match(text, position)
        if match is None:
            raise FormulaError(f"character {position + 1}: unexpected {text[position]!r}")
        if match.lastgroup != "space":
            tokens.append(_Token(str(match.lastgroup), match[0], position + 1))
        position = match.end()
    return [*tokens, _Token("end", "the end", len(text) + 1)]


class _Parser:
    def __init__(self, tokens: list[_Token], sobject: SObject, parents: Callable[[str], SObject | None]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0
        self._sobject = sobject
        self._parents = parents

    def formula(self) -> Node:
        node = self._level(0)
        if self._next.kind != "end":
            raise self._error(f"unexpected {self._next.text}")
        return node

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self, symbol: str | None = None) -> _Token:
        token = self._next
        if symbol is not None and token.text != symbol:
            raise self._error(f"{symbol!r} expected, not {token.text}")
        self._place += 1
        return token

    def _error(self, text: str, token: _Token | None = None) -> FormulaError:
        return FormulaError(f"character {(token or self._next).at}: {text}")

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        node = self._level(level + 1)
        links = 0
        while self._next.kind == "symbol" and self._next.text in _LEVELS[level]:
            symbol = self._take().text
            node = binary(symbol, node, self._level(level + 1))
            links += 1
            if links > _MAXIMUM_CHAIN:
                raise self._error(f"more than {_MAXIMUM_CHAIN} operators in a row")
        return node

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > _MAXIMUM_DEPTH:
            raise self._error("nested too deep")
        try:
            if self._next.text == "-":
                self._take()
                return binary("-", lambda _: Decimal(0), self._unary())
            if self._next.text == "!":
                self._take()
                return _negated(self._unary())
            return self._primary()
        finally:
            self._depth -= 1

    def _primary(self) -> Node:
        token = self._take()
        if token.kind == "number":
            number = Decimal(token.text)
            return lambda _: number
        if token.kind == "text":
            text = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), token.text[1:-1], flags=re.DOTALL)
            return lambda _: text
        if token.text == "(":
            node = self._level(0)
            self._take(")")
            return node
        if token.kind == "name":
            return self._call(token) if self._next.text == "(" else self._named(token)
        raise self._error(f"unexpected {token.text}", token)

    def _named(self, token: _Token) -> Node:
        word = token.text.upper()
        if word in {"TRUE", "FALSE", "NULL"}:
            constant: Value = None if word == "NULL" else word == "TRUE"
            return lambda _: constant
        *path, name = token.text.split(".")
        sobject = self._sobject
        for step in path:
            reference = sobject.relationship(step)
            parent = self._parents(reference.reference_to[0]) if reference and not reference.polymorphic else None
            if parent is None:
                raise self._error(f"{token.text} is not supported: {step} is no relationship to one object", token)
            sobject = parent
        field = sobject.field(name)
        if field is None or not field.stored:
            raise self._error(f"no such field: {token.text}", token)
        known, percent = field.name, field.type == "percent"

        def read(row: Candidate) -> Value:
            record: Candidate | None = row
            for step in path:
                record = record.parent(step) if record else None
            value = record[known] if record else None
            # 50 % is 50 in a row and 0.5 in a formula.
            return value / 100 if percent and isinstance(value, Decimal) else value

        return read

    def _call(self, token: _Token) -> Node:
        name = token.text.upper()
        if name in {"ISCHANGED", "PRIORVALUE"}:
            return self._about_change(name)
        arguments = self._arguments()
        special = _special(name, arguments)
        if special is not None:
            return special
        function = FUNCTIONS.get(name)
        if function is None or not function.least <= len(arguments) <= function.most:
            text = f"{name} takes another number of arguments" if function else f"{name} is not supported"
            raise self._error(text, token)
        apply = function.apply
        return lambda row: apply(*(argument(row) for argument in arguments))

    def _arguments(self) -> list[Node]:
        self._take("(")
        arguments: list[Node] = []
        while self._next.text != ")":
            if arguments:
                self._take(",")
            arguments.append(self._level(0))
        self._take(")")
        return arguments

    def _about_change(self, name: str) -> Node:
        self._take("(")
        token = self._take()
        field = self._sobject.field(token.text)
        if field is None:
            raise self._error(f"no such field: {token.text}", token)
        self._take(")")
        known = field.name
        return (lambda row: row.changed(known)) if name == "ISCHANGED" else (lambda row: row.prior(known))


def _special(name: str, arguments: list[Node]) -> Node | None:
    """Return the node of a function that does not look at all its arguments, or looks at the row; None for others."""
    match name, arguments:
        case "AND", [_, *_]:
            return all_of(arguments)
        case "OR", [_, *_]:
            return any_of(arguments)
        case "NOT", [only]:
            return _negated(only)
        case "IF", [condition, yes, no]:
            return lambda row: yes(row) if condition(row) is True else no(row)
        case "BLANKVALUE" | "NULLVALUE", [value, instead]:
            return lambda row: instead(row) if is_blank(value(row)) else value(row)
        case "CASE", [value, *rest] if len(rest) % 2:
            return _case(value, rest)
        case "ISNEW", []:
            return lambda row: row.is_new
        case "TODAY", []:
            return lambda row: row.now.date()
        case "NOW", []:
            return lambda row: row.now
    return None


def _negated(node: Node) -> Node:
    return lambda row: node(row) is not True


def _case(value: Node, rest: list[Node]) -> Node:
    pairs = [(binary("=", value, rest[place]), rest[place + 1]) for place in range(0, len(rest) - 1, 2)]

    def choose(row: Candidate) -> Value:
        return next((result(row) for matches, result in pairs if matches(row) is True), rest[-1](row))

    return choose
