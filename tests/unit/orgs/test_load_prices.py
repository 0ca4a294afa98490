"""What calls and jobs took lately is remembered for as long as it tells anything."""

import pytest

from service.bulk.ways.small_loads import Prices
from service.orgs.load_prices import LoadPrices
from tests.support.clock import FakeClock


async def test_one_way_alone_tells_nothing():
    """A measure would be held against a guess, and only the way that is taken is ever measured."""
    prices, clock = LoadPrices(), FakeClock()
    prices.note_job(1, 0.1, clock)

    assert Prices() == prices.now(clock)


async def test_both_ways_are_held_against_each_other():
    """Calls cost what they cost together; later measures count for more."""
    prices, clock = LoadPrices(), FakeClock()
    prices.note_calls(4, 8.0, clock)
    prices.note_job(10, 60.0, clock)
    prices.note_job(20, 160.0, clock)

    now = prices.now(clock)

    assert (2.0, 13) == (now.call_seconds, now.polls)
    assert pytest.approx(90.0) == now.job_seconds


async def test_measures_of_an_hour_ago_are_forgotten():
    """An org that was busy then need not be now."""
    prices, clock = LoadPrices(), FakeClock()
    prices.note_calls(1, 30.0, clock)
    prices.note_job(10, 60.0, clock)
    await clock.sleep(3_600)
    prices.note_calls(1, 2.0, clock)

    assert Prices() == prices.now(clock)
