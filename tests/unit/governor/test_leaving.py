"""What leaves the window when, by steps and one by one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.governor.window import RollingCount

STEP = 600.0


@given(
    st.sampled_from([60.0, 600.0]),
    st.booleans(),
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 5_000)), max_size=60),
    st.floats(0, 90_000),
)
def test_what_leaves_by_steps_is_what_leaves_one_by_one(bucket_seconds, is_spread, history, rest):
    """Each bucket is counted in the step in which its end leaves, the oldest with what is left of it."""
    count = RollingCount(bucket_seconds)
    now = 1_000_000.0
    if is_spread:
        count.spread(500.0, now)
    for calls, seconds in history:
        count.add(calls, now)
        now += seconds
    now += rest
    expected, found = [0.0] * 147, [0.0] * 147
    for seconds, calls in count.leaving(now):
        expected[math.ceil(seconds / STEP)] += calls

    count.add_leaving(found, STEP, now)

    assert pytest.approx(expected, abs=1e-6) == found
