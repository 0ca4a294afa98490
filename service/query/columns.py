"""The columns of a query's result: their names and types from describe, and a decoder made for them."""

import difflib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec

from service.errors import FieldViolation, MalformedQuery, UnknownField, UnknownObject
from service.salesforce.answers import Int64
from service.salesforce.calls.describe import Field, SObject
from service.soql.ast import Call, Children, Column, Expression, Path, Position, Query, TypeOf
from service.soql.reads import own_path

_EXACT_DOUBLE_DIGITS = 15
"""A binary double holds every decimal number of up to 15 digits."""
_COMPOUND = frozenset({"address", "location", "complexvalue"})
_COUNTS = frozenset({"COUNT", "COUNT_DISTINCT"})
_TEXTS = frozenset({"TOLABEL", "FORMAT"})

Describe = Callable[[str], Awaitable[SObject]]
"""Returns the description of an sObject by name."""


class ColumnType(Enum):
    """What a column holds; the names are those of the contract."""

    STRING = str
    INT64 = int
    DOUBLE = float
    DECIMAL = Decimal
    BOOL = bool
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"

    @property
    def decoded(self) -> Any:
        """The Python type that a value is decoded to."""
        if self is ColumnType.INT64:
            return Int64
        return self.value if isinstance(self.value, type) else str


_TYPES = {
    "boolean": ColumnType.BOOL,
    "int": ColumnType.INT64,
    "long": ColumnType.INT64,
    "date": ColumnType.DATE,
    "datetime": ColumnType.DATETIME,
    "time": ColumnType.TIME,
}
_NUMBERS = frozenset({"double", "currency", "percent"})
_NAME_FIELDS = {
    name.lower(): name
    for name in (
        "Id", "Name", "Type", "FirstName", "LastName", "Title", "Email", "Phone", "Username", "Alias", "IsActive",
        "UserRole", "Profile", "UserRoleId", "ProfileId", "LastReferencedDate", "LastViewedDate", "RecordTypeId",
    )
}  # fmt: skip
"""Spelling of the fields of Name, the sObject behind polymorphic lookups (Object Reference, "Name")."""


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """One column: its name, its type and where its value stands in a record's JSON."""

    name: str
    type: ColumnType
    keys: tuple[str, ...]
    is_described: bool = True
    """False for a field of a polymorphic parent, whose type only its record knows: anything may come, as text."""

    @property
    def decoded(self) -> Any:
        """The type that a value is decoded to."""
        return self.type.decoded if self.is_described else Any


async def plan(query: Query, describe: Describe) -> tuple[ResultColumn, ...]:
    """Return the columns of a query's result, in SELECT order. `COUNT()` alone has none.

    Args:
        query: The parsed query.
        describe: Describes an sObject; asked once for each sObject the query touches.

    Raises:
        UnknownField: A selected field does not exist.
        MalformedQuery: The query selects what has no column: a child subquery, TYPEOF, FIELDS(), a compound field; or
            a name is both a value and a relationship.
        service.errors.UnknownObject: FROM names no sObject.

    """
    try:
        root = await describe(query.source)
    except UnknownObject as error:
        fault = FieldViolation("soql", error.message)
        raise UnknownObject(error.message, metadata=error.metadata, violations=[fault]) from error
    aggregate = bool(query.group_by) or any(
        isinstance(item, Column) and isinstance(item.expression, Call) and item.expression.aggregate
        for item in query.select
    )
    planner = _Planner(query, root, describe, aggregate=aggregate)
    columns = [await planner.column(item) for item in query.select]
    _refuse_overlaps(query, columns)
    return tuple(column for column in columns if column is not None)


class _Planner:
    def __init__(self, query: Query, root: SObject, describe: Describe, *, aggregate: bool) -> None:
        self._query = query
        self._root = root
        self._describe = describe
        self._aggregate = aggregate
        self._unnamed = 0

    async def column(self, item: Column | TypeOf | Children) -> ResultColumn | None:
        if isinstance(item, Children):
            raise _no_column("a child subquery", item.query.at)
        if isinstance(item, TypeOf):
            raise _no_column("TYPEOF", item.relationship.at)
        if isinstance(item.expression, Path):
            column = await self._path(item.expression)
            if self._aggregate:
                # Grouped fields stand flat in the record, under the field's own name.
                key = item.alias or column.keys[-1]
                return replace(column, name=key, keys=(key,))
            return column
        return await self._call(item.expression, item.alias)

    async def _call(self, call: Call, alias: str | None) -> ResultColumn | None:
        function = call.function.upper()
        if function == "FIELDS":
            raise _no_column("FIELDS()", call.at)
        if function == "COUNT" and not call.arguments:
            return None
        path = _innermost(call)
        inner = await self._path(path) if path is not None else ResultColumn("", ColumnType.STRING, ("",))
        if function in _TEXTS and not self._aggregate:
            keys = (*inner.keys[:-1], alias or inner.keys[-1])
            return ResultColumn(alias or inner.name, ColumnType.STRING, keys)
        if not alias:
            alias = f"expr{self._unnamed}"
            self._unnamed += 1
        return replace(inner, name=alias, type=_folded(function, inner.type), keys=(alias,))

    async def _path(self, path: Path) -> ResultColumn:
        names = own_path(self._query, path)
        sobject: SObject | None = self._root
        keys: list[str] = []
        for name in names[:-1]:
            if sobject is None:
                keys.append(_NAME_FIELDS.get(name.lower(), name))
                continue
            lookup = sobject.relationships.get(name.lower())
            if lookup is None:
                raise _unknown(sobject, name, path.at, sobject.relationships.values(), "relationship")
            keys.append(lookup.relationshipName or name)
            sobject = await self._parent(lookup)
        if sobject is None:
            keys.append(_NAME_FIELDS.get(names[-1].lower(), names[-1]))
            return ResultColumn(".".join(keys), ColumnType.STRING, tuple(keys), is_described=False)
        field = sobject.fields.get(names[-1].lower())
        if field is None:
            raise _unknown(sobject, names[-1], path.at, sobject.fields.values(), "field")
        if field.type in _COMPOUND:
            raise _no_column(f"{field.name} is a compound field, which", path.at, "; select its parts")
        keys.append(field.name)
        return ResultColumn(".".join(keys), _type_of(field), tuple(keys))

    async def _parent(self, lookup: Field) -> SObject | None:
        """Return the parent's description; None for a polymorphic lookup, which leads to the Name object."""
        if len(lookup.referenceTo) != 1:
            return None
        return await self._describe(lookup.referenceTo[0])


def _refuse_overlaps(query: Query, columns: Sequence[ResultColumn | None]) -> None:
    """Refuse a column that stands where the path of another one leads through, as an alias can."""
    within = {column.keys[:depth] for column in columns if column for depth in range(1, len(column.keys))}
    for item, column in zip(query.select, columns, strict=True):
        if column and column.keys in within and isinstance(item, Column):
            at = item.expression.at
            raise MalformedQuery(
                f"{column.name} is selected as a value and as a relationship; give it another alias "
                f"(row {at.row}, column {at.column})",
                row=at.row,
                column=at.column,
            )


def _innermost(call: Call) -> Path | None:
    expression: Expression = call
    while isinstance(expression, Call):
        if not expression.arguments:
            return None
        expression = expression.arguments[0]
    return expression


def _folded(function: str, kind: ColumnType) -> ColumnType:
    if function in _COUNTS:
        return ColumnType.INT64
    if function in {"SUM", "AVG"}:
        return kind if kind is ColumnType.DECIMAL else ColumnType.DOUBLE
    if function in {"MIN", "MAX", "CONVERTCURRENCY"}:
        return kind
    if function == "DAY_ONLY":
        return ColumnType.DATE
    return ColumnType.STRING if function in _TEXTS else ColumnType.INT64


def _type_of(field: Field) -> ColumnType:
    if field.type in _NUMBERS:
        return ColumnType.DOUBLE if field.precision <= _EXACT_DOUBLE_DIGITS else ColumnType.DECIMAL
    return _TYPES.get(field.type, ColumnType.STRING)


def _no_column(what: str, at: Position, remedy: str = "") -> MalformedQuery:
    place = f"(row {at.row}, column {at.column})"
    return MalformedQuery(f"{what} cannot be returned as a column {place}{remedy}", row=at.row, column=at.column)


def _unknown(sobject: SObject, name: str, at: Position, among: Any, what: str) -> UnknownField:
    spellings = [(f.relationshipName if what == "relationship" else f.name) or f.name for f in among]
    nearest = difflib.get_close_matches(name, spellings, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    message = f"{sobject.name} has no {what} {name!r} (row {at.row}, column {at.column}){hint}"
    return UnknownField(
        message,
        metadata={
            "object": sobject.name,
            "field": name,
            "row": str(at.row),
            "column": str(at.column),
            **({"nearest": nearest[0]} if nearest else {}),
        },
        violations=[FieldViolation("soql", message)],
    )


def row_type(columns: Sequence[ResultColumn]) -> type[Any]:
    """Return a struct that msgspec decodes a record into: just the columns, nested as Salesforce nests parents."""
    tree: dict[str, Any] = {}
    for column in columns:
        branch = tree
        for key in column.keys[:-1]:
            branch = branch.setdefault(key, {})
        branch[column.keys[-1]] = column.decoded
    return _struct("Row", tree)


def _struct(name: str, tree: dict[str, Any]) -> type[Any]:
    fields: list[tuple[str, Any]] = []
    spelling: dict[str, str] = {}
    for number, (key, kind) in enumerate(tree.items()):
        inner = _struct(key, kind) if isinstance(kind, dict) else kind
        # Attributes are numbered: a field of Salesforce may be spelled like a Python keyword.
        # No default: Salesforce sends every selected field, so one that is missing is a fault and not a null.
        fields.append((f"f{number}", inner | None if inner is not Any else Any))
        spelling[f"f{number}"] = key
    return msgspec.defstruct(name, fields, rename=spelling, gc=False)


def extractors(columns: Sequence[ResultColumn]) -> tuple[tuple[str, ...], ...]:
    """Return for each column the attributes that lead from a decoded row to its value."""
    orders: dict[tuple[str, ...], dict[str, int]] = {}
    for column in columns:
        for depth, key in enumerate(column.keys):
            order = orders.setdefault(column.keys[:depth], {})
            order.setdefault(key, len(order))
    return tuple(
        tuple(f"f{orders[column.keys[:depth]][key]}" for depth, key in enumerate(column.keys)) for column in columns
    )
