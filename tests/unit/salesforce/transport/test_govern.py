"""What stands between a request and the wire: a permit, the circuit, and what is made of the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from service.context import CallContext
from service.errors import ConcurrencyLimitExceeded, UpstreamUnavailable
from service.governor.base import Cost, Observed, Sign, Usage
from service.governor.noop import NoopGovernor
from service.salesforce.transport.base import ConnectionLost, Request, Response, TimedOut
from service.salesforce.transport.breaker import Circuit
from service.salesforce.transport.govern import GovernedTransport
from tests.support.clock import FakeClock
from tests.support.transport import ScriptedTransport, answer, call

READ = Request("GET", "/x", template="/x", repeatable=True, cost=Cost(2, "lead"))
DOWN = Response(503, {}, b"<html>")


class NotingGovernor(NoopGovernor):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Observed] = []
        self.learned: list[Usage] = []
        self.costs: list[Cost] = []

    @asynccontextmanager
    async def permit(self, cost: Cost, context: CallContext) -> AsyncIterator[None]:
        self.costs.append(cost)
        async with super().permit(cost, context):
            yield

    def observe(self, observed: Observed) -> None:
        assert 0 == self.statistics().in_flight, "an attempt is over when it is told of"
        self.told.append(observed)

    def learn(self, usage: Usage) -> None:
        self.learned.append(usage)


class SlowTransport(ScriptedTransport):
    """Answers from a script, each time after two seconds."""

    async def send(self, request: Request, context: CallContext) -> Response:
        await context.clock.sleep(2.0)
        return await super().send(request, context)


class Bench:
    """A governed transport over a script."""

    def __init__(self, *script: Response | Exception) -> None:
        self.clock = FakeClock()
        self.governor = NotingGovernor()
        self.inner = SlowTransport(*script)
        self.circuit = Circuit(self.clock, org="prod")
        self.governed = GovernedTransport(self.inner, self.governor, self.circuit)

    async def send(self) -> Response:
        return await self.governed.send(READ, call(self.clock))


async def test_an_attempt_has_one_permit_at_its_price():
    """The governor is told what the attempt costs, how it ended, and what Salesforce said of the org's usage."""
    bench = Bench(answer(200, {}, sforce_limit_info="api-usage=18/5000"))

    await bench.send()

    assert [READ.cost] == bench.governor.costs
    assert [Usage(18, 5000)] == bench.governor.learned
    assert [Observed(Sign.WELL, 2.0)] == bench.governor.told


async def test_an_outage_is_told_with_the_time_to_wait():
    """The answer comes back as it is."""
    response = Response(503, {"retry-after": "9"}, b"")
    bench = Bench(response)

    assert response is await bench.send()
    assert [Observed(Sign.DOWN, 2.0, 9.0)] == bench.governor.told


async def test_requests_that_are_too_large_do_not_close_the_org_to_others():
    """The edge refuses them with pages of HTML, as it tells of outages."""
    response = Response(414, {"content-type": "text/html"}, b"<html>")
    bench = Bench(response)

    for _ in range(20):
        assert response is await bench.send()

    assert [] == bench.governor.told
    assert bench.circuit.open_seconds is None


@pytest.mark.parametrize(("lost", "sign"), [(ConnectionLost("reset"), Sign.DOWN), (TimedOut(), Sign.TIMED_OUT)])
async def test_a_lost_attempt_is_told(lost, sign):
    """The loss goes on to the caller, and the permit comes back."""
    bench = Bench(lost)

    with pytest.raises(type(lost)):
        await bench.send()

    assert [Observed(sign, 2.0)] == bench.governor.told


@pytest.mark.parametrize(("deadline", "signs"), [(1002.05, [Sign.TIMED_OUT]), (1030.0, []), (None, [])])
async def test_a_call_cancelled_at_its_deadline_is_a_timeout(deadline, signs):
    """Whoever serves the caller cancels at the deadline; a caller that merely goes away says nothing."""
    bench = Bench()

    class Cancelled(ScriptedTransport):
        async def send(self, _request: Request, context: CallContext) -> Response:
            await context.clock.sleep(2.0)
            raise asyncio.CancelledError

    governed = GovernedTransport(Cancelled(), bench.governor, bench.circuit)
    with pytest.raises(asyncio.CancelledError):
        await governed.send(READ, call(bench.clock, deadline=deadline))

    assert signs == [each.sign for each in bench.governor.told]


async def test_an_open_circuit_costs_no_permit():
    """Nothing is sent, nothing is charged, and the refusal is immediate."""
    bench = Bench(DOWN)
    for _ in range(5):
        await bench.send()

    with pytest.raises(UpstreamUnavailable):
        await bench.send()

    assert 5 == len(bench.inner.requests) == len(bench.governor.costs)


async def test_a_circuit_that_opens_while_a_permit_is_waited_for_stops_the_attempt():
    """It would meet the outage that the others met."""
    bench = Bench(answer(200, {}))

    class Slow(NotingGovernor):
        @asynccontextmanager
        async def permit(self, cost: Cost, context: CallContext) -> AsyncIterator[None]:
            for _ in range(5):
                bench.circuit.end(Sign.DOWN, 0.0)
            async with super().permit(cost, context):
                yield

    governed = GovernedTransport(bench.inner, Slow(), bench.circuit)
    with pytest.raises(UpstreamUnavailable):
        await governed.send(READ, call(bench.clock))

    assert [] == bench.inner.requests


async def test_a_refused_permit_says_nothing_of_the_org():
    """No attempt was made, so neither governor nor circuit hears of one."""
    bench = Bench(answer(200, {}))

    class Refusing(NotingGovernor):
        def permit(self, _cost, _context):
            raise ConcurrencyLimitExceeded("full")

    governor = Refusing()
    governed = GovernedTransport(bench.inner, governor, bench.circuit)
    with pytest.raises(ConcurrencyLimitExceeded):
        await governed.send(READ, call(bench.clock))

    assert ([], []) == (governor.told, bench.inner.requests)
