"""When two external ids are one."""
# ruff: noqa: RUF001 - look-alikes are what is tested

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.orgs.record_keys import folded, folded_number, to_number


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("A-1", "a-1"),
        ("A-1", " A-1\t"),
        ("Größe", "GRÖSSE"),
        ("ﬁx", "FIX"),
        ("Ａ１", "a1"),
        ("ı", "I"),
        ("ſ", "S"),
        ("É", "e\u0301"),
        ("7", "007"),
        ("7", "7.0"),
        ("7", "+7"),
        ("70", "7e1"),
        ("0", "-0.0"),
        (".5", "0.50"),
        ("Ａ", "A"),
    ],
)
def test_spellings_of_one_id(left, right):
    """What Salesforce may take for the same id has the same form."""
    assert folded(left) == folded(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("A-1", "A-2"),
        ("A 1", "A1"),
        ("e", "é"),
        ("7", "70"),
        ("7", "-7"),
        ("1.5", "15"),
        ("2026-03-01", "2026-03-1"),
        ("1_0", "10"),
        ("12345678901234567890", "12345678901234567891"),
    ],
)
def test_different_ids(left, right):
    """Ids that differ to Salesforce are not held up by each other."""
    assert folded(left) != folded(right)


@pytest.mark.parametrize("text", ["", " ", "1e999999999", "-", ".", "1e400", "e", "--7", "٣", "\ud800"])
def test_odd_texts_have_a_form(text):
    """Nothing that a caller may send fails or takes long."""
    assert folded(text) == folded(folded(text))


@given(st.text(max_size=20))
def test_case_never_matters(text):
    """A text, its capitals and its small letters are one, in every alphabet."""
    assert folded(text) == folded(text.upper()) == folded(text.lower()) == folded(text.swapcase())


@given(st.decimals(-(10**20), 10**20, places=6), st.integers(0, 5))
def test_a_number_is_one_however_it_is_written(number, zeros):
    """The form of a text that is a number depends on its value only."""
    written = f"{number:f}"
    padded = f"{'-' if written.startswith('-') else ''}{'0' * zeros}{written.removeprefix('-')}"

    assert folded(written) == folded(padded) == folded(str(number.normalize()))


@pytest.mark.parametrize(
    ("left", "right", "scale", "same"),
    [
        ("7", "7.00", 0, True),
        ("7.4", "7", 0, True),
        ("7.5", "8", 0, True),
        ("7.4", "7", 1, False),
        ("9007199254740993", "9007199254740992", 0, True),
        ("999999999999999", "999999999999998", 0, False),
        ("-1", "1", 0, False),
        ("1e999999", "2e999999", 0, False),
    ],
)
def test_numbers_compare_as_their_field_keeps_them(left, right, scale, same):
    """A number is rounded to the field's scale, and beyond what a double holds neighbours count as one."""
    assert same == (folded_number(Decimal(left), scale) == folded_number(Decimal(right), scale))


@given(st.integers(-(10**14), 10**14))
def test_a_lookup_meets_the_record_it_leads_to(number):
    """The form of a number is the same whether its field is known to hold numbers or not."""
    assert folded(str(number)) == folded_number(Decimal(number), 0)


@pytest.mark.parametrize("text", ["", "x", "1_0", "٣", "NaN", "Infinity", "1,5", "0x1"])
def test_texts_that_are_no_number(text):
    """What Python reads as a number and JSON does not is none."""
    assert to_number(text) is None


def test_a_text_that_is_a_number():
    """Blanks around a number do not matter."""
    assert Decimal("-12.50") == to_number(" -12.50 ")
