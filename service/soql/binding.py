"""Named parameters become literals of the tree; text is never put together from values."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import TypeAlias

from service.errors import FieldViolation, InvalidParameter, MessageTooLarge
from service.soql import ast, moments, strings

One: TypeAlias = bool | int | float | Decimal | str | date | datetime | time | None
Value: TypeAlias = One | Sequence[One]
"""What a parameter may hold. A `datetime` is aware; a `time` is UTC; lists fill IN, NOT IN, INCLUDES and EXCLUDES."""


def bind(query: ast.Query, values: Mapping[str, Value]) -> ast.Query:
    r"""Fill every hole of a query, its child subqueries and semi-joins.

    A string in LIKE is a pattern: its `%` and `_` are wildcards, and `\%`, `\_` and `\\` mean themselves. In INCLUDES
    and EXCLUDES a semicolon inside a string means "and".
    Instants and times are cut to whole milliseconds.

    Args:
        query: A query as parsed.
        values: Value by parameter name, without the colon. Each is used, as often as the query names it.

    Raises:
        InvalidParameter: A parameter is missing or unused, or its value cannot stand where the query wants it: a list
            outside IN and its kin, an empty list, a string with a NUL or half a surrogate pair, a number or date that
            Salesforce cannot store, a naive datetime, bytes.
        MessageTooLarge: The values alone are longer than a query may be. A name may stand in a query thousands of
            times, so that it takes no large request to say gigabytes.

    """
    binder = _Binder(values)
    bound = binder.query(query)
    for name in values:
        if name not in binder.used:
            raise _refused(name, f"the query has no parameter :{name}")
    return bound


class _Binder:
    """Rebuilds a query, and takes note of the values that it used."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values
        self._room = ast.MAX_LENGTH
        """Characters that further values may have."""
        self.used: set[str] = set()

    def query(self, query: ast.Query) -> ast.Query:
        return replace(
            query,
            select=tuple(
                ast.Children(self.query(entry.query)) if isinstance(entry, ast.Children) else entry
                for entry in query.select
            ),
            where=None if query.where is None else self._condition(query.where),
            having=None if query.having is None else self._condition(query.having),
            limit=self._count(query.limit),
            offset=self._count(query.offset),
        )

    def _condition(self, node: ast.Condition) -> ast.Condition:
        match node:
            case ast.And(conditions=parts):
                return ast.And(tuple(map(self._condition, parts)))
            case ast.Or(conditions=parts):
                return ast.Or(tuple(map(self._condition, parts)))
            case ast.Not(condition=negated):
                return ast.Not(self._condition(negated))
            case ast.Comparison(right=ast.Parameter() as hole):
                return replace(node, right=self._one(hole, pattern=node.operator == "LIKE"))
            case ast.Membership(right=ast.Query() as inner):
                return replace(node, right=self.query(inner))
            case ast.Membership():
                return self._membership(node)
            case _:
                return node

    def _membership(self, node: ast.Membership) -> ast.Membership:
        holes = (node.right,) if isinstance(node.right, ast.Parameter) else node.right
        if isinstance(holes, ast.Query):
            return node
        members: list[ast.Operand] = []
        for entry in holes:
            members.extend(self._many(entry) if isinstance(entry, ast.Parameter) else (entry,))
        return replace(node, right=tuple(members))

    def _take(self, hole: ast.Parameter) -> Value:
        self.used.add(hole.name)
        if hole.name not in self._values:
            raise _refused(
                hole.name, f"the query needs a value for :{hole.name} (row {hole.at.row}, column {hole.at.column})"
            )
        value = self._values[hole.name]
        self._room -= _least_length(value)
        if self._room < 0:
            text = (
                f"with the values of :{hole.name} the query has more than the {ast.MAX_LENGTH:,} characters that "
                "Salesforce takes: give shorter lists, and ask several times"
            )
            raise MessageTooLarge(text, violations=[FieldViolation(f"parameters.{hole.name}", text)])
        return value

    def _one(self, hole: ast.Parameter, *, pattern: bool) -> ast.Operand:
        value = self._take(hole)
        if isinstance(value, list | tuple):
            raise _refused(hole.name, f":{hole.name} holds a list; lists fill only IN, NOT IN, INCLUDES and EXCLUDES")
        if not pattern:
            return literal(value, hole)
        if not isinstance(value, str):
            raise _refused(hole.name, f":{hole.name} is compared with LIKE and must be a string")
        return ast.Pattern(strings.normalize_pattern(_text(value, hole)), hole.at)

    def _many(self, hole: ast.Parameter) -> list[ast.Operand]:
        value = self._take(hole)
        if not isinstance(value, list | tuple):
            return [literal(value, hole)]
        if not value:
            raise _refused(
                hole.name, f":{hole.name} is an empty list, which SOQL cannot express; leave the condition out"
            )
        return [literal(member, hole) for member in value]

    def _count(self, count: int | ast.Parameter | None) -> int | None:
        if not isinstance(count, ast.Parameter):
            return count
        value = self._take(count)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= ast.MAX_ROWS:
            text = f":{count.name} stands in LIMIT or OFFSET and must be a whole number from 0 to {ast.MAX_ROWS}"
            raise _refused(count.name, text)
        return value


def literal(value: object, hole: ast.Parameter) -> ast.Scalar:
    """Turn one value into the literal that means it.

    Args:
        value: Any object; what SOQL has no literal for is refused.
        hole: The parameter, for the message and the position.

    Raises:
        InvalidParameter: SOQL cannot express the value.

    """
    # A bool is an int and a datetime a date, so each comes before what it is as well.
    match value:
        case None:
            return ast.Null(hole.at)
        case bool():
            return ast.Boolean(value, hole.at)
        case int() | float() | Decimal():
            return ast.Number(_number(value, hole), hole.at)
        case str():
            return ast.Text(_text(value, hole), hole.at)
        case datetime():
            return ast.DateTime(_instant(value, hole), hole.at)
        case date():
            return ast.Date(_day(value, hole), hole.at)
        case time():
            return ast.Time(_time(value, hole), hole.at)
        case _:
            raise _refused(hole.name, f":{hole.name} is of a type that SOQL has no literal for")


def _least_length(value: Value) -> int:
    """Return how many characters a value has at least when it is printed, at next to no cost."""
    if isinstance(value, str):
        return len(value) + 2
    if isinstance(value, list | tuple):
        return sum(len(each) + 4 if isinstance(each, str) else 3 for each in value) - 2
    return 1


def _text(value: str, hole: ast.Parameter) -> str:
    if len(value) > strings.MAX_STRING:
        text = f":{hole.name} has {len(value)} characters; SOQL takes {strings.MAX_STRING} in one string"
        raise _refused(hole.name, text)
    if reason := strings.unsendable(value):
        raise _refused(hole.name, f":{hole.name} {reason}, which Salesforce cannot hold")
    return value


def _number(value: float | Decimal, hole: ast.Parameter) -> Decimal:
    number = Decimal(repr(value)) if isinstance(value, float) else _decimal(value)
    if number is None or not number.is_finite():
        raise _refused(hole.name, f":{hole.name} is no finite number of at most {ast.MAX_NUMBER} characters")
    exponent = number.as_tuple().exponent
    # Checked before printing: 1E+999999999 would print as a gigabyte.
    if not isinstance(exponent, int) or abs(exponent) > ast.MAX_NUMBER or len(format(number, "f")) > ast.MAX_NUMBER:
        raise _refused(hole.name, f":{hole.name} is no finite number of at most {ast.MAX_NUMBER} characters")
    return number


def _decimal(value: int | Decimal) -> Decimal | None:
    # An int beyond a few thousand digits refuses to become text at all.
    if isinstance(value, int) and value.bit_length() > 4 * ast.MAX_NUMBER:
        return None
    return Decimal(value)


def _instant(value: datetime, hole: ast.Parameter) -> datetime:
    if value.utcoffset() is None:
        raise _refused(hole.name, f":{hole.name} is a datetime without a time zone")
    try:
        return moments.normalize(value)
    except ValueError as error:
        raise _refused(hole.name, f":{hole.name} lies outside {moments.EARLIEST} to {moments.LATEST}") from error


def _day(value: date, hole: ast.Parameter) -> date:
    try:
        return moments.in_range(value)
    except ValueError as error:
        raise _refused(hole.name, f":{hole.name} lies outside {moments.EARLIEST} to {moments.LATEST}") from error


def _time(value: time, hole: ast.Parameter) -> time:
    if value.utcoffset():
        raise _refused(hole.name, f":{hole.name} is a time of day with an offset; Salesforce keeps times in UTC")
    return value.replace(tzinfo=None, microsecond=value.microsecond // 1000 * 1000)


def _refused(name: str, text: str) -> InvalidParameter:
    violation = FieldViolation(f"parameters.{name}", text)
    return InvalidParameter(text, metadata={"parameter": name}, violations=[violation])
