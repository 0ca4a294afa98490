"""Python values become the kinds of `FieldValue` that the contract documents."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import protovalidate
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluicegate import NodeId, Reference
from sluicegate.v1.field_value_pb2 import FieldValue, FieldValueList
from sluicegate.values import decode_value, decode_values, encode_value, encode_values

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**62), 10**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(-(10**18), 10**18, places=6)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.dates()
    | st.times()
    | st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.timezones())  # noqa: DTZ001
)
FIELD_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,79}", fullmatch=True)
NODE_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,39}", fullmatch=True)
VALUES = (
    SCALARS
    | st.lists(SCALARS)
    | st.builds(NodeId, NODE_NAMES)
    | st.builds(Reference, FIELD_NAMES, st.text(st.characters(codec="utf-8"), min_size=1))
)


@pytest.mark.parametrize(
    ("value", "kind", "content"),
    [
        (None, "null_value", 0),
        (True, "bool_value", True),
        (1, "int64_value", 1),
        (-(2**63), "int64_value", -(2**63)),
        (2**63, "decimal_value", "9223372036854775808"),
        (1.5, "double_value", 1.5),
        (Decimal("1E+3"), "decimal_value", "1000"),
        (Decimal("-0.10"), "decimal_value", "-0.10"),
        ("Zoë 🚰\n", "string_value", "Zoë 🚰\n"),
        (b"\x00\xff", "bytes_value", b"\x00\xff"),
        (date(2026, 3, 1), "date_value", "2026-03-01"),
        (datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC), "datetime_value", "2026-03-01T12:34:56Z"),
        (datetime(2026, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=2))), "datetime_value", "2026-03-01T10:00:00Z"),
        (time(13, 5), "string_value", "13:05:00.000Z"),
        (NodeId("acc"), "node_value", "acc"),
    ],
)
def test_kind(value, kind, content):
    """Each Python type has one kind, and its content is exact."""
    encoded = encode_value(value)

    assert kind == encoded.WhichOneof("kind")
    assert content == getattr(encoded, kind)


def test_reference():
    """A reference names the external id and, where it is given, the object."""
    encoded = encode_value(Reference("Ext__c", "A-1", object="Account"))

    assert encoded.reference_value.external_id.field == "Ext__c"
    assert encoded.reference_value.external_id.value == "A-1"
    assert encoded.reference_value.object == "Account"


def test_list():
    """A list or a tuple keeps its values in order."""
    encoded = encode_value(("a", 1, None))

    kinds = [value.WhichOneof("kind") for value in encoded.list_value.values]
    assert kinds == ["string_value", "int64_value", "null_value"]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (float("nan"), ValueError, "nan is not a number"),
        (float("-inf"), ValueError, "-inf is not a number"),
        (Decimal("Infinity"), ValueError, "Infinity is not a number"),
        (Decimal("sNaN"), ValueError, "sNaN is not a number"),
        (Decimal("1e999999"), ValueError, "round it first"),
        pytest.param(10**5000, ValueError, "beyond what Salesforce stores", id="10**5000"),
        (datetime(2026, 3, 1), TypeError, "the datetime has no time zone"),  # noqa: DTZ001
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=2))), ValueError, "outside the years"),
        (time(1, tzinfo=UTC), TypeError, "the time has a time zone"),
        ("\ud83d", ValueError, "half of a surrogate pair at 0"),
        (Reference("Ext__c", "\ud83d"), ValueError, "half of a surrogate pair at 0"),
        ([["a"]], TypeError, "a list may not hold a list"),
        ([Reference("Ext__c", "A-1")], TypeError, "a list may not hold a Reference"),
        ([NodeId("acc")], TypeError, "a list may not hold a NodeId"),
        ({"a": 1}, TypeError, "dict is not a value"),
        ({"a"}, TypeError, "set is not a value"),
    ],
)
def test_refused(value, error, text):
    """What no field takes is refused with the name of the field and what is wrong."""
    with pytest.raises(error, match=f"^AnnualRevenue: .*{re.escape(text)}"):
        encode_values({"AnnualRevenue": value})


@given(VALUES)
def test_contract(value):
    """Whatever is encoded keeps the rules of the contract and survives the wire."""
    encoded = encode_value(value)

    protovalidate.validate(encoded)
    assert encoded == FieldValue.FromString(encoded.SerializeToString())


@given(st.decimals(-(10**18), 10**18, places=8) | st.integers(2**63, 2**200))
def test_numbers_are_exact(value):
    """A decimal or a large whole number travels digit for digit."""
    assert Decimal(value) == Decimal(encode_value(value).decimal_value)


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_instants_are_exact(value):
    """A datetime of any zone travels as the same instant."""
    assert value.astimezone(UTC) == datetime.fromisoformat(encode_value(value).datetime_value)


def as_read(value):
    """Return a value as it comes back: large numbers are decimals, times are text, and sequences are lists."""
    if isinstance(value, list | tuple):
        return [as_read(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return Decimal(value)
    if isinstance(value, time):
        return f"{value.isoformat(timespec='milliseconds')}Z"
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value


@given(VALUES)
def test_values_come_back(value):
    """Whatever is encoded reads back as the value it was, an instant as the same instant."""
    read = decode_value(encode_value(value))

    assert as_read(value) == read


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (FieldValue(datetime_value="2026-03-01T12:34:56.789Z"), datetime(2026, 3, 1, 12, 34, 56, 789_000, tzinfo=UTC)),
        (FieldValue(datetime_value="2026-03-01T12:34:56.000+0000"), datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)),
        (FieldValue(decimal_value="1234567890123456.70"), Decimal("1234567890123456.70")),
        (FieldValue(date_value="1700-01-01"), date(1700, 1, 1)),
    ],
)
def test_what_the_service_sends(message, expected):
    """Values that the service alone writes in this form are read exactly."""
    assert expected == decode_value(message)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (FieldValue(), "AnnualRevenue: the value is of a kind that this package does not know"),
        (FieldValue(decimal_value="twelve"), "AnnualRevenue: the decimal_value is no number"),
        (FieldValue(date_value="2026-02-30"), "AnnualRevenue: day"),
        (
            FieldValue(list_value=FieldValueList(values=[FieldValue(list_value=FieldValueList())])),
            "AnnualRevenue: a list holds a list",
        ),
    ],
)
def test_what_is_no_value(message, told):
    """An answer that is not what the contract says is refused with the name of the field."""
    with pytest.raises(ValueError, match=f"^{told}"):
        decode_values({"AnnualRevenue": message})
