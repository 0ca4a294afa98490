"""What is counted and spanned of short links, and what never stands in either."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from msgspec import structs
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, set_span_in_context

from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.short_form import ShortForm
from service.deep_links.shortener import Shortener
from service.deep_links.shorteners import SHORTENERS
from service.errors import DeadlineExceeded, SluicegateError, UpstreamProtocolError
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response, TimedOut
from service.telemetry import names
from service.telemetry.tracing import Tracing
from tests.support.clock import FakeClock
from tests.support.transport import ScriptedTransport, answer, call

LINK = Link(
    "acme",
    LinkedRecord("Case", ExternalId("Ext__c", "canary-record")),
    "shorty",
    1_800_003_600,
    campaign={"utm_source": "canary-campaign"},
)
DOTS = Link("acme", LinkedRecord("Case", ExternalId("Ext__c", "..")), "shorty", 1_800_003_600)
URL = "https://links.example.com/l?p=shorty&s=canary-signature"
ACCOUNT = {"onelink_template": "canary-template", "onelink_media_source": "sms", "adjust_tracker": "canary-tracker"}
SHORT = "https://acme.app.link/canary-short"
GOOD = answer(200, {"url": SHORT})
CANARY = answer(500, {"error": "canary-answer"}, x_canary="canary-header")


class Watched:
    """A shortener whose spans are kept.

    Args:
        directory: Where its key lies.
        script: What the API answers.
        kind: Whose API it is.

    """

    def __init__(self, directory: Path, *script: Response | Exception, kind: str = "branch") -> None:
        file = directory / "key"
        file.write_text("canary-key", encoding="ascii")
        api = SHORTENERS[kind]
        form = ShortForm("shorty", api, ACCOUNT, frozenset({"acme.app.link"}), file, api.api)
        self.clock = FakeClock()
        self.transport = ScriptedTransport(*script)
        self._exporter = InMemorySpanExporter()
        self._tracing = Tracing(self._exporter, sample_ratio=1.0, version="1")
        self.shortener = Shortener(
            form, self.clock, transport=self.transport, tracing=self._tracing, jitter=lambda: 1.0
        )

    async def shorten(self, link: Link = LINK, *, is_sampled: bool = True) -> None:
        """Ask for a short link within a caller's span, whatever comes of it."""
        context = call(self.clock)
        span = self._tracing.start_server_span("call", None, {}) if is_sampled else None
        if span is not None:
            context = structs.replace(context, trace=set_span_in_context(span))
        with contextlib.suppress(SluicegateError):
            await self.shortener.shorten(link, URL, context)
        if span is not None:
            span.end()

    def spans(self) -> list[ReadableSpan]:
        """Return all spans, in the order in which they ended."""
        self._tracing.close()
        return list(self._exporter.get_finished_spans())

    @property
    def outcomes(self) -> tuple[dict[str, int], dict[str, int]]:
        """What was counted: of short links, and of requests."""
        totals = self.shortener.statistics().totals
        return dict(totals.links), dict(totals.requests)


@pytest.mark.parametrize(
    ("script", "links", "requests"),
    [
        ([GOOD], {"made": 1}, {"2xx": 1}),
        ([answer(503), GOOD], {"made": 1}, {"5xx": 1, "2xx": 1}),
        ([NotSent("x"), TimedOut("x")], {"timeout": 1}, {"connection": 1, "timeout": 1}),
        ([ConnectionLost("x"), GOOD], {"made": 1}, {"connection": 1, "2xx": 1}),
        ([answer(401)], {"key": 1}, {"4xx": 1}),
        ([answer(302)], {"refused": 1}, {"3xx": 1}),
        ([answer(200, {"url": "https://evil.example/x"})], {"host": 1}, {"2xx": 1}),
        ([UpstreamProtocolError("x")], {"answer": 1}, {"answer": 1}),
        ([DeadlineExceeded("x")], {"DEADLINE_EXCEEDED": 1}, {"left": 1}),
    ],
)
async def test_each_end_is_counted_once(tmp_path, script, links, requests):
    """A short link by what its caller was told, each request by what became of it."""
    watched = Watched(tmp_path, *script)

    await watched.shorten()

    assert (links, requests) == watched.outcomes


async def test_what_asks_nobody_counts_no_request(tmp_path):
    """A record that has no short link, and an API that is left alone."""
    watched = Watched(tmp_path, answer(503))

    await watched.shorten(DOTS)
    for _ in range(8):
        await watched.shorten()

    links, requests = watched.outcomes
    assert 1 == links["INVALID_REQUEST"]
    assert links["circuit"] >= 1
    assert {"5xx": len(watched.transport.requests)} == requests


async def test_how_long_the_api_is_left_alone(tmp_path):
    """From the outage that was one too many until an answer."""
    watched = Watched(tmp_path, *[answer(503)] * 5, GOOD)
    well = watched.shortener.statistics().outage_seconds

    while not watched.shortener.statistics().outage_seconds:
        await watched.shorten()
        watched.clock.advance(0.001)
    watched.clock.advance(9)
    out_of_order = watched.shortener.statistics().outage_seconds
    await watched.shorten()

    assert (0.0, 0.0) == (well, watched.shortener.statistics().outage_seconds)
    assert out_of_order >= 9


async def test_a_caller_that_goes_away_is_counted_as_one(tmp_path):
    """Its request is open until then, and not after."""
    watched = Watched(tmp_path, GOOD)
    begun = asyncio.Event()

    class Silent:
        async def send(self, *_: object) -> Response:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

    watched.shortener._transport = Silent()
    task = asyncio.create_task(watched.shorten())
    await begun.wait()
    open_before = watched.shortener.statistics().totals.in_flight
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (1, 0) == (open_before, watched.shortener.statistics().totals.in_flight)
    assert ({"left": 1}, {"left": 1}) == watched.outcomes


async def test_how_long_requests_take_is_added_up(tmp_path):
    """The pause between two attempts belongs to none of them."""
    watched = Watched(tmp_path, GOOD)

    class Slow:
        def __init__(self, clock: FakeClock) -> None:
            self._clock = clock
            self._answers = [answer(503), GOOD]

        async def send(self, _request: Request, _context: object) -> Response:
            self._clock.advance(0.25)
            return self._answers.pop(0)

    watched.shortener._transport = Slow(watched.clock)
    await watched.shorten()

    assert 0.5 == watched.shortener.statistics().totals.seconds


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("branch", "/v1/url"),
        ("onelink", "/api/v2.0/shortlinks/{onelink_template}"),
        ("adjust", "/engage/deep-links"),
    ],
)
async def test_spans_of_each_api(tmp_path, kind, path):
    """One span for the short link under the call's own, and below it one for each attempt, at the API's own host."""
    watched = Watched(tmp_path, CANARY, GOOD, kind=kind)

    await watched.shorten()

    first, second, link, caller = watched.spans()
    assert ("short link", f"POST {path}", f"POST {path}") == (link.name, first.name, second.name)
    assert (SpanKind.CLIENT, SpanKind.CLIENT) == (first.kind, second.kind)
    assert [caller.context.span_id, link.context.span_id, link.context.span_id] == [
        span.parent.span_id for span in (link, first, second) if span.parent
    ]
    assert first.attributes is not None
    assert link.attributes is not None
    assert [500, SHORTENERS[kind].api.removeprefix("https://"), 443, "shorty"] == [
        first.attributes[name]
        for name in (names.HTTP_STATUS, names.SERVER_ADDRESS, names.SERVER_PORT, names.LINK_PROVIDER)
    ]
    assert ["acme", "shorty"] == [link.attributes[name] for name in (names.ORG, names.LINK_PROVIDER)]
    assert [False, True] == [span.status.is_ok or span.status.is_unset for span in (first, second)]


@pytest.mark.parametrize(
    ("script", "outcome", "error"),
    [
        ([GOOD], "made", None),
        ([TimedOut("canary-lost")], "timeout", "ShortLinkUnavailable"),
        ([answer(403, {"message": "canary-answer"})], "key", "ShortLinkUnavailable"),
    ],
)
async def test_the_span_tells_how_it_ended(tmp_path, script, outcome, error):
    """By the cause that the caller is told."""
    watched = Watched(tmp_path, *script)

    await watched.shorten()

    [span] = [span for span in watched.spans() if span.name == "short link"]
    assert span.attributes is not None
    assert (outcome, error) == (span.attributes[names.SHORT_LINK_OUTCOME], span.attributes.get(names.ERROR_TYPE))


@pytest.mark.parametrize("kind", [*SHORTENERS])
@pytest.mark.parametrize(
    "script", [[GOOD], [CANARY], [TimedOut("canary-lost")], [answer(401, {"message": "canary-answer"})]]
)
async def test_nothing_that_is_secret_is_seen(tmp_path, kind, script):
    """Neither the key nor the link, the record, the campaign, the account or the API's own words."""
    watched = Watched(tmp_path, *script, kind=kind)

    await watched.shorten()

    told = "".join(span.to_json() for span in watched.spans()) + repr(watched.shortener.statistics())
    assert "shorty" in told
    assert "canary" not in told


async def test_a_call_that_is_not_sampled_has_no_span(tmp_path):
    """It is counted all the same."""
    watched = Watched(tmp_path, GOOD)

    await watched.shorten(is_sampled=False)

    assert ([], ({"made": 1}, {"2xx": 1})) == (watched.spans(), watched.outcomes)
