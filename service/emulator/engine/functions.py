"""Functions of SOQL as SQL: dates taken apart, rows folded.

Source: SOQL and SOSL Reference, "Date Functions" and "Aggregate Functions". Date functions look at instants in UTC.
"""

from collections.abc import Callable

from service.emulator.engine.scope import Scope, Term
from service.emulator.schema import Field
from service.soql import ast

_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_DATES = frozenset({"date", "datetime"})


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
    argument = _argument(scope, call)
    dated = argument.field.type in _DATES
    if name in _PARTS and dated:
        return Term(_PARTS[name](argument.sql), Field(call.function, call.function, "int"), call.at)
    if name == "HOUR_IN_DAY" and argument.field.type == "datetime":
        return Term(_part(12, 2)(argument.sql), Field(call.function, call.function, "int"), call.at)
    if name == "DAY_ONLY" and argument.field.type == "datetime":
        return Term(f"substr({argument.sql}, 1, 10)", Field(call.function, call.function, "date"), call.at)
    if name == "CONVERTTIMEZONE" and argument.field.type == "datetime":
        return argument
    if name == "CONVERTCURRENCY" and argument.field.type == "currency":
        return argument
    if name == "TOLABEL":
        return _label(scope, argument, call)
    raise scope.statement.refuse.malformed_at(f"function {call.function} is not supported on this field", call.at)


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
        return Term(f"avg({argument.sql})", Field("AVG", "AVG", "double"), call.at)
    return Term(f"{name.lower()}({argument.sql})", argument.field, call.at)


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
