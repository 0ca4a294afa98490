"""The price of a call, and what it does to a day."""

from collections import deque

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from service.context import CallContext, Priority
from service.governor.base import Cost, Usage
from service.governor.budget import LocalBudget
from service.governor.limits import Limits
from service.governor.local import LocalGovernor
from service.governor.price import FALL_SECONDS, Price, price_of
from tests.support.clock import FakeClock
from tests.support.scale import SCALE
from tests.unit.governor.conftest import OneLedger

DAY = 86_400.0


@given(st.floats(0, 5), st.floats(0, 5))
def test_the_price_rises_with_the_pressure(one, other):
    """It is 0 while calls are plenty, the highest when they will not do, and never falls as pressure rises."""
    low, high = sorted((one, other))

    assert 0.0 <= price_of(low) <= price_of(high) <= 1.0
    assert high > 0.8 or price_of(high) == 0.0
    assert low < 1.0 or price_of(low) == 1.0


def test_the_price_rises_at_once_and_falls_slowly():
    """A pressure that comes and goes leaves a price that fades."""
    price = Price(5.0)
    before = price.update(0.5, 0.0)
    risen = price.update(2.0, 1.0)
    later = price.update(0.5, 1.0 + FALL_SECONDS)

    assert (0.0, 5.0) == (before, risen)
    assert pytest.approx(5.0 / 2.718, rel=0.01) == later


def call(clock: FakeClock, priority: Priority = Priority.STANDARD) -> CallContext:
    return CallContext("sluicegate.v1.RecordService/UpsertRecord", "request-1", clock, priority=priority)


async def lane_day(
    context, clock, *, records: float, hours: float, tolerance: float, others: float = 0.0, maximum: int = 100_000
) -> tuple[list[float], int]:
    """Let a lane write records of a steady rate: it sends what gathered while it was held back or a call was away.

    Returns:
        What it was held back before each call, and the org's usage at the end. Refusals are raised.

    """
    governor = LocalGovernor(Limits(), clock, org="prod")
    begin = clock.monotonic()
    made: deque[float] = deque()
    holds = []
    while clock.monotonic() < begin + hours * 3600:
        hold = min(tolerance, governor.hold(1, 200))
        holds.append(hold)
        clock.advance(max(0.2, 1.0 / records + hold))
        governor.admit(context)
        async with governor.permit(Cost(), context):
            now = clock.monotonic()
        made.append(now)
        while made[0] <= now - DAY:
            made.popleft()
        governor.learn(Usage(len(made) + int(others * min(DAY, now - begin)), maximum))
    usage = governor.statistics().usage
    assert usage is not None
    return holds, usage.used


async def test_a_steady_org_ends_its_day_within_budget():
    """Twenty records a second, which would take 432,000 calls, take less than 100,000, and none is refused.

    Of an org that is half as large all is half as much, and takes twice as long.
    """
    clock = FakeClock()
    size = 0.5 if SCALE == 1 else 1.0

    holds, used = await lane_day(
        call(clock), clock, records=20.0 * size, hours=25, tolerance=5.0 / size, maximum=int(100_000 * size)
    )

    assert 50_000 * size < used < 85_000 * size
    assert max(holds[len(holds) // 4 :]) < 2.0 / size


async def test_a_class_with_a_larger_reserve_pays_a_higher_price():
    """BATCH calls are refused earlier, so they leave fuller earlier."""
    clock = FakeClock()

    standard, _ = await lane_day(call(clock), clock, records=20.0, hours=1, tolerance=5.0)
    batch, _ = await lane_day(call(clock, Priority.BATCH), clock, records=20.0, hours=1, tolerance=5.0)

    assert batch[-1] > 1.1 * standard[-1]


async def test_others_make_calls_dear():
    """What the org's other clients use is not there for the service, which holds back for longer and is not refused."""
    clock = FakeClock()

    alone, _ = await lane_day(call(clock), clock, records=20.0, hours=1, tolerance=5.0)
    beside, _ = await lane_day(call(clock), clock, records=20.0, hours=1, tolerance=5.0, others=0.5)

    assert beside[-1] > 1.5 * alone[-1]


@given(
    records=st.floats(5, 200),
    others=st.floats(0, 0.5),
    maximum=st.sampled_from([50_000, 100_000, 500_000]),
)
@settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.generate])
async def test_a_constant_load_settles_to_a_constant_price(records: float, others: float, maximum: int):
    """In the last third of two hours of a steady load the price moves by no more than an eighth of the highest."""
    clock = FakeClock()

    holds, _ = await lane_day(
        call(clock), clock, records=records, hours=2, tolerance=5.0, others=others, maximum=maximum
    )
    settled = holds[-len(holds) // 3 :]

    assert max(settled) - min(settled) < 5.0 / 8


@pytest.mark.parametrize("elsewhere", [0, 1_000])
async def test_a_class_counts_for_the_price_however_much_other_replicas_do(elsewhere: int):
    """A replica whose own calls are BATCH holds back by BATCH's reserve, though it makes few of the service's calls."""
    clock = FakeClock()
    holds = {}
    for priority in Priority:
        budget = LocalBudget()
        budget.learn(Usage(60_000, 100_000), clock.monotonic())
        budget.spend(elsewhere, clock.monotonic())
        governor = LocalGovernor(Limits(), clock, shared=OneLedger(budget))
        async with governor.permit(Cost(), call(clock, priority)):
            holds[priority] = governor.hold(1, 200)

    assert 0.0 == holds[Priority.INTERACTIVE] == holds[Priority.STANDARD]
    assert 1.0 < holds[Priority.BATCH]
