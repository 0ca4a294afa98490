"""The words for an org's schema: fields, sObjects and the schema that holds them."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

FieldType = Literal[
    "id",
    "string",
    "textarea",
    "boolean",
    "int",
    "long",
    "double",
    "currency",
    "percent",
    "date",
    "datetime",
    "time",
    "email",
    "phone",
    "url",
    "picklist",
    "multipicklist",
    "combobox",
    "reference",
    "address",
    "location",
    "base64",
    "encryptedstring",
    "anyType",
    "complexvalue",
]
"""The field types of describe. Source: Salesforce REST API, "Field Types"."""

COMPOUND_TYPES: frozenset[str] = frozenset({"address", "location"})
"""Types that are read-only views over other fields and therefore have no column."""


@dataclass(frozen=True, slots=True)
class PicklistValue:
    """One entry of a picklist."""

    value: str
    """The API name, which is what rows hold."""
    label: str
    """What people see."""
    active: bool = True
    default: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field as describe reports it; attribute names are describe's in snake case."""

    name: str
    label: str
    type: FieldType
    length: int = 0
    """Characters a text field holds; 0 for other types."""
    precision: int = 0
    """All digits of a double, currency or percent; 0 for other types."""
    scale: int = 0
    """Digits behind the decimal point."""
    digits: int = 0
    """Digits of an int; 0 for other types."""
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted_on_create: bool = False
    default_value: object = None
    """The value a create without the field stores, as JSON; None when there is none or when it is computed."""
    unique: bool = False
    external_id: bool = False
    id_lookup: bool = False
    """Whether upsert takes the field as its key."""
    case_sensitive: bool = False
    """Whether a unique field tells `a` from `A`."""
    auto_number: bool = False
    display_format: str = "{00000000}"
    """How an auto number looks: `{0000}` is the counter with at least as many digits, `{YYYY}`, `{YY}`, `{MM}` and
    `{DD}` the day."""
    first_number: int = 1000
    """The counter of the first auto number."""
    calculated: bool = False
    custom: bool = False
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    aggregatable: bool = True
    permissionable: bool = True
    restricted_picklist: bool = False
    picklist: tuple[PicklistValue, ...] = ()
    reference_to: tuple[str, ...] = ()
    """Canonical names of the sObjects a reference may point at; several make it polymorphic."""
    relationship_name: str | None = None
    """The name of the parent in paths (`Account` of `AccountId`); None when there is no path."""
    child_relationship_name: str | None = None
    """The name a child subquery on the parent uses (`Contacts` of `AccountId`); None when there is no such query."""
    cascade_delete: bool = False
    """Whether deleting the parent deletes the record that holds the reference."""
    restricted_delete: bool = False
    """Whether a record that holds the reference forbids deleting the parent."""
    name_field: bool = False
    compound_field_name: str | None = None
    extra_type_info: str | None = None
    html_formatted: bool = False
    search_prefilterable: bool = False
    inline_help_text: str | None = None

    @property
    def required(self) -> bool:
        """Tell whether a create without the field fails."""
        return self.createable and not self.nillable and not self.defaulted_on_create

    @property
    def stored(self) -> bool:
        """Tell whether the field has a column; compound fields are built on read."""
        return self.type not in COMPOUND_TYPES

    @property
    def polymorphic(self) -> bool:
        """Tell whether the reference may point at several sObjects."""
        return len(self.reference_to) > 1


@dataclass(frozen=True, slots=True)
class ChildRelationship:
    """One field of another sObject that points here."""

    child_sobject: str
    field: str
    relationship_name: str | None = None
    """The name a child subquery uses; None when there is no such query."""
    cascade_delete: bool = False
    """Whether deleting the parent deletes the child."""
    restricted_delete: bool = False
    """Whether a child forbids deleting the parent."""


@dataclass(frozen=True, slots=True)
class SObject:
    """One sObject: its names, what may be done with it, its fields and its children."""

    name: str
    label: str
    label_plural: str
    key_prefix: str
    """The first three characters of every id."""
    fields: tuple[Field, ...]
    child_relationships: tuple[ChildRelationship, ...] = ()
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    queryable: bool = True
    searchable: bool = True
    retrieveable: bool = True
    undeletable: bool = True
    mergeable: bool = False
    replicateable: bool = True
    triggerable: bool = True
    layoutable: bool = True
    feed_enabled: bool = False
    deep_cloneable: bool = False
    mru_enabled: bool = True
    custom: bool = False
    scopes: tuple[tuple[str, str], ...] = ()
    """Pairs of name and label of the supported query scopes."""

    _by_name: dict[str, Field] = dataclasses.field(init=False, repr=False, compare=False)
    _by_relationship: dict[str, Field] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Names that are written as here are found without being folded.
        named = {name: field for field in self.fields for name in (field.name.lower(), field.name)}
        related = {field.relationship_name.lower(): field for field in self.fields if field.relationship_name}
        object.__setattr__(self, "_by_name", named)
        object.__setattr__(self, "_by_relationship", related)

    def field(self, name: str) -> Field | None:
        """Return the field of that API name, whatever its case, or None."""
        return self._by_name.get(name) or self._by_name.get(name.lower())

    def relationship(self, name: str) -> Field | None:
        """Return the reference field whose parent has that relationship name, whatever its case, or None."""
        return self._by_relationship.get(name.lower())

    def child_relationship(self, name: str) -> ChildRelationship | None:
        """Return the child relationship of that name, whatever its case, or None."""
        wanted = name.lower()
        return next(
            (child for child in self.child_relationships if (child.relationship_name or "").lower() == wanted), None
        )

    @property
    def name_field(self) -> Field | None:
        """Return the field people know a record by (`Name`, `CaseNumber`, `Subject`), or None."""
        return next((field for field in self.fields if field.name_field), None)


class Schema:
    """The sObjects of one org, found by name or key prefix.

    Args:
        sobjects: Definitions; names and key prefixes have to differ. Their child relationships are
            completed from the references that point at them, and those of absent objects dropped.

    Raises:
        ValueError: Two definitions share a name or a key prefix.

    """

    def __init__(self, sobjects: Iterable[SObject]) -> None:
        self.sobjects = _with_children(tuple(sobjects))
        self._by_name = {sobject.name.lower(): sobject for sobject in self.sobjects}
        self._by_prefix = {sobject.key_prefix: sobject for sobject in self.sobjects}
        if len(self._by_name) != len(self.sobjects) or len(self._by_prefix) != len(self.sobjects):
            raise ValueError("two sObjects of a schema share a name or a key prefix")

    def sobject(self, name: str) -> SObject | None:
        """Return the sObject of that API name, whatever its case, or None."""
        return self._by_name.get(name.lower())

    def by_key_prefix(self, prefix: str) -> SObject | None:
        """Return the sObject whose ids start with these three characters, or None."""
        return self._by_prefix.get(prefix)


def _with_children(sobjects: tuple[SObject, ...]) -> tuple[SObject, ...]:
    children: dict[str, list[ChildRelationship]] = {sobject.name: [] for sobject in sobjects}
    for sobject in sobjects:
        for field in sobject.fields:
            for parent in field.reference_to:
                if parent in children:
                    children[parent].append(_child(sobject, field))
    held = {(sobject.name, field.name) for sobject in sobjects for field in sobject.fields}
    return tuple(
        dataclasses.replace(
            sobject, child_relationships=_merged(sobject.child_relationships, children[sobject.name], held)
        )
        for sobject in sobjects
    )


def _child(sobject: SObject, field: Field) -> ChildRelationship:
    return ChildRelationship(
        child_sobject=sobject.name,
        field=field.name,
        relationship_name=field.child_relationship_name,
        cascade_delete=field.cascade_delete,
        restricted_delete=field.restricted_delete,
    )


def _merged(
    given: tuple[ChildRelationship, ...], found: list[ChildRelationship], held: set[tuple[str, str]]
) -> tuple[ChildRelationship, ...]:
    # What a definition says of its children wins over what their references say, if the children are there.
    children = {(child.child_sobject, child.field): child for child in (*found, *given)}
    return tuple(children[key] for key in sorted(children) if key in held)
