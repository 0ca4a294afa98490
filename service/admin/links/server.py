"""The HTTP server behind the link host: links lead to what they open, and apps find out which links are theirs.

It has a port of its own, so that health and whatever else the admin port tells never stand on the internet. It speaks
plaintext HTTP: TLS ends at whatever stands before it. Nothing that it answers is built from the request: a redirect's
address comes from the configuration, after the link's signature was checked.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache, partial
from ipaddress import ip_network
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from opentelemetry.trace import Span, StatusCode, format_trace_id, set_span_in_context

from service.admin.links import pages, refusals
from service.admin.links.associations import Association
from service.admin.links.clients import ClientLimit, Clients, Rate
from service.admin.links.connections import Connections
from service.admin.links.devices import device_of
from service.admin.links.follower import MAX_QUERY_LENGTH, Follower
from service.admin.links.landing import landing
from service.admin.links.link_host import LINK_PATH
from service.admin.links.refusals import Refusal, refusal_of
from service.clock import Clock
from service.context import CallContext
from service.deep_links.click_ids import without_click_ids
from service.deep_links.device import Platform
from service.errors import DeadlineExceeded, SluicegateError
from service.settings import LinkServerSettings
from service.telemetry import logs, names
from service.telemetry.intervals import Intervals
from service.telemetry.tracing import Tracing

CALLER = "link-server"
"""The name under which its API calls are counted, and may be capped."""

_FOLLOW_SECONDS = 10
_ASSOCIATION_SECONDS = 3600
"""How long a device or a cache may keep what apps are allowed."""
_KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep theirs, or they would send requests into a closed connection."""
_BODY_SECONDS = 1
"""How long the rest of a request is read, for its sender to get the answer."""
_CODES = 256
"""QR codes that are kept, some 6 KB each."""
_LONGEST_LINE = 16_384
"""Bytes; a longer request is refused before it is looked at."""
_TELL_SECONDS = 10
"""Between two lines about links that fail for one reason: strangers do not decide how long the log is."""
_METHOD = "GET /l"
_METHODS = frozenset({"GET", "HEAD"})
_SERVER_FAULT = 500

_SECURITY = {
    "Content-Security-Policy": pages.POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Server": "sluicegate",
}

_log = logs.get_logger(__name__)

_SPAN: web.RequestKey[Span | None] = web.RequestKey("span")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LinkServer:
    """Answers `GET /l?…`, and the two files under `/.well-known/`.

    Args:
        settings: Where to listen.
        files: What apps are told.
        follower: Checks and resolves links.
        clock: Tells the time.
        tracing: Makes a span for each request. A `traceparent` is not continued: strangers do not decide
            what is traced.

    """

    def __init__(
        self,
        settings: LinkServerSettings,
        files: Iterable[Association],
        follower: Follower,
        clock: Clock,
        tracing: Tracing,
    ) -> None:
        self._settings = settings
        self._follower = follower
        self._clock = clock
        self._tracing = tracing
        application = web.Application(middlewares=[self._around])
        application.on_response_prepare.append(_secure)
        application.router.add_get(LINK_PATH, self._follow)
        for file in files:
            application.router.add_get(file.path, _serving(file))
        self._protocol_options: dict[str, Any] = {
            "access_log": None,
            "logger": _library_log(),
            "keepalive_timeout": _KEEP_ALIVE_SECONDS,
            "max_line_size": _LONGEST_LINE,
            # No request here has a body: what comes all the same is neither unpacked nor read for long.
            "auto_decompress": False,
            "lingering_time": _BODY_SECONDS,
        }
        self._runner = web.AppRunner(application, shutdown_timeout=_FOLLOW_SECONDS, access_log=None)
        self._told = Intervals(_TELL_SECONDS)
        self._clients = Clients([ip_network(network) for network in settings.trusted_proxies])
        self._limit = ClientLimit(Rate(settings.requests_per_second, settings.request_burst), clock)
        self._connections: Connections | None = None
        self._listener: asyncio.Server | None = None
        # One link that is followed all the time must not keep the event loop busy with drawing.
        self._code_of = lru_cache(_CODES)(pages.code_of)
        self.port = 0

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            OSError: The port is taken.

        """
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        loop = asyncio.get_running_loop()
        protocol = partial(_Protocol, server, loop=loop, **self._protocol_options)
        self._connections = Connections(protocol, most=self._settings.max_connections)
        try:
            self._listener = await loop.create_server(self._connections, self._settings.host, self._settings.port)
        except BaseException:
            await self._runner.cleanup()
            raise
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Stop listening; open requests end first."""
        if self._listener is not None:
            self._listener.close()
        await self._runner.cleanup()

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Span a request, and turn whatever goes wrong into a page."""
        resource = request.match_info.route.resource
        route = resource.canonical if resource else ""
        method = request.method if request.method in _METHODS else "_OTHER"
        facts = {names.HTTP_METHOD: method, **({names.HTTP_ROUTE: route} if route else {})}
        span = self._tracing.start_server_span(f"{method} {route}".strip(), None, facts)
        request[_SPAN] = span
        assert self._connections is not None
        try:
            with self._connections.answering(request.protocol):
                response = await self._attempt(request, handler)
        except BaseException as error:
            if span is not None:
                span.set_attribute(names.ERROR_TYPE, type(error).__qualname__)
                span.end()
            raise
        if request.body_exists:
            # None needs one. Where a proxy counts its bytes otherwise, what follows could be another client's request.
            response.force_close()
        if span is not None:
            span.set_attribute(names.HTTP_STATUS, response.status)
            if response.status >= _SERVER_FAULT:
                span.set_status(StatusCode.ERROR)
            span.end()
        return response

    async def _attempt(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        wait = self._wait(request)
        if wait is not None:
            return _refused(refusals.too_often(wait))
        try:
            return await handler(request)
        except web.HTTPMethodNotAllowed as error:
            response = _refused(refusals.wrong_method())
            response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
            return response
        except web.HTTPException:
            return _refused(refusals.NOTHING_HERE)
        except SluicegateError as error:
            return self._failed(request, error)
        except TimeoutError:
            return self._failed(request, DeadlineExceeded("a link took too long to follow"))
        except Exception as error:  # noqa: BLE001 - the person gets a page, the operator the traceback
            _log.error("unexpected error", method=_METHOD, exc_info=error)
            return _refused(refusals.BROKEN)

    def _wait(self, request: web.Request) -> float | None:
        """Return for how long a client that asks too often is to wait; None for all others."""
        peer = request.remote or ""
        forwarded = request.headers.getall("X-Forwarded-For", [])
        wait = self._limit.take(self._clients.address(peer, forwarded))
        if wait is not None and self._told.begins("limit", self._clock.monotonic()):
            is_proxy = bool(forwarded) and not self._clients.believes(peer)
            hint = "the peer may be a proxy for many: name it in link_server.trusted_proxies" if is_proxy else None
            _log.warning("a client follows links too often", **({"hint": hint} if hint else {}))
        return wait

    def _failed(self, request: web.Request, error: SluicegateError) -> web.Response:
        refusal = refusal_of(error)
        span: Span | None = request[_SPAN]
        if span is not None:
            span.set_attribute(names.REASON, error.reason)
        if refusal.status >= _SERVER_FAULT and self._told.begins(error.reason, self._clock.monotonic()):
            _log.warning("a link could not be followed", reason=error.reason, message=error.message)
        return _refused(refusal)

    async def _follow(self, request: web.Request) -> web.Response:
        # As it was sent: decoding and encoding again would change what was signed.
        # Click ids are no part of the code that the page for computers shows, nor of how long a link may be.
        query = without_click_ids(request.raw_path.partition("?")[2])
        if len(query) > MAX_QUERY_LENGTH:
            return _refused(refusals.TOO_LONG)
        device = device_of(request.headers.get("User-Agent", ""), request.headers.get("Accept-Language", ""))
        async with asyncio.timeout(_FOLLOW_SECONDS):
            followed = await self._follower.follow(query, device, self._call(request[_SPAN]))
        found = landing(device.platform, followed.targets, self._follower.host, is_gone=followed.is_gone)
        if found.redirect is not None:
            return web.Response(status=302, headers={"Location": found.redirect, **_UNCACHED})
        if device.platform is Platform.WEB:
            return _page(pages.computer_page(self._code_of(self._follower.host.link_of(query)), found.choices))
        return _page(pages.choice_page(found.choices))

    def _call(self, span: Span | None) -> CallContext:
        request_id = secrets.token_hex(16) if span is None else format_trace_id(span.get_span_context().trace_id)
        return CallContext(
            method=_METHOD,
            request_id=request_id,
            clock=self._clock,
            deadline=self._clock.monotonic() + _FOLLOW_SECONDS,
            trace=None if span is None else set_span_in_context(span),
            caller=CALLER,
        )


class _Protocol(web.RequestHandler):
    """Answers one connection. What is no request of HTTP gets a page; aiohttp would tell its version and the bytes."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = _SERVER_FAULT,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Log what is an error of this program, and return the page; the connection ends with it."""
        super().handle_error(request, status, exc, message)
        response = _refused(refusals.BROKEN if status >= _SERVER_FAULT else refusals.NO_REQUEST)
        response.headers.update(_SECURITY)
        response.force_close()
        return response


async def _secure(_request: web.Request, response: web.StreamResponse) -> None:
    """Add what every answer says, also those that aiohttp gives by itself."""
    response.headers.update(_SECURITY)


# What a link opens depends on the device, the configuration and the hour.
_UNCACHED = {"Cache-Control": "no-store"}


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=_UNCACHED)


def _refused(refusal: Refusal) -> web.Response:
    response = _page(pages.error_page(refusal.title, refusal.text), refusal.status)
    if refusal.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    return response


def _serving(file: Association) -> Handler:
    headers = {"Cache-Control": f"public, max-age={_ASSOCIATION_SECONDS}"}

    async def serve(request: web.Request) -> web.Response:
        known = request.if_none_match or ()
        if any(tag.value in {file.etag, "*"} for tag in known):
            response = web.Response(status=304, headers=headers)
        else:
            response = web.Response(body=file.body, content_type="application/json", headers=headers)
        response.etag = file.etag
        return response

    return serve


def _library_log() -> logging.Logger:
    """Return a logger for aiohttp that passes over broken requests: strangers send them, and would fill the log."""
    logger = logging.getLogger(f"{__name__}.aiohttp")
    logger.addFilter(_is_news)
    return logger


def _is_news(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError | ConnectionError)
