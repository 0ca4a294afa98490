"""sObject rows by external id, as requests."""

from decimal import Decimal

import pytest

from service.errors import InvalidRequest
from service.salesforce.calls import records

BASE = "/services/data/v66.0"


@pytest.mark.parametrize(
    ("values", "body"),
    [
        ({}, b"{}"),
        ({"LastName": "Curie", "Phone": None}, b'{"LastName":"Curie","Phone":null}'),
        ({"AnnualRevenue": Decimal("12345678901234567.80")}, b'{"AnnualRevenue":12345678901234567.80}'),
        ({"LastName": "Curie", "ext__C": "7"}, b'{"LastName":"Curie"}'),
        ({"Ext__c": 7}, b"{}"),
        ({"Ext__c": Decimal(7)}, b"{}"),
    ],
)
def test_the_body_of_an_upsert(values, body):
    """Values go as they are, and the external id only in the path, where Salesforce wants it."""
    request = records.upsert(BASE, "Lead", "Ext__c", "7", values)

    assert (f"{BASE}/sobjects/Lead/Ext__c/7", body) == (request.path, request.body)


@pytest.mark.parametrize("value", ["8", 8, "7 ", None, True])
def test_another_external_id_among_the_values(value):
    """A record cannot be found by one external id and given another."""
    with pytest.raises(InvalidRequest) as raised:
        records.upsert(BASE, "Lead", "Ext__c", "7", {"ext__c": value})

    assert ["fields.ext__c"] == [violation.field for violation in raised.value.violations]
