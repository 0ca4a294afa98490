"""What each type of field takes, and how it is kept."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emulator import values
from service.emulator.faults import SalesforceFault
from service.emulator.schema import Field, PicklistValue


def field(kind, **more):
    return Field(name="Probe__c", label="Probe", type=kind, **more)


def check_of(probe):
    check = values.check(probe)
    assert check is not None
    return check


def refusal(action, *arguments):
    with pytest.raises(SalesforceFault) as caught:
        action(*arguments)
    return caught.value.error_code, caught.value.message


@pytest.mark.parametrize(
    ("kind", "given_value", "stored"),
    [
        ("string", "x", "x"),
        ("string", "", None),
        ("string", 12, "12"),
        ("string", True, "true"),
        ("boolean", True, 1),
        ("boolean", "FALSE", 0),
        ("boolean", "1", 1),
        ("int", 5, 5),
        ("int", "10000", 10000),
        ("int", 5.0, 5),
        ("int", "", None),
        ("date", "2026-02-28", "2026-02-28"),
        ("datetime", "2026-03-01T12:34:56Z", "2026-03-01T12:34:56.000+0000"),
        ("datetime", "2026-03-01T12:34:56.789+02:00", "2026-03-01T10:34:56.000+0000"),
        ("datetime", "2026-03-01T00:30:00.000-0800", "2026-03-01T08:30:00.000+0000"),
        ("time", "13:05:00.000Z", "13:05:00.000Z"),
        ("time", "13:05:00", "13:05:00.000Z"),
        ("email", "a@b.example", "a@b.example"),
        ("multipicklist", "A;B", "A;B"),
    ],
)
def test_value_is_kept_in_one_form(kind, given_value, stored):
    """Values arrive as JSON or as text of a CSV and are kept in one form for each type."""
    assert stored == values.reader(field(kind))(given_value)


@pytest.mark.parametrize(
    ("kind", "given_value"),
    [
        ("string", {}),
        ("string", []),
        ("boolean", "maybe"),
        ("boolean", 2),
        ("int", "x"),
        ("int", 5.5),
        ("int", True),
        ("double", "NaN"),
        ("double", "Infinity"),
        ("double", []),
        ("date", "2026-02-30"),
        ("date", "2026-1-1"),
        ("date", "1699-12-31"),
        ("date", 20260101),
        ("datetime", "2026-03-01"),
        ("datetime", "2026-03-01T12:00:00"),
        ("datetime", "2026-03-01T25:00:00Z"),
        ("datetime", "2026-03-01T12:00:00+99:00"),
        ("time", "24:00:00"),
    ],
)
def test_wrong_type_is_a_parser_error(kind, given_value):
    """A value no reading of the type allows is refused as JSON that cannot be taken."""
    code, message = refusal(values.reader(field(kind, precision=18)), given_value)

    assert code == "JSON_PARSER_ERROR"
    assert message.startswith(f"Cannot deserialize instance of {kind} from ")


@pytest.mark.parametrize(
    ("scale", "given_value", "stored"),
    [
        (2, 1.005, 101),
        (2, "2.675", 268),
        (0, 10.5, 11),
        (2, -1.005, -101),
        (2, Decimal("1.005"), 101),
        (15, 41.890251, 41890251000000000),
        (4, "12345678901234.5678", 123456789012345678),
        (2, 7, 700),
    ],
)
def test_numbers_round_half_away_from_zero(scale, given_value, stored):
    """Digits beyond the scale are rounded as people round, not as binary floats do."""
    assert stored == values.reader(field("double", precision=18, scale=scale))(given_value)


@given(st.integers(min_value=-8_520_336_000, max_value=64_060_588_799))
def test_datetimes_round_trip(epoch_seconds):
    """The written form of every second from 1700 to 3999 reads back as itself."""
    written = values.format_datetime(epoch_seconds)

    assert written == values.reader(field("datetime"))(written)


@given(
    st.one_of(
        st.text(), st.integers(), st.floats(), st.booleans(), st.lists(st.none()), st.dictionaries(st.text(), st.none())
    )
)
def test_no_value_breaks_a_reader(value):
    """Every reader and check answers any JSON value with a stored value or a Salesforce fault."""
    for kind in ("string", "boolean", "int", "double", "date", "datetime", "time", "email", "picklist"):
        probe = field(kind, length=20, precision=5, scale=2, digits=3)
        with suppress(SalesforceFault):
            stored = values.reader(probe)(value)
            check = values.check(probe)
            if check is not None and stored is not None:
                check(stored)


def test_too_long_text_names_label_and_length():
    """Text above the length is refused with the label, the text and the length."""
    code, message = refusal(check_of(field("string", length=3)), "four")

    assert code == "STRING_TOO_LONG"
    assert message == "Probe: data value too large: four (max length=3)"


def test_restricted_picklist_takes_its_values_only():
    """A restricted picklist takes active values in any case and refuses the rest."""
    entries = (PicklistValue("Hot", "Hot"), PicklistValue("Old", "Old", active=False))
    check = check_of(field("picklist", length=40, restricted_picklist=True, picklist=entries))
    check("hot")

    assert refusal(check, "Old") == (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Probe: bad value for restricted picklist field: Old",
    )


def test_open_picklist_takes_anything():
    """A picklist that is not restricted takes values it does not list."""
    check_of(field("picklist", length=40, picklist=(PicklistValue("Hot", "Hot"),)))("Lukewarm")


@pytest.mark.parametrize(
    "address", ["a", "a@b", "a b@c.example", "a@b..example", "@b.example", "a@b.example, c@d.example"]
)
def test_malformed_email_is_refused(address):
    """Text that is no e-mail address is refused in Salesforce's words."""
    code, message = refusal(check_of(field("email", length=80)), address)

    assert code == "INVALID_EMAIL_ADDRESS"
    assert message == f"Probe: invalid email address: {address}"


@pytest.mark.parametrize("number", [10**8, -(10**8), 10**400])
def test_whole_number_beyond_its_digits_is_refused(number):
    """An int holds as many digits as its definition says, and a huge one costs no more than a small one."""
    probe = field("int", digits=8)
    stored = values.reader(probe)(number)

    assert refusal(check_of(probe), stored)[0] == "NUMBER_OUTSIDE_VALID_RANGE"


@pytest.mark.parametrize("number", ["1e999999999", 1e17, "100000000000000000"])
def test_amount_beyond_its_precision_is_refused(number):
    """A number holds its precision less its scale in front of the point."""
    probe = field("currency", precision=18, scale=2)
    stored = values.reader(probe)(number)

    assert refusal(check_of(probe), stored)[0] == "NUMBER_OUTSIDE_VALID_RANGE"


def test_id_of_another_object_is_malformed():
    """A reference refuses an id whose prefix is not among its targets, naming its own label."""
    assert refusal(values.to_id, field("reference"), "003000000000001", frozenset({"001"})) == (
        "MALFORMED_ID",
        "Probe: id value of incorrect type: 003000000000001",
    )
