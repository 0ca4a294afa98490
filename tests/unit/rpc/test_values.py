"""FieldValue as Salesforce's JSON and as SOQL parameters."""

import base64
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from google.protobuf.struct_pb2 import NULL_VALUE
from hypothesis import given
from hypothesis import strategies as st
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList, RecordReference

from service.errors import InvalidFieldValue, InvalidParameter, InvalidRequest
from service.rpc.values import to_json_values, to_parameters


def texts(*values: str) -> FieldValue:
    """Return a list of texts."""
    return FieldValue(list_value=FieldValueList(values=[FieldValue(string_value=value) for value in values]))


def reference(sobject: str = "") -> FieldValue:
    """Return a lookup by external id."""
    return FieldValue(
        reference_value=RecordReference(external_id=ExternalId(field="Ext__c", value="A-1"), object=sobject)
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (FieldValue(null_value=NULL_VALUE), None),
        (FieldValue(bool_value=False), False),
        (FieldValue(int64_value=-(2**63)), -(2**63)),
        (FieldValue(double_value=0.1), 0.1),
        (FieldValue(string_value=""), ""),
        (FieldValue(decimal_value="12345678901234567.80"), Decimal("12345678901234567.80")),
        (FieldValue(bytes_value=b"\x00\xff"), "AP8="),
        (FieldValue(date_value="2026-03-01"), "2026-03-01"),
        (FieldValue(datetime_value="2026-03-01T12:34:56Z"), "2026-03-01T12:34:56Z"),
        (reference(), {"Ext__c": "A-1"}),
        (reference("User"), {"type": "User", "Ext__c": "A-1"}),
        (texts(), ""),
        (texts("a", "b c"), "a;b c"),
    ],
)
def test_each_kind_has_its_json(value, expected):
    """Every kind of the contract reaches Salesforce as its JSON takes it."""
    found = to_json_values({"F": value})["F"]

    assert expected == found
    assert type(expected) is type(found)


def test_every_kind_of_the_contract_is_written():
    """A kind that is added to the contract without a place here is found: it would be refused as no value at all."""
    for field in FieldValue.DESCRIPTOR.oneofs_by_name["kind"].fields:
        value = FieldValue()
        if field.message_type is not None:
            getattr(value, field.name).SetInParent()
        elif field.cpp_type == field.CPPTYPE_STRING:
            setattr(value, field.name, b"1" if field.type == field.TYPE_BYTES else "1")
        else:
            setattr(value, field.name, 0)

        assert ["F"] == list(to_json_values({"F": value}))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (FieldValue(), "has no value"),
        (FieldValue(double_value=float("nan")), "is not a finite number"),
        (FieldValue(double_value=float("-inf")), "is not a finite number"),
        (texts("a;b"), "multi-select"),
        (FieldValue(list_value=FieldValueList(values=[FieldValue(int64_value=1)])), "multi-select"),
        (FieldValue(list_value=FieldValueList(values=[texts("a")])), "multi-select"),
    ],
)
def test_what_no_field_takes_is_named(value, problem):
    """The refusal names the field by its path and leaves its neighbours alone."""
    with pytest.raises(InvalidFieldValue, match=problem) as raised:
        to_json_values({"Ok": FieldValue(bool_value=True), "F__c": value})

    assert ["fields.F__c"] == [violation.field for violation in raised.value.violations]
    assert {"fields": "F__c"} == raised.value.metadata


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**17), max_value=10**17))
def test_a_decimal_arrives_digit_for_digit(number):
    """No decimal is rounded on its way."""
    assert number == to_json_values({"F": FieldValue(decimal_value=format(number, "f"))})["F"]


@given(st.binary())
def test_bytes_arrive_as_base64(content):
    """Whatever the bytes, Salesforce decodes the same."""
    found = to_json_values({"F": FieldValue(bytes_value=content)})["F"]

    assert isinstance(found, str)
    assert content == base64.b64decode(found, validate=True)


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


def test_a_field_that_is_named_twice():
    """Names that differ only in case are one field, and which value would win is left to nobody."""
    fields = {name: FieldValue(string_value=name) for name in ("lastname", "Company", "LastName", "LASTNAME")}

    with pytest.raises(InvalidRequest) as raised:
        to_json_values(fields)

    assert ["fields.LastName", "fields.lastname"] == [violation.field for violation in raised.value.violations]
    assert "fields.LastName: is the same field as LASTNAME; give one of them" == raised.value.message
