"""What stops all calls for a while, and that it ends."""

import pytest

from service.governor.base import Cost, Observed, Sign
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
