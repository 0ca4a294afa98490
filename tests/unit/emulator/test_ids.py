"""Ids: the checksum, the two lengths and the counter inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emulator import ids

SHORT_IDS = st.from_regex(r"[0-9A-Za-z]{15}", fullmatch=True)
COUNTERS = st.integers(min_value=0, max_value=62**10 - 1)


@pytest.mark.parametrize(
    "known",
    ["001ZM000001n4n5YAA", "0012300000bVTq1AAG", "003RO0000035WQgYAM", "01254000001upcKAAQ", "001Da00000xnAiyIAE"],
)
def test_checksum_is_salesforces(known):
    """Ids seen in real answers carry the checksum that is computed for them."""
    assert known[15:] == ids.checksum(known[:15])


@given(SHORT_IDS)
def test_long_form_is_stable(short):
    """An id of 15 characters becomes one of 18, which stays as it is."""
    long = ids.normalise(short)

    assert long is not None
    assert short == long[:15]
    assert long == ids.normalise(long)


@given(SHORT_IDS)
def test_lost_case_is_restored(short):
    """The checksum gives an id back whose case was folded, as spreadsheets do."""
    long = ids.normalise(short)
    assert long is not None

    assert long == ids.normalise(long.lower())
    assert long == ids.normalise(long.upper())


@pytest.mark.parametrize(
    "text",
    ["", "001", "001ZM000001n4n", "001ZM000001n4n5Y", "001ZM000001n4n5YA!", "001ZM000001n4n5999", "001ZM000001n4né"],
)
def test_what_is_no_id_is_none(text):
    """Text of another length, alphabet or an impossible checksum is no id."""
    assert ids.normalise(text) is None


def test_impossible_checksum_is_refused():
    """A checksum that asks for a capital digit belongs to no id."""
    assert ids.normalise("001000000000000BAA") is None


@given(COUNTERS, st.sampled_from(["001", "00Q", "a0X"]))
def test_counter_survives(counter, prefix):
    """An id made from a counter is well formed, carries its prefix and gives the counter back."""
    made = ids.from_counter(prefix, counter)

    assert made == ids.normalise(made)
    assert prefix == made[:3]
    assert counter == ids.counter_of(made)


@given(COUNTERS, COUNTERS)
def test_ids_sort_as_counters(first, second):
    """Later ids are greater, so the newest row has the greatest id."""
    assert (first < second) == (ids.from_counter("001", first)[:15] < ids.from_counter("001", second)[:15])
