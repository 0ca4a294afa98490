"""The schema: names in any case, relationships in both directions."""

import pytest

from service.emulator.schema import Field, Schema, SObject
from service.emulator.schema.standard import STANDARD_OBJECTS

STANDARD = Schema(STANDARD_OBJECTS)


def test_names_are_found_in_any_case():
    """sObjects, fields and relationships are found whatever the case of their names."""
    contact = STANDARD.sobject("CONTACT")
    assert contact is not None

    assert contact.field("lastNAME") is contact.fields[4]
    assert contact.relationship("ACCOUNT") is contact.field("AccountId")
    assert STANDARD.by_key_prefix("003") is contact
    assert STANDARD.sobject("Nope") is None


@pytest.mark.parametrize(
    ("parent", "relationship", "child", "field"),
    [
        ("Account", "contacts", "Contact", "AccountId"),
        ("Account", "Tasks", "Task", "WhatId"),
        ("Lead", "Events", "Event", "WhoId"),
        ("Case", "Cases", "Case", "ParentId"),
    ],
)
def test_children_come_from_references(parent, relationship, child, field):
    """Every reference makes its holder a child of what it points at."""
    sobject = STANDARD.sobject(parent)
    assert sobject is not None

    found = sobject.child_relationship(relationship)
    assert found is not None
    assert (child, field) == (found.child_sobject, found.field)


@pytest.mark.parametrize("sobject", STANDARD.sobjects, ids=lambda sobject: sobject.name)
def test_definitions_are_consistent(sobject):
    """Names differ, text has a length, numbers have digits, references have targets, defaults are in their picklist."""
    names = [field.name.lower() for field in sobject.fields]
    assert len(names) == len(set(names))
    for field in sobject.fields:
        if field.type in {"string", "textarea", "email", "phone", "url", "picklist", "combobox", "id", "reference"}:
            assert field.length > 0, field.name
        if field.type in {"double", "currency", "percent"}:
            assert field.precision >= field.scale > -1, field.name
            assert field.precision > 0, field.name
        assert bool(field.reference_to) == (field.type == "reference"), field.name
        values = [entry.value for entry in field.picklist]
        assert len(values) == len(set(values)), field.name
        if field.picklist and field.default_value is not None:
            assert [field.default_value] == [entry.value for entry in field.picklist if entry.default], field.name
        if field.type == "boolean":
            assert not field.nillable, field.name


def test_shared_key_prefix_is_refused():
    """Two objects of one prefix could not be told apart by their ids."""
    fields = (Field(name="Id", label="Id", type="id"),)
    first = SObject(name="A", label="A", label_plural="As", key_prefix="a00", fields=fields)
    second = SObject(name="B", label="B", label_plural="Bs", key_prefix="a00", fields=fields)

    with pytest.raises(ValueError, match="share a name or a key prefix"):
        Schema((first, second))
