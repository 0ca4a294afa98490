"""Definitions made from describe answers."""

import pytest

from service.emulator.faults import SalesforceFault
from service.emulator.org import Org
from service.emulator.schema import Schema
from service.emulator.schema.describe import describe
from service.emulator.schema.load import sobject_from_describe, with_described
from service.emulator.schema.standard import STANDARD_OBJECTS

STANDARD = Schema(STANDARD_OBJECTS)

SHIPMENT = {
    "name": "Shipment__c",
    "label": "Shipment",
    "labelPlural": "Shipments",
    "keyPrefix": "a0X",
    "custom": True,
    "fields": [
        {"name": "Id", "type": "id", "length": 18, "createable": False, "updateable": False, "nillable": False},
        {"name": "Name", "type": "string", "length": 80, "nameField": True, "autoNumber": True, "createable": False},
        {
            "name": "Account__c",
            "type": "reference",
            "length": 18,
            "referenceTo": ["Account"],
            "relationshipName": "Account__r",
            "custom": True,
        },
        {
            "name": "State__c",
            "type": "picklist",
            "length": 255,
            "restrictedPicklist": True,
            "nillable": False,
            "picklistValues": [{"value": "Packed", "label": "Packed"}, {"value": "Sent", "label": "On its way"}],
        },
        {"name": "Track__c", "type": "string", "length": 20, "unique": True, "externalId": True, "caseSensitive": True},
    ],
}


def test_loaded_object_works_like_a_standard_one(clock):
    """A team's own object takes rows, finds parents, refuses bad values and is upserted by its key."""
    org = Org(with_described(STANDARD, [SHIPMENT]), clock=clock)
    account = org.create("Account", {"Name": "Acme", "Ext__c": "A-1"}, user_id=org.admin_id)

    body = {"Account__r": {"Ext__c": "A-1"}, "State__c": "Packed"}
    saved = org.upsert("shipment__c", "track__c", "T-1", body, user_id=org.admin_id)

    record = org.get("Shipment__c", saved.id)
    assert (record["Account__c"], record["Track__c"], record["Name"]) == (account, "T-1", "00001000")
    with pytest.raises(SalesforceFault) as caught:
        org.update("Shipment__c", saved.id, {"State__c": "Lost"}, user_id=org.admin_id)
    assert caught.value.error_code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    org.delete("Shipment__c", saved.id, user_id=org.admin_id)
    assert org.count("Shipment__c") == 0
    org.close()


def test_case_sensitive_key_tells_case_apart(clock):
    """A unique field that is case-sensitive takes values that differ in case only."""
    org = Org(with_described(STANDARD, [SHIPMENT]), clock=clock)

    saved = [
        org.upsert("Shipment__c", "Track__c", key, {"State__c": "Sent"}, user_id=org.admin_id) for key in ("t", "T")
    ]

    assert [one.created for one in saved] == [True, True]
    org.close()


@pytest.mark.parametrize("sobject", STANDARD.sobjects, ids=lambda sobject: sobject.name)
def test_describe_and_load_are_inverse(sobject):
    """What an org describes loads as an object that is described alike."""
    answer = describe(sobject, "66.0")

    assert answer == describe(sobject_from_describe(answer), "66.0")


def test_described_object_replaces_a_standard_one():
    """An org's own Account takes the place of the standard one, children and all."""
    account = STANDARD.sobject("Account")
    assert account is not None
    answer = describe(account, "66.0") | {"label": "Company"}

    changed = with_described(STANDARD, [answer]).sobject("Account")

    assert changed is not None
    assert changed.label == "Company"
    assert changed.child_relationships == account.child_relationships


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "x; DROP"}, "name has to be an API name"),
        ({"keyPrefix": None}, "keyPrefix has to be three"),
        ({"fields": []}, "fields has to be a list"),
        ({"fields": [{"name": "Name", "type": "string"}]}, "has to hold Id"),
        ({"fields": [{"name": 'a"b', "type": "string"}]}, "name of a field has to be an API name"),
        ({"fields": ["Id"]}, "name of a field has to be an API name"),
        ({"fields": [{"name": "Id", "type": "uuid"}]}, "is no field type"),
        ({"fields": [{"name": "Id", "type": "id", "length": "18"}]}, "length has to be a whole number"),
        ({"fields": [{"name": "Id", "type": "id", "picklistValues": [{}]}]}, "needs a value"),
        ({"childRelationships": [{}]}, "needs childSObject"),
        ({"childRelationships": [1]}, "has to be an object"),
    ],
)
def test_answer_that_is_no_describe_is_refused(change, message):
    """A file that is no describe answer is refused with what is wrong and of which object."""
    with pytest.raises(ValueError, match=message):
        sobject_from_describe(SHIPMENT | change)
