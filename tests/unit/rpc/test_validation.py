"""What a caller reads about a rule that does not hold."""

import re
from pathlib import Path

import protovalidate
import pytest
from sluicegate.v1.bulk_service_pb2 import BulkLoadRequest
from sluicegate.v1.deep_link_service_pb2 import CreateDeepLinkRequest
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2 import GetRecordRequest, UpdateRecordRequest, UpsertRecordRequest

from service.rpc.validation import PATTERNS, refusal

KEY = ExternalId(field="Ext__c", value="1")
KINDS = (
    "null_value, bool_value, int64_value, double_value, string_value, decimal_value, bytes_value, reference_value, "
    "list_value, date_value, datetime_value, node_value"
)


API_NAME = "is no API name: give a letter, then at most 79 letters, digits and underscores"


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
            API_NAME,
        ),
        (
            GetRecordRequest(record=RecordRef(object="Lead", id="L-1")),
            "record.id",
            "is no record's id: give its 15 or 18 letters and digits",
        ),
        (UpdateRecordRequest(record=RecordRef(object="Lead", external_id=KEY)), "fields", "give at least 1"),
        (QueryRequest(), "soql", "value is required"),
        (
            QueryRequest(soql="x", batch_size=2001),
            "batch_size",
            "must be greater than or equal to 0 and less than or equal to 2000",
        ),
        (BulkLoadRequest(), "message", "set exactly one of header, data, commit, batch, end"),
        (CreateDeepLinkRequest(record=RecordRef(object="Lead")), "record.key", "set exactly one of id, external_id"),
        (
            UpsertRecordRequest(object="Le ad", external_id=KEY),
            "object",
            API_NAME,
        ),
    ],
)
def test_words(request_, field, words):
    """A caller reads which field is at fault, under the path that every error uses, and what would be right."""
    error = refusal(request_, protovalidate.collect_violations(request_))

    assert [(field, words)] == [(violation.field, violation.description) for violation in error.violations]
    assert f"{field}: {words}" == error.message


def test_every_pattern_has_words():
    """No caller has to read a regular expression: each of the contract's is told in words, and no other is."""
    protos = Path(__file__).parents[3] / "protos" / "sluicegate" / "v1"
    texts = [path.read_text(encoding="utf-8") for path in protos.glob("*.proto")]

    found = {pattern for text in texts for pattern in re.findall(r"""pattern(?: =|:) "([^"]*)\"""", text)}

    assert set(PATTERNS) == found
