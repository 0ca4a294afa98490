"""Names of a query resolved against the schema: which table, which column, which joins."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from service.emulator.engine.refusals import Refusals
from service.emulator.schema import Field, Schema, SObject
from service.emulator.values import places, renderer
from service.soql import ast

Stored = str | int | float | None
_ID = Field("Id", "Record ID", "id", length=18, nillable=False)
_TYPE = Field("Type", "Type", "picklist", length=40)
_NAME = Field("Name", "Name", "string", length=121)
_OF_PEOPLE = ("Alias", "Email", "FirstName", "IsActive", "LastName", "Phone", "Title", "Username")
"""Further fields of the Name object (Object Reference, "Name")."""


@dataclass(slots=True)
class Statement:
    """What all parts of one SQL statement share: its parameters and the names of its tables."""

    schema: Schema
    refuse: Refusals
    include_deleted: bool
    zone: str = "UTC"
    """The user's time zone, by its name in the IANA database."""
    parameters: list[Stored] = field(default_factory=list)
    tables: int = 0
    _places: dict[tuple[type, Stored], str] = field(default_factory=dict)

    def parameter(self, value: Stored) -> str:
        """Return a value's placeholder.

        Placeholders are numbered, so parts may be put together in any order; equal values share one, so equal
        expressions are equal text, which is how SQLite knows a grouped expression again.
        """
        key = (type(value), value)
        if key not in self._places:
            self.parameters.append(value)
            self._places[key] = f"?{len(self.parameters)}"
        return self._places[key]

    def table(self) -> str:
        """Return a fresh table alias."""
        self.tables += 1
        return f"t{self.tables - 1}"


@dataclass(frozen=True, slots=True)
class Term:
    """A field or function as SQL."""

    sql: str
    field: Field
    """Describes type and name; made up for functions."""
    at: ast.Position
    fraction: bool = False
    """Whether it is a number worked out, in units of one, and no stored whole number."""

    @property
    def text(self) -> bool:
        """Whether it compares as text without case."""
        return self.field.type in {
            "string",
            "textarea",
            "email",
            "phone",
            "url",
            "picklist",
            "combobox",
            "multipicklist",
        }

    @property
    def places(self) -> int:
        """How many digits of its whole number are behind the point."""
        return 0 if self.fraction else places(self.field)

    @property
    def render(self) -> Callable[[Any], object] | None:
        """What makes a value that is not null JSON; None when it is JSON."""
        return None if self.fraction else renderer(self.field)


@dataclass(frozen=True, slots=True)
class Table:
    """One record in reach: the query's own or a parent."""

    sobject: SObject
    alias: str

    @property
    def id_sql(self) -> str:
        """The record's id as SQL; null where a parent is missing."""
        return f'{self.alias}."Id"'

    def column(self, name: str) -> str:
        """Return a column as SQL."""
        return f'{self.alias}."{name}"'


@dataclass(frozen=True, slots=True)
class AnyTable:
    """A parent of one of several sObjects, seen as Salesforce's Name object."""

    reference: str
    """The reference as SQL; it is the parent's id."""
    targets: tuple[SObject, ...]

    @property
    def id_sql(self) -> str:
        """The record's id as SQL."""
        return self.reference

    def term(self, name: str, at: ast.Position) -> Term | None:
        """Return a field of the Name object, or None when it has no such field."""
        wanted = name.lower()
        if wanted == "id":
            return Term(self.reference, _ID, at)
        if wanted == "type":
            return Term(self._choice({target: f"'{target.name}'" for target in self.targets}), _TYPE, at)
        if wanted == "name":
            named = {target: target.name_field for target in self.targets}
            return self._field({target: found for target, found in named.items() if found}, _NAME, at)
        return self._of_people(wanted, at)

    def _of_people(self, wanted: str, at: ast.Position) -> Term | None:
        if wanted not in {name.lower() for name in _OF_PEOPLE}:
            return None
        found = {target: known for target in self.targets if (known := target.field(wanted))}
        return self._field(found, next(iter(found.values())), at) if found else None

    def _field(self, fields: dict[SObject, Field], described: Field, at: ast.Position) -> Term:
        reads = {
            target: f'(SELECT "{known.name}" FROM "{target.name}" WHERE "Id" = {self.reference})'  # noqa: S608
            for target, known in fields.items()
        }
        return Term(self._choice(reads), described, at)

    def _choice(self, branches: dict[SObject, str]) -> str:
        if not branches:
            return "NULL"
        whens = " ".join(f"WHEN '{target.key_prefix}' THEN {sql}" for target, sql in branches.items())
        return f"(CASE substr({self.reference}, 1, 3) {whens} END) COLLATE NOCASE"


class Scope:
    """The tables of one SELECT: the one it names and the parents its paths reach, joined as they are first used.

    Args:
        statement: The statement the SELECT is part of.
        query: The SELECT, for its alias.
        sobject: What it reads.

    """

    def __init__(self, statement: Statement, query: ast.Query, sobject: SObject) -> None:
        self.statement = statement
        self.root = Table(sobject, statement.table())
        self._own_names = {sobject.name.lower(), query.source.lower(), (query.alias or query.source).lower()}
        self._parents: dict[tuple[str, ...], Table | AnyTable] = {}
        self._joins: list[str] = []

    def from_sql(self) -> str:
        """Return what follows FROM; call it when every path has been resolved."""
        return " ".join([f'"{self.root.sobject.name}" AS {self.root.alias}', *self._joins])

    def own(self, path: ast.Path) -> tuple[str, ...]:
        """Return a path's names without the query's alias or object name in front."""
        first = path.names[0]
        if len(path.names) > 1 and first.lower() in self._own_names and not self.root.sobject.relationship(first):
            return path.names[1:]
        return path.names

    def parent(self, names: tuple[str, ...], at: ast.Position) -> Table | AnyTable:
        """Return the record a chain of relationships leads to; no names lead to the query's own.

        Raises:
            SalesforceFault: INVALID_FIELD for a relationship that is not there.

        """
        if not names:
            return self.root
        key = tuple(name.lower() for name in names)
        found = self._parents.get(key)
        if found is None:
            found = self._parents[key] = self._join(self.parent(names[:-1], at), names[-1], at)
        return found

    def relationship(self, names: tuple[str, ...], at: ast.Position) -> Field:
        """Return the reference field behind the last of a chain of relationships.

        Raises:
            SalesforceFault: INVALID_FIELD for a relationship that is not there.

        """
        base = self.parent(names[:-1], at)
        reference = base.sobject.relationship(names[-1]) if isinstance(base, Table) else None
        if reference is None:
            raise self.statement.refuse.unknown_parent(names[-1], at)
        return reference

    def term(self, path: ast.Path) -> Term:
        """Resolve a field path.

        Raises:
            SalesforceFault: INVALID_FIELD for a field or relationship that is not there.

        """
        names = self.own(path)
        record = self.parent(names[:-1], path.at)
        if isinstance(record, AnyTable):
            term = record.term(names[-1], path.at)
            if term is None:
                raise self.statement.refuse.unknown_field(names[-1], "Name", path.at)
            return term
        known = record.sobject.field(names[-1])
        if known is None:
            raise self.statement.refuse.unknown_field(names[-1], record.sobject.name, path.at)
        return Term(record.column(known.name) if known.stored else "NULL", known, path.at)

    def typed_parent(self, reference: str, sobject: SObject) -> Table:
        """Join one sObject of a polymorphic reference; the id is null where the parent is of another."""
        table = Table(sobject, self.statement.table())
        self._joins.append(f'LEFT JOIN "{sobject.name}" AS {table.alias} ON {table.id_sql} = {reference}')
        return table

    def _join(self, base: Table | AnyTable, name: str, at: ast.Position) -> Table | AnyTable:
        reference = base.sobject.relationship(name) if isinstance(base, Table) else None
        if reference is None or not isinstance(base, Table):
            raise self.statement.refuse.unknown_parent(name, at)
        targets = tuple(
            target for other in reference.reference_to if (target := self.statement.schema.sobject(other)) is not None
        )
        if reference.polymorphic:
            return AnyTable(base.column(reference.name), targets)
        if not targets:
            raise self.statement.refuse.unknown_parent(name, at)
        return self.typed_parent(base.column(reference.name), targets[0])
