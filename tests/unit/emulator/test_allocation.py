"""The rolling day and the slots for long requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emulator.allocation import DAY_SECONDS, Allocation, RollingAllocation
from service.emulator.faults import SalesforceFault
from tests.support.emulation import ManualClock


def make(clock: ManualClock, *, requests: int = 10, long_requests: int = 2) -> Allocation:
    return Allocation(daily_api_requests=requests, daily_bulk_batches=5, long_requests=long_requests, clock=clock)


def test_use_comes_back_after_a_day(clock):
    """What was used falls out of the window 24 hours later, and not before."""
    allocation = RollingAllocation(3, clock=clock)
    allocation.take(2)
    clock.passed += DAY_SECONDS - 1
    assert allocation.used == 2

    clock.passed += 301

    assert allocation.used == 0
    assert allocation.remaining == 3


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 5)), max_size=60))
def test_never_more_than_the_maximum_in_a_window(steps):
    """Whatever the pace, no 24 hours ever hold more than the maximum."""
    clock = ManualClock()
    allocation = RollingAllocation(12, clock=clock)
    taken: list[tuple[float, int]] = []

    for wait, amount in steps:
        clock.passed += wait
        if allocation.take(amount):
            taken.append((clock.passed, amount))
        window = sum(size for at, size in taken if clock.passed - at < DAY_SECONDS - 300)
        assert window <= allocation.used <= 12


def test_an_exhausted_day_refuses(clock):
    """The call after the last one of the day is refused with Salesforce's words and not counted."""
    allocation = make(clock, requests=1)
    with allocation.admit():
        pass

    with pytest.raises(SalesforceFault) as caught, allocation.admit():
        pass

    assert (caught.value.http_status, caught.value.error_code) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert caught.value.message == "TotalRequests Limit exceeded."
    assert allocation.limit_info() == "api-usage=1/1"


def test_long_requests_fill_the_slots(clock):
    """Requests open for 20 seconds take slots; when all are taken a new request is refused, and not counted."""
    allocation = make(clock)
    with allocation.admit(), allocation.admit():
        clock.passed += 20

        with pytest.raises(SalesforceFault) as caught, allocation.admit():
            pass

        assert caught.value.message == "ConcurrentPerOrgLongTxn Limit exceeded."
    with allocation.admit():
        assert allocation.limit_info() == "api-usage=3/10"


def test_short_requests_take_no_slot(clock):
    """Any number of requests may be open as long as they are young."""
    allocation = make(clock)
    with allocation.admit(), allocation.admit(), allocation.admit():
        clock.passed += 19.9

        with allocation.admit():
            pass


def test_a_failing_request_frees_its_place(clock):
    """A request that ends in an error no longer counts as open."""
    allocation = make(clock, long_requests=1)
    with pytest.raises(KeyError), allocation.admit():
        raise KeyError
    clock.passed += 60

    with allocation.admit():
        pass
