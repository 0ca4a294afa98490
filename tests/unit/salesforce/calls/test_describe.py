"""Descriptions, as far as they are read."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.errors import UnknownObject, UpstreamProtocolError
from service.salesforce.calls import describe
from service.salesforce.calls.describe import Field, SObject
from service.salesforce.transport.base import Response
from tests.support.transport import answer, fault

RECORDINGS = Path(__file__).parents[5] / "shared" / "recordings" / "describe"
BASE = "/services/data/v66.0"


def parsed(*fields: dict[str, Any], **headers: str) -> SObject:
    """Return the description of an sObject with these fields."""
    document = {"name": "Lead", "fields": [{"name": "F", "type": "string", **field} for field in fields]}
    return describe.parse(answer(200, document, **headers), org="prod", sobject="lead")


def field(**keys: Any) -> Field:
    """Return a field as it is read."""
    return parsed(keys).fields["f"]


def choice(value: str, label: str = "", *, default: bool = False) -> dict[str, Any]:
    """Return an entry of a picklist."""
    return {"value": value, "label": label or value, "defaultValue": default, "active": True, "validFor": None}


def test_what_is_left_out_forbids_nothing():
    """A field of which Salesforce says nothing may be written and left empty."""
    found = field()

    assert (True, True, True) == (found.nillable, found.createable, found.updateable)
    assert not found.is_required
    assert not found.is_key


@pytest.mark.parametrize(
    ("keys", "required"),
    [
        ({}, True),
        ({"nillable": True}, False),
        ({"createable": False}, False),
        ({"defaultedOnCreate": True}, False),
        ({"defaultValue": "x"}, False),
        ({"defaultValueFormula": "TODAY()"}, False),
        ({"type": "boolean"}, False),
        ({"type": "picklist", "picklistValues": [choice("A")]}, True),
        ({"type": "picklist", "picklistValues": [choice("A"), choice("B", default=True)]}, False),
    ],
)
def test_a_field_that_a_record_needs(keys, required):
    """A default of whatever kind makes a value unnecessary."""
    found = field(**{"nillable": False, "createable": True, "defaultedOnCreate": False, **keys})

    assert required == found.is_required


@pytest.mark.parametrize(
    ("keys", "is_set"),
    [
        ({"defaultValue": False}, False),
        ({"defaultValue": False, "defaultValueFormula": "false"}, False),
        ({"defaultValue": False, "defaultValueFormula": "$User.IsActive"}, True),
        ({"defaultValue": True}, True),
        ({}, True),
        ({"type": "string", "defaultValue": "x"}, False),
    ],
)
def test_a_checkbox_that_may_be_set_by_default(keys, is_set):
    """It counts as one unless the description says that it is not."""
    assert is_set == field(**{"type": "boolean", **keys}).set_on_create


def test_a_restricted_picklist():
    """Values are found by value and by label, without case; a value goes before the label of another."""
    choices = [choice("NEW", "Brand New"), choice("OLD", "new"), choice(" Straße ")]

    found = field(type="picklist", restrictedPicklist=True, picklistValues=choices)

    expected = {"new": "NEW", "brand new": "NEW", "old": "OLD", "strasse": " Straße "}
    assert expected == found.picklist


def test_the_values_of_an_open_picklist_are_not_kept():
    """Suggestions forbid nothing, and would be the larger part of what is kept."""
    assert {} == field(type="picklist", picklistValues=[choice("A")]).picklist


def test_the_date_of_a_description():
    """A description is asked for anew by its date, and holds if it did not change."""
    known = parsed({}, last_modified="Sun, 01 Mar 2026 12:00:00 GMT")

    request = describe.get(BASE, "Lead", known.last_modified)

    assert {"If-Modified-Since": "Sun, 01 Mar 2026 12:00:00 GMT"} == request.headers
    assert {} == describe.get(BASE, "Lead").headers
    assert known is describe.parse(Response(304, {}, b""), org="prod", sobject="Lead", known=known)


def test_an_sobject_that_is_not_there():
    """The refusal names the part of the request that is wrong."""
    with pytest.raises(UnknownObject) as raised:
        describe.parse(fault(404, "NOT_FOUND"), org="prod", sobject="Leed")

    assert ["object"] == [violation.field for violation in raised.value.violations]
    assert "Leed" == raised.value.metadata["object"]


def test_the_names_of_all_sobjects():
    """The list is read for its names alone."""
    response = answer(200, {"encoding": "UTF-8", "sobjects": [{"name": "Account"}, {"name": "Thing__c", "label": "T"}]})

    assert f"{BASE}/sobjects" == describe.get_names(BASE).path
    assert ["Account", "Thing__c"] == describe.parse_names(response, org="prod")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"sobjects":[{"label":"x"}]}', b'{"sobjects":[{"name":"\xff"}]}']
)
def test_what_is_no_list_of_sobjects(content):
    """Junk is a protocol error."""
    with pytest.raises(UpstreamProtocolError):
        describe.parse_names(Response(200, {}, content), org="prod")


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recorded answers are not on this machine")
@pytest.mark.parametrize("name", ["Account", "Case", "Contact", "Custom__c", "Event", "Lead", "Opportunity"])
def test_descriptions_of_real_orgs(name):
    """Every field is read, with the picklists that restrict and no others."""
    content = (RECORDINGS / f"{name}.json").read_bytes()
    recorded = json.loads(content)["fields"]

    found = describe.parse(Response(200, {}, content), org="prod", sobject=name)

    assert [item["name"] for item in recorded] == [item.name for item in found.fields.values()]
    restricted = {item["name"]: len(item["picklistValues"]) for item in recorded if item["restrictedPicklist"]}
    values = {item.name: len(set(item.picklist.values())) for item in found.fields.values() if item.picklist}
    assert restricted == values


@pytest.mark.parametrize(("prefix", "expected"), [("00Q", "00Q"), (None, "")])
def test_what_ids_begin_with(prefix, expected):
    """Some sObjects have no ids of their own."""
    document = {"name": "Lead", "fields": [], "keyPrefix": prefix}

    assert expected == describe.parse(answer(200, document), org="prod", sobject="lead").key_prefix
