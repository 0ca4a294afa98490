"""From the grammar's rules to the tree: one method a rule, called bottom-up while the text is being parsed."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

from lark import Token, Transformer

from service.soql import ast, moments, strings
from service.soql.faults import fault, unexpected

_VALUE_TERMINALS = ("NULL", "BOOLEAN", "NUMBER", "STRING", "DATE", "DATETIME", "PERIOD")
_OPERATORS: dict[str, ast.ComparisonOperator] = {"<>": "!="}


def at(token: Token) -> ast.Position:
    """Return where a token stands."""
    return ast.Position(token.line or 1, token.column or 1)


class TreeBuilder(Transformer[Token, Any]):
    """Builds `service.soql.ast` nodes; raises MalformedQuery for what the grammar alone cannot refuse.

    Clauses come back as (keyword, value) pairs that `query` puts together.
    """

    def query(self, parts: list[Any]) -> ast.Query:
        """Put a statement together."""
        select = tuple(part for part in parts[1:] if not isinstance(part, tuple))
        clauses: dict[str, Any] = {}
        for part in parts:
            if isinstance(part, tuple):
                clauses |= dict([part]) if isinstance(part[0], str) else dict(part)
        return ast.Query(select=select, at=at(parts[0]), **clauses)

    def column(self, parts: list[Any]) -> ast.Column:
        """Build a column with its alias."""
        return ast.Column(parts[0], None if parts[1] is None else str(parts[1]))

    def children(self, parts: list[Any]) -> ast.Children:
        """Build a child subquery."""
        return ast.Children(parts[0])

    def typeof(self, parts: list[Any]) -> ast.TypeOf:
        """Build a TYPEOF."""
        return ast.TypeOf(parts[0], tuple(parts[1:-1]), parts[-1] or ())

    def when(self, parts: list[Any]) -> ast.When:
        """Build a branch of TYPEOF."""
        return ast.When(str(parts[0]), parts[1], at(parts[0]))

    def paths(self, parts: list[ast.Path]) -> tuple[ast.Path, ...]:
        """Gather field paths."""
        return tuple(parts)

    expressions = paths

    def path(self, parts: list[Token]) -> ast.Path:
        """Build a field path."""
        return ast.Path(tuple(map(str, parts)), at(parts[0]))

    def call(self, parts: list[Any]) -> ast.Call:
        """Build a function call."""
        return ast.Call(str(parts[0]), parts[1] if len(parts) > 1 else (), at(parts[0]))

    def source(self, parts: list[Token]) -> tuple[tuple[str, object], ...]:
        """Name what is read."""
        return (("source", str(parts[0])), ("source_at", at(parts[0])))

    def alias(self, parts: list[Token]) -> tuple[str, str]:
        """Name the alias."""
        return ("alias", str(parts[0]))

    def scope(self, parts: list[Token]) -> tuple[str, str]:
        """Name the scope."""
        return ("scope", str(parts[0]))

    def security(self, parts: list[Token]) -> tuple[str, bool]:
        """Carry WITH SECURITY_ENFORCED."""
        return ("enforced", bool(parts))

    def where(self, parts: list[ast.Condition]) -> tuple[str, ast.Condition]:
        """Carry the WHERE clause."""
        return ("where", parts[0])

    def having(self, parts: list[ast.Condition]) -> tuple[str, ast.Condition]:
        """Carry the HAVING clause."""
        return ("having", parts[0])

    def conjunction(self, parts: list[ast.Condition]) -> ast.And:
        """Join conditions with AND, flattening parentheses that change nothing."""
        return ast.And(tuple(_flattened(parts, ast.And)))

    def disjunction(self, parts: list[ast.Condition]) -> ast.Or:
        """Join conditions with OR, flattening parentheses that change nothing."""
        return ast.Or(tuple(_flattened(parts, ast.Or)))

    def negation(self, parts: list[Any]) -> ast.Not:
        """Negate a condition."""
        return ast.Not(parts[1])

    def comparison(self, parts: list[Any]) -> ast.Comparison:
        """Compare a field with a value."""
        left, operator, right = parts
        sign = cast("ast.ComparisonOperator", operator.upper())
        return ast.Comparison(left, _OPERATORS.get(sign, sign), right, at(operator))

    def membership(self, parts: list[Any]) -> ast.Membership:
        """Look a field up in a list or a semi-join."""
        left, operator, right = parts
        if isinstance(operator, Token):
            return ast.Membership(left, cast("ast.MembershipOperator", operator.upper()), right, at(operator))
        return ast.Membership(left, operator[0], right, operator[1])

    def within(self, parts: list[Token]) -> tuple[str, ast.Position]:
        """Name IN or NOT IN."""
        return " ".join(part.upper() for part in parts), at(parts[0])

    def literals(self, parts: list[ast.Operand]) -> tuple[ast.Operand, ...]:
        """Gather the values of a list."""
        return tuple(parts)

    def semi_join(self, parts: list[ast.Query]) -> ast.Query:
        """Carry the query of a semi-join."""
        return parts[0]

    def null(self, parts: list[Token]) -> ast.Null:
        """Build NULL."""
        return ast.Null(at(parts[0]))

    def boolean(self, parts: list[Token]) -> ast.Boolean:
        """Build TRUE or FALSE."""
        return ast.Boolean(parts[0].upper() == "TRUE", at(parts[0]))

    def number(self, parts: list[Token]) -> ast.Number:
        """Build a number."""
        return ast.Number(_decimal(parts[0], parts[0]), at(parts[0]))

    def currency(self, parts: list[Token]) -> ast.Currency:
        """Build an amount in a currency."""
        return ast.Currency(parts[0][:3].upper(), _decimal(parts[0][3:], parts[0]), at(parts[0]))

    def text(self, parts: list[Token]) -> ast.Text:
        """Decode a string."""
        return ast.Text(_decoded(parts[0], pattern=False), at(parts[0]))

    def like_string(self, parts: list[Token]) -> ast.Pattern:
        """Decode the string of a LIKE."""
        return ast.Pattern(_decoded(parts[0], pattern=True), at(parts[0]))

    def date(self, parts: list[Token]) -> ast.Date:
        """Build a date."""
        return ast.Date(_moment(parts[0], moments.read_date), at(parts[0]))

    def datetime(self, parts: list[Token]) -> ast.DateTime:
        """Build an instant."""
        return ast.DateTime(_moment(parts[0], moments.read_datetime), at(parts[0]))

    def time(self, parts: list[Token]) -> ast.Time:
        """Build a time of day."""
        return ast.Time(_moment(parts[0], moments.read_time), at(parts[0]))

    def period(self, parts: list[Token]) -> ast.Period:
        """Build a date literal by name, or refuse a bare word that is none."""
        token = parts[0]
        name, colon, count = token.upper().partition(":")
        if not colon and name in moments.PERIODS:
            return ast.Period(name, None, at(token))
        if colon and name in moments.COUNTED_PERIODS:
            return ast.Period(name, int(count), at(token))
        hint = "where a value belongs"
        if name in moments.COUNTED_PERIODS:
            hint = f"without its count: write {name}:n"
        raise unexpected("PERIOD", token, at(token), _VALUE_TERMINALS, hint)

    def parameter(self, parts: list[Token]) -> ast.Parameter:
        """Build a hole."""
        return ast.Parameter(parts[0][1:], at(parts[0]))

    def group_by(self, parts: list[Any]) -> tuple[tuple[str, object], ...]:
        """Carry GROUP BY with its HAVING."""
        having = parts.pop() if len(parts) > 1 and isinstance(parts[-1], tuple) and parts[-1][0] == "having" else None
        grouping = parts[0].upper() if isinstance(parts[0], Token) else None
        clauses: list[tuple[str, object]] = [("group_by", parts[-1]), ("grouping", grouping)]
        return tuple([*clauses, having] if having else clauses)

    def order_by(self, parts: list[ast.Ordering]) -> tuple[str, tuple[ast.Ordering, ...]]:
        """Carry ORDER BY."""
        return ("order_by", tuple(parts))

    def ordering(self, parts: list[Any]) -> ast.Ordering:
        """Build one entry of ORDER BY."""
        expression, direction, nulls = parts
        return ast.Ordering(
            expression,
            descending=direction is not None and direction.upper() == "DESC",
            nulls=None if nulls is None else nulls.upper(),
        )

    def limit(self, parts: list[Any]) -> tuple[str, int | ast.Parameter]:
        """Carry LIMIT."""
        return ("limit", _count(parts[0], "LIMIT"))

    def offset(self, parts: list[Any]) -> tuple[tuple[str, object], ...]:
        """Carry OFFSET."""
        return (("offset", _count(parts[0], "OFFSET")), ("offset_at", parts[0].at))

    def usage(self, parts: list[Token]) -> tuple[tuple[str, object], ...]:
        """Carry FOR VIEW or FOR REFERENCE."""
        name = parts[0].upper()
        if name == "UPDATE":
            raise fault("FOR UPDATE locks rows and is allowed in Apex only; leave it out", at(parts[0]), found=name)
        return (("usage", name), ("usage_at", at(parts[0])))

    def all_rows(self, parts: list[Token]) -> tuple[str, str]:
        """Refuse ALL ROWS."""
        raise fault("ALL ROWS not allowed in this context", at(parts[0]), found="ALL")


def _flattened(parts: list[ast.Condition], kind: type[ast.And | ast.Or]) -> Iterator[ast.Condition]:
    for part in parts:
        if isinstance(part, ast.And | ast.Or) and isinstance(part, kind):
            yield from part.conditions
        else:
            yield part


def _decimal(text: str, token: Token) -> Decimal:
    value = Decimal(text)
    if len(format(value, "f")) > ast.MAX_NUMBER:
        raise fault(f"a number of more than {ast.MAX_NUMBER} characters", at(token))
    return value


def _count(value: ast.Number | ast.Parameter, clause: str) -> int | ast.Parameter:
    if isinstance(value, ast.Parameter):
        return value
    if value.value < 0 or value.value > ast.MAX_ROWS or value.value != value.value.to_integral_value():
        raise fault(f"{clause} takes a whole number from 0 to {ast.MAX_ROWS}", value.at)
    return int(value.value)


def _decoded(token: Token, *, pattern: bool) -> str:
    place = at(token)
    try:
        text = (strings.decode_pattern if pattern else strings.decode)(token[1:-1])
    except strings.BadEscape as error:
        # The offset is exact on the literal's first line, which is where nearly all of them end.
        column = place.column + 1 + error.offset
        raise fault(f"{error}; write \\\\ for a backslash", ast.Position(place.row, column)) from error
    if len(text) > strings.MAX_STRING:
        raise fault(f"a string of more than {strings.MAX_STRING} characters", place)
    if reason := strings.unsendable(text):
        raise fault(f"a string that {reason}", place)
    return text


def _moment(token: Token, read: Any) -> Any:
    try:
        return read(token)
    except ValueError as error:
        raise fault(f"no such date or time between {moments.EARLIEST} and {moments.LATEST}", at(token)) from error
