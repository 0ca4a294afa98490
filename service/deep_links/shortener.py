"""The short links of one provider: asked for at its API, checked, and given up on while it is out of order.

A short link is the provider's own: it works for as long as the provider keeps it. What it leads to is the signed link,
so that whoever follows it without the app comes to the link host and to whatever opens there on that day.
"""

import random
import re
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import orjson

from service.clock import Clock, backoff_seconds
from service.context import CallContext
from service.deep_links.grammar import invalid_request
from service.deep_links.link import Link
from service.deep_links.placeholders import path_of
from service.deep_links.short_form import ShortForm
from service.deep_links.shorteners.kind import Order
from service.deep_links.watching import ShortLinkWatch, Statistics
from service.errors import ShortLinkUnavailable, UpstreamProtocolError, UpstreamUnavailable
from service.governor.base import Sign
from service.governor.places import Places, PlacesFull
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response, TimedOut, Transport
from service.salesforce.transport.breaker import Circuit
from service.salesforce.transport.budget import RetryBudget, RetryCost
from service.salesforce.transport.http import HttpTransport
from service.salesforce.transport.signs import retry_after_seconds
from service.telemetry import logs
from service.telemetry.intervals import Intervals
from service.telemetry.tracing import Tracing

MAX_SHORT_LENGTH = 256
"""Characters: what is longer is no short link."""

_ATTEMPTS = 2
_RETRY_TOKENS = 100
"""A full budget of retries, see `RetryBudget`: seven retries in an outage, and then none."""
_BASE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_LARGEST_ANSWER_BYTES = 65_536
_TELL_SECONDS = 10
_LATER_SECONDS = 5.0
_SERVER_FAULT = 500
_THROTTLED = 429
_SUCCESS = range(200, 300)
_REFUSED_KEY = frozenset({401, 403})

_PLAIN = re.compile(r"https://[A-Za-z0-9.-]+/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]+")
"""An address without user, port or fragment, and with more than a host."""

_log = logs.get_logger(__name__)


class Shortener:
    """Makes the short links of one provider. Safe to share between tasks.

    Args:
        form: How.
        clock: Tells the time and waits.
        transport: Sends requests; one of its own if None, which leaving the context closes.
        tracing: Spans each short link and each request to the API; None makes no spans.
        jitter: Returns a number from 0 to 1; tests give a constant.

    """

    def __init__(
        self,
        form: ShortForm,
        clock: Clock,
        *,
        transport: Transport | None = None,
        tracing: Tracing | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.form = form
        self._own = None if transport is not None else _http(form)
        self._transport: Transport | None = transport or self._own
        self._circuit = Circuit(clock, org=form.provider, host="API for short links of provider")
        self._retries = RetryBudget(_RETRY_TOKENS)
        self._places = Places(form.max_in_flight)
        self._told = Intervals(_TELL_SECONDS)
        self._watch = ShortLinkWatch(form.provider, form.api, tracing)
        self._jitter = jitter

    async def __aenter__(self) -> Self:
        """Open nothing yet."""
        return self

    async def __aexit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._own is not None:
            await self._own.__aexit__(type_, value, traceback)

    def statistics(self) -> Statistics:
        """Return how the provider's short links stand."""
        outage = self._circuit.open_seconds or 0.0
        return Statistics(self.form.provider, self._watch.totals, len(self._places), outage)

    async def shorten(self, link: Link, url: str, context: CallContext) -> str:
        """Return a short link that leads to a signed one.

        A second attempt may leave a short link at the provider that nobody has. Cancelling may do so as well.

        Args:
            link: What the signed link says, with its expiry.
            url: The signed link.
            context: The call it is for; its deadline bounds all attempts.

        Raises:
            ShortLinkUnavailable: The provider gave none.
            service.errors.InvalidRequest: The record's key could mean another place to an app.
            service.errors.DeadlineExceeded: No time is left.

        """
        try:
            with self._watch.link(link.org, context) as watched:
                return self._checked(await self._in_turn(link, url, watched))
        except ShortLinkUnavailable as error:
            if self._told.begins(error.metadata["cause"], context.clock.monotonic()):
                _log.warning(
                    "a provider gives no short links", provider=self.form.provider, cause=error.metadata["cause"]
                )
            raise

    async def _in_turn(self, link: Link, url: str, context: CallContext) -> Response:
        try:
            async with self._places.of(context):
                return await self._answer(self._request(link, url, context), context)
        except PlacesFull:
            words = "too many are waited for here"
            raise self._unavailable("quota", words, _LATER_SECONDS) from None

    def _request(self, link: Link, url: str, context: CallContext) -> Request:
        form = self.form
        try:
            key = form.key()
        except ValueError:
            raise self._unavailable("key", "its key cannot be read") from None
        lives = max(1, link.expires_at - int(context.clock.now()))
        asked = form.kind.ask(Order(url, self._path(link), link.action, link.campaign, lives, form.account), key)
        return Request(
            "POST",
            form.api + asked.path,
            template=asked.template or asked.path,
            repeatable=True,
            body=orjson.dumps(asked.body),
            headers={"Content-Type": "application/json", "Accept": "application/json", **asked.headers},
            timeout_seconds=form.timeout_seconds,
            largest_answer_bytes=_LARGEST_ANSWER_BYTES,
        )

    @staticmethod
    def _path(link: Link) -> str:
        path = path_of(link.record)
        if path is None:
            raise invalid_request("record", "has a key that apps could take for another place: it has no short link")
        return path

    async def _answer(self, request: Request, context: CallContext) -> Response:
        """Return an answer that is a success; try again where that may help."""
        paid: RetryCost | None = None
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                response = await self._attempt(request, context)
            except (NotSent, ConnectionLost) as lost:
                cause = "timeout" if isinstance(lost, TimedOut) else "connection"
                failure = self._unavailable(cause, f"its API gave no answer ({cause})", _LATER_SECONDS)
                asked, cost = None, RetryCost.TRANSIENT
            else:
                if response.status in _SUCCESS:
                    self._retries.succeeded(paid)
                    return response
                asked = retry_after_seconds(response, context.clock.now())
                failure = self._refused(response.status, asked)
                cost = RetryCost.THROTTLED if response.status == _THROTTLED else RetryCost.TRANSIENT
            pause = max(asked or 0.0, self._pause(attempt))
            again = failure.retry_after_seconds is not None and attempt < _ATTEMPTS
            if not again or pause > _LONGEST_PAUSE_SECONDS or not context.has_time_for(pause):
                raise failure
            if not self._retries.take(cost):
                raise failure
            paid = cost
            await context.clock.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, attempt: int) -> float:
        return backoff_seconds(
            attempt, base_seconds=_BASE_SECONDS, longest_seconds=_LONGEST_PAUSE_SECONDS, jitter=self._jitter
        )

    async def _attempt(self, request: Request, context: CallContext) -> Response:
        assert self._transport is not None
        try:
            self._circuit.begin()
        except UpstreamUnavailable as closed:
            raise self._unavailable("circuit", "its API is out of order", closed.retry_after_seconds) from None
        began = context.clock.monotonic()
        try:
            with self._watch.request(request, context) as end:
                response = await self._transport.send(request, context)
                end.answered(response)
        except (NotSent, ConnectionLost) as lost:
            sign = Sign.TIMED_OUT if isinstance(lost, TimedOut) else Sign.DOWN
            self._circuit.end(sign, context.clock.monotonic() - began)
            raise
        except UpstreamProtocolError:
            raise self._unavailable("answer", "its API's answer cannot be read") from None
        sign = Sign.DOWN if response.status >= _SERVER_FAULT else Sign.WELL
        self._circuit.end(sign, context.clock.monotonic() - began)
        return response

    def _refused(self, status: int, asked: float | None) -> ShortLinkUnavailable:
        """Return what an answer means that is no success; 3xx among them, as nobody is followed elsewhere."""
        if status in _REFUSED_KEY:
            return self._unavailable("key", "its API refuses the key", status=status)
        if status == _THROTTLED:
            return self._unavailable("quota", "its API takes no more requests now", asked or _LATER_SECONDS, status)
        if status >= _SERVER_FAULT:
            return self._unavailable("outage", "its API is out of order", asked or _LATER_SECONDS, status)
        return self._unavailable("refused", "its API refuses the request", status=status)

    def _checked(self, response: Response) -> str:
        """Return the short link of an answer, if it may be given to people."""
        try:
            found = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            found = None
        short = found.get(self.form.kind.answer) if isinstance(found, dict) else None
        if not isinstance(short, str) or len(short) > MAX_SHORT_LENGTH or not _PLAIN.fullmatch(short):
            raise self._unavailable("answer", "its API's answer holds no short link")
        if urlsplit(short).netloc not in self.form.hosts:
            raise self._unavailable("host", "its API's answer leads to a host that `short.hosts` lacks")
        return short

    def _unavailable(
        self, cause: str, words: str, retry_after_seconds: float | None = None, status: int | None = None
    ) -> ShortLinkUnavailable:
        facts = {} if status is None else {"http_status": str(status)}
        return ShortLinkUnavailable(
            f"the provider {self.form.provider!r} gives no short link: {words}; leave out `short` for the long one",
            metadata={"provider": self.form.provider, "cause": cause, **facts},
            retry_after_seconds=retry_after_seconds,
        )


def _http(form: ShortForm) -> HttpTransport:
    return HttpTransport(timeout_seconds=form.timeout_seconds, max_connections=form.max_in_flight, ca_file=form.ca_file)
