"""The columns that a query's result will have, found from its SELECT list and the descriptions of its sObjects."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from service.errors import FieldViolation, MalformedQuery, UnknownObject
from service.query import compound, typeof
from service.query.columns import ColumnType, ResultColumn, is_described, type_of
from service.query.names import field_of, place, refusal, relationship_of, unknown
from service.salesforce.calls.describe import Field, SObject
from service.soql import reads, walk
from service.soql.ast import Call, Children, Column, Expression, Path, Position, Query, Selected, TypeOf

Describe: TypeAlias = Callable[[str], Awaitable[SObject]]
"""Returns the description of an sObject by name."""

_KEPT = frozenset({"MIN", "MAX", "CONVERTCURRENCY"})
"""Functions whose values are of the type of their field."""
_TEXTS = frozenset({"TOLABEL", "FORMAT"})
_IN_PLACE = frozenset({*_TEXTS, "CONVERTCURRENCY"})
"""Functions that change a field where it stands; other functions get a key of their own."""
_FIELDS = "FIELDS"
_BUNDLES = frozenset({"ALL", "STANDARD", "CUSTOM"})
NAME_FIELDS = {
    name.lower(): name
    for name in (
        "Id", "Name", "Type", "FirstName", "LastName", "Title", "Email", "Phone", "Username", "Alias", "IsActive",
        "UserRole", "Profile", "UserRoleId", "ProfileId", "LastReferencedDate", "LastViewedDate", "RecordTypeId",
    )
}  # fmt: skip
"""Spelling of the fields of Name, the sObject behind polymorphic lookups (Object Reference, "Name")."""


async def plan(query: Query, describe: Describe) -> tuple[ResultColumn, ...]:
    """Return the columns of a query's result, in SELECT order. `COUNT()` alone has none.

    A compound field has a column for each of its parts, TYPEOF one for each field of any branch, FIELDS() one for each
    field it stands for and a child subquery a single one that holds batches.

    Args:
        query: The parsed query.
        describe: Describes an sObject; asked for each sObject the query touches, again and again.

    Raises:
        UnknownField: A selected field or relationship does not exist.
        MalformedQuery: A name is both a value and a relationship, or FIELDS() stands for nothing.
        UnknownObject: FROM or TYPEOF names no sObject.

    """
    root = await _described(query.source, query.source_at, describe)
    return await _Planner(query, root, describe).plan()


async def expand(query: Query, describe: Describe) -> Query:
    """Return the query with each FIELDS() spelled out, that of child subqueries as well.

    What Salesforce answers then has exactly the columns that `plan` found, however old the descriptions are, and
    needs no LIMIT, which FIELDS(ALL) and FIELDS(CUSTOM) do.

    Args:
        query: The parsed query.
        describe: Describes an sObject.

    Raises:
        service.errors.SluicegateError: As `plan` does.

    """
    if not _has_fields(query):
        return query
    root = await _described(query.source, query.source_at, describe)
    return await _Planner(query, root, describe).expanded()


class _Planner:
    """Plans one level of a query: the query itself, or one of its child subqueries."""

    def __init__(self, query: Query, root: SObject, describe: Describe) -> None:
        self._query = query
        self._root = root
        self._describe = describe
        self._aggregate = bool(query.group_by) or any(
            isinstance(item, Column) and walk.folds(item.expression) for item in query.select
        )
        self._unnamed = 0

    async def plan(self) -> tuple[ResultColumn, ...]:
        planned = [(column, _at(item)) for item in self._query.select for column in await self._columns(item)]
        _refuse_overlaps(planned)
        return tuple(column for column, _ in planned)

    async def expanded(self) -> Query:
        select: list[Selected] = []
        for item in self._query.select:
            if isinstance(item, Children):
                child = await self._child(item.query)
                select.append(Children(await _Planner(item.query, child, self._describe).expanded()))
            elif (bundle := _bundle(item)) is not None:
                select.extend(Column(Path((field.name,), bundle.at)) for field in self._fields(bundle))
            else:
                select.append(item)
        return replace(self._query, select=tuple(select))

    async def _columns(self, item: Selected) -> Iterable[ResultColumn]:
        if isinstance(item, Children):
            return [await self._children(item.query)]
        if isinstance(item, TypeOf):
            return await self._typeof(item)
        if isinstance(item.expression, Call):
            if (bundle := _bundle(item)) is not None:
                return [column for field in self._fields(bundle) for column in _of_field(self._root, field, ())]
            column = await self._call(item.expression, item.alias)
            return [] if column is None else [column]
        columns = await self._path(item.expression)
        if self._aggregate:
            # Grouped fields stand flat in the record, under the field's own name.
            return [self._flat(column, item.alias or column.keys[-1]) for column in columns]
        return columns

    async def _children(self, query: Query) -> ResultColumn:
        child = await self._child(query)
        relationship = self._root.children[query.source.lower()]
        name = relationship.relationship_name or query.source
        columns = await _Planner(query, child, self._describe).plan()
        return ResultColumn(name, ColumnType.BATCHES, (name,), children=columns)

    async def _child(self, query: Query) -> SObject:
        relationship = self._root.children.get(query.source.lower())
        if relationship is None:
            among = [known.relationship_name or "" for known in self._root.children.values()]
            raise unknown(self._root, query.source, query.source_at, among, "child relationship")
        return await _described(relationship.sobject, query.source_at, self._describe)

    async def _typeof(self, item: TypeOf) -> list[ResultColumn]:
        relationship = item.relationship
        keys, lookup = await self._lookup(reads.own_path(self._query, relationship), relationship.at)
        branches = []
        for branch in item.branches:
            if lookup is not None and branch.sobject.lower() not in {name.lower() for name in lookup.referenceTo}:
                raise typeof.wrong_type(branch, ".".join(keys), lookup.referenceTo)
            sobject = await _described(branch.sobject, branch.at, self._describe)
            for path in branch.fields:
                branches.extend(await self._from(sobject, path.names, path.at, keys))
        for path in item.otherwise:
            branches.extend(await self._from(None, path.names, path.at, keys))
        return typeof.union(branches, len(keys))

    def _fields(self, bundle: Call) -> list[Field]:
        names = [".".join(argument.names).upper() for argument in bundle.arguments if isinstance(argument, Path)]
        which = names[0] if len(names) == 1 else ""
        if which not in _BUNDLES:
            raise refusal("FIELDS takes ALL, STANDARD or CUSTOM", bundle.at)
        fields = [
            field for field in self._root.fields.values() if which == "ALL" or field.custom == (which == "CUSTOM")
        ]
        if not fields:
            raise refusal(f"{self._root.name} has no {which.lower()} fields", bundle.at)
        return fields

    async def _call(self, call: Call, alias: str | None) -> ResultColumn | None:
        function = call.function.upper()
        if function == "COUNT" and not call.arguments:
            return None
        path = _innermost(call)
        inner = await self._one(path) if path is not None else ResultColumn("", ColumnType.STRING, ("",))
        if function in _IN_PLACE and not self._aggregate:
            keys = (*inner.keys[:-1], alias or inner.keys[-1])
            return replace(_folded(function, inner), name=alias or inner.name, keys=keys)
        if not alias:
            alias = f"expr{self._unnamed}"
            self._unnamed += 1
        return self._flat(_folded(function, inner), alias)

    @staticmethod
    def _flat(column: ResultColumn, key: str) -> ResultColumn:
        return replace(column, name=key, keys=(key,), sure_keys=None)

    async def _one(self, path: Path) -> ResultColumn:
        columns = await self._path(path)
        if len(columns) > 1:
            raise refusal(f"{'.'.join(path.names)} is a compound field, which no function takes", path.at)
        return columns[0]

    async def _path(self, path: Path) -> list[ResultColumn]:
        return await self._from(self._root, reads.own_path(self._query, path), path.at, ())

    async def _from(
        self, sobject: SObject | None, names: Sequence[str], at: Position, keys: tuple[str, ...]
    ) -> list[ResultColumn]:
        """Return the columns of a path that starts at an sObject; None is the Name object."""
        for name in names[:-1]:
            if sobject is None:
                keys = (*keys, NAME_FIELDS.get(name.lower(), name))
                continue
            lookup = relationship_of(sobject, name, at)
            keys = (*keys, lookup.relationshipName or name)
            sobject = await self._parent(lookup)
        if sobject is None:
            keys = (*keys, NAME_FIELDS.get(names[-1].lower(), names[-1]))
            return [ResultColumn(".".join(keys), ColumnType.STRING, keys, is_described=False)]
        return _of_field(sobject, field_of(sobject, names[-1], at), keys)

    async def _lookup(self, names: Sequence[str], at: Position) -> tuple[tuple[str, ...], Field | None]:
        """Return where the relationship of a TYPEOF stands and its lookup; None behind the Name object."""
        sobject: SObject | None = self._root
        lookup: Field | None = None
        keys: list[str] = []
        for name in names:
            lookup = None if sobject is None else relationship_of(sobject, name, at)
            keys.append(name if lookup is None else lookup.relationshipName or name)
            sobject = None if lookup is None else await self._parent(lookup)
        return tuple(keys), lookup

    async def _parent(self, lookup: Field) -> SObject | None:
        """Return the parent's description; None for a polymorphic lookup, which leads to the Name object."""
        if len(lookup.referenceTo) != 1:
            return None
        return await self._describe(lookup.referenceTo[0])


def _of_field(sobject: SObject, field: Field, keys: tuple[str, ...]) -> list[ResultColumn]:
    path = (*keys, field.name)
    if field.type in compound.COMPOUNDS:
        return compound.parts(sobject, field, path)
    return [ResultColumn(".".join(path), type_of(field), path, is_described=is_described(field))]


async def _described(name: str, at: Position, describe: Describe) -> SObject:
    try:
        return await describe(name)
    except UnknownObject as error:
        message = f"{error.message} {place(at)}"
        metadata = {**error.metadata, "row": str(at.row), "column": str(at.column)}
        raise UnknownObject(message, metadata=metadata, violations=[FieldViolation("soql", message)]) from error


def _refuse_overlaps(planned: Sequence[tuple[ResultColumn, Position]]) -> None:
    """Refuse a column that stands where the path of another one leads through, as an alias can."""
    within = {column.keys[:depth] for column, _ in planned for depth in range(1, len(column.keys))}
    for column, at in planned:
        if column.keys in within:
            raise MalformedQuery(
                f"{column.name} is selected as a value and as a relationship; give it another alias {place(at)}",
                row=at.row,
                column=at.column,
            )


def _at(item: Selected) -> Position:
    if isinstance(item, Children):
        return item.query.at
    return item.relationship.at if isinstance(item, TypeOf) else item.expression.at


def _bundle(item: Selected) -> Call | None:
    """Return the FIELDS() that an entry is, or None."""
    if isinstance(item, Column) and isinstance(item.expression, Call) and item.expression.function.upper() == _FIELDS:
        return item.expression
    return None


def _has_fields(query: Query) -> bool:
    return any(
        _has_fields(item.query) if isinstance(item, Children) else _bundle(item) is not None for item in query.select
    )


def _innermost(call: Call) -> Path | None:
    expression: Expression = call
    while isinstance(expression, Call):
        if not expression.arguments:
            return None
        expression = expression.arguments[0]
    return expression


def _folded(function: str, inner: ResultColumn) -> ResultColumn:
    """Return the column of a function's value, made of that of its field."""
    if function in _KEPT or (function == "TOLABEL" and inner.type is ColumnType.STRINGS):
        return inner
    if function in _TEXTS:
        return replace(inner, type=ColumnType.STRING)
    kind = ColumnType.DATE if function == "DAY_ONLY" else ColumnType.INT64
    if function in {"SUM", "AVG"}:
        kind = ColumnType.DECIMAL if inner.type is ColumnType.DECIMAL else ColumnType.DOUBLE
    return replace(inner, type=kind, is_described=True)
