"""The end of the stack: httpx on aiohttp's connection pool, one client per org."""

import asyncio
import ssl
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from httpx_aiohttp import AiohttpTransport

from service.context import CallContext
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


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
        limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
        self._client = httpx.AsyncClient(
            transport=AiohttpTransport(verify=context, limits=limits, trust_env=False),
            timeout=httpx.Timeout(timeout_seconds),
            follow_redirects=False,
            trust_env=False,
        )
        self._timeout_seconds = timeout_seconds

    async def __aenter__(self) -> Self:
        """Open nothing yet: connections are made when they are needed."""
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def send(self, request: Request, context: CallContext) -> Response:
        """Send a request whose path is a whole URL; see `Transport.send`."""
        seconds = context.remaining_seconds(request.timeout_seconds or self._timeout_seconds)
        content = request.body if isinstance(request.body, bytes) else request.body()
        try:
            async with asyncio.timeout(seconds):
                answer = await self._client.request(
                    request.method, request.path, content=content, headers=request.headers, timeout=seconds
                )
        except _NOT_SENT as error:
            raise NotSent(type(error).__name__) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise ConnectionLost(type(error).__name__) from error
        return Response(answer.status_code, answer.headers, answer.content)
