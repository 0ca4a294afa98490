"""The check of messages: what is named, and how much work a hostile message makes."""

import pytest
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest

from service.errors import InvalidRequest
from service.rpc.intake import check


def lead(**fields: FieldValue) -> UpsertRecordRequest:
    """Return a request for a lead."""
    return UpsertRecordRequest(object="Lead", external_id=ExternalId(field="Ext__c", value="1"), fields=fields)


def refused(request: UpsertRecordRequest) -> list[str]:
    """Return the fields at fault."""
    with pytest.raises(InvalidRequest) as raised:
        check(request)
    return sorted(violation.field for violation in raised.value.violations)


def test_every_field_at_fault_is_named():
    """A caller mends all faults at once."""
    assert ["fields.A.kind", "fields.B.kind"] == refused(lead(A=FieldValue(), B=FieldValue()))


def test_a_long_message_full_of_faults_costs_no_more_than_its_first():
    """Two bytes make a fault: a message of a few megabytes must not keep the process busy collecting them."""
    faults = FieldValue(list_value=FieldValueList(values=[FieldValue()] * 10_000))

    assert len(refused(lead(A=faults))) == 1


@pytest.mark.parametrize("name", ["A\n", "A/..", "..", "A?x", "A b", "É", ""])
def test_a_name_is_nothing_but_a_name(name):
    """What stands in Salesforce's URLs is checked to its last character, a line break included."""
    request = lead()
    request.object = name

    assert ["object"] == refused(request)
