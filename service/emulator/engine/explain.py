"""How a query would be answered: by which index or by a scan, told in the words of Salesforce's query plans.

Source: Salesforce REST API, "Get Feedback on Query Performance", a beta resource; its figures are unverified. Indexes
and numbers of rows are those of SQLite, the cost is the share of the table that is read against the share up to which
Salesforce uses an index.
"""

import re
import sqlite3
from collections.abc import Iterator
from datetime import datetime

from service.emulator.engine.conditions import where_sql
from service.emulator.engine.effort import bounded
from service.emulator.engine.literals import Reader
from service.emulator.engine.periods import Today
from service.emulator.engine.plans import Context, scope_sql
from service.emulator.engine.run import resolve
from service.emulator.engine.scope import Scope, Statement
from service.emulator.engine.shapes import Record
from service.emulator.schema import Schema, SObject
from service.soql import ast, walk

_SELECTIVE = 0.3
"""Share of a table up to which a standard index is used (SOQL and SOSL Reference, "Working with Very Large SOQL
Queries")."""

_SCAN_COST = 1.3
_UNINDEXED = "Not considering filter for optimization because unindexed"


def explain(
    connection: sqlite3.Connection,
    schema: Schema,
    soql: str,
    *,
    now: datetime,
    user_id: str | None = None,
    postpone: bool = False,
) -> list[Record]:
    """Return the plans of a query, the best one first; the query is run to count its rows.

    Args:
        connection: The org's database.
        schema: The org's schema.
        soql: The query.
        now: As for the query.
        user_id: As for the query.
        postpone: As for the query.

    Raises:
        Postponed: As for the query.
        SalesforceFault: As for the query.

    """
    refuse, query, sobject = resolve(schema, soql)
    statement = Statement(schema, refuse, include_deleted=False, zone=getattr(now.tzinfo, "key", "UTC"))
    context = Context(statement, Reader(refuse, Today(now)), "", user_id)
    scope = Scope(statement, query, sobject)
    where = where_sql(scope, query, context.reader) + scope_sql(context, query, scope.root)
    body = f"FROM {scope.from_sql()} WHERE {where}"
    with bounded(connection, postpone=postpone):
        steps = connection.execute(f"EXPLAIN QUERY PLAN SELECT 1 {body}", statement.parameters).fetchall()
        found = connection.execute(f"SELECT count(*) {body}", statement.parameters).fetchone()[0]
        total = connection.execute(f'SELECT count(*) FROM "{sobject.name}" WHERE "IsDeleted" = 0').fetchone()[0]  # noqa: S608
    indexed = _indexed([str(step[-1]) for step in steps], scope.root.alias, sobject)
    plans = [_plan(sobject, "TableScan", (found, total), _SCAN_COST, notes=_notes(query, sobject, indexed))]
    if indexed:
        cost = round(found / max(1.0, total * _SELECTIVE), 4)
        plans.append(_plan(sobject, "Index", (found, total), cost, fields=indexed))
    return sorted(plans, key=lambda plan: plan["relativeCost"])


def _plan(
    sobject: SObject,
    operation: str,
    rows: tuple[int, int],
    cost: float,
    *,
    fields: list[str] | None = None,
    notes: list[Record] | None = None,
) -> Record:
    found, total = rows
    return {
        "cardinality": found,
        "fields": fields or [],
        "leadingOperationType": operation,
        "notes": notes or [],
        "relativeCost": cost,
        "sobjectCardinality": total,
        "sobjectType": sobject.name,
    }


def _indexed(steps: list[str], table: str, sobject: SObject) -> list[str]:
    """Return the fields whose indexes lead to the rows, as SQLite tells them: `SEARCH t0 USING INDEX x (Id=?)`."""
    pattern = re.compile(rf"SEARCH {table} USING (?:COVERING )?INDEX .*\((.*)\)")
    columns = [
        name for step in steps if (match := pattern.fullmatch(step)) for name in re.findall(r"(\w+)[=<>]", match[1])
    ]
    return list(dict.fromkeys(known.name for column in columns if (known := sobject.field(column))))


def _notes(query: ast.Query, sobject: SObject, indexed: list[str]) -> list[Record]:
    names = dict.fromkeys(["IsDeleted", *_own_fields(query, sobject)])
    return [
        {"description": _UNINDEXED, "fields": [name], "tableEnumOrId": sobject.name}
        for name in names
        if name not in indexed
    ]


def _own_fields(query: ast.Query, sobject: SObject) -> Iterator[str]:
    for leaf in walk.leaves(query):
        if isinstance(leaf.left, ast.Path) and (known := sobject.field(leaf.left.names[-1])) is not None:
            yield known.name
