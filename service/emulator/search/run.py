"""Runs a search: each sObject by a query of its own, whose rows also have to match the terms.

Salesforce's index is minutes behind and knows word forms; here rows are found at once, by whole words.
"""

import sqlite3
from dataclasses import replace
from datetime import datetime

from service.emulator.engine.effort import bounded
from service.emulator.engine.grouping import folds
from service.emulator.engine.literals import Reader
from service.emulator.engine.periods import Today
from service.emulator.engine.plans import Context, compile_records
from service.emulator.engine.refusals import not_queryable
from service.emulator.engine.scope import Scope, Statement
from service.emulator.engine.shapes import Record
from service.emulator.faults import SalesforceFault
from service.emulator.schema import Field, Schema, SObject
from service.emulator.search.statement import Group, Search, Target, target
from service.emulator.search.terms import MATCH_FUNCTION
from service.soql import ast

_TEXT = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox"})
_NAMES = frozenset({"firstname", "lastname", "middlename", "subject"})
_PUNCTUATION = " ()-.+/"


def run_search(
    connection: sqlite3.Connection,
    schema: Schema,
    search: Search,
    *,
    now: datetime,
    api_version: str,
    user_id: str | None,
    postpone: bool = False,
) -> list[Record]:
    """Return the records a search finds, sObject by sObject in the order it names them.

    Args:
        connection: The org's database.
        schema: The org's schema.
        search: What to find.
        now: As for a query.
        api_version: Version in the URLs of `attributes`.
        user_id: Who asks.
        postpone: As for a query.

    Raises:
        Postponed: As for a query.
        SalesforceFault: INVALID_TYPE, INVALID_FIELD and their kin.

    """
    found: list[Record] = []
    with bounded(connection, postpone=postpone):
        for each in search.targets or _everything(schema):
            sobject = _sobject(schema, each)
            statement = Statement(schema, each.refuse, include_deleted=False, zone=getattr(now.tzinfo, "key", "UTC"))
            context = Context(statement, Reader(each.refuse, Today(now)), api_version, user_id)
            matching = _Matching(search.terms, search.group)
            plan = compile_records(context, _cut(each.query, search.limit - len(found)), sobject, matching)
            found.extend(plan.build(connection, plan.fetch(connection)))
            if len(found) >= search.limit:
                break
    return found


class _Matching:
    """Makes the condition that the rows of a query match the terms."""

    def __init__(self, terms: str, group: Group) -> None:
        self._terms = terms
        self._group = group

    def __call__(self, scope: Scope) -> str:
        fields = [known for known in scope.root.sobject.fields if known.stored and _searched(known, self._group)]
        if not fields:
            return "0"
        columns = [_column(scope.root.column(known.name), known) for known in fields]
        parameter = scope.statement.parameter
        return f"{MATCH_FUNCTION}({parameter(self._terms)}, {' || char(10) || '.join(columns)})"


def _everything(schema: Schema) -> list[Target]:
    return [target(each.name, "Id") for each in schema.sobjects if each.searchable and each.queryable]


def _sobject(schema: Schema, wanted: Target) -> SObject:
    query = wanted.query
    sobject = schema.sobject(query.source)
    if sobject is None:
        raise wanted.refuse.unknown_object(query.source, query.source_at)
    if not sobject.queryable:
        raise not_queryable(sobject.name)
    if not sobject.searchable:
        text = f"entity type {sobject.name} does not support search"  # unverified
        raise SalesforceFault(400, "INVALID_TYPE_FOR_OPERATION", text)
    if folds(query) or any(isinstance(entry, ast.Children) for entry in query.select):
        raise wanted.refuse.malformed_at("a search returns fields of records only", query.source_at)
    return sobject


def _cut(query: ast.Query, most: int) -> ast.Query:
    limit = query.limit if isinstance(query.limit, int) else most
    return replace(query, limit=min(limit, most))


def _searched(known: Field, group: Group) -> bool:
    if group in {"EMAIL", "PHONE"}:
        return known.type == group.lower()
    if group == "NAME":
        return known.name_field or known.name.lower() in _NAMES
    return known.type in _TEXT


def _column(sql: str, known: Field) -> str:
    if known.type != "phone":
        return f"coalesce({sql}, '')"
    # A phone number is found however it is punctuated.
    digits = sql
    for character in _PUNCTUATION:
        digits = f"replace({digits}, '{character}', '')"
    return f"coalesce({sql} || char(10) || {digits}, '')"
