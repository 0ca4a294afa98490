"""What the grammar allows and SOQL does not, refused before a query leaves the machine."""

from service.soql import ast, walk
from service.soql.faults import fault

MAX_PARENTS = 5
"""Greatest number of relationships in one path (SOQL and SOSL Reference, "Understanding Relationship Query Limits")."""


def check(query: ast.Query, *, parameters: bool) -> None:
    """Refuse what no org accepts, in the query and the queries inside it.

    Args:
        query: The tree as parsed.
        parameters: Whether holes are allowed.

    Raises:
        MalformedQuery: With the place.

    """
    _check_columns(query)
    _check_paths(query)
    if not parameters:
        _refuse_parameters(query)
    for inner in walk.inner(query):
        check(inner, parameters=parameters)


def _check_columns(query: ast.Query) -> None:
    for entry in query.select:
        if not isinstance(entry, ast.Column):
            continue
        expression = entry.expression
        if entry.alias is not None and not query.group_by and isinstance(expression, ast.Path):
            text = "only aggregate expressions use field aliasing"
            raise fault(text, expression.at, f"; is a comma missing before '{entry.alias}'?")
        if isinstance(expression, ast.Call):
            _check_call(expression)
            counts_rows = expression.aggregate and not expression.arguments
            if counts_rows and (len(query.select) > 1 or entry.alias is not None or query.group_by):
                raise fault("COUNT() stands alone in the SELECT list; use COUNT(Id)", expression.at)
    for ordering in query.order_by:
        if isinstance(ordering.expression, ast.Call):
            _check_call(ordering.expression)


def _check_call(call: ast.Call) -> None:
    if call.aggregate and call.function.upper() != "COUNT" and len(call.arguments) != 1:
        raise fault(f"{call.function} takes one field", call.at)
    if call.aggregate and len(call.arguments) > 1:
        raise fault(f"{call.function} takes at most one field", call.at)


def _check_paths(query: ast.Query) -> None:
    for path in walk.paths(query):
        own = path.names[0].lower() in {(query.alias or query.source).lower(), query.source.lower()}
        if len(path.names) - own > MAX_PARENTS + 1:
            text = f"{'.'.join(path.names)} passes through more than {MAX_PARENTS} relationships"
            raise fault(text, path.at)


def _refuse_parameters(query: ast.Query) -> None:
    holes = [operand for operand, _ in walk.operands(query)] + [query.limit, query.offset]
    for hole in holes:
        if isinstance(hole, ast.Parameter):
            raise fault("Only variable references are allowed in dynamic SOQL/SOSL.", hole.at, found=f":{hole.name}")
