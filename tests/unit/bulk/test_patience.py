"""Waiting for answers, and through what passes by itself."""

import pytest

from service.bulk.patience import Delays, persist
from service.errors import AccessDenied, ConcurrencyLimitExceeded, UpstreamUnavailable
from tests.support.clock import FakeClock


class Answering:
    """Raises some errors, one after another, and then answers."""

    def __init__(self, *faults: Exception) -> None:
        self._faults = list(faults)

    async def __call__(self) -> str:
        """Raise, or answer."""
        if self._faults:
            raise self._faults.pop(0)
        return "answer"


def test_waits_grow_and_stay():
    """From a fifth of a second to five seconds; an error that asks for more has more, and changes nothing after."""
    delays = Delays()

    waits = [delays.next() for _ in range(20)]

    assert 0.2 == waits[0]
    assert sorted(waits) == waits
    assert 5.0 == waits[-1]
    assert 60.0 == delays.next(UpstreamUnavailable("down", retry_after_seconds=60.0))
    assert 5.0 == delays.next()


async def test_what_passes_is_waited_out():
    """The answer is what comes in the end."""
    clock = FakeClock()

    answer = await persist(Answering(UpstreamUnavailable("down"), ConcurrencyLimitExceeded("busy")), clock)

    assert "answer" == answer
    assert 2 == len(clock.sleeps)


async def test_a_refusal_is_raised_at_once():
    """It would be the same again."""
    clock = FakeClock()

    with pytest.raises(AccessDenied):
        await persist(Answering(AccessDenied("no")), clock)

    assert [] == clock.sleeps


@pytest.mark.parametrize(("seconds", "is_raised"), [(60.0, True), (None, False)])
async def test_an_outage_is_waited_out_for_as_long_as_is_said(seconds, is_raised):
    """The last error is raised before the time is over, not after; without a bound any outage is."""
    clock = FakeClock()
    asking = Answering(*[UpstreamUnavailable("down")] * 100)

    if is_raised:
        with pytest.raises(UpstreamUnavailable):
            await persist(asking, clock, seconds=seconds)
    else:
        assert "answer" == await persist(asking, clock, seconds=seconds)

    assert (sum(clock.sleeps) <= 60.0) == is_raised
