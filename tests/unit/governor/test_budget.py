"""The ledger of the org's calls."""

import math
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.governor.base import Usage
from service.governor.budget import ORG_LIMIT, OWN_LIMIT, LocalBudget

HOUR = 3600.0
DAY = 86_400.0
START = 1_000_000.0


def live(budget: LocalBudget, since: float, until: float, *, own: float, others: float, first: int = 0) -> float:
    """Let own and others' calls be made at rates per second; Salesforce tells the sum each minute."""
    now, used = since, float(first)
    while now < until:
        now += 60.0
        budget.spend(own * 60, now)
        used += (own + others) * 60
        budget.learn(Usage(round(used), 100_000), now)
    return used


def test_nothing_is_short_before_anything_is_known():
    """Calls are counted, and there is room for any number."""
    budget = LocalBudget()
    budget.spend(5, START)
    forecast = budget.forecast(START)

    assert math.isinf(budget.room(0.7, START))
    assert (None, 5.0, 5.0) == (forecast.maximum, forecast.used, forecast.own_calls)


def test_room_is_what_is_left_of_a_share():
    """Own calls since the last answer are taken off what it told."""
    budget = LocalBudget()
    budget.learn(Usage(60_000, 100_000), START)
    budget.spend(1_000, START)

    assert pytest.approx(9_000) == budget.room(0.70, START)
    assert pytest.approx(24_000) == budget.room(0.85, START)


def test_the_maximum_may_change():
    """After an upgrade there is more room at once."""
    budget = LocalBudget()
    budget.learn(Usage(60_000, 100_000), START)
    budget.learn(Usage(60_000, 200_000), START + 1)

    assert pytest.approx(80_000, rel=0.001) == budget.room(0.70, START + 1)


def test_a_bound_of_its_own_counts_own_calls_only():
    """The others may use up what they like; the service keeps to its bound, and its class to its share of it."""
    budget = LocalBudget(daily_calls=1_000)
    budget.spend(500, START)
    budget.learn(Usage(50_000, 100_000), START)
    before = budget.forecast(START)
    budget.spend(200, START)
    after = budget.forecast(START)

    assert pytest.approx(0.0) == budget.room(0.7, START)
    assert (ORG_LIMIT, OWN_LIMIT) == (before.limit, after.limit)
    assert (700.0, 1_000) == (after.used, after.maximum)


def test_what_others_use_is_told_apart_from_own_calls():
    """Their rate is found within a tenth after an hour, whatever the service does beside."""
    budget = LocalBudget()
    budget.learn(Usage(0, 100_000), START)
    live(budget, START, START + HOUR, own=2.0, others=0.5)
    forecast = budget.forecast(START + HOUR)

    assert pytest.approx(0.5, rel=0.1) == forecast.others_per_second
    assert pytest.approx(2.0, rel=0.1) == forecast.own_per_second
    assert pytest.approx(7_200, rel=0.02) == forecast.own_calls
    assert pytest.approx(9_000, rel=0.02) == forecast.used


@pytest.mark.parametrize("step", [1.0, 300.0, 900.0])
def test_own_calls_are_nobody_elses(step: float):
    """An org that only this service calls has no other clients, however finely Salesforce lets its window roll."""
    budget = LocalBudget()
    budget.learn(Usage(0, 100_000), START)
    now, made = START, deque[float]()
    rates = []
    while now < START + 2 * DAY:
        now += 60.0
        budget.spend(60, now)
        made.append(now)
        while made[0] // step <= (now - DAY) // step:
            made.popleft()
        budget.learn(Usage(60 * len(made), 100_000), now)
        rates.append(budget.forecast(now).others_per_second)

    assert max(rates) < 0.16


def test_a_rolling_window_is_no_sign_of_others_and_never_a_negative_rate():
    """When the window gives back a night's work at once the others' rate does not go below 0 nor jump."""
    budget = LocalBudget()
    budget.learn(Usage(60_000, 100_000), START)
    for minute in range(1, 31):
        budget.learn(Usage(60_000 if minute < 10 else 5_000, 100_000), START + 60.0 * minute)
    forecast = budget.forecast(START + 1_800)

    assert pytest.approx(5_000, rel=0.05) == forecast.used
    assert pytest.approx(5_000, rel=0.05) == forecast.gone[-1]
    assert 0.0 <= forecast.others_per_second < 0.7


@given(
    st.lists(
        st.tuples(st.sampled_from(["spend", "learn", "wait"]), st.integers(0, 50_000), st.integers(0, 20_000)),
        max_size=40,
    )
)
def test_the_ledger_holds_whatever_comes(history):
    """What was told last is what counts, plus own calls since; rates and counts never fall below 0."""
    budget = LocalBudget()
    now, told = START, None
    since = 0
    for step, number, seconds in history:
        if step == "spend":
            budget.spend(number, now)
            since += number
        elif step == "learn":
            budget.learn(Usage(number, 100_000), now)
            told, since = number, 0
        else:
            now += seconds
            told = None
        forecast = budget.forecast(now)
        if told is not None:
            assert pytest.approx(told + since, abs=0.01) == forecast.used
        assert forecast.others_per_second >= 0.0
        assert forecast.own_per_second >= 0.0
        assert forecast.used >= 0.0
        assert forecast.own_calls >= -1e-6
        assert forecast.peak() >= forecast.used
        assert all(later >= earlier for earlier, later in zip(forecast.gone, forecast.gone[1:], strict=False))


def test_a_forecast_says_when_a_level_is_reached():
    """At 2 calls a second 10,000 further calls take 5,000 seconds."""
    budget = LocalBudget()
    budget.learn(Usage(0, 100_000), START)
    used = live(budget, START, START + HOUR, own=2.0, others=0.0)
    forecast = budget.forecast(START + HOUR)

    assert pytest.approx(5_000, rel=0.05) == forecast.reached_in(used + 10_000)
    assert 0.0 == forecast.reached_in(used)
    assert forecast.reached_in(200_000) is None


def test_a_forecast_says_when_the_window_gives_back():
    """What was spent in one burst is back a day later, and a little of it never earlier."""
    budget = LocalBudget()
    budget.learn(Usage(0, 100_000), START)
    budget.spend(90_000, START)
    budget.learn(Usage(90_000, 100_000), START + 1)
    forecast = budget.forecast(START + 6 * HOUR)

    freed = forecast.freed_in(70_000)

    assert freed is not None
    assert pytest.approx(18 * HOUR, abs=900) == freed
    assert 0.0 == forecast.freed_in(95_000)
    assert forecast.freed_in(70_000, per_second=1.0) is not None
    assert forecast.freed_in(70_000, per_second=2.0) is None


def test_a_forecast_peaks_before_a_burst_leaves_the_window():
    """Use that is still to roll out counts together with what is yet to come."""
    budget = LocalBudget()
    budget.learn(Usage(0, 100_000), START)
    budget.spend(30_000, START)
    budget.learn(Usage(30_000, 100_000), START + 1)
    used = live(budget, START + 1, START + 4 * HOUR, own=0.5, others=0.0, first=30_000)
    forecast = budget.forecast(START + 4 * HOUR)

    assert pytest.approx(used + 0.5 * 20 * HOUR, rel=0.05) == forecast.peak()


def test_a_burst_of_minutes_says_little_about_the_day():
    """Three minutes of 10 calls a second after an hour at rest are not taken for 864,000 a day."""
    budget = LocalBudget()
    budget.learn(Usage(0, 100_000), START)
    used = live(budget, START + HOUR, START + HOUR + 180, own=10.0, others=0.0)

    assert 1_800 == used
    assert budget.forecast(START + HOUR + 240).peak() < 60_000


def test_what_was_used_before_is_no_rate_of_now():
    """The first answer of an org that many clients used tells nothing of whether they still do."""
    budget = LocalBudget()
    budget.learn(Usage(60_000, 100_000), START + 300)
    budget.learn(Usage(60_000, 100_000), START + 360)

    assert 0.0 < budget.forecast(START + 400).others_per_second < 1.1 * 60_000 / DAY
