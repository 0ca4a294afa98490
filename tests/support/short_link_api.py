"""A link provider's API for short links over TLS, and where its short links lead a browser without the app.

It takes what the documentation of Branch, AppsFlyer and Adjust says that theirs take, and remembers it.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from service.emulator.tls import make_certificate, server_context

KEY = "key_live_of_the_company"


class ShortLinkApi:
    """The API.

    Args:
        host: The host of its short links.

    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.url = ""
        self.certificate = Path()
        self.asked: list[dict[str, Any]] = []
        """The bodies of all requests that came with the right key."""
        self.script: list[web.Response] = []
        """What the next requests are answered in place of a short link."""
        self.most_at_once = 0
        self.seconds = 0.0
        """How long an answer takes."""
        self._open = 0
        self._leads_to: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def follow(self, short: str) -> str:
        """Return where a browser on a device without the app is sent."""
        return self._leads_to[short]

    async def branch(self, request: web.Request) -> web.Response:
        """Answer as Branch."""
        body = await request.json()
        return await self._answer(body, body["branch_key"], "url", body["data"]["$fallback_url"])

    async def onelink(self, request: web.Request) -> web.Response:
        """Answer as AppsFlyer."""
        body = await request.json() | {"template": request.match_info["template"]}
        leads_to = unquote(body["data"]["af_web_dp"])
        return await self._answer(body, request.headers["Authorization"], "shortlink_url", leads_to)

    async def adjust(self, request: web.Request) -> web.Response:
        """Answer as Adjust."""
        body = await request.json()
        key = request.headers["Authorization"].removeprefix("Bearer ")
        return await self._answer(body, key, "url", body["fallback"])

    async def _answer(self, body: dict[str, Any], key: str, member: str, leads_to: str) -> web.Response:
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self._open -= 1
        if key != KEY:
            return web.json_response({"error": {"message": "Invalid or missing app id"}}, status=401)
        self.asked.append(body)
        if self.script:
            return self.script.pop(0)
        short = f"https://{self.host}/s{next(self._numbers)}"
        self._leads_to[short] = leads_to
        return web.json_response({member: short})


@asynccontextmanager
async def short_link_api(directory: Path, host: str = "acme.app.link") -> AsyncIterator[ShortLinkApi]:
    """Run the API on a free port.

    Args:
        directory: Where its certificate is written.
        host: The host of its short links.

    """
    api = ShortLinkApi(host)
    application = web.Application()
    application.router.add_post("/v1/url", api.branch)
    application.router.add_post("/api/v2.0/shortlinks/{template}", api.onelink)
    application.router.add_post("/engage/deep-links", api.adjust)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    certificate = make_certificate(directory)
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(certificate))
        await site.start()
        api.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        api.certificate = certificate.certificate_file
        yield api
    finally:
        await runner.cleanup()
