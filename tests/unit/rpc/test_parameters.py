"""Query parameters as the SOQL binder takes them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from google.protobuf.struct_pb2 import NULL_VALUE
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList, RecordReference

from service.errors import InvalidParameter
from service.rpc.parameters import to_parameters


def texts(*values: str) -> FieldValue:
    """Return a list of texts."""
    return FieldValue(list_value=FieldValueList(values=[FieldValue(string_value=value) for value in values]))


def reference() -> FieldValue:
    """Return a lookup by external id."""
    return FieldValue(reference_value=RecordReference(external_id=ExternalId(field="Ext__c", value="A-1")))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (FieldValue(string_value="O'Neill"), "O'Neill"),
        (FieldValue(null_value=NULL_VALUE), None),
        (FieldValue(bool_value=True), True),
        (FieldValue(int64_value=7), 7),
        (FieldValue(double_value=0.5), 0.5),
        (FieldValue(decimal_value="1.50"), Decimal("1.50")),
        (FieldValue(date_value="2024-02-29"), date(2024, 2, 29)),
        (FieldValue(datetime_value="2026-03-01T12:34:56.5Z"), datetime(2026, 3, 1, 12, 34, 56, 500000, tzinfo=UTC)),
        (texts("a", "b"), ["a", "b"]),
        (texts(), []),
    ],
)
def test_each_kind_has_its_parameter(value, expected):
    """Every kind that SOQL can hold reaches the binder as a Python value."""
    assert {"p": expected} == to_parameters({"p": value})


@pytest.mark.parametrize(
    "value",
    [
        FieldValue(),
        FieldValue(bytes_value=b"x"),
        reference(),
        FieldValue(node_value="account"),
        FieldValue(list_value=FieldValueList(values=[texts("a")])),
        FieldValue(date_value="2026-02-30"),
        FieldValue(date_value="0000-01-01"),
        FieldValue(datetime_value="2026-03-01T25:00:00Z"),
        FieldValue(datetime_value="2026-03-01T12:00:00+99:00"),
        FieldValue(list_value=FieldValueList(values=[FieldValue(date_value="2026-13-01")])),
    ],
)
def test_what_no_query_takes_is_named(value):
    """The refusal names the parameter by its path."""
    with pytest.raises(InvalidParameter) as raised:
        to_parameters({"ok": FieldValue(bool_value=True), "p": value})

    assert ["parameters.p"] == [violation.field for violation in raised.value.violations]
    assert {"parameter": "p"} == raised.value.metadata


def test_no_more_values_are_bound_than_a_query_can_hold():
    """What SOQL's 100,000 characters could never hold is refused before it makes work."""
    most = texts(*["x"] * 50_000)

    assert {"a": ["x"] * 50_000} == to_parameters({"a": most})
    with pytest.raises(InvalidParameter) as raised:
        to_parameters({"a": most, "b": texts("x")})

    assert ["parameters.b"] == [violation.field for violation in raised.value.violations]


def test_the_id_of_a_node():
    """Only graphs have nodes, and the refusal says what to give instead."""
    with pytest.raises(InvalidParameter) as raised:
        to_parameters({"p": FieldValue(node_value="account")})

    (violation,) = raised.value.violations
    assert "only ComposeRecords has nodes; give the record's id as string_value" == violation.description
