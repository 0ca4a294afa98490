"""Queries that fold rows: COUNT(), aggregate functions, GROUP BY with its subtotals, and HAVING.

Source: SOQL and SOSL Reference, "GROUP BY ROLLUP", "GROUP BY CUBE", "GROUPING()".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from service.emulator.engine.functions import expression
from service.emulator.engine.scope import Scope, Term
from service.emulator.engine.shapes import Record, Row
from service.emulator.schema import Field
from service.soql import ast

MAX_SUBTOTALS = 3
"""Greatest number of fields in ROLLUP and CUBE."""


@dataclass(frozen=True, slots=True)
class Groups:
    """A SELECT list of groups and folds, resolved."""

    keys: tuple[str, ...]
    """Keys of the result in the order of the SELECT list."""
    terms: tuple[Term, ...]
    by: tuple[Term, ...]
    grouping: ast.Grouping | None = None

    @property
    def sets(self) -> Iterator[tuple[Term, ...]]:
        """What to group by, once for the groups themselves and once for each kind of subtotal."""
        if self.grouping is None:
            yield self.by
        elif self.grouping == "ROLLUP":
            yield from (self.by[:count] for count in range(len(self.by), -1, -1))
        else:
            for count in range(len(self.by), -1, -1):
                yield from combinations(self.by, count)

    def record(self, row: Row) -> Record:
        """Build the result row (Salesforce REST API: `AggregateResult`, without a URL)."""
        record: Record = {"attributes": {"type": "AggregateResult"}}
        for key, term, value in zip(self.keys, self.terms, row, strict=True):
            render = term.render
            record[key] = value if value is None or render is None else render(value)
        return record

    def covers(self, node: ast.Expression, term: Term) -> bool:
        """Tell whether an expression has one value for each group."""
        return _folds(node) or term.sql in {group.sql for group in self.by}

    def mark(self, place: int) -> Term:
        """Return GROUPING() of a group as a column."""
        return _grouping(place, self.by[place].at)

    def in_set(self, sql: str, groups: tuple[Term, ...]) -> str:
        """Return a column as it is in one of the sets: null for what the set leaves out, 1 where GROUPING asks so."""
        out = [place for place, term in enumerate(self.by) if term not in groups]
        if sql in {self.by[place].sql for place in out}:
            return "NULL"
        for place in range(len(self.by)):
            sql = sql.replace(_mark(place), str(int(place in out)))
        return sql

    def aliased(self, name: str) -> Term | None:
        """Return the entry of the SELECT list with that alias or key, or None."""
        found = (term for key, term in zip(self.keys, self.terms, strict=True) if key.lower() == name.lower())
        return next(found, None)


def counts_rows(query: ast.Query) -> bool:
    """Tell whether the query is `SELECT COUNT()`, whose answer is a number and no rows."""
    entry = query.select[0]
    return (
        isinstance(entry, ast.Column)
        and isinstance(entry.expression, ast.Call)
        and entry.expression.aggregate
        and not entry.expression.arguments
    )


def folds(query: ast.Query) -> bool:
    """Tell whether result rows are groups rather than records."""
    return bool(query.group_by) or any(
        isinstance(entry, ast.Column) and _folds(entry.expression) for entry in query.select
    )


def resolve(scope: Scope, query: ast.Query) -> Groups:
    """Resolve the SELECT list and GROUP BY.

    Raises:
        SalesforceFault: A name is unknown or selected twice, or a field is neither grouped nor folded.

    """
    refuse = scope.statement.refuse
    by = tuple(_groupable(scope, node) for node in query.group_by)
    if query.grouping is not None and len(by) > MAX_SUBTOTALS:
        # The text is unverified.
        raise refuse.malformed_at(f"GROUP BY {query.grouping} takes at most {MAX_SUBTOTALS} fields", query.at)
    keys: list[str] = []
    terms: list[Term] = []
    unnamed = 0
    for entry in query.select:
        if not isinstance(entry, ast.Column):
            raise refuse.malformed_at("a grouped query selects fields and aggregate functions only", query.at)
        node = entry.expression
        term = resolved(scope, query, by, node)
        if not _folds(node) and term.sql not in {group.sql for group in by}:
            raise refuse.malformed_at(f"Field must be grouped or aggregated: {term.field.name}", node.at)
        key = entry.alias or (term.field.name if isinstance(node, ast.Path) else f"expr{unnamed}")
        unnamed += entry.alias is None and isinstance(node, ast.Call)
        if key.lower() in {known.lower() for known in keys}:
            raise refuse.malformed_at(f"duplicate alias: {key}", node.at)
        keys.append(key)
        terms.append(term)
    return Groups(tuple(keys), tuple(terms), by, query.grouping)


def resolved(scope: Scope, query: ast.Query, by: tuple[Term, ...], node: ast.Expression) -> Term:
    """Resolve an expression of a query that folds rows, GROUPING() among them.

    Raises:
        SalesforceFault: As `expression`; MALFORMED_QUERY for GROUPING() of what has no subtotals.

    """
    if not isinstance(node, ast.Call) or node.function.upper() != "GROUPING":
        return expression(scope, node, grouped=True)
    of = expression(scope, node.arguments[0]) if len(node.arguments) == 1 else None
    place = next((place for place, term in enumerate(by) if of is not None and term.sql == of.sql), None)
    if query.grouping is None or place is None:
        text = "GROUPING takes a field of GROUP BY ROLLUP or GROUP BY CUBE"  # unverified
        raise scope.statement.refuse.malformed_at(text, node.at)
    return _grouping(place, node.at)


def _groupable(scope: Scope, node: ast.Expression) -> Term:
    term = expression(scope, node)
    if isinstance(node, ast.Path) and not term.field.groupable:
        raise scope.statement.refuse.unusable(term.field.name, "grouped", term.at)
    return term


def _folds(node: ast.Expression) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.function.upper()
    return node.aggregate or name == "GROUPING" or (name == "FORMAT" and any(map(_folds, node.arguments)))


def _grouping(place: int, at: ast.Position) -> Term:
    return Term(_mark(place), Field("GROUPING", "GROUPING", "int", nillable=False), at)


def _mark(place: int) -> str:
    """Stand for GROUPING() of a group until it is known which set the column is for; no SQL looks like it."""
    return f"{{grouping {place}}}"
