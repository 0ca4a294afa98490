"""FieldValue as Salesforce's JSON, and back."""

import base64
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from google.protobuf.struct_pb2 import NULL_VALUE
from hypothesis import given
from hypothesis import strategies as st
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList, RecordReference

from service.errors import InvalidFieldValue, InvalidRequest
from service.rpc.values import to_field_value, to_json_values
from service.salesforce.calls.writes import NodeId


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
        (FieldValue(date_value="2024-02-29"), "2024-02-29"),
        (FieldValue(datetime_value="2026-03-01T12:34:56Z"), "2026-03-01T12:34:56Z"),
        (FieldValue(datetime_value="2026-03-01T12:34:56.789+01:00"), "2026-03-01T12:34:56.789+01:00"),
        (FieldValue(datetime_value="2026-03-01T12:34:56.7-0930"), "2026-03-01T12:34:56.7-09:30"),
        (FieldValue(node_value="account"), NodeId("account")),
        (reference(), {"Ext__c": "A-1"}),
        (reference("User"), {"type": "User", "Ext__c": "A-1"}),
        (texts(), ""),
        (texts("a", "b c"), "a;b c"),
    ],
)
def test_each_kind_has_its_json(value, expected):
    """Every kind of the contract reaches Salesforce as its JSON takes it."""
    found = to_json_values({"F": value}, in_graph=True)["F"]

    assert expected == found
    assert type(expected) is type(found)


def test_every_kind_of_the_contract_is_written():
    """A kind that is added to the contract without a place here is found: it would be refused as no value at all."""
    samples = {"date_value": "2026-03-01", "datetime_value": "2026-03-01T12:34:56Z", "bytes_value": b"1"}
    for field in FieldValue.DESCRIPTOR.oneofs_by_name["kind"].fields:
        value = FieldValue()
        if field.message_type is not None:
            getattr(value, field.name).SetInParent()
        elif field.cpp_type == field.CPPTYPE_STRING:
            setattr(value, field.name, samples.get(field.name, "1"))
        else:
            setattr(value, field.name, 0)

        assert ["F"] == list(to_json_values({"F": value}, in_graph=True))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (FieldValue(), "has no value"),
        (FieldValue(double_value=float("nan")), "is not a finite number"),
        (FieldValue(double_value=float("-inf")), "is not a finite number"),
        (texts("a;b"), "multi-select"),
        (FieldValue(list_value=FieldValueList(values=[FieldValue(int64_value=1)])), "multi-select"),
        (FieldValue(list_value=FieldValueList(values=[texts("a")])), "multi-select"),
        (FieldValue(date_value="2026-02-30"), "is no date that exists"),
        (FieldValue(date_value="0000-01-01"), "is no date that exists"),
        (FieldValue(datetime_value="2026-02-29T00:00:00Z"), "is no datetime that exists"),
        (FieldValue(datetime_value="2026-03-01T25:00:00Z"), "is no datetime that exists"),
        (FieldValue(datetime_value="2026-03-01T12:00:00+99:00"), "is no datetime that exists"),
        (FieldValue(node_value="account"), "only ComposeRecords has"),
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


def test_a_field_that_is_named_twice():
    """Names that differ only in case are one field, and which value would win is left to nobody."""
    fields = {name: FieldValue(string_value=name) for name in ("lastname", "Company", "LastName", "LASTNAME")}

    with pytest.raises(InvalidRequest) as raised:
        to_json_values(fields)

    assert ["fields.LastName", "fields.lastname"] == [violation.field for violation in raised.value.violations]
    assert "fields.LastName: is the same field as LASTNAME; give one of them" == raised.value.message


def test_every_field_at_fault_is_named():
    """A caller can mend a record at once; the text tells of the first fault and repeats no value."""
    fields = {
        "Ok__c": FieldValue(bool_value=True),
        "When__c": FieldValue(date_value="2026-02-30"),
        "Much__c": FieldValue(double_value=float("inf")),
    }

    with pytest.raises(InvalidFieldValue) as raised:
        to_json_values(fields)

    assert ["fields.Much__c", "fields.When__c"] == [violation.field for violation in raised.value.violations]
    assert {"fields": "Much__c,When__c"} == raised.value.metadata
    assert raised.value.message.startswith("Much__c is not a finite number")
    assert "02-30" not in repr([raised.value.message, raised.value.violations])


@pytest.mark.parametrize(
    ("value", "kind", "precision", "expected"),
    [
        (None, "string", 0, FieldValue(null_value=NULL_VALUE)),
        (None, "currency", 18, FieldValue(null_value=NULL_VALUE)),
        (False, "boolean", 0, FieldValue(bool_value=False)),
        (5, "int", 0, FieldValue(int64_value=5)),
        (Decimal("5.0"), "int", 0, FieldValue(int64_value=5)),
        (-(10**18) + 1, "long", 0, FieldValue(int64_value=-(10**18) + 1)),
        (Decimal("1E+30"), "int", 0, FieldValue(double_value=1e30)),
        (Decimal("0.25"), "double", 15, FieldValue(double_value=0.25)),
        (3, "percent", 5, FieldValue(double_value=3.0)),
        (Decimal("0.25"), "double", 18, FieldValue(decimal_value="0.25")),
        (Decimal("0.14285714285714285"), "double", 15, FieldValue(decimal_value="0.14285714285714285")),
        (Decimal("1500.50"), "currency", 10, FieldValue(decimal_value="1500.50")),
        (Decimal("1.5E+9"), "currency", 18, FieldValue(decimal_value="1500000000")),
        (0, "currency", 18, FieldValue(decimal_value="0")),
        ("2026-03-01", "date", 0, FieldValue(date_value="2026-03-01")),
        ("2026-03-01T12:34:56.000+0000", "datetime", 0, FieldValue(datetime_value="2026-03-01T12:34:56.000Z")),
        ("2026-03-01T12:34:56.000Z", "datetime", 0, FieldValue(datetime_value="2026-03-01T12:34:56.000Z")),
        ("13:05:00.000Z", "time", 0, FieldValue(string_value="13:05:00.000Z")),
        ("A;B c", "multipicklist", 0, texts("A", "B c")),
        ("A;B c", "picklist", 0, FieldValue(string_value="A;B c")),
        ("001ZM000001n4n5YAA", "reference", 0, FieldValue(string_value="001ZM000001n4n5YAA")),
        ("half \ud83d", "string", 0, FieldValue(string_value="half ?")),
        (True, "anyType", 0, FieldValue(bool_value=True)),
        (Decimal("1.5"), "anyType", 0, FieldValue(double_value=1.5)),
    ],
)
def test_each_type_has_its_kind(value, kind, precision, expected):
    """A field that was read has the kind that the contract says of its type."""
    assert expected == to_field_value(value, kind, precision)


SCALARS = st.one_of(
    st.tuples(st.none(), st.just("string"), st.just(0)),
    st.tuples(st.booleans(), st.just("boolean"), st.just(0)),
    st.tuples(st.integers(-(10**17), 10**17), st.sampled_from(["int", "long"]), st.just(0)),
    st.tuples(
        st.decimals(-(10**17), 10**17, allow_nan=False, places=4),
        st.sampled_from(["double", "currency", "percent"]),
        st.sampled_from([5, 15, 16, 18]),
    ),
    st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["string", "textarea"]), st.just(0)),
    st.tuples(st.dates().map(str), st.just("date"), st.just(0)),
    st.tuples(st.lists(st.text("ab c", min_size=1), min_size=1).map(";".join), st.just("multipicklist"), st.just(0)),
)


@given(SCALARS)
def test_what_was_read_can_be_written(found):
    """Writing back what was read changes no record: not a digit is lost on the way through the contract."""
    value, kind, precision = found

    again = to_json_values({"F": to_field_value(value, kind, precision)})["F"]

    assert value == (Decimal(str(again)) if isinstance(again, float) else again)


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=OFFSETS), st.booleans())
def test_a_moment_stays_the_same(moment, colon):
    """However its offset is written, a dateTime names the same moment for Salesforce, which wants the colon."""
    text = moment.isoformat() if colon else moment.strftime("%Y-%m-%dT%H:%M:%S.%f%z").rjust(31, "0")

    written = to_json_values({"F": FieldValue(datetime_value=text)})["F"]

    assert isinstance(written, str)
    assert moment == datetime.fromisoformat(written)
    assert ":" == written[-3]
