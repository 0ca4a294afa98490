"""What is remembered, and for how long."""

from service.admin.links.recent import Recent
from tests.support.clock import FakeClock


def test_an_entry_counts_for_its_time():
    """It is there until its time is over, counted from when it was put in last."""
    clock = FakeClock()
    recent: Recent[str, int] = Recent(clock, seconds=60, most=10)
    recent.put("a", 1)

    clock.advance(59)
    before = recent.get("a")
    recent.put("a", 2)
    clock.advance(59)
    renewed = recent.get("a")
    clock.advance(1)
    after = recent.get("a")

    assert (1, 2, None) == (before, renewed, after)
    assert 0 == len(recent)


def test_no_more_than_so_many():
    """The oldest goes first, so that memory has a bound whatever strangers ask."""
    recent: Recent[int, int] = Recent(FakeClock(), seconds=60, most=2)

    for number in (1, 2, 1, 3):
        recent.put(number, number)

    assert [1, None, 3] == [recent.get(number) for number in (1, 2, 3)]
    assert 2 == len(recent)
