"""The two forms of record ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.salesforce.ids import long_id, to_18

SHORT = st.text("0123456789ABCXYZabcxyz", min_size=15, max_size=15)


@pytest.mark.parametrize(
    ("short", "suffix"), [("001ZM000001n4n5", "YAA"), ("00Q010000000001", "EAA"), ("000000000000000", "AAA")]
)
def test_the_suffix(short, suffix):
    """The three more characters are those that Salesforce gives."""
    assert short + suffix == to_18(short)
    assert short + suffix == to_18(short + suffix)


@given(SHORT)
def test_case_that_was_lost(short):
    """An id of 18 characters in one case is the record's own again."""
    own = to_18(short)

    assert own == to_18(own.lower())
    assert own == to_18(own.upper())


@given(SHORT, st.integers(0, 14), st.sampled_from("0Aa"))
def test_other_ids(short, place, char):
    """An id whose characters do not fit its last three is never taken for another record's."""
    own = to_18(short)
    altered = own[:place] + char + own[place + 1 :]

    try:
        found = to_18(altered)
    except ValueError:
        return

    assert altered == found or altered in {found.lower(), found.upper()}


@pytest.mark.parametrize("damaged", ["00Q010000000001EAB", "00Qx10000000001AAA", "00q010000000001eab", "0" * 17 + "9"])
def test_damaged_ids(damaged):
    """An id whose last three characters do not belong to the others is refused."""
    with pytest.raises(ValueError, match="last three characters"):
        to_18(damaged)


@pytest.mark.parametrize("given_", ["00Q010000000001", "00Q010000000001EAA", "00q010000000001eaa"])
def test_an_id_of_a_request(given_):
    """However a caller writes an id, it travels in its long form."""
    assert "00Q010000000001EAA" == long_id(given_, "record.id")


@pytest.mark.parametrize(
    "given_", ["", "A-1", "00Q0100000000011", "00Q010000000001EAB", "00Q01000000000ü", "../query00Q0100"]
)
def test_what_is_no_id_of_a_request(given_):
    """The refusal names the request's field and does not repeat what was in it."""
    with pytest.raises(InvalidRequest, match=r"^record\.id is no record's id: ") as raised:
        long_id(given_, "record.id")

    assert ["record.id"] == [violation.field for violation in raised.value.violations]
