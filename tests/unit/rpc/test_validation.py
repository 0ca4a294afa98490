"""What a caller reads about a rule that does not hold."""

import protovalidate
import pytest
from sluicegate.v1.bulk_service_pb2 import BulkLoadRequest
from sluicegate.v1.deep_link_service_pb2 import CreateDeepLinkRequest
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest

from service.rpc.validation import refusal

KEY = ExternalId(field="Ext__c", value="1")
KINDS = (
    "null_value, bool_value, int64_value, double_value, string_value, decimal_value, bytes_value, reference_value, "
    "list_value, date_value, datetime_value, node_value"
)


def lead(**fields: FieldValue) -> UpsertRecordRequest:
    """Return a request that is right but for its fields."""
    return UpsertRecordRequest(object="Lead", external_id=KEY, fields=fields)


@pytest.mark.parametrize(
    ("request_", "field", "words"),
    [
        (UpsertRecordRequest(external_id=KEY), "object", "value is required"),
        (UpsertRecordRequest(object="Lead"), "external_id", "value is required"),
        (lead(LastName=FieldValue()), "fields.LastName.kind", f"set exactly one of {KINDS}"),
        (
            lead(A=FieldValue(list_value=FieldValueList(values=[FieldValue(bool_value=True), FieldValue()]))),
            "fields.A.list_value.values[1].kind",
            f"set exactly one of {KINDS}",
        ),
        (lead(**{"": FieldValue(bool_value=True)}), "fields['']", "the name is empty"),
        (
            lead(**{"A\nB": FieldValue(bool_value=True)}),
            "fields['A\\nB']",
            "does not match regex pattern `^[A-Za-z][A-Za-z0-9_]{0,79}$`",
        ),
        (QueryRequest(), "soql", "value is required"),
        (
            QueryRequest(soql="x", batch_size=2001),
            "batch_size",
            "must be greater than or equal to 0 and less than or equal to 2000",
        ),
        (BulkLoadRequest(), "message", "set exactly one of header, data"),
        (CreateDeepLinkRequest(record=RecordRef(object="Lead")), "record.key", "set exactly one of id, external_id"),
        (
            UpsertRecordRequest(object="Le ad", external_id=KEY),
            "object",
            "does not match regex pattern `^[A-Za-z][A-Za-z0-9_]{0,79}$`",
        ),
    ],
)
def test_words(request_, field, words):
    """A caller reads which field is at fault, under the path that every error uses, and what would be right."""
    error = refusal(request_, protovalidate.collect_violations(request_))

    assert [(field, words)] == [(violation.field, violation.description) for violation in error.violations]
    assert f"{field}: {words}" == error.message
