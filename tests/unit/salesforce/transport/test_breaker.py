"""When an org is left alone, and how it is asked again."""

from itertools import pairwise

import pytest

from service.errors import UpstreamUnavailable
from service.governor.base import Sign
from service.salesforce.transport.breaker import Circuit
from tests.support.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def circuit(clock: FakeClock) -> Circuit:
    """A closed circuit."""
    return Circuit(clock, org="prod", jitter=lambda: 0.0)


def attempt(circuit: Circuit, clock: FakeClock, sign: Sign, seconds: float = 0.1) -> bool:
    """Make an attempt that ends with a sign, if it may be made; return whether it was."""
    try:
        circuit.begin()
    except UpstreamUnavailable:
        return False
    clock.advance(seconds)
    circuit.end(sign, seconds)
    return True


def opened(circuit: Circuit, clock: FakeClock) -> Circuit:
    """Open a circuit by a run of outages."""
    while attempt(circuit, clock, Sign.DOWN):
        pass
    return circuit


def test_a_run_of_outages_opens_it(circuit, clock):
    """One outage, or four, are nobody's loss; the fifth in a row is an org out of order."""
    made = [attempt(circuit, clock, Sign.DOWN) for _ in range(10)]

    assert [True] * 5 + [False] * 5 == made


@pytest.mark.parametrize("sign", [Sign.WELL, Sign.LOCKED, Sign.OVERLOADED, Sign.USED_UP])
def test_whatever_is_answered_does_not_open_it(circuit, clock, sign):
    """Locked rows and limits are answers of an org that is there."""
    assert all(attempt(circuit, clock, sign) for _ in range(100))


def test_outages_between_answers_do_not_open_it(circuit, clock):
    """Where one attempt of three fails, trying again helps more than giving up."""
    signs = [Sign.DOWN, Sign.WELL, Sign.WELL] * 50

    assert all(attempt(circuit, clock, sign) for sign in signs)


def test_an_outage_after_long_health_opens_it_soon(circuit, clock):
    """Thousands of good answers of the last minute do not hide twenty outages."""
    for _ in range(5000):
        attempt(circuit, clock, Sign.WELL, 0.001)

    made = [attempt(circuit, clock, Sign.DOWN, 0.001) for _ in range(30)]

    assert 16 == sum(made)


def test_outages_of_long_ago_do_not_count(circuit, clock):
    """One outage every twenty seconds is no run."""
    assert all(attempt(circuit, clock, Sign.DOWN, 20.0) for _ in range(50))


def test_a_refusal_says_when_to_come_back(circuit, clock):
    """It names the org and the time of the next probe, and says that nothing was sent."""
    opened(circuit, clock)

    with pytest.raises(UpstreamUnavailable, match="nothing was sent") as raised:
        circuit.begin()

    assert {"org": "prod"} == raised.value.metadata
    assert 0.5 == raised.value.retry_after_seconds


def test_one_probe_leaves_at_a_time(circuit, clock):
    """Of many callers that come when the pause is over the first is sent."""
    opened(circuit, clock)
    clock.advance(0.5)

    assert circuit.begin()
    with pytest.raises(UpstreamUnavailable):
        circuit.begin()


def test_an_answered_probe_closes_it(circuit, clock):
    """Whatever it was answered, the org is there again for everyone, and past outages are forgotten."""
    opened(circuit, clock)
    clock.advance(0.5)

    assert attempt(circuit, clock, Sign.LOCKED)
    assert [True] * 4 == [attempt(circuit, clock, Sign.DOWN) for _ in range(4)]
    assert circuit.open_seconds is None


def test_probes_that_fail_leave_ever_more_rarely(circuit, clock):
    """Pauses double up to four seconds: recovery is seen within as long."""
    opened(circuit, clock)
    left = []
    for _ in range(400):
        if attempt(circuit, clock, Sign.DOWN, 0.0):
            left.append(clock.monotonic())
        clock.advance(0.1)

    gaps = [round(after - before, 1) for before, after in pairwise(left)]
    assert [1.0, 2.0, 4.0, 4.0] == pytest.approx(gaps[:4], abs=0.11)


def test_a_probe_that_hangs_holds_nobody_back(circuit, clock):
    """After another pause the next one leaves, and closes the circuit if it is answered."""
    opened(circuit, clock)
    clock.advance(0.5)
    circuit.begin()
    clock.advance(0.5)

    assert attempt(circuit, clock, Sign.WELL)
    assert circuit.open_seconds is None


def test_attempts_from_before_neither_close_nor_prolong_it(circuit, clock):
    """What was open when the circuit opened says nothing new."""
    opened(circuit, clock)
    clock.advance(0.4)

    circuit.end(Sign.WELL, 10.0)
    circuit.end(Sign.DOWN, 10.0)

    assert circuit.open_seconds is not None
    clock.advance(0.1)
    assert circuit.begin()


def test_an_attempt_that_waited_is_refused_once_it_is_open(circuit, clock):
    """It began before, and is stopped before it is sent."""
    circuit.check()
    opened(circuit, clock)

    with pytest.raises(UpstreamUnavailable):
        circuit.check()


def test_a_silent_org_opens_it(circuit, clock):
    """Attempts that time out while nothing at all is answered are outages."""
    made = [attempt(circuit, clock, Sign.TIMED_OUT, 5.0) for _ in range(10)]

    assert 5 == sum(made)


def test_timeouts_beside_answers_do_not_open_it(circuit, clock):
    """A slow resource, or callers with little time, close the org to nobody, however many they are."""
    for _ in range(10):
        clock.advance(2.0)
        circuit.end(Sign.WELL, 0.1)
        clock.advance(2.0)
        for _ in range(9):
            circuit.end(Sign.TIMED_OUT, 4.0)

    assert circuit.open_seconds is None


def test_silence_after_long_health_opens_it_soon(circuit, clock):
    """Five timeouts that nothing was answered beside are enough, however well the org was before."""
    for _ in range(100):
        attempt(circuit, clock, Sign.WELL, 0.001)
    clock.advance(0.1)

    made = [attempt(circuit, clock, Sign.TIMED_OUT, 5.0) for _ in range(10)]

    assert 5 == sum(made)


def test_a_closed_circuit_forgets_the_silence(circuit, clock):
    """After the first answer a further run is needed to open it again."""
    for _ in range(5):
        attempt(circuit, clock, Sign.TIMED_OUT, 5.0)
    clock.advance(0.5)
    attempt(circuit, clock, Sign.WELL)
    clock.advance(0.1)

    assert [True] * 4 == [attempt(circuit, clock, Sign.TIMED_OUT, 5.0) for _ in range(4)]
