"""ORDER BY, LIMIT and OFFSET as SQL.

Source: SOQL and SOSL Reference, "ORDER BY": nulls come first unless the query says otherwise, text sorts without case,
picklists sort in the order of their definition.
"""

from dataclasses import dataclass

from service.emulator.engine.functions import expression
from service.emulator.engine.grouping import Groups, resolved
from service.emulator.engine.refusals import offset_too_large
from service.emulator.engine.scope import Scope, Term
from service.soql import ast

MAX_OFFSET = 2_000


@dataclass(frozen=True, slots=True)
class Order:
    """One entry of ORDER BY as SQL."""

    rank: str
    """What is compared."""
    direction: str
    """What follows it, with a space in front where it is not empty."""
    term: Term
    """What the rank was made of."""


def orders(scope: Scope, query: ast.Query, groups: Groups | None = None) -> list[Order]:
    """Resolve ORDER BY.

    Args:
        scope: The tables in reach.
        query: The query.
        groups: The SELECT list when rows are folded; its aliases may be sorted by.

    Raises:
        SalesforceFault: A name is unknown or the field cannot be sorted by.

    """
    return [_ordering(scope, query, ordering, groups) for ordering in query.order_by]


def order_sql(scope: Scope, query: ast.Query, groups: Groups | None = None) -> str:
    """Return the ORDER BY clause with a space in front, or nothing; see `orders`."""
    parts = [order.rank + order.direction for order in orders(scope, query, groups)]
    return f" ORDER BY {', '.join(parts)}" if parts else ""


def bounds_sql(query: ast.Query) -> str:
    """Return LIMIT and OFFSET with a space in front, or nothing; the parser let only whole numbers through.

    Raises:
        SalesforceFault: NUMBER_OUTSIDE_VALID_RANGE for an OFFSET above 2,000.

    """
    limit = query.limit if isinstance(query.limit, int) else -1
    offset = query.offset if isinstance(query.offset, int) else 0
    if offset > MAX_OFFSET:
        raise offset_too_large()
    if limit < 0 and not offset:
        return ""
    return f" LIMIT {limit}" + (f" OFFSET {offset}" if offset else "")


def _ordering(scope: Scope, query: ast.Query, ordering: ast.Ordering, groups: Groups | None) -> Order:
    term = _term(scope, query, ordering.expression, groups)
    direction = " DESC" if ordering.descending else ""
    if not term.field.sortable or not term.field.stored:
        raise scope.statement.refuse.unusable(term.field.name, "sorted", term.at)
    nulls = f" NULLS {ordering.nulls or 'FIRST'}" if term.field.nillable else ""
    return Order(_rank(scope, term), f"{direction}{nulls}", term)


def _term(scope: Scope, query: ast.Query, node: ast.Expression, groups: Groups | None) -> Term:
    if groups is None:
        return expression(scope, node)
    if isinstance(node, ast.Path) and len(node.names) == 1:
        aliased = groups.aliased(node.names[0])
        if aliased is not None:
            return aliased
    term = resolved(scope, query, groups.by, node)
    if not groups.covers(node, term):
        text = f"Ordered field must be grouped or aggregated: {term.field.name}"
        raise scope.statement.refuse.malformed_at(text, term.at)
    return term


def _rank(scope: Scope, term: Term) -> str:
    if term.field.type != "picklist" or not term.field.picklist:
        return term.sql
    parameter = scope.statement.parameter
    whens = " ".join(
        f"WHEN {term.sql} = {parameter(entry.value)} THEN {rank}" for rank, entry in enumerate(term.field.picklist)
    )
    return f"CASE WHEN {term.sql} IS NULL THEN NULL {whens} ELSE {len(term.field.picklist)} END"
