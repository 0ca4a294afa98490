"""HTTP in, HTTP out: recognises a request, lets the scripted faults at it, and writes the answer as Salesforce does."""

import contextlib
import gzip
import itertools
import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import unquote

from aiohttp import web

from service.clock import Clock
from service.emulator.apex import Apex
from service.emulator.call_counts import CallCounts
from service.emulator.control import SEGMENT as CONTROL
from service.emulator.control import Control
from service.emulator.cutting import cut
from service.emulator.disturbances import Disturbances
from service.emulator.effects import Delay, Drop, Page, QuotaUsedUp, Refuse, RequestEffect, RevokeSessions
from service.emulator.exchange import Answer, Call, OrgCall
from service.emulator.fault_answers import fault_answer
from service.emulator.faults import SalesforceFault
from service.emulator.http_body import HttpBody
from service.emulator.json_text import render
from service.emulator.releases import LATEST, is_supported, list_versions
from service.emulator.routes.apex import PREFIX, answer_apex
from service.emulator.routing import Router
from service.emulator.sessions import Session
from service.emulator.tenants import Tenant, Tenants

MAXIMUM_HEAD_BYTES = 16_384
"""Request line and headers together. Source: Salesforce REST API, "API Request Limits"."""

_SERVER = "sluicegate-emulator"
_COMPRESSED_FROM_BYTES = 1024
_DATA = ("services", "data")
_OAUTH = ("services", "oauth2")

_Dispatch = Callable[[web.Request, Sequence[str], Tenant, Session], Awaitable[Answer]]

_logger = logging.getLogger(__name__)


class _Dropped(Exception):
    """The connection is to be cut without a whole answer.

    Args:
        reset: Whether the peer is to see a reset.
        answer: What half of is sent first; None for nothing.

    """

    def __init__(self, *, reset: bool, answer: Answer | None = None) -> None:
        super().__init__("dropped")
        self.reset = reset
        self.answer = answer


class Gateway:
    """The one handler of the emulator's web server.

    Args:
        tenants: The orgs.
        disturbances: Scripted faults.
        open_routes: Resources that need no session; paths without leading slash.
        org_routes: Resources below `/services/data/vXX.X/`.
        apex: Resources below `/services/apexrest/`.
        clock: Waits out scripted delays.
        calls: Counts the requests.
        control: The control endpoint; None for none.

    """

    def __init__(  # noqa: PLR0913 - what it joins
        self,
        *,
        tenants: Tenants,
        disturbances: Disturbances,
        open_routes: Router[Call],
        org_routes: Router[OrgCall],
        apex: Apex,
        clock: Clock,
        calls: CallCounts,
        control: Control | None = None,
    ) -> None:
        self._tenants = tenants
        self._disturbances = disturbances
        self._open_routes = open_routes
        self._org_routes = org_routes
        self._apex = apex
        self._clock = clock
        self._control = control
        self._calls = calls
        self.answered: Counter[int] = Counter()
        """Answers so far, by HTTP status."""
        self.open_requests = 0
        """Requests that are being handled."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. Every answer carries `X-SFDC-Request-Id`."""
        self.open_requests += 1
        try:
            return await self._handle(request)
        finally:
            self.open_requests -= 1

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            answer = _encoded(request, await self._answer(request))
        except _Dropped as dropped:
            half = _encoded(request, dropped.answer) if dropped.answer else None
            return await cut(request, half, reset=dropped.reset)
        except ConnectionResetError:
            return web.Response()  # the caller has gone; there is nobody to tell
        except SalesforceFault as fault:
            answer = _encoded(request, fault_answer(fault))
        except Exception:
            # The last resort of a server: a defect becomes Salesforce's own "unexpected error" and a log entry.
            _logger.exception("request %s %s met a defect", request.method, request.path)
            answer = _encoded(request, _unexpected())
        self.answered[answer.status] += 1
        return await _respond(request, answer)

    async def _answer(self, request: web.Request) -> Answer:
        _check_head(request)
        segments = _segments(request)
        if self._control is not None and segments[:1] == [CONTROL]:
            return await self._control.answer(request, segments[1:])
        tenant = self._tenants.by_token(_token(request)[1])
        org_id = tenant.org.id if tenant else None
        self._calls.note(org_id or "", request.method, segments)
        effects = self._disturbances.take(request.method, request.raw_path, org_id)
        answer = await self._at_the_edge(request, effects, tenant)
        if answer is None:
            rest = segments[len(_DATA) :]
            if rest and tuple(segments[: len(_DATA)]) == _DATA:
                answer = await self._for_org(request, rest, effects, self._dispatch)
            elif tuple(segments[: len(PREFIX)]) == PREFIX:
                answer = await self._for_org(request, segments[len(PREFIX) :], effects, self._dispatch_apex)
            else:
                answer = await self._for_anyone(request, segments, effects)
        for effect in effects:
            if isinstance(effect, Drop) and (effect.after_handling or effect.mid_body):
                raise _Dropped(reset=effect.reset, answer=answer if effect.mid_body else None)
        return answer

    async def _at_the_edge(
        self, request: web.Request, effects: Sequence[RequestEffect], tenant: Tenant | None
    ) -> Answer | None:
        for effect in effects:
            if isinstance(effect, RevokeSessions):
                for each in [tenant] if tenant else list(self._tenants):
                    each.sessions.revoke_all()
            elif isinstance(effect, Page):
                return Answer.text(effect.html, "text/html;charset=UTF-8", status=effect.status)
            elif isinstance(effect, Drop) and not effect.after_handling and not effect.mid_body:
                if effect.mid_request:
                    await _read_half(request)
                raise _Dropped(reset=effect.reset)
        return None

    async def _inside(self, effects: Sequence[RequestEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Delay):
                await self._clock.sleep(effect.seconds)
            elif isinstance(effect, Refuse):
                raise SalesforceFault(effect.status, effect.error_code, effect.message, effect.fields)

    async def _for_anyone(
        self, request: web.Request, segments: Sequence[str], effects: Sequence[RequestEffect]
    ) -> Answer:
        try:
            await self._inside(effects)
        except SalesforceFault as fault:
            if tuple(segments[: len(_OAUTH)]) != _OAUTH:
                raise
            # These resources refuse with an object, never with an array.
            return Answer(fault.http_status, {"error": fault.error_code, "error_description": fault.message})
        if tuple(segments) == _DATA:
            return Answer(value=list_versions())
        handler, parameters = self._open_routes.find(request.method, segments)
        return await handler(Call(request.method, parameters, request.query, request.headers, HttpBody(request)))

    async def _for_org(
        self, request: web.Request, segments: Sequence[str], effects: Sequence[RequestEffect], dispatch: _Dispatch
    ) -> Answer:
        tenant, session = self._authenticate(request)
        used_up = QuotaUsedUp() in effects
        try:
            with tenant.allocation.admit(used_up=used_up):
                await self._inside(effects)
                async with self._disturbances.transaction(tenant.org.id, self._clock):
                    await tenant.org.idle()
                    answer = await dispatch(request, segments, tenant, session)
        except SalesforceFault as fault:
            answer = fault_answer(fault)
        except (ConnectionResetError, _Dropped):
            raise
        except Exception:
            # As in `_handle`; here the answer also tells the use of the API, as every answer of an org does.
            _logger.exception("request %s %s met a defect", request.method, request.path)
            answer = _unexpected()
        usage = tenant.allocation.limit_info(used_up=used_up)
        date = formatdate(self._clock.now(), usegmt=True)
        headers = {**answer.headers, "Date": date, "Sforce-Limit-Info": usage}
        return replace(answer, headers=headers)

    async def _dispatch(
        self, request: web.Request, segments: Sequence[str], tenant: Tenant, session: Session
    ) -> Answer:
        version = segments[0].removeprefix("v")
        if segments[0] != f"v{version}" or not is_supported(version):
            raise SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")
        method = request.method
        if method == "POST":
            # For clients that cannot send PATCH. Source: Salesforce REST API, "sObject Rows by External ID".
            method = request.query.get("_HttpMethod", method).upper()
        handler, parameters = self._org_routes.find(method, segments[1:])
        call = OrgCall(
            method,
            parameters,
            request.query,
            request.headers,
            HttpBody(request),
            tenant=tenant,
            session=session,
            version=version,
        )
        return await handler(call)

    async def _dispatch_apex(
        self, request: web.Request, segments: Sequence[str], tenant: Tenant, session: Session
    ) -> Answer:
        call = OrgCall(
            request.method,
            {},
            request.query,
            request.headers,
            HttpBody(request),
            tenant=tenant,
            session=session,
            version=LATEST,
        )
        return await answer_apex(self._apex, call, segments)

    def _authenticate(self, request: web.Request) -> tuple[Tenant, Session]:
        scheme, token = _token(request)
        if scheme and scheme not in {"bearer", "oauth"}:
            raise SalesforceFault(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
        if token.startswith("eyJ"):
            raise SalesforceFault(401, "INVALID_AUTH_HEADER", "INVALID_JWT_FORMAT")
        tenant = self._tenants.by_token(token)
        session = tenant.sessions.use(token) if tenant else None
        if tenant is None or session is None:
            raise SalesforceFault(401, "INVALID_SESSION_ID", "Session expired or invalid")
        return tenant, session


async def _read_half(request: web.Request) -> None:
    """Read half of the content; of content whose length is not told the first piece."""
    if request.content_length is None:
        await request.content.readany()
        return
    left = request.content_length // 2
    while left > 0 and (piece := await request.content.read(left)):
        left -= len(piece)


def _token(request: web.Request) -> tuple[str, str]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower(), token.strip()


def _segments(request: web.Request) -> list[str]:
    # An encoded slash belongs to its segment, so the path is split before it is decoded.
    path = request.raw_path.partition("?")[0].strip("/")
    return [unquote(segment) for segment in path.split("/")] if path else []


def _unexpected() -> Answer:
    text = "An unexpected error occurred. Please include this ErrorId if you contact support: 0-0 (0)"
    return fault_answer(SalesforceFault(500, "UNKNOWN_EXCEPTION", text))


def _check_head(request: web.Request) -> None:
    if len(request.raw_path) > MAXIMUM_HEAD_BYTES:
        raise SalesforceFault(414, "URI_TOO_LONG", "The URI is above 16,384 bytes")
    line = len(f"{request.method}  HTTP/1.1\r\n") + len(request.raw_path)
    size = line + sum(len(name) + len(value) + len(": \r\n") for name, value in request.raw_headers)
    if size > MAXIMUM_HEAD_BYTES:
        raise SalesforceFault(431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "The headers are above 16,384 bytes")


def _encoded(request: web.Request, answer: Answer) -> Answer:
    """Turn a JSON answer into one of bytes."""
    if answer.empty or answer.content is not None:
        return answer
    pretty = request.headers.get("X-PrettyPrint", "").lower() in {"1", "true"}
    return replace(answer, content=[render(answer.value, pretty=pretty)])


async def _respond(request: web.Request, answer: Answer) -> web.StreamResponse:
    headers: Mapping[str, str] = {**answer.headers, "X-SFDC-Request-Id": secrets.token_hex(16), "Server": _SERVER}
    if answer.empty:
        return web.Response(status=answer.status, headers=headers)
    headers = {**headers, "Content-Type": answer.content_type, "Vary": "Accept-Encoding"}
    pieces = iter(answer.content or ())
    first, second = next(pieces, b""), next(pieces, None)
    if second is None:
        return _short(request, answer.status, headers, first)
    response = web.StreamResponse(status=answer.status, headers=headers)
    if _takes_gzip(request):
        response.enable_compression(web.ContentCoding.gzip)
    with contextlib.suppress(ConnectionResetError):  # the caller has gone; there is nobody to tell
        await response.prepare(request)
        for piece in itertools.chain([first, second], pieces):
            await response.write(piece)
        await response.write_eof()
    return response


def _short(request: web.Request, status: int, headers: Mapping[str, str], content: bytes) -> web.Response:
    if len(content) >= _COMPRESSED_FROM_BYTES and _takes_gzip(request):
        content = gzip.compress(content, compresslevel=1)
        headers = {**headers, "Content-Encoding": "gzip"}
    return web.Response(status=status, headers=headers, body=content)


def _takes_gzip(request: web.Request) -> bool:
    return "gzip" in request.headers.get("Accept-Encoding", "").lower()
