"""Definitions made from the describe answers of a real org, so that the emulator knows a team's own objects.

Source: Salesforce REST API, "sObject Describe", which `sf sobject describe` prints too.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from service.emulator.schema.model import ChildRelationship, Field, FieldType, PicklistValue, Schema, SObject

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}", re.ASCII)
_PREFIX = re.compile(r"[0-9A-Za-z]{3}", re.ASCII)
_TYPES = frozenset(get_args(FieldType))


def sobject_from_describe(answer: Mapping[str, Any]) -> SObject:
    """Return the definition of the sObject that a describe answer is about.

    Formulas and roll-ups become read-only fields that stay null: describe says that a field is
    calculated, not how. Children of objects that the schema lacks are dropped when it is made.

    Args:
        answer: The answer of `GET /sobjects/{name}/describe`, parsed.

    Raises:
        ValueError: A key is missing or of the wrong shape; the text names it and the object.

    """
    name = answer.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _malformed(f"describe: name has to be an API name, not {name!r}")
    prefix = answer.get("keyPrefix")
    if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
        raise _malformed(f"describe of {name}: keyPrefix has to be three letters or digits, not {prefix!r}")
    scopes = [scope for scope in answer.get("supportedScopes") or () if isinstance(scope, Mapping)]
    entries = answer.get("fields")
    if not isinstance(entries, list) or not entries:
        raise _malformed(f"describe of {name}: fields has to be a list that is not empty")
    fields = tuple(_field(name, entry) for entry in entries)
    if not any(field.name == "Id" for field in fields):
        raise _malformed(f"describe of {name}: fields has to hold Id; pass the whole describe answer")
    return SObject(
        name=name,
        label=str(answer.get("label", name)),
        label_plural=str(answer.get("labelPlural", name)),
        key_prefix=prefix,
        fields=fields,
        child_relationships=tuple(_children(name, answer.get("childRelationships"))),
        createable=answer.get("createable", True) is True,
        updateable=answer.get("updateable", True) is True,
        deletable=answer.get("deletable", True) is True,
        queryable=answer.get("queryable", True) is True,
        searchable=answer.get("searchable", True) is True,
        retrieveable=answer.get("retrieveable", True) is True,
        undeletable=answer.get("undeletable", True) is True,
        mergeable=answer.get("mergeable") is True,
        replicateable=answer.get("replicateable", True) is True,
        triggerable=answer.get("triggerable", True) is True,
        layoutable=answer.get("layoutable", True) is True,
        feed_enabled=answer.get("feedEnabled") is True,
        deep_cloneable=answer.get("deepCloneable") is True,
        mru_enabled=answer.get("mruEnabled", True) is True,
        custom=answer.get("custom") is True,
        scopes=tuple((str(scope.get("name")), str(scope.get("label"))) for scope in scopes),
    )


def with_described(schema: Schema, answers: Iterable[Mapping[str, Any]]) -> Schema:
    """Return the schema with the described objects added; one it has already is replaced.

    Args:
        schema: What to start from.
        answers: Parsed describe answers.

    Raises:
        ValueError: As `sobject_from_describe`, or two objects share a key prefix.

    """
    sobjects = {sobject.name: sobject for sobject in schema.sobjects}
    for answer in answers:
        sobject = sobject_from_describe(answer)
        sobjects[sobject.name] = sobject
    return Schema(sobjects.values())


def _field(sobject: str, entry: Any) -> Field:
    name = entry.get("name") if isinstance(entry, Mapping) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _malformed(f"describe of {sobject}: the name of a field has to be an API name, not {name!r}")
    kind = entry.get("type")
    if kind not in _TYPES:
        raise _malformed(f"describe of {sobject}.{name}: type {kind!r} is no field type of Salesforce")
    reference = kind == "reference"
    return Field(
        name=name,
        label=str(entry.get("label", name)),
        type=kind,
        length=_whole(sobject, name, entry, "length"),
        precision=_whole(sobject, name, entry, "precision"),
        scale=_whole(sobject, name, entry, "scale"),
        digits=_whole(sobject, name, entry, "digits"),
        nillable=entry.get("nillable", True) is True,
        createable=entry.get("createable", True) is True,
        updateable=entry.get("updateable", True) is True,
        defaulted_on_create=entry.get("defaultedOnCreate") is True,
        default_value=entry.get("defaultValue"),
        unique=entry.get("unique") is True,
        external_id=entry.get("externalId") is True,
        id_lookup=entry.get("idLookup") is True,
        case_sensitive=entry.get("caseSensitive") is True,
        auto_number=entry.get("autoNumber") is True,
        calculated=entry.get("calculated") is True,
        custom=entry.get("custom") is True,
        filterable=entry.get("filterable", True) is True,
        sortable=entry.get("sortable", True) is True,
        groupable=entry.get("groupable", True) is True,
        aggregatable=entry.get("aggregatable", True) is True,
        permissionable=entry.get("permissionable", True) is True,
        restricted_picklist=entry.get("restrictedPicklist") is True,
        picklist=tuple(_picklist_value(sobject, name, value) for value in entry.get("picklistValues") or ()),
        reference_to=tuple(str(target) for target in entry.get("referenceTo") or ()) if reference else (),
        # Some text fields have a relationship name too, but there is nothing at its end.
        relationship_name=entry.get("relationshipName") if reference else None,
        cascade_delete=entry.get("cascadeDelete") is True,
        restricted_delete=entry.get("restrictedDelete") is True,
        name_field=entry.get("nameField") is True,
        compound_field_name=entry.get("compoundFieldName"),
        extra_type_info=entry.get("extraTypeInfo"),
        html_formatted=entry.get("htmlFormatted") is True,
        search_prefilterable=entry.get("searchPrefilterable") is True,
        inline_help_text=entry.get("inlineHelpText"),
    )


def _whole(sobject: str, name: str, entry: Mapping[str, Any], key: str) -> int:
    value = entry.get(key, 0)
    if not isinstance(value, int) or value < 0:
        raise _malformed(f"describe of {sobject}.{name}: {key} has to be a whole number, not {value!r}")
    return value


def _picklist_value(sobject: str, name: str, entry: Any) -> PicklistValue:
    value = entry.get("value") if isinstance(entry, Mapping) else None
    if not isinstance(value, str):
        raise _malformed(f"describe of {sobject}.{name}: each of picklistValues needs a value, not {entry!r}")
    return PicklistValue(
        value=value,
        label=str(entry.get("label") or value),
        active=entry.get("active", True) is True,
        default=entry.get("defaultValue") is True,
    )


def _children(sobject: str, entries: Any) -> Iterable[ChildRelationship]:
    for entry in entries or ():
        if not isinstance(entry, Mapping):
            raise _malformed(f"describe of {sobject}: a child relationship has to be an object, not {entry!r}")
        child, field = entry.get("childSObject"), entry.get("field")
        if not isinstance(child, str) or not isinstance(field, str):
            raise _malformed(f"describe of {sobject}: a child relationship needs childSObject and field")
        yield ChildRelationship(
            child_sobject=child,
            field=field,
            relationship_name=entry.get("relationshipName"),
            cascade_delete=entry.get("cascadeDelete") is True,
            restricted_delete=entry.get("restrictedDelete") is True,
        )


def _malformed(text: str) -> ValueError:
    return ValueError(text)
