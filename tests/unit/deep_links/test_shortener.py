"""Short links of a provider: what is taken for one, what is tried again, and what callers are told."""

import asyncio
import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from structlog.testing import capture_logs

from service.context import CallContext
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.short_form import ShortForm
from service.deep_links.shortener import MAX_SHORT_LENGTH, Shortener
from service.deep_links.shorteners import SHORTENERS
from service.errors import DeadlineExceeded, InvalidRequest, ShortLinkUnavailable, UpstreamProtocolError
from service.governor.places import MOST_WAITING
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response, TimedOut
from tests.support.clock import FakeClock
from tests.support.transport import ScriptedTransport, answer, call

LINK = Link("acme", LinkedRecord("Case", ExternalId("Ext__c", "C-1")), "branch", 1_800_003_600)
URL = "https://links.example.com/l?p=branch&s=abc"
SHORT = "https://acme.app.link/Xy1"
GOOD = answer(200, {"url": SHORT})
SECRET = "key_live_s3cret"


@pytest.fixture
def form(tmp_path) -> ShortForm:
    """How Branch's links are shortened."""
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n", encoding="ascii")
    return ShortForm("branch", SHORTENERS["branch"], {}, frozenset({"acme.app.link"}), file, SHORTENERS["branch"].api)


async def shorten(form: ShortForm, *script: Response | Exception, clock: FakeClock | None = None, **more):
    """Ask for one short link."""
    clock = clock or FakeClock()
    shortener = Shortener(form, clock, transport=ScriptedTransport(*script), jitter=lambda: 1.0)
    return await shortener.shorten(more.pop("link", LINK), URL, call(clock, **more))


def sent(request: Request) -> dict[str, Any]:
    """Return what a request holds."""
    assert isinstance(request.body, bytes)
    document: dict[str, Any] = json.loads(request.body)
    return document


async def test_a_short_link(form):
    """One POST to the origin that is configured, and the answer's address."""
    transport = ScriptedTransport(GOOD)
    clock = FakeClock()

    short = await Shortener(form, clock, transport=transport).shorten(LINK, URL, call(clock))

    [request] = transport.requests
    body = sent(request)
    assert SHORT == short
    assert ("POST", "https://api2.branch.io/v1/url") == (request.method, request.path)
    assert (SECRET, URL) == (body["branch_key"], body["data"]["link"])
    assert SECRET not in repr(request)


@pytest.mark.parametrize(
    "first",
    [NotSent("x"), ConnectionLost("x"), TimedOut("x"), answer(500), answer(503), answer(429, None, retry_after="1")],
)
async def test_what_passes_is_tried_once_more(form, first):
    """An outage, a lost connection or a short wait that the API asks for."""
    assert SHORT == await shorten(form, first, GOOD)


@pytest.mark.parametrize(
    ("script", "cause", "attempts", "comes_back"),
    [
        ([NotSent("x")], "connection", 2, True),
        ([TimedOut("x")], "timeout", 2, True),
        ([answer(502)], "outage", 2, True),
        ([answer(429, None, retry_after="60")], "quota", 1, True),
        ([answer(400)], "refused", 1, False),
        ([answer(302, None, location="https://evil.example/")], "refused", 1, False),
        ([answer(401)], "key", 1, False),
        ([answer(403)], "key", 1, False),
        ([UpstreamProtocolError("x")], "answer", 1, False),
        ([answer(200, {"other": SHORT})], "answer", 1, False),
        ([answer(200, [SHORT])], "answer", 1, False),
        ([Response(200, {}, b"<html>")], "answer", 1, False),
        ([answer(200, {"url": "https://evil.example/Xy1"})], "host", 1, False),
    ],
)
async def test_why_there_is_none(form, script, cause, attempts, comes_back):
    """The cause is told, the provider named, and a time to come back only where that helps."""
    transport = ScriptedTransport(*script)
    clock = FakeClock()

    with capture_logs() as lines, pytest.raises(ShortLinkUnavailable) as refused:
        await Shortener(form, clock, transport=transport).shorten(LINK, URL, call(clock))

    error = refused.value
    assert ("UNAVAILABLE", "branch", cause) == (error.code, error.metadata["provider"], error.metadata["cause"])
    assert attempts == len(transport.requests)
    assert comes_back == (error.retry_after_seconds is not None)
    assert [cause] == [line["cause"] for line in lines]
    assert SECRET not in f"{error} {error.metadata} {lines}"


@pytest.mark.parametrize(
    "short",
    [
        "http://acme.app.link/Xy1",
        "https://acme.app.link",
        "https://acme.app.link/",
        "https://acme.app.link.evil.example/Xy1",
        "https://acme.app.link@evil.example/Xy1",
        "https://evil.example/https://acme.app.link/Xy1",
        "https://evil.example#@acme.app.link/Xy1",
        "https://evil.example\\@acme.app.link/Xy1",
        "https://acme.app.link:8443/Xy1",
        "https://acme.app.link/Xy1\r\nSet-Cookie: x",
        "https://acme.app.link/Xy1\n",
        "https://acme.app.link/a b",
        "https://ACME.app.link/Xy1",
        "https://\u0430cme.app.link/Xy1",
        "//acme.app.link/Xy1",
        "javascript:alert(1)//https://acme.app.link/Xy1",
        "https://acme.app.link/" + "x" * MAX_SHORT_LENGTH,
        "",
    ],
)
async def test_what_is_no_short_link_of_the_company(form, short):
    """An answer that is hostile, or of a provider that was taken over, reaches nobody."""
    with pytest.raises(ShortLinkUnavailable):
        await shorten(form, answer(200, {"url": short}))


@given(content=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: json.dumps({"url": text}).encode()))
def test_whatever_is_answered_is_a_short_link_of_the_company_or_none(tmp_path_factory, content):
    """No answer is anything but an address at the company's own host, or refused."""
    file = tmp_path_factory.mktemp("key") / "key"
    file.write_text(SECRET, encoding="ascii")
    kind = SHORTENERS["branch"]
    form = ShortForm("branch", kind, {}, frozenset({"acme.app.link"}), file, kind.api)

    try:
        short = asyncio.run(shorten(form, Response(200, {}, content)))
    except ShortLinkUnavailable:
        return

    assert short.startswith("https://acme.app.link/")


async def test_a_provider_that_is_out_of_order_is_left_alone(form):
    """After some outages nothing is sent for a while: callers hear at once, and when to come back."""
    transport = ScriptedTransport(answer(503))
    clock = FakeClock()
    shortener = Shortener(form, clock, transport=transport, jitter=lambda: 0.0)
    causes = []

    for _ in range(20):
        with pytest.raises(ShortLinkUnavailable) as refused:
            await shortener.shorten(LINK, URL, call(clock))
        causes.append((refused.value.metadata["cause"], refused.value.retry_after_seconds is not None))

    assert {("outage", True), ("circuit", True)} == {*causes}
    assert len(transport.requests) < 10


async def test_retries_come_out_of_a_budget(form):
    """Refusals for load are tried again twenty times a provider and no more, until some succeed."""
    transport = ScriptedTransport(answer(429))
    clock = FakeClock()
    shortener = Shortener(form, clock, transport=transport, jitter=lambda: 0.0)

    for _ in range(50):
        with pytest.raises(ShortLinkUnavailable):
            await shortener.shorten(LINK, URL, call(clock))

    assert 50 + 20 == len(transport.requests)


async def test_success_fills_the_budget_again(form):
    """Once an API that refused for load gives links, what it refuses is tried again as before."""
    refusals, links = [answer(429)] * 60, [GOOD] * 5
    transport = ScriptedTransport(*refusals, *links, answer(429))
    clock = FakeClock()
    shortener = Shortener(form, clock, transport=transport, jitter=lambda: 0.0)
    asked = []

    for _ in range(46):
        before = len(transport.requests)
        with contextlib.suppress(ShortLinkUnavailable):
            await shortener.shorten(LINK, URL, call(clock))
        asked.append(len(transport.requests) - before)

    # Twenty retries and then none; five links give back the price of one.
    assert ([2] * 20, [1] * 20, [1] * 5, 2) == (asked[:20], asked[20:40], asked[40:45], asked[45])


async def test_nothing_is_tried_again_that_the_deadline_does_not_bear(form):
    """The caller hears what happened before its time is over."""
    clock = FakeClock()
    transport = ScriptedTransport(answer(503))

    with pytest.raises(ShortLinkUnavailable):
        await Shortener(form, clock, transport=transport, jitter=lambda: 1.0).shorten(
            LINK, URL, call(clock, deadline=clock.monotonic() + 0.05)
        )

    assert 1 == len(transport.requests)


async def test_a_deadline_that_is_over_is_no_fault_of_the_provider(form):
    """What the transport raises for want of time comes through."""
    with pytest.raises(DeadlineExceeded):
        await shorten(form, DeadlineExceeded("late"))


async def test_a_key_may_change(form):
    """It is read for each link; while it is missing, links have no short form, and the file is not quoted."""
    clock = FakeClock()
    transport = ScriptedTransport(GOOD)
    shortener = Shortener(form, clock, transport=transport)

    await shortener.shorten(LINK, URL, call(clock))
    form.key_file.write_text("another", encoding="ascii")
    await shortener.shorten(LINK, URL, call(clock))
    form.key_file.write_text("two words", encoding="ascii")
    with pytest.raises(ShortLinkUnavailable) as refused:
        await shortener.shorten(LINK, URL, call(clock))

    assert [SECRET, "another"] == [sent(request)["branch_key"] for request in transport.requests]
    assert "key" == refused.value.metadata["cause"]
    assert "two words" not in str(refused.value)


@pytest.mark.parametrize("key", ["..", "a/../b", "."])
async def test_a_key_that_means_another_place(form, key):
    """An app that joins paths could be led elsewhere within itself: such a record has no short link."""
    link = Link("acme", LinkedRecord("Case", ExternalId("Ext__c", key)), "branch", 1_800_003_600)

    if "/" in key:
        assert SHORT == await shorten(form, GOOD, link=link)
        return
    with pytest.raises(InvalidRequest):
        await shorten(form, GOOD, link=link)


async def test_a_few_are_asked_for_at_a_time(form):
    """The others wait their turn before the bound on an attempt begins, so that none runs out while it waits."""
    open_ = most = 0

    class Slow:
        async def send(self, *_: object) -> Response:
            nonlocal open_, most
            open_ += 1
            most = max(most, open_)
            await asyncio.sleep(0)
            open_ -= 1
            return GOOD

    clock = FakeClock()
    shortener = Shortener(replace(form, max_in_flight=3), clock, transport=Slow())

    shorts = await asyncio.gather(*(shortener.shorten(LINK, URL, call(clock)) for _ in range(20)))

    assert (3, [SHORT] * 20) == (most, shorts)


async def test_a_caller_that_goes_away_tells_nothing_of_the_provider(form):
    """A cancelled request is neither an outage nor a place that stays taken."""

    class Silent:
        async def send(self, *_: object) -> Response:
            await asyncio.Event().wait()
            raise AssertionError

    clock = FakeClock()
    shortener = Shortener(form, clock, transport=Silent())
    for _ in range(30):
        task = asyncio.create_task(shortener.shorten(LINK, URL, call(clock)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    shortener._transport = ScriptedTransport(GOOD)
    assert SHORT == await shortener.shorten(LINK, URL, call(clock))


class Gate:
    """A transport whose answers wait until it is opened; it remembers whose request came when."""

    def __init__(self) -> None:
        self.callers: list[str] = []
        self.opened = asyncio.Event()

    async def send(self, _request: Request, context: CallContext) -> Response:
        """Answer with a short link."""
        self.callers.append(context.caller)
        await self.opened.wait()
        return GOOD


def by(caller: str, clock: FakeClock) -> CallContext:
    """Return the context of a caller's call."""
    return structs.replace(call(clock), caller=caller)


async def settled() -> None:
    """Let every task come to where it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_caller_does_not_hold_up_another(form):
    """Who asks for a thousand short links delays who asks for one by a turn."""
    transport, clock = Gate(), FakeClock()
    shortener = Shortener(replace(form, max_in_flight=1), clock, transport=transport)

    async with asyncio.TaskGroup() as tasks:
        for caller in ["campaign"] * 1000 + ["checkout"]:
            tasks.create_task(shortener.shorten(LINK, URL, by(caller, clock)))
            await asyncio.sleep(0)
        transport.opened.set()

    assert 1001 == len(transport.callers)
    assert transport.callers.index("checkout") < 3


async def test_not_everything_waits(form):
    """A caller that asks for more than are waited for hears when to come back, and others still have places."""
    transport, clock = Gate(), FakeClock()
    shortener = Shortener(replace(form, max_in_flight=1), clock, transport=transport)

    async with asyncio.TaskGroup() as tasks:
        waiting = [
            tasks.create_task(shortener.shorten(LINK, URL, by("a", clock))) for _ in range(MOST_WAITING // 2 + 1)
        ]
        await settled()
        with pytest.raises(ShortLinkUnavailable) as refused:
            await shortener.shorten(LINK, URL, by("a", clock))
        other = tasks.create_task(shortener.shorten(LINK, URL, by("b", clock)))
        await settled()
        transport.opened.set()

    assert ("quota", True) == (refused.value.metadata["cause"], refused.value.retry_after_seconds is not None)
    assert {SHORT} == {task.result() for task in (*waiting, other)}


async def test_who_goes_away_keeps_no_place(form):
    """Neither while it waits, nor when its turn has just come."""
    transport, clock = Gate(), FakeClock()
    shortener = Shortener(replace(form, max_in_flight=1), clock, transport=transport)
    first, second, third = (asyncio.create_task(shortener.shorten(LINK, URL, by(name, clock))) for name in "abc")
    await settled()

    second.cancel()
    first.cancel()
    await asyncio.sleep(0)
    third.cancel()
    transport.opened.set()

    assert [True] * 3 == [isinstance(end, asyncio.CancelledError) for end in await gathered(first, second, third)]
    async with asyncio.timeout(10):
        assert SHORT == await shortener.shorten(LINK, URL, by("d", clock))


async def gathered(*tasks: "asyncio.Task[str]") -> list[str | BaseException]:
    """Return how tasks ended."""
    return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("asked", ["9" * 300, "9" * 4000, "Fri, 31 Dec 9999 23:59:59 GMT", "-1", "nan", "1e400"])
async def test_a_hostile_time_to_come_back(form, asked):
    """Whatever an API asks callers to wait, they are told of a day at most."""
    with pytest.raises(ShortLinkUnavailable) as refused:
        await shorten(form, answer(429, None, retry_after=asked))

    assert refused.value.retry_after_seconds is not None
    assert 0 <= refused.value.retry_after_seconds <= 86_400
