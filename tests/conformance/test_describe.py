"""The describe answers against recorded answers of real orgs."""

import json
from pathlib import Path

import pytest

from service.emulator.schema import Schema
from service.emulator.schema.describe import describe, describe_global
from service.emulator.schema.load import sobject_from_describe
from service.emulator.schema.standard import STANDARD_OBJECTS

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "describe"
RECORDED = ("Account", "Case", "Contact", "Event", "Lead", "Opportunity")
COMPARED = (
    "type",
    "length",
    "precision",
    "scale",
    "digits",
    "nillable",
    "createable",
    "updateable",
    "defaultedOnCreate",
    "defaultValue",
    "unique",
    "externalId",
    "idLookup",
    "caseSensitive",
    "autoNumber",
    "calculated",
    "custom",
    "filterable",
    "groupable",
    "restrictedPicklist",
    "nameField",
    "namePointing",
    "polymorphicForeignKey",
    "compoundFieldName",
    "extraTypeInfo",
    "soapType",
    "label",
)
UNDEFINED_RELATIONSHIPS = {"JigsawCompanyId", "JigsawContactId"}
"""Fields of type string that have a relationship name in real orgs, though nothing can be read through it."""

STANDARD = Schema(STANDARD_OBJECTS)

pytestmark = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recorded answers are not on this machine")


def recording(name):
    return json.loads((RECORDINGS / f"{name}.json").read_text())


def described(name):
    sobject = STANDARD.sobject(name)
    assert sobject is not None
    return describe(sobject, "66.0", "https://acme.example")


def pairs(name):
    """Yield the recorded and the emulated entry of every field that both have."""
    ours = {field["name"]: field for field in described(name)["fields"]}
    for field in recording(name)["fields"]:
        if field["name"] in ours:
            yield field, ours[field["name"]]


@pytest.mark.parametrize("name", RECORDED)
def test_top_level_keys(name):
    """Every key of a recorded describe is in ours."""
    assert set(recording(name)) - set(described(name)) == set()


@pytest.mark.parametrize("name", RECORDED)
def test_nested_keys(name):
    """Fields, picklist values, children and record types have the recorded keys, no more and no fewer."""
    theirs, ours = recording(name), described(name)

    for key in ("fields", "childRelationships", "recordTypeInfos", "supportedScopes"):
        assert set(theirs[key][0]) == set(ours[key][0]), key
    theirs_values = next(field["picklistValues"][0] for field in theirs["fields"] if field["picklistValues"])
    ours_values = next(field["picklistValues"][0] for field in ours["fields"] if field["picklistValues"])
    assert set(theirs_values) == set(ours_values)


@pytest.mark.parametrize("name", RECORDED)
def test_object_flags(name):
    """What may be done with the object is what may be done with a real one."""
    theirs, ours = recording(name), described(name)

    flags = [key for key, value in theirs.items() if isinstance(value, bool | str)]
    assert {key: theirs[key] for key in flags} == {key: ours[key] for key in flags}
    assert theirs["supportedScopes"] == ours["supportedScopes"]


@pytest.mark.parametrize("name", RECORDED)
def test_fields(name):
    """Every field that a real org has too is described as there."""
    theirs = {field["name"]: {key: field[key] for key in COMPARED} for field, _ in pairs(name)}
    ours = {field["name"]: {key: field[key] for key in COMPARED} for _, field in pairs(name)}

    assert theirs == ours


@pytest.mark.parametrize("name", RECORDED)
def test_standard_fields_are_all_there(name):
    """No standard field is missing but those that copy a case's contact."""
    copied = {"ContactPhone", "ContactMobile", "ContactEmail", "ContactFax"}
    standard = {field["name"] for field in recording(name)["fields"] if not field["name"].endswith("__c")}

    assert standard - {field["name"] for field in described(name)["fields"]} - copied == set()


@pytest.mark.parametrize("name", RECORDED)
def test_references(name):
    """References point where real ones do, under the same relationship names."""
    for theirs, ours in pairs(name):
        if theirs["name"] not in UNDEFINED_RELATIONSHIPS:
            assert theirs["relationshipName"] == ours["relationshipName"], theirs["name"]
        if theirs["name"] == "WhatId":
            known = [target for target in theirs["referenceTo"] if STANDARD.sobject(target)]
            assert known == ours["referenceTo"]
        else:
            assert theirs["referenceTo"] == ours["referenceTo"], theirs["name"]


@pytest.mark.parametrize("name", RECORDED)
def test_picklists(name):
    """Picklists hold the recorded values and labels in the recorded order; of time zones, the values."""
    for theirs, ours in pairs(name):
        if theirs["name"] == "RecurrenceTimeZoneSidKey":
            values = {entry["value"] for entry in theirs["picklistValues"]}
            assert values == {entry["value"] for entry in ours["picklistValues"]}
        else:
            assert theirs["picklistValues"] == ours["picklistValues"], theirs["name"]


@pytest.mark.parametrize("name", RECORDED)
def test_children(name):
    """Of the objects the emulator has, the children are related as in a real org."""
    keys = ("childSObject", "field", "relationshipName", "cascadeDelete", "restrictedDelete")
    ours = {(child["childSObject"], child["field"]): child for child in described(name)["childRelationships"]}
    recorded = {(child["childSObject"], child["field"]): child for child in recording(name)["childRelationships"]}

    for key in recorded.keys() & ours.keys():
        assert [recorded[key][part] for part in keys] == [ours[key][part] for part in keys]


def test_global_describe():
    """The global describe has the recorded keys, and the recorded flags of the objects both have."""
    theirs, ours = recording("_global"), describe_global(STANDARD, "66.0")

    assert set(theirs) == set(ours)
    assert (theirs["encoding"], theirs["maxBatchSize"]) == (ours["encoding"], ours["maxBatchSize"])
    mine = {entry["name"]: entry for entry in ours["sobjects"]}  # type: ignore[attr-defined]
    for entry in theirs["sobjects"]:
        if entry["name"] in {"Account", "Campaign", "Case", "Contact", "Opportunity", "User", "UserRole"}:
            flags = entry.keys() - {"urls"}
            assert {key: entry[key] for key in flags} == {key: mine[entry["name"]][key] for key in flags}


@pytest.mark.parametrize("name", [*RECORDED, "Custom__c", "OpportunityContactRole"])
def test_recorded_answers_load(name):
    """A recorded answer loads, and its fields are described as they were recorded."""
    recorded = recording(name)

    ours = describe(sobject_from_describe(recorded), "66.0")["fields"]

    wanted = [{key: field[key] for key in COMPARED} for field in recorded["fields"]]
    assert wanted == [{key: field[key] for key in COMPARED} for field in ours]  # type: ignore[attr-defined]
