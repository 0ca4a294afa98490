"""What is repeated, what is not, and how it ends."""

from typing import Any

import pytest

from service.errors import DeadlineExceeded, OutcomeUnknown, UpstreamUnavailable
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response, TimedOut
from service.salesforce.transport.budget import TOKENS, RetryBudget, RetryCost
from service.salesforce.transport.retry import RetryTransport
from tests.support.clock import FakeClock
from tests.support.transport import ScriptedTransport, answer, call, fault

READ = Request("GET", "/x", template="/x", repeatable=True)
CREATE = Request("POST", "/x", template="/x", repeatable=False)
OK = answer(200, {})
HTML_503 = Response(503, {}, b"<html>out of order</html>")


async def send(request: Request, *script: Any, deadline: float | None = None) -> tuple[Response, int, list[float]]:
    """Send through a retry stage and return the answer, how often it was sent and the pauses."""
    clock = FakeClock()
    inner = ScriptedTransport(*script)
    retry = RetryTransport(inner, org="prod", jitter=lambda: 1.0)
    response = await retry.send(request, call(clock, deadline=deadline))
    return response, len(inner.requests), clock.sleeps


async def test_an_answer_is_returned_as_it_is():
    """What is no outage is not repeated, whatever its status."""
    refused = fault(400, "REQUIRED_FIELD_MISSING")

    response, sent, _ = await send(READ, refused)

    assert refused == response
    assert sent == 1


@pytest.mark.parametrize("lost", [NotSent("refused"), ConnectionLost("reset"), HTML_503])
async def test_a_harmless_request_is_repeated(lost):
    """A repeatable request survives one outage of any kind."""
    response, sent, _ = await send(READ, lost, OK)

    assert response == OK
    assert sent == 2


async def test_three_attempts_are_the_end():
    """The last answer comes back after three attempts, with pauses that grow."""
    response, sent, sleeps = await send(READ, HTML_503)

    assert response == HTML_503
    assert sent == 3
    assert sleeps == [0.1, 0.2]


async def test_an_unreachable_org_is_unavailable():
    """No connection at all is UNAVAILABLE with a time to come back."""
    with pytest.raises(UpstreamUnavailable) as raised:
        await send(READ, NotSent("its host is not known"))

    assert "the org 'prod' cannot be reached: its host is not known" == raised.value.message
    assert raised.value.retry_after_seconds is not None


@pytest.mark.parametrize(
    ("lost", "happened", "facts"),
    [
        (ConnectionLost("reset"), "the connection to the org 'prod' was lost", {}),
        (HTML_503, "the org 'prod' answered HTTP 503", {"http_status": "503"}),
        (Response(500, {}, b""), "the org 'prod' answered HTTP 500", {"http_status": "500"}),
    ],
)
async def test_a_create_whose_outcome_is_unknown_is_not_repeated(lost, happened, facts):
    """A write that must not be repeated answers OUTCOME_UNKNOWN after one attempt, and says what happened to it."""
    inner = ScriptedTransport(lost, OK)
    retry = RetryTransport(inner, org="prod")

    with pytest.raises(OutcomeUnknown) as raised:
        await retry.send(CREATE, call(FakeClock()))

    assert len(inner.requests) == 1
    assert raised.value.message.startswith(f"{happened} after the write was sent")
    assert {"org": "prod", **facts} == raised.value.metadata


async def test_a_create_past_the_deadline_is_in_doubt():
    """A write that the deadline cut off says so, and that it may have happened."""
    clock = FakeClock()
    retry = RetryTransport(ScriptedTransport(ConnectionLost("timeout")), org="prod")
    clock.advance(10)

    with pytest.raises(OutcomeUnknown, match="the deadline passed after the write was sent"):
        await retry.send(CREATE, call(clock, deadline=5.0))


async def test_an_org_that_hangs_up_each_time_is_unavailable():
    """A harmless request that was lost each time says that it was sent, not that nobody answered the phone."""
    with pytest.raises(UpstreamUnavailable, match="the connection to the org 'prod' was lost: reset"):
        await send(READ, ConnectionLost("reset"))


async def test_an_org_that_is_silent_each_time_is_unavailable():
    """No answer is no lost connection: whoever is on call looks at the org, not at the network."""
    with pytest.raises(UpstreamUnavailable, match=r"the org 'prod' did not answer in time$"):
        await send(READ, TimedOut("TimeoutError"))


async def test_a_create_that_never_left_is_repeated():
    """Without a connection nothing can have been written."""
    _, sent, _ = await send(CREATE, NotSent("refused"), OK)

    assert sent == 2


async def test_a_locked_row_is_repeated_after_a_second_and_more():
    """A row lock rolls back, so even a create may be repeated, with longer pauses than an outage."""
    _, sent, sleeps = await send(CREATE, fault(400, "UNABLE_TO_LOCK_ROW"), OK)

    assert sent == 2
    assert sleeps == [2.0]


async def test_the_daily_limit_is_not_repeated():
    """The two limits share a code; only the concurrent one passes within seconds."""
    daily = fault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    concurrent = fault(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.")

    _, sent_daily, _ = await send(READ, daily)
    _, sent_concurrent, _ = await send(READ, concurrent, OK)

    assert (sent_daily, sent_concurrent) == (1, 2)


async def test_a_pause_never_passes_the_deadline():
    """With no time for the pause the last answer comes back at once."""
    response, sent, sleeps = await send(READ, HTML_503, OK, deadline=0.05)

    assert response == HTML_503
    assert (sent, sleeps) == (1, [])


async def test_a_lost_connection_past_the_deadline_is_a_deadline():
    """A read that was cut off by the deadline says so, not that the org is away."""
    clock = FakeClock()
    retry = RetryTransport(ScriptedTransport(ConnectionLost("timeout")), org="prod")
    clock.advance(10)

    with pytest.raises(DeadlineExceeded):
        await retry.send(READ, call(clock, deadline=5.0))


@pytest.mark.parametrize(("asked", "sleeps"), [("7", [7.0]), ("0", [0.1]), ("never", [0.1]), ("21", [])])
async def test_a_pause_is_as_long_as_salesforce_asks(asked, sleeps):
    """No shorter than our own; who is to wait for longer than any pause is answered at once."""
    busy = Response(503, {"retry-after": asked}, b"")

    _, _, slept = await send(READ, busy, OK)

    assert sleeps == slept


async def test_a_pause_that_salesforce_asks_for_never_passes_the_deadline():
    """The caller hears of it in time."""
    _, sent, sleeps = await send(READ, Response(503, {"retry-after": "7"}, b""), OK, deadline=1005.0)

    assert (1, []) == (sent, sleeps)


async def test_an_empty_budget_lets_the_first_answer_stand():
    """Neither an outage nor a lost connection is tried again once all calls together have spent too much."""
    budget = RetryBudget(20)
    inner = ScriptedTransport(HTML_503)
    retry = RetryTransport(inner, org="prod", budget=budget, jitter=lambda: 0.0)

    answers = [await retry.send(READ, call(FakeClock())) for _ in range(10)]

    assert [HTML_503] * 10 == answers
    assert 10 + 1 == len(inner.requests)
    with pytest.raises(UpstreamUnavailable):
        await RetryTransport(ScriptedTransport(NotSent("refused"), OK), org="prod", budget=budget).send(
            READ, call(FakeClock())
        )


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ((OK,), 101),
        ((HTML_503, OK), 100),
        ((HTML_503, HTML_503, OK), 100 - RetryCost.TRANSIENT),
        ((HTML_503,), 100 - 2 * RetryCost.TRANSIENT),
        ((fault(400, "UNABLE_TO_LOCK_ROW"),), 100 - 2 * RetryCost.THROTTLED),
        ((NotSent("refused"), OK), 100),
    ],
)
async def test_retries_are_paid_for_and_success_pays_back(script, left):
    """A retry that helps gets back what it cost, the first attempt that succeeds earns one."""
    budget = RetryBudget(TOKENS)
    while budget.tokens > 100:
        budget.take(RetryCost.THROTTLED)

    await RetryTransport(ScriptedTransport(*script), org="prod", budget=budget, jitter=lambda: 0.0).send(
        READ, call(FakeClock())
    )

    assert left == budget.tokens


async def test_what_a_stage_below_refuses_is_not_repeated():
    """An open circuit or a missing permit would refuse the repeat as well."""
    inner = ScriptedTransport(UpstreamUnavailable("open"), OK)

    with pytest.raises(UpstreamUnavailable, match="open"):
        await RetryTransport(inner, org="prod").send(READ, call(FakeClock()))

    assert 1 == len(inner.requests)
