"""Whose share of the open requests each kind of call takes."""

import pytest

from service.salesforce.calls import collections, composite, limits, records, single
from service.salesforce.calls.writes import DEFAULT_OPTIONS, ExternalKey, Operation, Row, Write
from service.salesforce.transport.base import Request

BASE = "/services/data/v66.0"
KEY = ExternalKey("Ext__c", "1")


def rows(operation: Operation, *sobjects: str) -> Request:
    """Return a call for rows of some sObjects."""
    made = [Row(Write(operation, each, key=KEY, record_id="00Q000000000001AAA"), each, 1) for each in sobjects]
    return collections.request(BASE, operation, made, DEFAULT_OPTIONS, field="Ext__c")


@pytest.mark.parametrize(
    ("request_", "bulkhead"),
    [
        (records.retrieve(BASE, "Lead", KEY, ["Id"]), "lead"),
        (single.single(BASE, Write(Operation.CREATE, "Lead"), DEFAULT_OPTIONS), "lead"),
        (composite.rows(BASE, [Write(Operation.UPDATE, "Lead", {"Title": "x"}, key=KEY)], DEFAULT_OPTIONS), "lead"),
        (rows(Operation.UPSERT, "Lead", "Lead"), "lead"),
        (rows(Operation.DELETE, "Lead"), "lead"),
        (rows(Operation.CREATE, "Account", "Lead"), ""),
        (limits.get(BASE), ""),
    ],
)
def test_a_call_takes_of_its_objects_share(request_, bulkhead):
    """An object that is slow leaves room for others, so each call for one object says which, in lower case."""
    assert bulkhead == request_.cost.bulkhead
