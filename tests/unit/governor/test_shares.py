"""The day of an org that many callers share: whoever asks for too much is stopped before the others."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from service.context import CallContext, Priority
from service.errors import CallerQuotaExceeded, Exhausted
from service.governor.accounts import Accounts
from service.governor.base import Cost, Usage
from service.governor.budget import LocalBudget
from service.governor.limits import CallerLimits, Limits
from service.governor.local import LocalGovernor
from service.governor.shared_cap import SharedCap
from service.governor.shares import Shares
from tests.support.clock import FakeClock
from tests.unit.governor.conftest import OneLedger

MAXIMUM = 10_000
DAY = 86_400
TICK_SECONDS = 60
TICKS = DAY // TICK_SECONDS
MODEST = [f"modest-{number}" for number in range(9)]
"""With a greedy one they are ten callers, whose shares of what STANDARD calls may use are 850 calls each."""
SHARE = 0.85 * MAXIMUM / 10


class Day:
    """An org whose callers make calls at steady rates, and what becomes of them.

    Args:
        replicas: Of the service; they keep one ledger of calls, and each knows of its own callers only.
        limits: As `Limits` has them.

    """

    def __init__(self, replicas: int = 1, **limits: Any) -> None:
        self.clock = FakeClock()
        shared = OneLedger()
        self.governors = [
            LocalGovernor(Limits(**limits), self.clock, org="prod", shared=shared, jitter=lambda: 0.0)
            for _ in range(replicas)
        ]
        self.governor = self.governors[0]
        self._turns: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.others = 0.0
        self._owed: Counter[str] = Counter()

    async def run(
        self,
        calls: Mapping[str, float],
        *,
        hours: float = 24,
        others: float = 0.0,
        priorities: Mapping[str, Priority] | None = None,
    ) -> None:
        """Let callers make calls, each so many a day, and the org's other clients as well.

        For the first day only: nothing leaves the window of the org's own count.
        """
        for _ in range(int(hours * 3600 / TICK_SECONDS)):
            self.clock.advance(TICK_SECONDS)
            self.others += others / TICKS
            for caller, daily in calls.items():
                self._owed[caller] += daily / TICKS  # type: ignore[assignment]
                while self._owed[caller] >= 1:
                    self._owed[caller] -= 1
                    await self.call(caller, (priorities or {}).get(caller, Priority.STANDARD))
            self.governor.learn(Usage(self.made.total() + int(self.others), MAXIMUM))

    async def call(self, caller: str, priority: Priority = Priority.STANDARD) -> None:
        """Make a call, or be refused."""
        context = CallContext("m", "r", self.clock, caller=caller, priority=priority)
        self._turns[caller] += 1
        governor = self.governors[self._turns[caller] % len(self.governors)]
        try:
            governor.admit(context)
            async with governor.permit(Cost(), context):
                self.made[caller] += 1
        except Exhausted:
            self.refused[caller] += 1


@pytest.mark.parametrize("replicas", [1, 3])
async def test_a_caller_at_twenty_times_its_share_stops_nobody_else(replicas):
    """The others, who use half of their shares, are never refused; it gets its share and most of what they leave."""
    day = Day(replicas)

    await day.run({"greedy": 20 * SHARE, **dict.fromkeys(MODEST, SHARE / 2)})

    assert {"greedy"} == {*day.refused}
    assert all(math.floor(SHARE / 2) - 1 <= day.made[caller] for caller in MODEST)
    assert 0.9 * 0.85 * MAXIMUM < day.made.total() <= 0.85 * MAXIMUM


async def test_it_may_use_what_nobody_wants():
    """As long as there is enough for all nobody is held to its share."""
    day = Day()

    await day.run({"greedy": 5 * SHARE, **dict.fromkeys(MODEST[:5], SHARE / 4)})

    assert not day.refused


async def test_shares_go_by_weight():
    """Two that both ask for too much come out as their weights are."""
    day = Day(callers={"heavy": CallerLimits(3.0), "light": CallerLimits(1.0)})

    await day.run({"heavy": 2 * MAXIMUM, "light": 2 * MAXIMUM})

    assert pytest.approx(3.0, rel=0.25) == day.made["heavy"] / day.made["light"]


async def test_many_names_are_worth_half_of_the_day():
    """Whoever invents a name for each call takes no share from those that keep theirs."""
    day = Day()
    names = {f"invented-{number}": 100.0 for number in range(200)}

    await day.run({**dict.fromkeys(MODEST, SHARE / 2), **names})

    assert any(caller in names for caller in day.refused)
    assert not [caller for caller in day.refused if caller in MODEST]


async def test_a_refusal_says_whose_share_it_was():
    """It is told from a cap, and to come back within minutes: things change."""
    day = Day()
    await day.run({"greedy": 20 * SHARE, **dict.fromkeys(MODEST, SHARE / 2)}, hours=4)
    context = CallContext("m", "r", day.clock, caller="greedy")
    refusals = []
    for _ in range(3):
        try:
            day.governor.admit(context)
        except CallerQuotaExceeded as refusal:
            refusals.append(refusal)
        day.clock.advance(1.0)

    assert refusals
    told = refusals[0].metadata
    assert ("callers.weight", "greedy", "prod") == (told["limit"], told["caller"], told["org"])
    assert int(told["used"]) >= int(told["maximum"]) == pytest.approx(SHARE, rel=0.1)
    assert 300 == refusals[0].retry_after_seconds


async def test_what_others_use_is_nobodys_share():
    """Shares are of what is left by the org's other clients and by callers with caps, who keep to those."""
    day = Day(callers={"capped": CallerLimits(daily_calls=4_000)})
    calls = {"greedy": MAXIMUM, "modest": 500.0, "capped": 4_000.0}

    await day.run(calls, others=2_000)

    assert {"greedy"} == {*day.refused}
    assert 3_990 <= day.made["capped"]


async def test_a_class_that_stops_earlier_is_shared_earlier():
    """Calls that may wait for tonight are held to the shares of what such calls may use."""
    batch = Day()
    calls = {"greedy": 20 * SHARE, **dict.fromkeys(MODEST, SHARE / 2)}

    await batch.run(calls, priorities={"greedy": Priority.BATCH})

    assert {"greedy"} == {*batch.refused}
    assert batch.made.total() <= 0.70 * MAXIMUM


def test_a_replica_that_made_no_calls_yet_holds_nobody_to_a_share():
    """It knows of the others' calls and of what callers with caps used, but not of whom it would divide among."""
    limits = Limits(callers={"capped": CallerLimits(daily_calls=100)})
    cap = SharedCap(100, 10, lambda: None)
    cap.absorb(50, 0.0, 0.0)
    accounts = Accounts(limits, {"capped": cap})
    budget = LocalBudget()
    budget.spend(9_000, 0.0)
    budget.learn(Usage(9_900, 10_000), 0.0)
    shares = Shares(limits, budget, accounts)

    assert shares.excess(accounts.of("new", 0.0), Priority.STANDARD, 1.0, 0.0) is None
