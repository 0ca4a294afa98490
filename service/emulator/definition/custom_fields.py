"""Custom fields from their metadata.

Source: Salesforce Metadata API, "CustomField".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.emulator import values
from service.emulator.definition.model import DefinitionError
from service.emulator.definition.xml_tree import Element
from service.emulator.faults import SalesforceFault
from service.emulator.schema import Field, FieldType, PicklistValue

CUSTOM_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*(?:__[A-Za-z](?:_?[A-Za-z0-9])*)?__c", re.ASCII)
"""API names of custom objects and fields, with or without a namespace."""

_TEXT_LITERAL = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_NUMBER_LITERAL = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_DISPLAY_FORMAT = re.compile(r"(?:[^{}]|\{(?:0+|YYYY|YY|MM|DD)\})*", re.ASCII)
_COUNTER = re.compile(r"\{0+\}", re.ASCII)
_MULTISELECT_CHARACTERS = 4099
_MAXIMUM_DIGITS = 18
_CLOSED = {"createable": False, "updateable": False}
_UNSORTED = {"sortable": False, "groupable": False, "aggregatable": False}


@dataclass(slots=True)
class FieldReader:
    """Reads the custom fields of one project."""

    value_sets: Mapping[str, tuple[PicklistValue, ...]]
    """The global value sets by API name."""
    remarks: list[str] = field(default_factory=list)
    """What cannot be done as the metadata says; added to."""

    def read(self, path: Path, sobject: str, element: Element, name: str) -> tuple[Field, ...]:
        """Return the fields an element makes: one, or three for a location.

        Args:
            path: The file, for messages.
            sobject: API name of the field's object.
            element: A `CustomField` or one of the `fields` of an object.
            name: The field's API name.

        Raises:
            DefinitionError: Naming the field and the element in it.

        """
        return _OneField(self, path, sobject, element, name).fields()


@dataclass(frozen=True, slots=True)
class _OneField:
    reader: FieldReader
    path: Path
    sobject: str
    element: Element
    name: str

    def fields(self) -> tuple[Field, ...]:
        kind = self.text("type")
        if kind is None:
            raise self.error("type is missing")
        if kind == "Summary":
            self.remark("a roll-up summary stays null")
            return (self.made("double", precision=_MAXIMUM_DIGITS, calculated=True, **_CLOSED, nillable=True),)
        build = _KINDS.get(kind)
        if build is None:
            raise self.error(f"type {kind!r} is no field type the emulator knows")
        if self.text("formula") is not None:
            return (self.formula(kind),)
        made = build(self)
        return made if isinstance(made, tuple) else (made,)

    def formula(self, kind: str) -> Field:
        text = self.text("formula") or ""
        value = literal(text)
        if value is None:
            self.remark("a formula stays null")
        lengths = {"length": 1300} if kind == "Text" else {}
        described = self.shape(kind) if kind != "Text" else {}
        return self.made(
            _FORMULA_TYPES.get(kind, "string"), **{**described, **lengths}, **_CLOSED, calculated=True, value=value
        )

    def shape(self, kind: str) -> dict[str, Any]:
        """Return digits of a number; nothing for other types."""
        if kind not in {"Number", "Currency", "Percent"}:
            return {"nillable": False} if kind == "Checkbox" else {}
        precision = self.whole("precision", _MAXIMUM_DIGITS, 1, _MAXIMUM_DIGITS)
        scale = self.whole("scale", 0, 0, _MAXIMUM_DIGITS - 1)
        if scale >= precision:
            raise self.error(f"scale {scale} has to be below precision {precision}")
        return {"precision": precision, "scale": scale, "groupable": False}

    def made(self, kind: FieldType, *, value: object = None, **shape: Any) -> Field:
        required, unique, external = self.flag("required"), self.flag("unique"), self.flag("externalId")
        default = self.default() if value is None and not shape.get("calculated") else value
        general: dict[str, Any] = {
            "label": self.text("label") or self.name,
            "custom": True,
            "nillable": not required,
            "unique": unique,
            "external_id": external,
            "id_lookup": external,
            "case_sensitive": self.flag("caseSensitive"),
            "default_value": default,
            "defaulted_on_create": default is not None,
            "permissionable": not required,
            "inline_help_text": self.text("inlineHelpText"),
        }
        made = Field(name=self.name, type=kind, **(general | shape))
        try:
            if made.stored and made.default_value is not None:
                values.reader(made)(made.default_value)
        except SalesforceFault:
            raise self.error(f"the default {made.default_value!r} is no value of type {self.text('type')}") from None
        return made

    def default(self) -> object:
        given = self.text("defaultValue")
        if given is None:
            return None
        value = literal(given)
        if value is None:
            self.remark("a default value that is a formula is left out")
        return value

    def picklist(self) -> dict[str, Any]:
        value_set = self.element.child("valueSet")
        named = value_set.value("valueSetName") if value_set else None
        if value_set is not None and named is not None:
            entries = self.reader.value_sets.get(named)
            if entries is None:
                self.remark(f"the global value set {named} is not among the files, so any value is taken")
                return {"picklist": (), "restricted_picklist": False}
            return {"picklist": entries, "restricted_picklist": self.flag("restricted", value_set, absent=True)}
        if value_set is not None:
            held = value_set.child("valueSetDefinition")
            entries = tuple(picklist_value(each) for each in held.every("value")) if held else ()
            restricted = self.flag("restricted", value_set)
        else:
            held = self.element.child("picklist")
            entries = tuple(picklist_value(each) for each in held.every("picklistValues")) if held else ()
            restricted = self.flag("restrictedPicklist", held) if held else False
        marked = next((each.value for each in entries if each.default), None)
        shape: dict[str, Any] = {"picklist": entries, "restricted_picklist": restricted}
        return shape | ({"default_value": marked, "defaulted_on_create": True} if marked is not None else {})

    def reference(self, *, master: bool) -> Field:
        target = self.text("referenceTo")
        if target is None:
            raise self.error("referenceTo is missing")
        constraint = self.text("deleteConstraint") or "SetNull"
        children = self.text("relationshipName")
        if not self.name.endswith("__c"):
            raise self.error("a relationship field has to end with __c")
        return self.made(
            "reference",
            length=18,
            reference_to=(target,),
            relationship_name=self.name[:-1] + "r",
            child_relationship_name=f"{children}__r" if children else None,
            cascade_delete=master or constraint == "Cascade",
            restricted_delete=not master and constraint == "Restrict",
            nillable=not master and not self.flag("required"),
            updateable=not master or self.flag("reparentableMasterDetail"),
            permissionable=not master,
        )

    def auto_number(self) -> Field:
        shape = self.numbering()
        return self.made("string", length=30, auto_number=True, nillable=False, **_CLOSED, **shape)

    def numbering(self) -> dict[str, Any]:
        """Return how an auto number looks and where it starts."""
        display = self.text("displayFormat") or "{0}"
        if not _DISPLAY_FORMAT.fullmatch(display) or len(_COUNTER.findall(display)) != 1:
            raise self.error(f"displayFormat {display!r} has to hold one {{0}}, and {{YYYY}}, {{MM}}, {{DD}} at most")
        start = self.whole("startingNumber", 1, 0, 999_999_999)
        return {"display_format": display, "first_number": start, "defaulted_on_create": True}

    def location(self) -> tuple[Field, ...]:
        base = self.name.removesuffix("c")
        label = self.text("label") or self.name
        half: dict[str, Any] = {
            "type": "double",
            "precision": 18,
            "scale": 15,
            "groupable": False,
            "custom": True,
            "compound_field_name": self.name,
        }
        whole = self.made("location", **_CLOSED, **_UNSORTED, nillable=True, default_value=None)
        return (
            Field(name=f"{base}Latitude__s", label=f"{label} (Latitude)", **half),
            Field(name=f"{base}Longitude__s", label=f"{label} (Longitude)", **half),
            whole,
        )

    def text(self, name: str) -> str | None:
        return self.element.value(name)

    def flag(self, name: str, element: Element | None = None, *, absent: bool = False) -> bool:
        given = (element or self.element).value(name)
        if given is None:
            return absent
        if given not in {"true", "false"}:
            raise self.error(f"{name} has to be true or false, not {given[:80]!r}")
        return given == "true"

    def whole(self, name: str, absent: int, least: int, most: int) -> int:
        given = self.text(name)
        if given is None:
            return absent
        if not re.fullmatch(r"\d{1,9}", given, re.ASCII) or not least <= int(given) <= most:
            raise self.error(f"{name} has to be a whole number from {least} to {most}, not {given[:80]!r}")
        return int(given)

    def error(self, text: str) -> DefinitionError:
        return DefinitionError(self.path, f"line {self.element.line}, {self.sobject}.{self.name}: {text}")

    def remark(self, text: str) -> None:
        self.reader.remarks.append(f"{self.path}: {self.sobject}.{self.name}: {text}")


def name_field(reader: FieldReader, path: Path, sobject: str, element: Element | None) -> Field:
    """Return the field `Name` of a custom object.

    Args:
        reader: Notes what cannot be done.
        path: The file, for messages.
        sobject: API name of the object.
        element: Its `nameField`; None where the metadata does not say.

    Raises:
        DefinitionError: Naming the element at fault.

    """
    given = _OneField(reader, path, sobject, element or Element("nameField", 1), "Name")
    if given.text("type") not in {"AutoNumber", "Text", None}:
        raise given.error("the type of nameField has to be Text or AutoNumber")
    general: dict[str, Any] = {
        "name": "Name",
        "label": given.text("label") or "Name",
        "type": "string",
        "length": 80,
        "name_field": True,
        "id_lookup": True,
        "permissionable": False,
        "defaulted_on_create": True,
    }
    if given.text("type") == "AutoNumber":
        return Field(**(general | given.numbering() | _CLOSED | {"auto_number": True, "nillable": False}))
    return Field(**general)


def picklist_value(element: Element) -> PicklistValue:
    """Return the entry of a picklist; a value without a label is its own."""
    value = element.value("fullName") or ""
    return PicklistValue(
        value=value,
        label=element.value("label") or value,
        active=element.value("isActive") != "false",
        default=element.value("default") == "true",
    )


def literal(formula: str) -> object:
    """Return the value of a formula that is one: a text in quotes, a number, TRUE or FALSE; None for any other."""
    text = formula.strip()
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if _NUMBER_LITERAL.fullmatch(text):
        return float(text) if "." in text else int(text)
    quoted = _TEXT_LITERAL.fullmatch(text)
    if quoted is None:
        return None
    return re.sub(r"\\(.)", r"\1", quoted[1] if quoted[1] is not None else quoted[2], flags=re.DOTALL)


def _text(one: _OneField) -> Field:
    return one.made("string", length=one.whole("length", 255, 1, 255))


def _area(one: _OneField) -> Field:
    return one.made("textarea", length=255, extra_type_info="plaintextarea", sortable=True)


def _long_area(one: _OneField) -> Field:
    rich = one.text("type") == "Html"
    return one.made(
        "textarea",
        length=one.whole("length", 32_768, 1, 131_072),
        extra_type_info="richtextarea" if rich else "plaintextarea",
        html_formatted=rich,
        filterable=False,
        **_UNSORTED,
    )


def _number(kind: FieldType) -> Callable[[_OneField], Field]:
    return lambda one: one.made(kind, **one.shape("Number"))


def _checkbox(one: _OneField) -> Field:
    value = one.default()
    if not isinstance(value, bool | None):
        raise one.error("defaultValue of a checkbox has to be true or false")
    return one.made(
        "boolean",
        nillable=False,
        default_value=value is True,
        defaulted_on_create=True,
        aggregatable=False,
        permissionable=True,
    )


def _plain(kind: FieldType, length: int = 0, *, groupable: bool = True) -> Callable[[_OneField], Field]:
    return lambda one: one.made(kind, length=length, groupable=groupable)


def _multiselect(one: _OneField) -> Field:
    return one.made("multipicklist", length=_MULTISELECT_CHARACTERS, **_UNSORTED, **one.picklist())


def _encrypted(one: _OneField) -> Field:
    length = one.whole("length", 175, 1, 175)
    return one.made("encryptedstring", length=length, filterable=False, **_UNSORTED)


_KINDS: Mapping[str, Callable[[_OneField], Field | tuple[Field, ...]]] = {
    "Text": _text,
    "TextArea": _area,
    "LongTextArea": _long_area,
    "Html": _long_area,
    "Number": _number("double"),
    "Currency": _number("currency"),
    "Percent": _number("percent"),
    "Checkbox": _checkbox,
    "Date": _plain("date"),
    "DateTime": _plain("datetime", groupable=False),
    "Time": _plain("time"),
    "Email": _plain("email", 80),
    "Phone": _plain("phone", 40),
    "Url": _plain("url", 255),
    "Picklist": lambda one: one.made("picklist", length=255, **one.picklist()),
    "MultiselectPicklist": _multiselect,
    "Lookup": lambda one: one.reference(master=False),
    "Hierarchy": lambda one: one.reference(master=False),
    "MasterDetail": lambda one: one.reference(master=True),
    "AutoNumber": lambda one: one.auto_number(),
    "Location": lambda one: one.location(),
    "EncryptedText": _encrypted,
}

_FORMULA_TYPES: Mapping[str, FieldType] = {
    "Checkbox": "boolean",
    "Currency": "currency",
    "Date": "date",
    "DateTime": "datetime",
    "Number": "double",
    "Percent": "percent",
    "Text": "string",
    "Time": "time",
}
