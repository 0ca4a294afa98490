"""What writing one sObject takes, worked out once: readers, checks and defaults of its fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.emulator import faults, values
from service.emulator.folding import is_plain
from service.emulator.schema.model import Field, Schema, SObject
from service.emulator.store import AUDIT_COLUMNS, WRITES_COLUMN, quoted
from service.emulator.values import Check, Reader, Stored

_IGNORED = "attributes"
_WRITES = quoted(WRITES_COLUMN)
_KEPT_STATEMENTS = 256
"""Statements kept for each sObject; the fields that callers send come in few combinations."""


@dataclass(frozen=True, slots=True)
class FieldWriter:
    """How one field is written."""

    field: Field
    name: str
    read: Reader
    check: Check | None
    null: Stored
    """What null is stored as: 0 for a checkbox, which is never null."""
    targets: frozenset[str]
    """Key prefixes a reference may have, of sObjects the org knows; empty for other fields."""


@dataclass(frozen=True, slots=True)
class ParentKey:
    """A lookup given by the parent's external id instead of its id."""

    writer: FieldWriter
    """The reference to fill."""
    parent: SObject
    key_field: Field
    value: object


def plans_of(schema: Schema) -> dict[str, "Plan"]:
    """Return the plan of each sObject of a schema, by canonical name."""
    return {sobject.name: Plan(schema, sobject) for sobject in schema.sobjects}


class Plan:
    """How rows of one sObject are read from JSON, checked and completed.

    Args:
        schema: Gives the sObjects that references point at.
        sobject: The one planned for.

    """

    def __init__(self, schema: Schema, sobject: SObject) -> None:
        self.sobject = sobject
        self.name = sobject.name
        self.table = quoted(sobject.name)
        self.id_label = next(field.label for field in sobject.fields if field.type == "id")
        self.stored_fields = tuple(field for field in sobject.fields if field.stored)
        self.required = tuple(field.name for field in sobject.fields if field.required)
        self.unique = tuple(field.name for field in sobject.fields if field.unique)
        self.auto_numbers = tuple(field.name for field in sobject.fields if field.auto_number)
        name = sobject.field("Name")
        # The name of a custom record is its id unless told; unverified.
        self.named_by_id = bool(sobject.custom and name and name.stored and name.defaulted_on_create)
        self._schema = schema
        self._writers = {field.name: _writer(schema, field) for field in sobject.fields}
        self._by_lower_name = {name.lower(): writer for name, writer in self._writers.items()}
        self._defaulted = frozenset(field.name for field in sobject.fields if field.defaulted_on_create)
        self._not_null = frozenset(field.name for field in sobject.fields if not field.nillable)
        self.template: dict[str, Stored] = {
            field.name: _default(self._writers[field.name]) for field in self.stored_fields
        }
        self.template = dict.fromkeys(AUDIT_COLUMNS) | self.template | {"IsDeleted": 0}
        self.plain = is_plain(self.template.values())
        """Whether the defaults are ASCII."""
        self._insertions: dict[tuple[str, ...], str] = {}
        self._changes: dict[tuple[str, ...], str] = {}

    def insertion(self, row: Mapping[str, Stored]) -> tuple[str, list[Stored]]:
        """Return the statement that inserts a row, and its parameters.

        It names the columns that are not null only: most of a row's are, and each would cost half a microsecond.
        """
        names = tuple([name for name, value in row.items() if value is not None])
        sql = self._insertions.get(names)
        if sql is None:
            columns = ", ".join(map(quoted, names))
            places = "?, " * len(names)
            sql = f"INSERT INTO {self.table} ({columns}, {_WRITES}) VALUES ({places}1)"  # noqa: S608 - names of the schema
            _keep(self._insertions, names, sql)
        return sql, [value for value in row.values() if value is not None]

    def change(self, assigned: Mapping[str, Stored]) -> str:
        """Return the statement that changes the fields of a row; its parameters are their values, then the id."""
        names = tuple(assigned)
        sql = self._changes.get(names)
        if sql is None:
            changes = ", ".join(f"{quoted(name)} = ?" for name in names)
            sql = f'UPDATE {self.table} SET {changes}, {_WRITES} = {_WRITES} + 1 WHERE "Id" = ?'  # noqa: S608
            _keep(self._changes, names, sql)
        return sql

    def read(self, given: Mapping[str, object]) -> tuple[dict[str, Stored], list[ParentKey]]:
        """Turn a JSON body into stored values by canonical name, and the lookups that need the parent found.

        Raises:
            SalesforceFault: INVALID_FIELD for a field the sObject does not have, before anything else;
                JSON_PARSER_ERROR for a value of the wrong type.

        """
        writers = self._writers
        found = [writers.get(name) or self._find(name) for name in given]
        assigned: dict[str, Stored] = {}
        parents: list[ParentKey] = []
        for writer, value in zip(found, given.values(), strict=True):
            if isinstance(writer, FieldWriter):
                stored = None if value is None else writer.read(value)
                assigned[writer.name] = writer.null if stored is None else stored
            elif writer is not None and value is not None:
                parents.append(self._parent_key(writer.field, value))
            elif writer is not None:
                assigned[writer.field.name] = None
        return assigned, parents

    def refuse_read_only(self, names: Sequence[str], *, creating: bool) -> None:
        """Raise INVALID_FIELD_FOR_INSERT_UPDATE when a name is of a field that may not be written."""
        writers = self._writers
        closed = [
            name
            for name in names
            if not (writers[name].field.createable if creating else writers[name].field.updateable)
        ]
        if closed:
            raise faults.read_only(closed)

    def refuse_missing(self, assigned: dict[str, Stored], looked_up: Sequence[str] = ()) -> None:
        """Raise REQUIRED_FIELD_MISSING when a create lacks a field; take out nulls for which there is a default.

        Args:
            assigned: The values; nulls of fields that are never null are removed.
            looked_up: References that will be filled from a parent's external id.

        """
        missing = [name for name in self.required if assigned.get(name) is None and name not in looked_up]
        if missing:
            raise faults.required_missing(missing)
        for name in [name for name, value in assigned.items() if value is None and name in self._not_null]:
            if name in self._defaulted:
                del assigned[name]

    def refuse_null(self, assigned: Mapping[str, Stored]) -> None:
        """Raise REQUIRED_FIELD_MISSING when an update would empty a field that is never null."""
        emptied = [name for name, value in assigned.items() if value is None and name in self._not_null]
        if emptied:
            raise faults.required_missing(emptied)

    def check(self, assigned: Mapping[str, Stored]) -> None:
        """Raise what the first field says that cannot hold its value: length, picklist, address, range."""
        writers = self._writers
        for name, value in assigned.items():
            check = writers[name].check
            if check is not None and value is not None:
                check(value)

    def references(self, assigned: Mapping[str, Stored]) -> list[FieldWriter]:
        """Return the references among the fields that are to point at something."""
        writers = self._writers
        return [
            writer
            for name, value in assigned.items()
            if value is not None and (writer := writers[name]).field.type == "reference"
        ]

    def field(self, name: str) -> Field:
        """Return the definition of a field by its canonical name."""
        return self._writers[name].field

    def places(self, name: str) -> int:
        """Return how many digits of a field's stored number are behind the point, by its canonical name."""
        return values.places(self._writers[name].field)

    def writer(self, name: str) -> FieldWriter | None:
        """Return how the field of that name is written, whatever its case, or None."""
        return self._by_lower_name.get(name.lower())

    def key_writer(self, name: str) -> FieldWriter | None:
        """Return how the field is written when upsert takes it as a key, or None."""
        writer = self.writer(name)
        return writer if writer and (writer.field.external_id or writer.field.id_lookup) else None

    def _find(self, name: str) -> "FieldWriter | _Relationship | None":
        writer = self._by_lower_name.get(name.lower())
        if writer is not None:
            return writer
        if name == _IGNORED:
            return None
        field = self.sobject.relationship(name)
        if field is None:
            raise faults.unknown_field(self.name, name)
        return _Relationship(field)

    def _parent_key(self, field: Field, value: object) -> ParentKey:
        if not isinstance(value, Mapping):
            raise faults.cannot_deserialize("reference", value)
        keys = {str(name): part for name, part in value.items() if name not in {_IGNORED, "type"}}
        parent = self._parent(field, value)
        key_field = parent.field(next(iter(keys))) if parent is not None and len(keys) == 1 else None
        if parent is None or key_field is None or not (key_field.external_id or key_field.id_lookup):
            raise faults.bad_parent(field.relationship_name or field.name)
        return ParentKey(self._writers[field.name], parent, key_field, next(iter(keys.values())))

    def _parent(self, field: Field, value: Mapping[object, object]) -> SObject | None:
        attributes = value.get(_IGNORED)
        named = attributes.get("type") if isinstance(attributes, Mapping) else value.get("type")
        if named is None:
            return self._schema.sobject(field.reference_to[0]) if len(field.reference_to) == 1 else None
        parent = self._schema.sobject(str(named))
        return parent if parent is not None and parent.name in field.reference_to else None


def _keep(statements: dict[tuple[str, ...], str], names: tuple[str, ...], sql: str) -> None:
    if len(statements) < _KEPT_STATEMENTS:
        statements[names] = sql


@dataclass(frozen=True, slots=True)
class _Relationship:
    field: Field


def _writer(schema: Schema, field: Field) -> FieldWriter:
    known = (schema.sobject(name) for name in field.reference_to)
    return FieldWriter(
        field=field,
        name=field.name,
        read=values.reader(field),
        check=values.check(field),
        null=0 if field.type == "boolean" else None,
        targets=frozenset(sobject.key_prefix for sobject in known if sobject is not None),
    )


def _default(writer: FieldWriter) -> Stored:
    value = writer.field.default_value
    return writer.null if value is None else writer.read(value)
