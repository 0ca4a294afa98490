"""Outages, silence and overload, met by the whole stack on simulated time: what is sent, and what callers hear."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest

from service.context import CallContext
from service.errors import SluicegateError
from service.governor.limits import Limits
from service.governor.local import LocalGovernor
from service.salesforce.transport.base import Request, Response, TimedOut
from service.salesforce.transport.breaker import Circuit, CircuitPolicy
from service.salesforce.transport.budget import RetryBudget
from service.salesforce.transport.govern import GovernedTransport
from service.salesforce.transport.retry import RetryTransport
from tests.support.clock import ManualClock
from tests.support.transport import answer, call, fault

READ = Request("GET", "/x", template="/x", repeatable=True)
OK = answer(200, {})
OUTAGE = Response(503, {"content-type": "text/html"}, b"<html>out of order</html>")
SAVED = "saved"
LONG_RUNNING_SECONDS = 20.0
TICKS = 20
"""Moments of a second at which callers come."""

Health = Callable[[float], str]
"""Tells how the org is at a time: `well`, `down` or `silent`."""


def well(_second: float) -> str:
    """Be well all the time."""
    return "well"


@dataclass
class ModelOrg:
    """An org that takes so many requests at a time; more make each of them slower.

    As Salesforce does, it refuses new requests while too many have been open for 20 seconds.
    """

    clock: ManualClock
    health: Health = well
    seconds: float = 0.1
    """How long a request takes while no more than `slots` are open."""
    slots: int = 10
    long_running_limit: int = 25
    attempts: int = 0
    answered: int = 0
    refused: int = 0
    _open: dict[int, float] = field(default_factory=dict)

    async def send(self, _request: Request, context: CallContext) -> Response:
        """Answer, or not."""
        self.attempts += 1
        health = self.health(self.clock.monotonic() - 1000.0)
        if health == "down":
            await self.clock.sleep(0.01)
            return OUTAGE
        if health == "silent":
            await self.clock.sleep(context.remaining_seconds(120.0))
            raise TimedOut
        now = self.clock.monotonic()
        if sum(now - since >= LONG_RUNNING_SECONDS for since in self._open.values()) >= self.long_running_limit:
            self.refused += 1
            return fault(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.")
        return await self._work(self.attempts, context)

    async def _work(self, number: int, context: CallContext) -> Response:
        self._open[number] = self.clock.monotonic()
        try:
            seconds = self.seconds * max(1.0, len(self._open) / self.slots)
            left = context.remaining_seconds(120.0)
            await self.clock.sleep(min(seconds, left))
            if seconds > left:
                # It goes on working for nobody.
                raise TimedOut
        finally:
            del self._open[number]
        self.answered += 1
        return OK


@dataclass
class Heard:
    """What callers heard, second by second."""

    sent: Counter[int] = field(default_factory=Counter)
    by_second: dict[int, Counter[str]] = field(default_factory=dict)

    def between(self, begin: int, end: int) -> Counter[str]:
        """Return what calls heard that began in some seconds."""
        return sum((self.by_second.get(second, Counter()) for second in range(begin, end)), Counter())


class Bench:
    """The stack over a model org, called at a steady rate.

    Args:
        org: The org.
        mitigated: Whether retries have a budget, the circuit opens, and the governor bounds what is open.
        breaks: Whether the circuit opens.

    """

    def __init__(self, org: ModelOrg, *, mitigated: bool = True, breaks: bool = True) -> None:
        self.org = org
        self.clock = org.clock
        self.heard = Heard()
        chance = Random(7)
        policy = CircuitPolicy() if mitigated and breaks else CircuitPolicy(least=10**9)
        limits = Limits() if mitigated else Limits(shadow=True)
        governor = LocalGovernor(limits, self.clock, org="prod", jitter=chance.random)
        circuit = Circuit(self.clock, org="prod", policy=policy, jitter=chance.random)
        self.stack = RetryTransport(
            GovernedTransport(org, governor, circuit),
            org="prod",
            budget=RetryBudget() if mitigated else RetryBudget(math.inf),
            jitter=chance.random,
        )

    async def offer(self, seconds: int, per_second: Callable[[int], int], patience: float = 5.0) -> Heard:
        """Let callers come for some seconds, each with so much patience, and wait for the last of them."""
        async with asyncio.TaskGroup() as group:
            for second in range(seconds):
                count = per_second(second)
                for tick in range(TICKS):
                    for _ in range(count * (tick + 1) // TICKS - count * tick // TICKS):
                        group.create_task(self._call(second, patience))
                    await self.clock.pass_time(1 / TICKS)
            await self.clock.pass_time(patience + 1)
        return self.heard

    async def _call(self, second: int, patience: float) -> None:
        context = call(self.clock, deadline=self.clock.monotonic() + patience)
        self.heard.sent[second] += 1
        try:
            response = await self.stack.send(READ, context)
            said = SAVED if response is OK else f"HTTP {response.status}"
        except SluicegateError as error:
            said = error.reason
        self.heard.by_second.setdefault(second, Counter())[said] += 1


def storm(second: float) -> str:
    """Be out of order for a minute."""
    return "down" if 5 <= second < 65 else "well"


@pytest.mark.parametrize("mitigated", [True, False])
async def test_a_storm_of_outages_is_not_answered_with_more_calls(mitigated):
    """Attempts stay below a tenth above first attempts plus the budget; without it there are three times as many."""
    bench = Bench(ModelOrg(ManualClock(), storm), mitigated=mitigated)

    heard = await bench.offer(75, lambda _second: 20)

    first = sum(heard.sent[second] for second in range(5, 65))
    in_storm = bench.org.attempts - sum(heard.between(0, 5).values()) - sum(heard.between(65, 75).values())
    if mitigated:
        assert in_storm < 100
        assert in_storm <= 1.1 * first + 35
        assert {SAVED: 200} == heard.between(0, 5) + heard.between(70, 75)
        recovered = heard.between(65, 75)
        assert recovered[SAVED] >= 0.9 * recovered.total()
    else:
        assert in_storm > 2.5 * first


async def test_the_budget_alone_bounds_retries():
    """Where the circuit never opens, an outage costs each call its one attempt and all of them some 35 more."""
    bench = Bench(ModelOrg(ManualClock(), lambda _second: "down"), breaks=False)

    heard = await bench.offer(10, lambda _second: 40)

    assert {"HTTP 503": 400} == heard.between(0, 10)
    assert 400 + 35 == bench.org.attempts


def silence(second: float) -> str:
    """Answer nothing for twenty seconds."""
    return "silent" if 5 <= second < 25 else "well"


async def test_a_silent_org_is_left_alone_and_found_again():
    """The first callers wait in vain, later ones are refused at once, and the first answer lets all in again."""
    bench = Bench(ModelOrg(ManualClock(), silence))

    heard = await bench.offer(40, lambda _second: 20, patience=4.0)

    refused_at_once = heard.between(10, 25)
    assert refused_at_once["UPSTREAM_UNAVAILABLE"] >= 0.9 * refused_at_once.total()
    assert {SAVED: 200} == heard.between(30, 40)


@pytest.mark.parametrize("mitigated", [True, False])
async def test_ten_times_too_many_calls_get_as_much_done(mitigated):
    """Goodput stays above four fifths of capacity, and all is well at once when the load falls.

    Without bounds every call is so slow that its caller has gone when it would be answered.
    """
    org = ModelOrg(ManualClock(), seconds=1.0, slots=16)
    capacity = org.slots / org.seconds
    bench = Bench(org, mitigated=mitigated)

    heard = await bench.offer(45, lambda second: round(10 * capacity) if 5 <= second < 30 else 8, patience=4.0)

    goodput = heard.between(10, 30)[SAVED] / 20
    if mitigated:
        assert goodput >= 0.8 * capacity
        assert {SAVED: 80} == heard.between(35, 45)
    else:
        assert goodput < 0.2 * capacity


@pytest.mark.parametrize("mitigated", [True, False])
async def test_long_requests_leave_slots_free(mitigated):
    """Requests of half a minute stay below the org's limit for them, so that the org refuses none."""
    org = ModelOrg(ManualClock(), seconds=30.0, slots=1000)
    bench = Bench(org, mitigated=mitigated)

    await bench.offer(60, lambda _second: 4, patience=55.0)

    assert (org.refused == 0) == mitigated
    assert org.answered > 0
