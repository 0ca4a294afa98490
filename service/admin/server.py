"""Health and metrics over HTTP: Kubernetes' gRPC probes speak no TLS and name no port, so probes come here."""

from types import TracebackType
from typing import Self

from aiohttp import web

from service.admin.metrics import CONTENT_TYPE, Metrics
from service.settings import AdminSettings


class AdminServer:
    """Answers `/healthz/live` while the event loop turns and `/healthz/ready` while calls are taken.

    Neither asks Salesforce: an outage there must not take every replica out of the balancer. Nor does `/metrics`.

    Args:
        settings: Where to listen.
        metrics: What `/metrics` tells.

    """

    def __init__(self, settings: AdminSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._ready = False
        application = web.Application()
        application.router.add_get("/healthz/live", self._live)
        application.router.add_get("/healthz/ready", self._readiness)
        application.router.add_get("/metrics", self._figures)
        self._runner = web.AppRunner(application, access_log=None)
        self.port = 0

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            OSError: The port is taken.

        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._settings.host, self._settings.port).start()
        except BaseException:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    def set_ready(self, *, ready: bool) -> None:
        """Say whether calls are taken."""
        self._ready = ready

    async def _live(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "live"})

    async def _figures(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def _readiness(self, _request: web.Request) -> web.Response:
        if self._ready:
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "draining"}, status=503)
