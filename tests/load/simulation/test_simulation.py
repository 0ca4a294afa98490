"""The scale on paper, small: the same governor, lanes, org and store, with fewer of all."""

import asyncio
import random
import xml.etree.ElementTree as ET
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.batching.coalescer import Coalescer, Prepared
from service.batching.item import Outcome, Route
from service.batching.policy import Policy
from service.context import CallContext, Priority
from service.governor.limits import Limits
from service.governor.local import LocalGovernor
from service.salesforce.calls.writes import DEFAULT_OPTIONS, Operation, Row, Saved, Write, WriteOptions
from service.telemetry.tracing import Tracing
from tests.load.simulation import day, turns
from tests.load.simulation.__main__ import table
from tests.load.simulation.demand import Source
from tests.load.simulation.figures import Figures, figures_of
from tests.load.simulation.loop import clock_of_loop, simulate
from tests.load.simulation.org import MINUTE, Latency, Org
from tests.load.simulation.plot import Curve, plot
from tests.load.simulation.replica import MOST_ROWS, Calls, PaperLane, Tolerance, World
from tests.load.simulation.scenarios import CROWDS, fleet, steady
from tests.load.simulation.tally import Moment, Tally, jain

HOUR = 3600.0
SMALL = 0.03
"""Three replicas and thirty callers."""


@pytest.fixture(scope="module")
def short() -> Figures:
    """Three hours of an org in which BATCH soon comes to its line and STANDARD a little later."""
    plan = fleet(SMALL, hours=3.0)["short of calls"]
    return figures_of(day.run(replace(plan, yesterday=0.69, others=0.4)))


def test_a_class_stops_at_its_line(short: Figures):
    """No call leaves more than half a hundredth beyond the line of its class, and Salesforce refuses none."""
    assert short.beyond <= 0.005
    assert 0 == short.refused_by_org


def test_a_class_is_not_refused_before_its_line(short: Figures):
    """Leases withhold less than a hundredth of the allocation from those who want it."""
    assert 0.0 <= short.short <= 0.01


def test_the_less_urgent_stops_first(short: Figures):
    """BATCH gives way so that INTERACTIVE never has to."""
    assert short.refused["BATCH"] > 0.2
    assert 0.0 == short.refused["INTERACTIVE"]


def test_a_runaway_keeps_to_its_cap_and_harms_nobody():
    """Twenty times its quota leaves a caller with its quota, over all replicas, and the others with all they want."""
    plan = fleet(SMALL, hours=2.0)["governed"]
    runaway = plan.demand.runaway
    quota = plan.limits.callers["runaway"].daily_calls
    assert runaway is not None
    assert quota is not None

    found = figures_of(day.run(replace(plan, demand=replace(plan.demand, runaway=replace(runaway, since=0.0)))))

    assert 0.98 * quota <= found.runaway <= 1.01 * quota
    assert {"INTERACTIVE": 0.0, "STANDARD": 0.0, "BATCH": 0.0} == found.refused
    assert 1.0 == found.jain


@pytest.mark.parametrize("replicas", [1, 3])
def test_twenty_records_a_second_fit_into_100_000_calls(replicas: int):
    """The price of calls soon keeps them to a rate that STANDARD may go on with all day, and nobody is refused."""
    found = figures_of(day.run(steady(replicas, hours=3.0)))
    last_hour = found.moments[-1].calls - found.moments[-7].calls

    assert 40_000 < 24 * last_hour < 85_000
    assert {"STANDARD": 0.0} == found.refused


def test_a_simulation_ends_as_it_ended_before():
    """The seed decides everything."""
    plan = fleet(SMALL, hours=0.5)["governed"]

    first, second = (figures_of(day.run(each)) for each in (plan, plan))

    assert first == second
    assert first != figures_of(day.run(replace(plan, seed=2)))


def test_a_runaway_before_a_full_org_costs_the_others_little():
    """Ten times what the org takes, from one caller, leaves the others their success and their latency."""
    calm = replace(CROWDS["calm"], seconds=100.0)

    alone = turns.run(calm)
    beside = turns.run(replace(calm, runaway=5.0))

    assert beside.wanted == beside.served
    assert beside.p99_seconds <= 1.3 * alone.p99_seconds


def test_callers_that_all_want_too_much_are_served_by_their_weights():
    """Weights of 1, 2 and 4 make shares of 1, 2 and 4."""
    crowd = turns.Crowd(callers=30, weights=(1.0, 2.0, 4.0), demand=3.0, seconds=120.0)

    served = turns.run(crowd)

    assert served.jain >= 0.99
    assert served.served < served.wanted


@pytest.mark.parametrize(("per_second", "hold"), [(0.5, 0.0), (4.0, 0.0), (4.0, 2.0), (40.0, 2.0), (400.0, 5.0)])
def test_a_lane_on_paper_makes_the_calls_of_a_real_one(per_second: float, hold: float):
    """Calls for the same arrivals differ by less than one in twenty, whether the lane is idle, held back or full."""
    seconds = min(2_000.0, 8_000 / per_second)

    real = simulate(real_calls(per_second, hold, seconds))
    paper = simulate(paper_calls(per_second, hold, seconds))

    assert pytest.approx(real, rel=0.05) == paper


def test_an_org_counts_a_day():
    """What was called a day ago is free again, and no call is answered beyond the maximum."""
    org = Org(2)

    answers = [org.call(0.0), org.call(10 * MINUTE), org.call(20 * MINUTE), org.call(1440 * MINUTE)]

    assert [True, True, False, True] == answers
    assert (2, 1) == (org.used, org.refused)


def test_a_fault_ends_a_simulation():
    """What goes wrong in a callback is not lost in the log."""

    async def main() -> None:
        asyncio.get_running_loop().call_later(1.0, [].pop)
        await asyncio.sleep(10.0)

    with pytest.raises(IndexError):
        simulate(main())


def test_waiting_for_nothing_ends_a_simulation():
    """A future that nobody will ever set is found at once."""

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="waits for something"):
        simulate(main())


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_jains_index_is_between_one_nth_and_one(values):
    """It is 1 only if all have the same, and 1/n if one has everything."""
    assert 1 / len(values) - 1e-9 <= jain(values) <= 1 + 1e-9
    assert pytest.approx(1.0) == jain([values[0]] * len(values))
    assert pytest.approx(1 / len(values)) == jain([values[0], *[0.0] * (len(values) - 1)])


def test_the_table_and_the_plot_show_every_day(short: Figures):
    """The plot is XML that names its axes, its curves and the lines at which classes stop."""
    drawn = plot([Curve("short", short.moments, 72_000)], Limits())

    texts = {element.text for element in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")}

    assert {"short", "Hour of the day", "BATCH stops at 70%"} <= texts
    assert "short of calls" in table([short])


def test_a_plot_of_hours_without_calls_has_no_point_there():
    """An hour in which nothing was written has no records per call."""
    moments = [Moment(hour * HOUR, 0, 0, 0, 0, 0.0) for hour in range(3)]

    drawn = plot([Curve("idle", moments, 100)], Limits())

    lines = ET.fromstring(drawn).findall("{http://www.w3.org/2000/svg}polyline")
    assert ["", 3] == [lines[1].get("points"), len((lines[0].get("points") or "").split())]


class CountedCalls:
    """Calls of the real lanes, answered after as long as calls take."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.count = 0

    def most_rows(self, _operation: Operation, *, by_key: bool) -> int:
        """Return how many records a call carries."""
        del by_key
        return MOST_ROWS

    async def write_rows(
        self, _operation: Operation, rows: Sequence[Row], _options: WriteOptions, _context: CallContext, *, field: str
    ) -> Sequence[Outcome]:
        """Count the call and answer it."""
        del field
        self.count += 1
        await asyncio.sleep(Latency().draw(self._dice))
        return [Saved("001000000000001AAA") for _ in rows]


async def real_calls(per_second: float, hold: float, seconds: float) -> int:
    """Return the calls that real lanes make for records that come at a rate."""
    clock = clock_of_loop()
    dice = random.Random(1)
    calls = CountedCalls(random.Random(2))
    route = Route(Operation.UPSERT, "account", "ext__c", DEFAULT_OPTIONS)
    row = Row(Write(Operation.UPSERT, "Account"), "Account", 2)
    context = CallContext("m", "r", clock)
    lanes = Coalescer(
        calls,
        org="prod",
        policy=Policy(max_wait_seconds=5.0),
        clock=clock,
        tracing=Tracing(None, sample_ratio=0.0, version="0"),
        hold=lambda waiting, most: 0.0 if waiting >= most else hold,
    )
    async with lanes, asyncio.TaskGroup() as group:
        number = 0
        while clock.monotonic() < seconds:
            await clock.sleep(dice.expovariate(per_second))
            number += 1
            group.create_task(lanes.write(Prepared(route, row, str(number), (str(number),)), context))
    return calls.count


async def paper_calls(per_second: float, hold: float, seconds: float) -> int:
    """Return the calls that a lane on paper makes for records that come at the same rate."""
    clock = clock_of_loop()
    governor = FixedPrice(Limits(), clock)
    governor.price = hold
    org = Org(10**9)
    world = World(asyncio.get_running_loop(), org, Latency(), Tally(org, Limits()), calls_that_wait)
    source = Source(
        [CallContext("m", "r", clock, caller="one", priority=Priority.STANDARD)],
        [per_second],
        [lambda _: 1.0],
        random.Random(1),
    )
    PaperLane(Calls(governor, source, world), source, Tolerance()).begin()
    await clock.sleep(seconds)
    return world.tally.write_calls


def calls_that_wait(_work: Coroutine[Any, Any, None]) -> None:
    """Refuse to wait: one lane never has so many calls in flight."""
    raise AssertionError("a call waits for its permit")


class FixedPrice(LocalGovernor):
    """A governor whose calls always have the same price."""

    price = 0.0

    def hold(self, waiting: int, most: int) -> float:
        """Return the price."""
        return 0.0 if waiting >= most else self.price
