"""Functions of SOQL as SQL: dates taken apart, rows folded.

Source: SOQL and SOSL Reference, "Date Functions", "Aggregate Functions", "FORMAT()". Date functions look at instants in
UTC, unless `convertTimezone()` inside them moves the instant to the user's time zone.
"""

from collections.abc import Callable
from dataclasses import replace

from service.emulator.engine.scope import Scope, Term
from service.emulator.schema import Field
from service.emulator.sql_functions import FORMATTED, IN_ZONE
from service.soql import ast

_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_HALF = 10**9
_DATES = frozenset({"date", "datetime"})
_FORMATTED_TYPES = _NUMBERS | _DATES | {"time"}


def _part(start: int, length: int) -> Callable[[str], str]:
    return lambda sql: f"CAST(substr({sql}, {start}, {length}) AS INTEGER)"


def _format(code: str, extra: str = "") -> Callable[[str], str]:
    return lambda sql: f"(CAST(strftime('{code}', substr({sql}, 1, 10)) AS INTEGER){extra})"


_YEAR, _MONTH, _DAY = _part(1, 4), _part(6, 2), _part(9, 2)


def _quarter(sql: str) -> str:
    return f"(({_MONTH(sql)} + 2) / 3)"


_PARTS: dict[str, Callable[[str], str]] = {
    "CALENDAR_YEAR": _YEAR,
    "CALENDAR_QUARTER": _quarter,
    "CALENDAR_MONTH": _MONTH,
    "FISCAL_YEAR": _YEAR,
    "FISCAL_QUARTER": _quarter,
    "FISCAL_MONTH": _MONTH,
    "DAY_IN_MONTH": _DAY,
    "DAY_IN_WEEK": _format("%w", " + 1"),
    "DAY_IN_YEAR": _format("%j"),
    "WEEK_IN_MONTH": lambda sql: f"(({_DAY(sql)} + 6) / 7)",
    "WEEK_IN_YEAR": lambda sql: f"(({_format('%j')(sql)} + 6) / 7)",
}

_OF_INSTANTS = frozenset({"HOUR_IN_DAY", "DAY_ONLY"})


def expression(scope: Scope, node: ast.Expression, *, grouped: bool = False) -> Term:
    """Resolve a field or a function of fields.

    Args:
        scope: The tables in reach.
        node: The expression.
        grouped: Whether aggregate functions may stand here.

    Raises:
        SalesforceFault: A name is unknown, or the function cannot take the field or stand here.

    """
    if isinstance(node, ast.Path):
        return scope.term(node)
    if node.aggregate:
        if not grouped:
            raise scope.statement.refuse.malformed_at(
                f"aggregate function {node.function} is not allowed here", node.at
            )
        return _aggregate(scope, node)
    return _scalar(scope, node)


def _scalar(scope: Scope, call: ast.Call) -> Term:
    name = call.function.upper()
    if name == "FORMAT":
        return _formatted(scope, call)
    argument = _date_argument(scope, call) if name in _PARTS or name in _OF_INSTANTS else _argument(scope, call)
    kind = argument.field.type
    if name in _PARTS and kind in _DATES:
        return Term(_PARTS[name](argument.sql), Field(call.function, call.function, "int"), call.at)
    if name == "HOUR_IN_DAY" and kind == "datetime":
        return Term(_part(12, 2)(argument.sql), Field(call.function, call.function, "int"), call.at)
    if name == "DAY_ONLY" and kind == "datetime":
        return Term(f"substr({argument.sql}, 1, 10)", Field(call.function, call.function, "date"), call.at)
    if name == "CONVERTCURRENCY" and kind == "currency":
        return argument
    if name == "TOLABEL":
        return _label(scope, argument, call)
    if name == "CONVERTTIMEZONE":
        # The text is unverified.
        raise scope.statement.refuse.malformed_at("convertTimezone can be used only in date functions", call.at)
    raise scope.statement.refuse.malformed_at(f"function {call.function} is not supported on this field", call.at)


def _date_argument(scope: Scope, call: ast.Call) -> Term:
    """Resolve what a date function looks at: a field, or one moved to the user's time zone."""
    inner = call.arguments[0] if len(call.arguments) == 1 else None
    if not isinstance(inner, ast.Call) or inner.function.upper() != "CONVERTTIMEZONE":
        return _argument(scope, call)
    argument = _argument(scope, inner)
    if argument.field.type != "datetime":
        text = f"function {inner.function} is not supported on this field"
        raise scope.statement.refuse.malformed_at(text, inner.at)
    zone = scope.statement.zone
    if zone == "UTC":
        return argument
    return replace(argument, sql=f"{IN_ZONE}({argument.sql}, {scope.statement.parameter(zone)})")


def _formatted(scope: Scope, call: ast.Call) -> Term:
    """Make numbers, dates and times text for people; the locale is that of the United States, whoever asks."""
    if len(call.arguments) != 1:
        raise scope.statement.refuse.malformed_at(f"function {call.function} takes one field", call.at)
    inner = call.arguments[0]
    folded = isinstance(inner, ast.Call) and inner.aggregate
    argument = expression(scope, inner, grouped=folded)
    known = argument.field
    if known.type not in _FORMATTED_TYPES:
        return argument
    parameter = scope.statement.parameter
    scale = 0 if known.type in {"int", "long"} else known.scale
    of = ", ".join(map(parameter, (known.type, scale, argument.places, scope.statement.zone)))
    return Term(f"{FORMATTED}({argument.sql}, {of})", replace(known, type="string"), call.at)


def _aggregate(scope: Scope, call: ast.Call) -> Term:
    name = call.function.upper()
    if not call.arguments:
        return Term("count(*)", Field("COUNT", "COUNT", "int"), call.at)
    argument = _argument(scope, call)
    if name in {"SUM", "AVG"} and argument.field.type not in _NUMBERS:
        text = f"field {argument.field.name} does not support aggregate operator {name}"
        raise scope.statement.refuse.malformed_at(text, call.at)
    if name == "COUNT":
        return Term(f"count({argument.sql})", Field("COUNT", "COUNT", "int"), call.at)
    if name == "COUNT_DISTINCT":
        return Term(f"count(DISTINCT {argument.sql})", Field("COUNT_DISTINCT", "COUNT_DISTINCT", "int"), call.at)
    if name == "AVG":
        unit = 10.0**argument.places
        return Term(f"(avg({argument.sql}) / {unit})", Field("AVG", "AVG", "double"), call.at, fraction=True)
    if name == "SUM":
        return Term(_sum(argument.sql), argument.field, call.at)
    return Term(f"{name.lower()}({argument.sql})", argument.field, call.at)


def _sum(sql: str) -> str:
    """Sum in two halves: SQLite's own sum gives up where whole numbers end, the sum of these goes on as a float."""
    return f"(sum({sql} / {_HALF}) * {_HALF} + sum({sql} % {_HALF}))"


def _argument(scope: Scope, call: ast.Call) -> Term:
    if len(call.arguments) != 1:
        raise scope.statement.refuse.malformed_at(f"function {call.function} takes one field", call.at)
    return expression(scope, call.arguments[0])


def _label(scope: Scope, argument: Term, call: ast.Call) -> Term:
    if argument.field.type != "picklist":
        return argument
    relabelled = [entry for entry in argument.field.picklist if entry.label != entry.value]
    if not relabelled:
        return argument
    parameter = scope.statement.parameter
    whens = " ".join(f"WHEN {parameter(entry.value)} THEN {parameter(entry.label)}" for entry in relabelled)
    return Term(f"(CASE {argument.sql} {whens} ELSE {argument.sql} END)", argument.field, call.at)
