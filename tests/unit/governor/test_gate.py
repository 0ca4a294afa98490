"""What stops all calls for a while, and that it ends."""

import pytest

from service.governor.base import Cost, Observed, Sign
from service.governor.gate import Gate
from service.governor.limits import Limits
from service.governor.local import LocalGovernor
from tests.support.clock import ManualClock

YEARS = 1e9


def govern(clock: ManualClock, **limits) -> LocalGovernor:
    return LocalGovernor(Limits(**limits), clock, org="prod", jitter=lambda: 1.0)


@pytest.mark.parametrize(("sign", "longest"), [(Sign.USED_UP, 3600), (Sign.OVERLOADED, 60)])
async def test_nobody_waits_for_years(clock, context, sign, longest):
    """However long an answer asks to wait, one finds out within the hour, and after an overload within a minute."""
    governor = govern(clock)
    governor.observe(Observed(sign, 0.1, retry_after_seconds=YEARS))
    closed = governor.statistics().closed_seconds
    clock.advance(longest)
    async with governor.permit(Cost(), context):
        pass

    assert longest == closed


def test_a_probe_that_is_answered_is_enough_for_a_while():
    """Once the gate has opened, the next call that nothing is left for finds out only minutes later."""
    gate = Gate()
    gate.close(10.0, 0.0)
    gate.begin_probe(10.0)
    gate.end_probe(11.0)

    gate.observe(Observed(Sign.WELL, 1.0), 11.0)

    assert not gate.is_closed
    assert [False, True] == [gate.may_probe(310.0), gate.may_probe(311.0)]


def test_what_began_before_the_gate_closed_anew_does_not_open_it():
    """An answer to an earlier probe's neighbour tells nothing of the allocation now."""
    gate = Gate()
    gate.close(10.0, 0.0)
    gate.begin_probe(10.0)
    gate.close(10.0, 12.0)

    gate.observe(Observed(Sign.WELL, 1.0), 13.0)

    assert gate.is_closed
