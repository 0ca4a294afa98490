"""Queries that fold rows: COUNT(), aggregate functions, GROUP BY and HAVING."""

from dataclasses import dataclass

from service.emulator.engine.functions import expression
from service.emulator.engine.scope import Scope, Term
from service.emulator.engine.shapes import Record, Row
from service.soql import ast


@dataclass(frozen=True, slots=True)
class Groups:
    """A SELECT list of groups and folds, resolved."""

    keys: tuple[str, ...]
    """Keys of the result in the order of the SELECT list."""
    terms: tuple[Term, ...]
    by: tuple[Term, ...]

    def record(self, row: Row) -> Record:
        """Build the result row (Salesforce REST API: `AggregateResult`, without a URL)."""
        record: Record = {"attributes": {"type": "AggregateResult"}}
        for key, term, value in zip(self.keys, self.terms, row, strict=True):
            record[key] = value == 1 if term.field.type == "boolean" and value is not None else value
        return record

    def covers(self, node: ast.Expression, term: Term) -> bool:
        """Tell whether an expression has one value for each group."""
        return _folds(node) or term.sql in {group.sql for group in self.by}

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
        isinstance(entry, ast.Column) and isinstance(entry.expression, ast.Call) and entry.expression.aggregate
        for entry in query.select
    )


def resolve(scope: Scope, query: ast.Query) -> Groups:
    """Resolve the SELECT list and GROUP BY.

    Raises:
        SalesforceFault: A name is unknown or selected twice, or a field is neither grouped nor folded.

    """
    refuse = scope.statement.refuse
    if query.grouping is not None:
        raise refuse.malformed_at(f"GROUP BY {query.grouping} is not supported", query.at)
    by = tuple(_groupable(scope, node) for node in query.group_by)
    keys: list[str] = []
    terms: list[Term] = []
    unnamed = 0
    for entry in query.select:
        if not isinstance(entry, ast.Column):
            raise refuse.malformed_at("a grouped query selects fields and aggregate functions only", query.at)
        node = entry.expression
        term = expression(scope, node, grouped=True)
        if not _folds(node) and term.sql not in {group.sql for group in by}:
            raise refuse.malformed_at(f"Field must be grouped or aggregated: {term.field.name}", node.at)
        key = entry.alias or (term.field.name if isinstance(node, ast.Path) else f"expr{unnamed}")
        unnamed += entry.alias is None and isinstance(node, ast.Call)
        if key.lower() in {known.lower() for known in keys}:
            raise refuse.malformed_at(f"duplicate alias: {key}", node.at)
        keys.append(key)
        terms.append(term)
    return Groups(tuple(keys), tuple(terms), by)


def _groupable(scope: Scope, node: ast.Expression) -> Term:
    term = expression(scope, node)
    if isinstance(node, ast.Path) and not term.field.groupable:
        raise scope.statement.refuse.unusable(term.field.name, "grouped", term.at)
    return term


def _folds(node: ast.Expression) -> bool:
    return isinstance(node, ast.Call) and node.aggregate
