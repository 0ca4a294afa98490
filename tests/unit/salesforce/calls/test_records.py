"""sObject rows, read."""

from decimal import Decimal

import pytest

from service.errors import InvalidRequest, RecordDeleted, RecordNotFound, UpstreamProtocolError
from service.salesforce.calls import records
from service.salesforce.calls.writes import ExternalKey
from service.salesforce.transport.base import Response
from tests.support.transport import answer, fault

BASE = "/services/data/v66.0"
LEAD = {"object": "Lead", "id": "00Q000000000001AAA"}


@pytest.mark.parametrize(
    ("key", "fields", "path"),
    [
        ("00Q000000000001AAA", [], "Lead/00Q000000000001AAA"),
        ("00Q000000000001AAA", ["Id", "Name"], "Lead/00Q000000000001AAA?fields=Id,Name"),
        (ExternalKey("Ext__c", "a/b ?#%é"), ["Id"], "Lead/Ext__c/a%2Fb%20%3F%23%25%C3%A9?fields=Id"),
        (ExternalKey("Ext__c", "7"), [], "Lead/Ext__c/7"),
    ],
)
def test_the_request_for_a_record(key, fields, path):
    """The key is one segment of the path whatever is in it, and no fields ask for all."""
    request = records.retrieve(BASE, "Lead", key, fields)

    assert ("GET", f"{BASE}/sobjects/{path}") == (request.method, request.path)
    assert "00Q" not in request.template
    assert "a%2F" not in request.template


def test_more_fields_than_a_url_holds():
    """Where the names do not fit all fields are asked for, which is the same call to Salesforce."""
    fields = [f"{'Long' * 19}{number}__c" for number in range(400)]

    request = records.retrieve(BASE, "Lead", LEAD["id"], fields)

    assert f"{BASE}/sobjects/Lead/{LEAD['id']}" == request.path


@pytest.mark.parametrize("value", [".", ".."])
def test_a_key_that_would_leave_the_path(value):
    """No external id leads to another resource."""
    with pytest.raises(InvalidRequest):
        records.retrieve(BASE, "Lead", ExternalKey("Ext__c", value), [])


def test_numbers_keep_their_digits():
    """Eighteen digits come as eighteen digits."""
    content = b'{"Amount":12345678901234567.80,"Big":123456789012345678,"Odd":1.0E7,"Name":"x","Gone":null}'

    found = records.retrieved(Response(200, {}, content), org="prod", subject=LEAD)

    assert (Decimal("12345678901234567.80"), 123456789012345678) == (found["Amount"], found["Big"])
    assert ("12345678901234567.80", 10_000_000) == (str(found["Amount"]), found["Odd"])
    assert ("x", None) == (found["Name"], found["Gone"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b'"\xff"',
        b'{"A":1e999999999}',
        b'{"A":1e99999999999999999999}',
        b'{"A":0e-999999}',
        b'{"A":' + b"1" * 5000 + b"}",
        b'{"A":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_record(content):
    """Junk, numbers out of all bounds and nesting without end are protocol errors."""
    with pytest.raises(UpstreamProtocolError):
        records.retrieved(Response(200, {}, content), org="prod", subject=LEAD)


@pytest.mark.parametrize(
    ("response", "kind"),
    [(fault(404, "NOT_FOUND"), RecordNotFound), (fault(404, "ENTITY_IS_DELETED"), RecordDeleted)],
)
def test_a_record_that_is_not_there(response, kind):
    """The error says which record was asked for."""
    with pytest.raises(kind) as raised:
        records.retrieved(response, org="prod", subject=LEAD)

    assert LEAD.items() <= raised.value.metadata.items()


def test_the_id_behind_an_external_id():
    """A lookup asks for the id alone."""
    request = records.lookup(BASE, "Lead", "Ext__c", "7")

    assert f"{BASE}/sobjects/Lead/Ext__c/7?fields=Id" == request.path
    assert LEAD["id"] == records.looked_up(answer(200, {"Id": LEAD["id"]}), org="prod", sobject="Lead", field="Ext__c")
