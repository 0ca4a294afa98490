"""The ledger of all replicas' calls, and what is new in what one of them is told."""

import pytest

from service.governor.base import Usage
from service.governor.exchange import ToldUsage
from service.governor.limits import Limits
from service.governor.mirror import Mirror, News
from service.governor.shared_budget import SharedBudget

MAXIMUM = 1_000_000


def budget(used: int, now: float) -> SharedBudget:
    """Return a ledger that learned the usage."""
    made = SharedBudget(Limits(), lambda: None)
    made.learn(Usage(used, MAXIMUM), now)
    return made


@pytest.mark.parametrize(("learned_at", "used"), [(100.0, 1_000), (0.0, 1_050), (50.0, 1_025)])
def test_recent_calls_of_others_count_once(learned_at: float, used: float):
    """What Salesforce told meanwhile included those that were made before; they are spread over the time."""
    made = budget(1_000, learned_at)

    made.absorb(50, 0.0, 100.0)

    assert pytest.approx(used, abs=2) == made.forecast(100.0).used
    assert 50 == made.forecast(100.0).own_calls


def test_calls_of_others_are_spread_over_the_time_since_they_were_told():
    """However long the ledger has been kept."""
    made = budget(1_000, 1_050.0)

    made.absorb(50, 1_000.0, 1_100.0)

    assert pytest.approx(1_025, abs=2) == made.forecast(1_100.0).used


def test_old_calls_of_others_were_part_of_the_usage():
    """Only whose they were was not known."""
    made = budget(1_000, 90_000.0)

    made.recall(400, 80_000.0, 90_000.0)

    assert pytest.approx(1_000) == made.forecast(90_000.0).used
    assert 400 == made.forecast(90_000.0).own_calls


@pytest.mark.parametrize(
    ("used", "left"),
    [(0, 700_000), (680_000, 20_000), (699_000, 151_000), (701_000, 149_000), (849_000, 121_000), (980_000, 0)],
)
def test_the_next_bound_is_none_that_calls_hover_at(used: int, left: int):
    """A class that is about to be refused is passed over for the next one, the last one counts to its end."""
    assert pytest.approx(left) == budget(used, 0.0).next_left(0.0)


@pytest.mark.parametrize(("seconds_ago", "used"), [(0.0, 500), (59.5, 1_000), (70.0, 1_000)])
def test_the_newer_word_of_salesforce_counts(seconds_ago: float, used: int):
    """Another replica's if it is newer by more than a second."""
    made = budget(1_000, 1_000.0)

    made.hear(ToldUsage(500.0, MAXIMUM, seconds_ago), 1_060.0)

    assert pytest.approx(used, abs=1) == made.forecast(1_060.0).used


def test_what_is_new_is_what_was_not_told_before():
    """Own calls are left out, also if the store booked them earlier than the answer says."""
    mirror = Mirror()

    first = mirror.update({98: 1.0, 100: 7.0}, 2.0, 100)
    second = mirror.update({100: 9.0, 101: 1.0}, 0.0, 101)
    late = mirror.update({100: 14.0, 110: 0.5}, 5.5, 110)

    assert News(5.0, ((120.0, 1.0),)) == first
    assert News(3.0, ()) == second
    assert News(0.0, ()) == late


def test_what_left_the_window_is_forgotten():
    """A mirror holds no more than a day."""
    mirror = Mirror()
    mirror.update({1: 1.0, 2: 1.0}, 0.0, 2)

    mirror.update({1441: 1.0}, 0.0, 1441)

    assert {2: 1.0, 1441: 1.0} == mirror.counts
