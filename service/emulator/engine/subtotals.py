"""The SQL of queries that fold rows: one SELECT, or one for each kind of subtotal put together."""

from service.emulator.engine.grouping import Groups
from service.emulator.engine.ordering import Order, bounds_sql, orders
from service.emulator.engine.scope import Scope, Term
from service.emulator.folding import COLLATION
from service.soql import ast


def folded_sql(scope: Scope, query: ast.Query, groups: Groups, where: str, having: str | None) -> str:
    """Return the whole statement; its first columns are those of the SELECT list.

    Without ORDER BY subtotals follow the groups they sum up (the order is unverified).

    Args:
        scope: The tables in reach.
        query: The query.
        groups: Its SELECT list and GROUP BY.
        where: What follows WHERE.
        having: What follows HAVING, if anything. It sees any one of the values that a subtotal leaves out.

    Raises:
        SalesforceFault: ORDER BY or OFFSET cannot be.

    """
    wanted = orders(scope, query, groups)
    source = f"FROM {scope.from_sql()} WHERE {where}"
    condition = "" if having is None else f" HAVING {having}"
    if groups.grouping is None:
        columns = ", ".join(term.sql for term in groups.terms)
        by = ", ".join(term.sql for term in groups.by)
        order = ", ".join(each.rank + each.direction for each in wanted)
        head = f"SELECT {columns} {source}" + (f" GROUP BY {by}" if by else "") + condition
        return head + (f" ORDER BY {order}" if order else "") + bounds_sql(query)
    wanted = wanted or _after_groups(groups)
    parts = [_part(groups, chosen, wanted, source, condition) for chosen in groups.sets]
    order = ", ".join(f"r{place}{_collation(each)}{each.direction}" for place, each in enumerate(wanted))
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY {order}{bounds_sql(query)}"  # noqa: S608


def _part(groups: Groups, chosen: tuple[Term, ...], wanted: list[Order], source: str, condition: str) -> str:
    columns = [f"{groups.in_set(term.sql, chosen)} AS c{place}" for place, term in enumerate(groups.terms)]
    for place, each in enumerate(wanted):
        missing = groups.in_set(each.term.sql, chosen) == "NULL"
        columns.append(f"{'NULL' if missing else groups.in_set(each.rank, chosen)} AS r{place}")
    by = ", ".join(term.sql for term in chosen)
    # Without GROUP BY one row would come out of no rows at all, which has no total.
    grouped = f" GROUP BY {by or '1 = 1'}"
    return f"SELECT {', '.join(columns)} {source}{grouped}{groups.in_set(condition, chosen)}"


def _after_groups(groups: Groups) -> list[Order]:
    found = []
    for place, term in enumerate(groups.by):
        mark = groups.mark(place)
        found.extend([Order(mark.sql, "", mark), Order(term.sql, " NULLS FIRST", term)])
    return found


def _collation(order: Order) -> str:
    return f" COLLATE {COLLATION}" if order.term.text else ""
