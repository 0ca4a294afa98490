"""A compiled query of records: the SQL, what builds records from its rows, and the queries of its children."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from service.emulator.engine.conditions import where_sql
from service.emulator.engine.grouping import folds
from service.emulator.engine.literals import Reader
from service.emulator.engine.ordering import bounds_sql, order_sql
from service.emulator.engine.scope import Scope, Statement, Stored, Table
from service.emulator.engine.selection import Selection, Selector
from service.emulator.engine.shapes import NARROW, Builder, Layout, Record, Row, Width
from service.emulator.schema import ChildRelationship, SObject
from service.soql import ast


@dataclass(frozen=True, slots=True)
class Context:
    """What a query and the queries inside it are compiled with."""

    statement: Statement
    reader: Reader
    version: str
    user_id: str | None
    """Whose records USING SCOPE mine means."""

    def fresh(self) -> "Context":
        """Return the same for another SQL statement."""
        known = self.statement
        return replace(self, statement=Statement(known.schema, known.refuse, known.include_deleted, known.zone))


@dataclass(frozen=True, slots=True)
class Plan:
    """A query of records, ready to run as often as wanted."""

    sql: str
    parameters: tuple[Stored, ...]
    builder: Builder
    children: "tuple[ChildPlan, ...]"
    header: tuple[str, ...]
    """Dotted canonical names of the selected fields."""
    width: Width = NARROW

    def fetch(self, connection: sqlite3.Connection) -> list[Row]:
        """Read all rows, not yet built."""
        return connection.execute(self.sql, self.parameters).fetchall()

    def build(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> list[Record]:
        """Build records, reading the children of all of them in one query for each child relationship."""
        builder = self.builder
        records = [record for row in rows if (record := builder(row)) is not None]
        for child in self.children:
            child.fill(connection, records)
        return records


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """A child subquery; the parents' ids are its last parameter."""

    key: str
    plan: Plan
    limit: int | None
    offset: int

    def fill(self, connection: sqlite3.Connection, records: Sequence[Record]) -> None:
        """Replace the parent's id under the key with its children, or null when it has none."""
        ids = json.dumps([record[self.key] for record in records])
        rows = connection.execute(self.plan.sql, (*self.plan.parameters, ids)).fetchall()
        by_parent: dict[str, list[Row]] = {}
        for row in rows:
            by_parent.setdefault(row[0], []).append(row)
        end = None if self.limit is None else self.offset + self.limit
        for record in records:
            found = by_parent.get(record[self.key], ())[self.offset : end]
            built = self.plan.build(connection, found)
            record[self.key] = {"totalSize": len(built), "done": True, "records": built} if built else None


def compile_records(
    context: Context, query: ast.Query, sobject: SObject, condition: Callable[[Scope], str] | None = None
) -> Plan:
    """Compile a query whose rows are records.

    Args:
        context: What it is compiled with.
        query: The query.
        sobject: What it reads.
        condition: Gives SQL that rows have to fulfil beside the query's own condition.

    Raises:
        SalesforceFault: The query does not fit the schema.

    """
    scope = Scope(context.statement, query, sobject)
    selection = Selector(scope, query).select()
    layout = Layout(context.version)
    builder = layout.node(selection.root)
    where = f"{where_sql(scope, query, context.reader)}{scope_sql(context, query, scope.root)}"
    if condition is not None:
        where = f"{where} AND {condition(scope)}"
    order = order_sql(scope, query)
    columns = ", ".join(layout.columns)
    sql = f"SELECT {columns} FROM {scope.from_sql()} WHERE {where}{order}{bounds_sql(query)}"  # noqa: S608
    children = _children(context, sobject, selection)
    width = Width(len(layout.columns), selection.long_texts, selection.blobs)
    return Plan(sql, tuple(context.statement.parameters), builder, children, tuple(selection.header), width)


def _children(context: Context, sobject: SObject, selection: Selection) -> tuple[ChildPlan, ...]:
    plans = []
    for key, entry in selection.children.items():
        relationship = sobject.child_relationship(key)
        assert relationship is not None, "the selector found it"
        plans.append(_child(context.fresh(), entry.query, relationship))
    return tuple(plans)


def _child(context: Context, query: ast.Query, relationship: ChildRelationship) -> ChildPlan:
    refuse = context.statement.refuse
    sobject = context.statement.schema.sobject(relationship.child_sobject)
    if sobject is None:
        raise refuse.unknown_children(query.source, query.source_at)
    if folds(query):
        raise refuse.malformed_at("aggregate functions are not allowed in a child subquery", query.at)
    scope = Scope(context.statement, query, sobject)
    selection = Selector(scope, query).select()
    reference = scope.root.column(relationship.field)
    layout = Layout(context.version)
    layout.columns.append(reference)
    builder = layout.node(selection.root)
    where = where_sql(scope, query, context.reader)
    order = order_sql(scope, query)
    bounds_sql(query)
    parameters = tuple(context.statement.parameters)
    of_parents = f"{reference} IN (SELECT value FROM json_each(?{len(parameters) + 1}))"  # noqa: S608
    sql = f"SELECT {', '.join(layout.columns)} FROM {scope.from_sql()} WHERE {of_parents} AND {where}{order}"  # noqa: S608
    children = _children(context, sobject, selection)
    plan = Plan(sql, parameters, builder, children, tuple(selection.header))
    limit = query.limit if isinstance(query.limit, int) else None
    return ChildPlan(
        str(relationship.relationship_name), plan, limit, query.offset if isinstance(query.offset, int) else 0
    )


def scope_sql(context: Context, query: ast.Query, root: Table) -> str:
    """Return the condition of USING SCOPE with AND in front, or nothing.

    Raises:
        SalesforceFault: MALFORMED_QUERY for a scope the sObject has not.

    """
    scope = (query.scope or "everything").lower()
    if scope == "everything":
        return ""
    owner = root.sobject.field("OwnerId")
    if scope == "mine" and owner is not None and context.user_id is not None:
        return f" AND {root.column(owner.name)} = {context.statement.parameter(context.user_id)}"
    raise context.statement.refuse.malformed_at(f"scope '{query.scope}' is not supported", query.source_at)
