"""How long silence has to be to tell of the org."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.salesforce.transport.base import Request
from service.salesforce.transport.durations import Durations

READ = Request("GET", "/x/1", template="/x/{id}", repeatable=True)
WRITE = Request("PATCH", "/x/1", template="/x/{id}", repeatable=True)


def after(*answers: float) -> Durations:
    """Return what was learned of reads."""
    durations = Durations()
    for seconds in answers:
        durations.answered(READ, seconds, 0.0)
    return durations


@pytest.mark.parametrize(
    ("answers", "seconds", "is_long"),
    [
        ((), 0.9, False),
        ((), 1.0, True),
        ((0.1,), 0.39, False),
        ((0.1,), 0.4, True),
        ((0.001,), 0.09, False),
        ((0.001,), 0.1, True),
        ((30.0,), 0.9, False),
        ((30.0,), 1.0, True),
    ],
)
def test_silence_is_long_beside_what_is_usual(answers, seconds, is_long):
    """A second is long at any org, a tenth at none, and in between four times of what answers take."""
    assert is_long == after(*answers).is_long(READ, seconds)


def test_each_kind_of_request_has_its_own_time():
    """That reads are quick does not make a write late."""
    durations = after(0.05)

    assert durations.is_long(READ, 0.3)
    assert not durations.is_long(WRITE, 0.3)


def test_an_org_that_becomes_slow_does_not_look_as_if_it_had_always_been():
    """Late answers, as too many requests make them, do not change what is usual; but for ever it does not last."""
    durations = after(0.1)
    seen = []

    for now in (0.0, 299.0, 300.0, 599.0, 600.0):
        durations.answered(READ, 0.2, now)
        seen.append(durations.is_long(READ, 0.5))

    assert [True, True, True, True, False] == seen


@given(st.lists(st.floats(0, 600), max_size=50))
def test_a_second_is_always_enough(answers):
    """Whatever was answered before, a black hole is found out."""
    assert after(*answers).is_long(READ, 1.0)
