"""Runs SOQL text against an org's rows and shapes the answer as Salesforce does."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import overload

from service.emulator.engine import grouping
from service.emulator.engine.conditions import Conditions, where_sql
from service.emulator.engine.effort import bounded
from service.emulator.engine.literals import Reader
from service.emulator.engine.ordering import bounds_sql
from service.emulator.engine.periods import Today
from service.emulator.engine.plans import Context, Plan, compile_records, scope_sql
from service.emulator.engine.refusals import Refusals, not_queryable, too_many_groups
from service.emulator.engine.scope import Scope, Statement
from service.emulator.engine.shapes import NARROW, Record, Row, Width
from service.emulator.engine.subtotals import folded_sql
from service.emulator.schema import Schema, SObject
from service.errors import MalformedQuery
from service.soql import ast, parse

MAX_GROUPS = 2_000
"""Grouped results have one page only."""

CHUNK = 2_000
"""How many records are built at once; it is the largest page."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The whole answer to a query; pages are slices of `rows`."""

    total_size: int
    """Number of matching rows; for `SELECT COUNT()` the count, with no rows."""
    rows: Sequence[Record]
    """Records as Salesforce JSON: a list when one page holds them all, else built as they are looked at."""
    header: tuple[str, ...] = ()
    """Dotted canonical names of what each row holds, in the order of the SELECT list."""
    width: Width = NARROW


class Records(Sequence[Record]):
    """Rows read once and built a chunk at a time, so that a large result costs what is looked at.

    Children of a record are read when it is built: they are those of that moment.

    Args:
        connection: Where children are read from.
        plan: The compiled query.
        rows: What it read.

    """

    def __init__(self, connection: sqlite3.Connection, plan: Plan, rows: list[Row]) -> None:
        self._connection = connection
        self._plan = plan
        self._rows = rows
        self._chunk: list[Record] = []
        self._chunk_start = -1

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self._rows))
            if step == 1 and start == self._chunk_start and stop <= start + len(self._chunk):
                return self._chunk[: max(0, stop - start)]
            return self._plan.build(self._connection, self._rows[index])
        place = range(len(self._rows))[index]
        start = place // CHUNK * CHUNK
        if start != self._chunk_start:
            self._chunk = self._plan.build(self._connection, self._rows[start : start + CHUNK])
            self._chunk_start = start
        return self._chunk[place - start]


def run(  # noqa: PLR0913 - what a query depends on
    connection: sqlite3.Connection,
    schema: Schema,
    soql: str,
    *,
    now: datetime,
    include_deleted: bool = False,
    api_version: str = "66.0",
    user_id: str | None = None,
    postpone: bool = False,
) -> QueryResult:
    """Answer a query; the rows matched are those of this moment.

    Args:
        connection: The org's database, with a table for each sObject and a column for each stored field.
        schema: The org's schema.
        soql: The query.
        now: The current instant, aware; date literals are relative to it and meant in its time zone.
        include_deleted: Whether rows in the Recycle Bin match (`queryAll`).
        api_version: Version in the URLs of `attributes`.
        user_id: Who asks, for USING SCOPE mine; 18 characters.
        postpone: Whether to stop when it takes long.

    Raises:
        Postponed: It takes long; nothing has happened.
        SalesforceFault: MALFORMED_QUERY, INVALID_TYPE, INVALID_FIELD and their kin, with Salesforce's texts.

    """
    refuse, query, sobject = resolve(schema, soql)
    statement = Statement(schema, refuse, include_deleted, zone=getattr(now.tzinfo, "key", "UTC"))
    context = Context(statement, Reader(refuse, Today(now)), api_version, user_id)
    with bounded(connection, postpone=postpone):
        return _answer(connection, context, query, sobject)


def resolve(schema: Schema, soql: str) -> tuple[Refusals, ast.Query, SObject]:
    """Parse a query and find what it reads.

    Raises:
        SalesforceFault: MALFORMED_QUERY, or INVALID_TYPE and its kin for the sObject.

    """
    refuse = Refusals(soql)
    try:
        query = parse(soql, parameters=False)
    except MalformedQuery as error:
        raise refuse.malformed(error) from error
    sobject = schema.sobject(query.source)
    if sobject is None:
        raise refuse.unknown_object(query.source, query.source_at)
    if not sobject.queryable:
        raise not_queryable(sobject.name)
    return refuse, query, sobject


def _answer(connection: sqlite3.Connection, context: Context, query: ast.Query, sobject: SObject) -> QueryResult:
    if grouping.counts_rows(query):
        return _count(connection, context, query, sobject)
    if grouping.folds(query):
        return _groups(connection, context, query, sobject)
    plan = compile_records(context, query, sobject)
    rows = plan.fetch(connection)
    records = plan.build(connection, rows) if len(rows) <= CHUNK else Records(connection, plan, rows)
    return QueryResult(len(rows), records, plan.header, plan.width)


def _count(connection: sqlite3.Connection, context: Context, query: ast.Query, sobject: SObject) -> QueryResult:
    scope = Scope(context.statement, query, sobject)
    where = where_sql(scope, query, context.reader) + scope_sql(context, query, scope.root)
    inner = f"SELECT 1 FROM {scope.from_sql()} WHERE {where}{bounds_sql(query)}"  # noqa: S608
    row = connection.execute(f"SELECT count(*) FROM ({inner})", context.statement.parameters).fetchone()  # noqa: S608
    return QueryResult(row[0], ())


def _groups(connection: sqlite3.Connection, context: Context, query: ast.Query, sobject: SObject) -> QueryResult:
    scope = Scope(context.statement, query, sobject)
    groups = grouping.resolve(scope, query)
    where = where_sql(scope, query, context.reader) + scope_sql(context, query, scope.root)
    having = None
    if query.having is not None:
        resolved = partial(grouping.resolved, scope, query, groups.by)
        having = Conditions(scope, context.reader, resolved).compile(query.having)
    sql = folded_sql(scope, query, groups, where, having)
    rows = connection.execute(sql, context.statement.parameters).fetchall()
    if len(rows) > MAX_GROUPS:
        raise too_many_groups()
    return QueryResult(len(rows), [groups.record(row[: len(groups.terms)]) for row in rows], groups.keys)
