"""Short words for the kinds of fields a definition is written in; each sets what describe says of its type."""

from collections.abc import Sequence
from typing import Literal, TypedDict, Unpack, cast

from service.emulator.schema.model import Field, FieldType, PicklistValue

SHORT_PICKLIST = 40
"""Characters of the picklists that are as old as the object; younger ones hold 255."""


Write = Literal["optional", "required", "defaulted", "never", "system"]
"""Who may write a field: anyone who likes, everyone who creates, the org when a create does not, the org alone
(`never` may be null, `system` may not)."""


class _Common(TypedDict, total=False):
    nillable: bool
    createable: bool
    updateable: bool
    defaulted_on_create: bool
    default_value: object
    unique: bool
    external_id: bool
    id_lookup: bool
    case_sensitive: bool
    auto_number: bool
    calculated: bool
    custom: bool
    filterable: bool
    sortable: bool
    groupable: bool
    aggregatable: bool
    permissionable: bool
    name_field: bool
    compound_field_name: str
    extra_type_info: str


class Flags(_Common, total=False):
    """What a definition may say of a field beside its kind; the names but `write` are those of `Field`."""

    write: Write


class _Shape(_Common, total=False):
    length: int
    precision: int
    scale: int
    digits: int
    restricted_picklist: bool
    picklist: tuple[PicklistValue, ...]
    reference_to: tuple[str, ...]
    relationship_name: str | None
    child_relationship_name: str | None
    cascade_delete: bool
    restricted_delete: bool


_NEVER: _Common = {"createable": False, "updateable": False, "permissionable": False}
_WRITES: dict[Write, _Common] = {
    "optional": {},
    "required": {"nillable": False, "permissionable": False},
    "defaulted": {"nillable": False, "defaulted_on_create": True, "permissionable": False},
    "never": _NEVER,
    "system": {**_NEVER, "nillable": False, "defaulted_on_create": True},
}


def record_id(label: str) -> Field:
    """Define `Id`."""
    return _field("Id", label, "id", {"write": "system"}, length=18, id_lookup=True)


def text(name: str, label: str, length: int, **flags: Unpack[Flags]) -> Field:
    """Define one line of text of at most `length` characters."""
    return _field(name, label, "string", flags, length=length)


def area(name: str, label: str, length: int, **flags: Unpack[Flags]) -> Field:
    """Define lines of text of at most 255 characters."""
    return _field(name, label, "textarea", flags, length=length, extra_type_info="plaintextarea")


def long_area(name: str, label: str, length: int = 32_000, **flags: Unpack[Flags]) -> Field:
    """Define lines of text too long to be filtered, sorted or grouped by."""
    return _field(
        name,
        label,
        "textarea",
        flags,
        length=length,
        extra_type_info="plaintextarea",
        filterable=False,
        sortable=False,
        groupable=False,
        aggregatable=False,
    )


def phone(name: str, label: str, **flags: Unpack[Flags]) -> Field:
    """Define a phone number: 40 characters of anything."""
    return _field(name, label, "phone", flags, length=40)


def email(name: str, label: str, length: int = 80, **flags: Unpack[Flags]) -> Field:
    """Define an e-mail address."""
    return _field(name, label, "email", flags, length=length)


def url(name: str, label: str, length: int = 255, **flags: Unpack[Flags]) -> Field:
    """Define a web address; it is not checked."""
    return _field(name, label, "url", flags, length=length)


def photo() -> Field:
    """Define `PhotoUrl`, the path of a record's picture."""
    return _field("PhotoUrl", "Photo URL", "url", {"write": "never"}, length=255, extra_type_info="imageurl")


def pick(
    name: str, label: str, values: Sequence[str], *, length: int = 255, restricted: bool = False, **flags: Unpack[Flags]
) -> Field:
    """Define a picklist.

    Args:
        name: API name.
        label: Label.
        values: The values in order, `value=label` where the two differ. `default_value` marks the default.
        length: Characters a row may hold.
        restricted: Whether other values are refused.
        flags: Anything else.

    """
    choices = _choices(values, flags.get("default_value"))
    return _field(name, label, "picklist", flags, length=length, restricted_picklist=restricted, picklist=choices)


def combobox(name: str, label: str, values: Sequence[str], **flags: Unpack[Flags]) -> Field:
    """Define text of at most 255 characters with suggestions."""
    return _field(name, label, "combobox", flags, length=255, groupable=False, picklist=_choices(values, None))


def flag(name: str, label: str, *, default: bool = False, **flags: Unpack[Flags]) -> Field:
    """Define a checkbox: true or false, never null."""
    own: Flags = {"nillable": False, "defaulted_on_create": True, "aggregatable": False, **flags}
    return _field(name, label, "boolean", own, default_value=default)


def whole(name: str, label: str, digits: int = 8, **flags: Unpack[Flags]) -> Field:
    """Define a whole number of at most `digits` digits."""
    return _field(name, label, "int", flags, digits=digits)


def number(name: str, label: str, precision: int, scale: int, **flags: Unpack[Flags]) -> Field:
    """Define a number of `precision` digits, `scale` of them behind the point."""
    return _field(name, label, "double", flags, precision=precision, scale=scale, groupable=False)


def money(name: str, label: str, scale: int = 0, **flags: Unpack[Flags]) -> Field:
    """Define an amount of 18 digits, `scale` of them behind the point."""
    return _field(name, label, "currency", flags, precision=18, scale=scale, groupable=False)


def percent(name: str, label: str, precision: int, scale: int = 0, **flags: Unpack[Flags]) -> Field:
    """Define a percentage, 50 for a half."""
    return _field(name, label, "percent", flags, precision=precision, scale=scale, groupable=False)


def day(name: str, label: str, **flags: Unpack[Flags]) -> Field:
    """Define a date without a time."""
    return _field(name, label, "date", flags)


def moment(name: str, label: str, **flags: Unpack[Flags]) -> Field:
    """Define a date and time."""
    return _field(name, label, "datetime", flags, groupable=False)


def lookup(
    name: str,
    label: str,
    to: str | tuple[str, ...],
    parent: str | None = None,
    *,
    children: str | None = None,
    on_delete: Literal["clear", "cascade", "restrict"] = "clear",
    **flags: Unpack[Flags],
) -> Field:
    """Define a reference.

    Args:
        name: API name, for example `AccountId`.
        label: Label.
        to: What it may point at.
        parent: Relationship name of the parent, for example `Account`.
        children: Relationship name of the children on the parent, for example `Contacts`.
        on_delete: What deleting the parent does to the holder of the reference.
        flags: Anything else.

    """
    return _field(
        name,
        label,
        "reference",
        flags,
        length=18,
        reference_to=(to,) if isinstance(to, str) else to,
        relationship_name=parent,
        child_relationship_name=children,
        cascade_delete=on_delete == "cascade",
        restricted_delete=on_delete == "restrict",
    )


def address(prefix: str) -> tuple[Field, ...]:
    """Define the parts of an address and the compound over them.

    Args:
        prefix: `Billing` makes `BillingStreet` to `BillingAddress`; the empty one makes `Street` to `Address`.

    """
    whole_name, word = f"{prefix}Address", f"{prefix} " if prefix else ""
    part: Flags = {"compound_field_name": whole_name}
    return (
        area(f"{prefix}Street", f"{word}Street", 255, **part),
        text(f"{prefix}City", f"{word}City", 40, **part),
        text(f"{prefix}State", f"{word}State/Province", 80, **part),
        text(f"{prefix}PostalCode", f"{word}Zip/Postal Code", 20, **part),
        text(f"{prefix}Country", f"{word}Country", 80, **part),
        number(f"{prefix}Latitude", f"{word}Latitude", 18, 15, **part),
        number(f"{prefix}Longitude", f"{word}Longitude", 18, 15, **part),
        pick(
            f"{prefix}GeocodeAccuracy",
            f"{word}Geocode Accuracy",
            _ACCURACIES,
            length=SHORT_PICKLIST,
            restricted=True,
            **part,
        ),
        Field(
            name=whole_name,
            label=f"{word}Address",
            type="address",
            createable=False,
            updateable=False,
            sortable=False,
            groupable=False,
            aggregatable=False,
        ),
    )


def audit() -> tuple[Field, ...]:
    """Define who made and changed a record, and when."""
    return (
        moment("CreatedDate", "Created Date", write="system"),
        lookup("CreatedById", "Created By ID", "User", "CreatedBy", write="system"),
        moment("LastModifiedDate", "Last Modified Date", write="system"),
        lookup("LastModifiedById", "Last Modified By ID", "User", "LastModifiedBy", write="system"),
        moment("SystemModstamp", "System Modstamp", write="system"),
    )


def deleted() -> Field:
    """Define `IsDeleted`."""
    return flag("IsDeleted", "Deleted", write="never")


def owner(to: str | tuple[str, ...] = "User", label: str = "Owner ID") -> Field:
    """Define `OwnerId`, which defaults to the user who creates the record."""
    return lookup("OwnerId", label, to, "Owner", write="defaulted")


def viewed() -> tuple[Field, ...]:
    """Define when the user last saw the record."""
    return (
        moment("LastViewedDate", "Last Viewed Date", write="never"),
        moment("LastReferencedDate", "Last Referenced Date", write="never"),
    )


def external_id() -> Field:
    """Define `Ext__c`, the custom key by which every writeable object can be upserted."""
    return text("Ext__c", "External Id", 255, custom=True, unique=True, external_id=True, id_lookup=True)


def person_name(salutations: Sequence[str]) -> tuple[Field, ...]:
    """Define the parts of a person's name and the name made of them."""
    part: Flags = {"compound_field_name": "Name", "extra_type_info": "personname", "permissionable": False}
    return (
        text("LastName", "Last Name", 80, write="required", compound_field_name="Name", extra_type_info="personname"),
        text("FirstName", "First Name", 40, **part),
        pick("Salutation", "Salutation", salutations, length=SHORT_PICKLIST, **part),
        text("Name", "Full Name", 121, write="never", nillable=False, name_field=True, extra_type_info="personname"),
    )


def _field(name: str, label: str, kind: FieldType, flags: Flags, **shape: Unpack[_Shape]) -> Field:
    own = dict(flags)
    write = flags.get("write", "optional")
    own.pop("write", None)
    # The keys are checked where they are written; merging them is what mypy cannot follow.
    merged = cast("_Shape", {**_WRITES[write], **shape, **own})
    return Field(name=name, label=label, type=kind, **merged)


def _choices(values: Sequence[str], default: object) -> tuple[PicklistValue, ...]:
    pairs = (value.partition("=") for value in values)
    return tuple(
        PicklistValue(value=value, label=label or value, default=value == default) for value, _, label in pairs
    )


_ACCURACIES = (
    "Address",
    "NearAddress",
    "Block",
    "Street",
    "ExtendedZip",
    "Zip",
    "Neighborhood",
    "City",
    "County",
    "State",
    "Unknown",
)
