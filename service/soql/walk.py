"""Walks over a query: its operands, its expressions, its inner queries, in the order of the text."""

from collections.abc import Iterator

from service.soql import ast


def operands(query: ast.Query) -> Iterator[tuple[ast.Operand, ast.Comparison | ast.Membership]]:
    """Yield every value of the query's own conditions with the condition it belongs to; inner queries are left out."""
    for leaf in leaves(query):
        if isinstance(leaf.right, tuple):
            for operand in leaf.right:
                yield operand, leaf
        elif not isinstance(leaf.right, ast.Query):
            yield leaf.right, leaf


def leaves(query: ast.Query) -> Iterator[ast.Comparison | ast.Membership]:
    """Yield the comparisons and memberships of WHERE, then of HAVING."""
    for condition in (query.where, query.having):
        if condition is not None:
            yield from _leaves(condition)


def inner(query: ast.Query) -> Iterator[ast.Query]:
    """Yield child subqueries, then semi-joins, without descending into them."""
    for entry in query.select:
        if isinstance(entry, ast.Children):
            yield entry.query
    for leaf in leaves(query):
        if isinstance(leaf, ast.Membership) and isinstance(leaf.right, ast.Query):
            yield leaf.right


def paths(query: ast.Query) -> Iterator[ast.Path]:
    """Yield every field path of the query itself, as written; inner queries and the argument of FIELDS are left out."""
    for entry in query.select:
        if isinstance(entry, ast.Column):
            yield from _paths(entry.expression)
        elif isinstance(entry, ast.TypeOf):
            yield from typeof_paths(entry)
    for leaf in leaves(query):
        yield from _paths(leaf.left)
    for expression in query.group_by:
        yield from _paths(expression)
    for ordering in query.order_by:
        yield from _paths(ordering.expression)


def typeof_paths(entry: ast.TypeOf) -> Iterator[ast.Path]:
    """Yield the fields of all branches of a TYPEOF, each behind the relationship."""
    fields = (path for branch in entry.branches for path in branch.fields)
    for path in (*fields, *entry.otherwise):
        yield ast.Path(entry.relationship.names + path.names, path.at)


def folds(expression: ast.Expression) -> bool:
    """Tell whether an expression makes one value of several rows: an aggregate function, or one around such."""
    return isinstance(expression, ast.Call) and (expression.aggregate or any(map(folds, expression.arguments)))


def _leaves(condition: ast.Condition) -> Iterator[ast.Comparison | ast.Membership]:
    if isinstance(condition, ast.And | ast.Or):
        for part in condition.conditions:
            yield from _leaves(part)
    elif isinstance(condition, ast.Not):
        yield from _leaves(condition.condition)
    else:
        yield condition


def _paths(expression: ast.Expression) -> Iterator[ast.Path]:
    if isinstance(expression, ast.Path):
        yield expression
    elif expression.function.upper() != "FIELDS":
        for argument in expression.arguments:
            yield from _paths(argument)
