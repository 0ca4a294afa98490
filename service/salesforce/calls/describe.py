"""sObject describe (Salesforce REST API, "sObject Describe")."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from service.errors import UpstreamProtocolError
from service.salesforce import faults
from service.salesforce.answers import UNREADABLE
from service.salesforce.transport.base import Request, Response

COMPOUND_TYPES = frozenset({"address", "location", "complexvalue"})
"""Types of fields that only show others together."""

NUMBER_TYPES = frozenset({"int", "long", "double", "currency", "percent"})
"""Types of fields whose values are JSON numbers."""

_OK = 200
_NOT_MODIFIED = 304
_NOTHING: Mapping[str, str] = {}


class Field(msgspec.Struct, frozen=True):
    """What the service needs to know of a field. What Salesforce leaves out forbids nothing."""

    name: str
    type: str
    precision: int = 0
    """All digits of a decimal number; 0 for other types."""
    relationshipName: str | None = None  # noqa: N815 - Salesforce's spelling
    referenceTo: tuple[str, ...] = ()  # noqa: N815 - Salesforce's spelling
    externalId: bool = False  # noqa: N815 - Salesforce's spelling
    idLookup: bool = False  # noqa: N815 - Salesforce's spelling
    length: int = 0
    """Characters of text; 0 for other types."""
    digits: int = 0
    """All digits of a whole number; 0 for other types."""
    scale: int = 0
    """Digits behind the decimal point."""
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaultedOnCreate: bool = False  # noqa: N815 - Salesforce's spelling
    """Whether a record that is created without the field gets a value nevertheless, from whatever default."""
    caseSensitive: bool = False  # noqa: N815 - Salesforce's spelling
    calculated: bool = False
    autoNumber: bool = False  # noqa: N815 - Salesforce's spelling
    htmlFormatted: bool = False  # noqa: N815 - Salesforce's spelling
    picklist: Mapping[str, str] = _NOTHING
    """What a restricted picklist takes: its values by folded value and folded label. Empty for all other fields."""
    compoundFieldName: str | None = None  # noqa: N815 - Salesforce's spelling
    """The field that shows this one together with others."""
    custom: bool = False
    set_on_create: bool = False
    """Whether a checkbox may be set on a record that is created without it: its default is not known to be false."""
    unique: bool = False
    """Whether Salesforce refuses a second record with the same value."""

    @property
    def is_key(self) -> bool:
        """Tell whether the field finds records in upserts."""
        return self.externalId or self.idLookup

    @property
    def is_required(self) -> bool:
        """Tell whether no record is created without the field."""
        return self.createable and not self.nillable and not self.defaultedOnCreate and self.type != "boolean"


class _Described(msgspec.Struct, gc=False, rename="camel"):
    """A field as Salesforce sends it, as far as it is read."""

    name: str
    type: str
    precision: int = 0
    relationship_name: str | None = None
    reference_to: tuple[str, ...] = ()
    external_id: bool = False
    id_lookup: bool = False
    length: int = 0
    digits: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted_on_create: bool = False
    case_sensitive: bool = False
    calculated: bool = False
    auto_number: bool = False
    html_formatted: bool = False
    restricted_picklist: bool = False
    default_value: Any = None
    default_value_formula: str | None = None
    picklist_values: msgspec.Raw = msgspec.Raw(b"[]")
    compound_field_name: str | None = None
    custom: bool = False
    unique: bool = False


class ChildRelationship(msgspec.Struct, frozen=True, rename="camel"):
    """A lookup of another sObject that leads here, seen from here."""

    sobject: str = msgspec.field(name="childSObject")
    """The sObject whose records are the children."""
    relationship_name: str | None = None
    """What a subquery names the children by; None where none may."""


class _Choice(msgspec.Struct, gc=False, rename="camel"):
    value: str
    label: str | None = None
    default_value: bool = False


class _Describe(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    fields: tuple[_Described, ...]
    key_prefix: str | None = None
    child_relationships: tuple[ChildRelationship, ...] = ()


class _Named(msgspec.Struct, gc=False):
    name: str


class _Global(msgspec.Struct, frozen=True):
    sobjects: list[_Named]


_globals = msgspec.json.Decoder(_Global)
_describes = msgspec.json.Decoder(_Describe)
_choices = msgspec.json.Decoder(list[_Choice])


@dataclass(frozen=True, slots=True)
class SObject:
    """The fields of an sObject, by lower-case name."""

    name: str
    fields: Mapping[str, Field]
    relationships: Mapping[str, Field]
    """Lookup fields by lower-case relationship name."""
    key_prefix: str = ""
    """What the ids of its records begin with; empty if Salesforce does not tell."""
    last_modified: str = field(default="", compare=False)
    """The HTTP date of the description; empty if Salesforce gave none."""
    children: Mapping[str, ChildRelationship] = field(default_factory=dict)
    """Child relationships that subqueries may name, by lower-case relationship name."""


def folded_choice(text: str) -> str:
    """Return a picklist's value as values are compared: without case and without blanks around it."""
    return text.strip().casefold()


def get(base: str, sobject: str, modified_since: str = "") -> Request:
    """Return the request for one sObject's description.

    Args:
        base: Path of the API version, `/services/data/v66.0`.
        sobject: API name; letters, digits and underscores only.
        modified_since: The HTTP date of a description that is known already; empty if none is.

    """
    return Request(
        "GET",
        f"{base}/sobjects/{sobject}/describe",
        template=f"{base}/sobjects/{{sobject}}/describe",
        repeatable=True,
        headers={"If-Modified-Since": modified_since} if modified_since else {},
    )


def get_names(base: str) -> Request:
    """Return the request for the names of all sObjects (Salesforce REST API, "Describe Global").

    Args:
        base: Path of the API version.

    """
    return Request("GET", f"{base}/sobjects", template=f"{base}/sobjects", repeatable=True)


def parse_names(response: Response, *, org: str) -> list[str]:
    """Return the API names of all sObjects that the org's user may see.

    Raises:
        service.errors.SluicegateError: Salesforce refused.

    """
    if response.status != _OK:
        raise faults.from_response(response, org=org)
    try:
        return [sobject.name for sobject in _globals.decode(response.content).sobjects]
    except UNREADABLE as error:
        raise UpstreamProtocolError("the list of sObjects cannot be read", metadata={"org": org}) from error


def parse(response: Response, *, org: str, sobject: str, known: SObject | None = None) -> SObject:
    """Return the description.

    Args:
        response: The answer.
        org: The org's configured name.
        sobject: The name asked for.
        known: What was known when asking with `modified_since`; returned if it still holds.

    Raises:
        UnknownObject: The org has no such sObject, or its user may not see it.
        service.errors.SluicegateError: Salesforce refused otherwise.

    """
    if known is not None and response.status == _NOT_MODIFIED:
        return known
    if response.status != _OK:
        raise faults.from_response(response, org=org, subject={"object": sobject}, object_may_be_missing=True)
    try:
        found = _describes.decode(response.content)
        fields = [_field(described) for described in found.fields]
    except UNREADABLE as error:
        raise UpstreamProtocolError("a description cannot be read", metadata={"org": org}) from error
    return SObject(
        found.name,
        {known.name.lower(): known for known in fields},
        {known.relationshipName.lower(): known for known in fields if known.relationshipName},
        found.key_prefix or "",
        response.headers.get("last-modified", ""),
        {child.relationship_name.lower(): child for child in found.child_relationships if child.relationship_name},
    )


def _field(described: _Described) -> Field:
    picklist: Mapping[str, str] = _NOTHING
    defaulted = (
        described.defaulted_on_create
        or described.default_value is not None
        or described.default_value_formula is not None
    )
    if described.restricted_picklist or not (described.nillable or defaulted):
        # Most picklists are not restricted, and theirs are the longest part of a description: they are not even read.
        choices = _choices.decode(described.picklist_values)
        defaulted = defaulted or any(choice.default_value for choice in choices)
        if described.restricted_picklist:
            picklist = {folded_choice(choice.label): choice.value for choice in choices if choice.label}
            picklist |= {folded_choice(choice.value): choice.value for choice in choices}
    return Field(
        described.name,
        described.type,
        described.precision,
        described.relationship_name,
        described.reference_to,
        described.external_id,
        described.id_lookup,
        described.length,
        described.digits,
        described.scale,
        described.nillable,
        described.createable,
        described.updateable,
        defaulted,
        described.case_sensitive,
        described.calculated,
        described.auto_number,
        described.html_formatted,
        picklist,
        described.compound_field_name,
        described.custom,
        described.type == "boolean"
        and (described.default_value is not False or described.default_value_formula not in {None, "false"}),
        described.unique,
    )
