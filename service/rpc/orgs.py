"""OrgService."""

import asyncio
from collections.abc import AsyncIterator

from sluicegate.v1.org_service_pb2 import (
    GetLimitsRequest,
    GetLimitsResponse,
    WatchLimitsRequest,
    WatchLimitsResponse,
)

from service.clock import Clock
from service.context import CallContext
from service.errors import ShuttingDown
from service.orgs.registry import OrgRegistry
from service.rpc.limits import Pictures, read

_USUAL_INTERVAL_SECONDS = 5.0
_ANSWERS_PER_SECOND = 200
"""Most answers to all who watch: above, intervals get longer, for calls come before those who look on."""


class OrgService:
    """Tells about the configured orgs.

    Args:
        orgs: The configured orgs.
        draining: Set when the service ends, which ends those who watch.

    """

    def __init__(self, orgs: OrgRegistry, draining: asyncio.Event) -> None:
        self._orgs = orgs
        self._draining = draining
        self._pictures = Pictures()
        self._watching = 0

    async def get_limits(self, request: GetLimitsRequest, call: CallContext) -> GetLimitsResponse:
        """Read the org's limits, or tell what is known of them."""
        org = self._orgs.get(request.org)
        return GetLimitsResponse(limits=await read(org, call, ask_salesforce=not request.known_only))

    async def watch_limits(self, request: WatchLimitsRequest, call: CallContext) -> AsyncIterator[WatchLimitsResponse]:
        """Tell of the limits at once and after each interval, for as long as anyone wants to know."""
        org = self._orgs.get(request.org)
        seconds = _USUAL_INTERVAL_SECONDS
        if request.HasField("interval"):
            seconds = request.interval.ToNanoseconds() / 1e9
        self._watching += 1
        try:
            while not self._draining.is_set():
                limits = await self._pictures.get(org, call, ask_salesforce=request.ask_salesforce)
                yield WatchLimitsResponse(limits=limits)
                await self._pause(max(seconds, self._watching / _ANSWERS_PER_SECOND), call.clock)
        finally:
            self._watching -= 1
        raise ShuttingDown("this replica is draining; repeat at once, another one answers")

    async def _pause(self, seconds: float, clock: Clock) -> None:
        """Wait, but not longer than until the service ends."""
        async with asyncio.TaskGroup() as group:
            waits = {group.create_task(clock.sleep(seconds)), group.create_task(self._draining.wait())}
            _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in pending:
                wait.cancel()
