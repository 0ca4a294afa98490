"""What is left to callers that hold little."""

from hypothesis import given
from hypothesis import strategies as st

from service.governor.reserve import is_free


def test_one_caller_leaves_a_fifth():
    """Alone it holds four fifths one by one, and no more."""
    held = 0
    while is_free(held, held, 1, 100):
        held += 1

    assert 80 == held


def test_the_last_fifth_is_for_those_that_hold_less():
    """Beside a caller that holds all it may another holds a fifth, and then everything is held."""
    assert is_free(80, 0, 1, 100)
    assert is_free(99, 19, 1, 100)
    assert not is_free(99, 20, 1, 100)
    assert not is_free(100, 0, 1, 100)


def test_whoever_holds_nothing_may_take_what_is_free():
    """Many at once are not refused to a caller for being more than a fifth."""
    assert is_free(50, 0, 50, 100)
    assert not is_free(50, 1, 50, 100)


@given(most=st.integers(1, 50), callers=st.lists(st.integers(0, 4), max_size=200))
def test_nobody_holds_more_than_four_fifths(most, callers):
    """However callers take one by one, all together hold no more than there is, and each leaves a fifth of it."""
    held_by = dict.fromkeys(range(5), 0)
    for caller in callers:
        held_by[caller] += is_free(sum(held_by.values()), held_by[caller], 1, most)

    assert sum(held_by.values()) <= most
    assert max(held_by.values()) <= most - most // 5
