"""The end of the stack: httpx's transport on aiohttp's connection pool, one pool per org.

`httpx.AsyncClient` is left out: its cookies, redirects and event hooks cost more time than the request itself.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from service.context import CallContext
from service.errors import ShuttingDown, UpstreamProtocolError
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response, TimedOut

_HEADERS = {"Accept-Encoding": "gzip", "User-Agent": "sluicegate"}
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""What aiohttp raises before a connection stands. httpx's own classes do not tell: a server that hangs up after it
took the request comes out of `httpx_aiohttp` as `httpx.ConnectTimeout` too."""

_WORDS = (
    (aiohttp.ClientConnectorDNSError, "its host is not known"),
    (aiohttp.ClientConnectorCertificateError, "its certificate is not trusted; ca_file names further authorities"),
    (aiohttp.ClientSSLError, "TLS cannot be agreed on"),
    (aiohttp.ClientConnectorError, "it takes no connection"),
)
"""What a failure to connect means, the narrowest first; none of aiohttp's own text, which holds the URL."""

_CODINGS = frozenset({"", "identity", "gzip"})
"""What answers may be encoded in: what was asked for, and once. Each layer of gzip can make a thousand bytes of one."""

_READ_AHEAD_BYTES = 1_048_576
"""A page of 2,000 rows fits, so that reading it needs no pause."""
_LARGE_BYTES = 1_048_576
"""A body above these is sent in pieces: all at once it would hold up the event loop, of which aiohttp warns."""
_PIECE_BYTES = 262_144


class HttpTransport:
    """Sends requests over TLS; never follows redirects, never reads proxies from the environment.

    Args:
        timeout_seconds: Bound on one attempt where the request names none.
        max_connections: Most connections to the org.
        ca_file: Further certificate authorities to trust, PEM.

    """

    def __init__(self, *, timeout_seconds: float, max_connections: int, ca_file: Path | None = None) -> None:
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(ca_file)
        self._transport = AiohttpTransport(
            verify=context,
            client=lambda: aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=max_connections, ssl=context),
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=_READ_AHEAD_BYTES,
            ),
        )
        self._timeout_seconds = timeout_seconds
        self._is_closed = False

    async def __aenter__(self) -> Self:
        """Open nothing yet: connections are made when they are needed."""
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Close every connection. What is sent from now on fails with ShuttingDown."""
        self._is_closed = True
        await self._transport.aclose()

    async def send(self, request: Request, context: CallContext) -> Response:
        """Send a request whose path is a whole URL; see `Transport.send`."""
        if self._is_closed:
            # A call that is cut off by the end of the service may yet want to clear up after itself.
            raise ShuttingDown("this replica has ended; repeat at once, another one answers")
        seconds = context.remaining_seconds(request.timeout_seconds or self._timeout_seconds)
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(request)
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            # What is not HTTP comes out of aiohttp itself.
            cause = error.__cause__ or error
            failure = NotSent if isinstance(cause, _NOT_SENT) else ConnectionLost
            words = next((words for kind, words in _WORDS if isinstance(cause, kind)), type(cause).__name__)
            raise failure(words) from None
        except UnicodeError:
            # Of a host that no name can have, as `https://..`, or of a status line that is no UTF-8, so perhaps sent.
            raise ConnectionLost("its host's name or its answer cannot be read") from None
        except TimeoutError as error:
            raise TimedOut(type(error).__name__) from error

    async def _exchange(self, request: Request) -> Response:
        headers = {**_HEADERS, **request.headers}
        if not isinstance(request.body, bytes):
            content: bytes | AsyncIterator[bytes] = request.body()
        elif len(request.body) <= _LARGE_BYTES:
            content = request.body
        else:
            content = _pieces(request.body)
            headers["Content-Length"] = str(len(request.body))
        message = httpx.Request(request.method, request.path, content=content, headers=headers)
        answer = await self._transport.handle_async_request(message)
        try:
            return Response(answer.status_code, _headers(answer), await _read(answer, request))
        finally:
            # A body that was not read whole would otherwise keep its connection.
            await answer.aclose()


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _PIECE_BYTES):
        yield body[start : start + _PIECE_BYTES]


def _headers(answer: httpx.Response) -> Mapping[str, str]:
    """Return the headers by their names in lower case, values of one name joined (RFC 9110, 5.2).

    Five looks at httpx's own take longer than to decide what the answer means.
    """
    found: dict[str, str] = {}
    for raw_name, raw_value in answer.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _read(answer: httpx.Response, request: Request) -> bytes:
    """Return the body, decompressed, unless the request's sink takes it.

    It has at most as many bytes as the request allows: an answer must not fill the memory.
    """
    coding = answer.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        raise UpstreamProtocolError("Salesforce answered in an encoding that nobody asked for")
    parts: list[bytes] = []
    take: Callable[[bytes], object] = parts.append
    if request.sink is not None and answer.is_success:
        take = request.sink().write
    size = 0
    async for part in answer.aiter_bytes():
        size += len(part)
        if size > request.largest_answer_bytes:
            raise UpstreamProtocolError(f"Salesforce answered more than {request.largest_answer_bytes:,} bytes")
        take(part)
    return b"".join(parts)
