"""OrgService."""

import asyncio
from collections.abc import AsyncIterator

from google.protobuf.timestamp_pb2 import Timestamp
from sluicegate.v1 import org_pb2 as pb
from sluicegate.v1.org_service_pb2 import (
    GetLimitsRequest,
    GetLimitsResponse,
    WatchLimitsRequest,
    WatchLimitsResponse,
)

from service.clock import Clock
from service.context import CallContext
from service.errors import ShuttingDown
from service.governor.base import Usage
from service.orgs.org import Org
from service.orgs.registry import OrgRegistry
from service.rpc.governor import to_governor

_API_REQUESTS = "DailyApiRequests"
_USUAL_INTERVAL_SECONDS = 5.0


class OrgService:
    """Tells about the configured orgs.

    Args:
        orgs: The configured orgs.
        draining: Set when the service ends, which ends those who watch.

    """

    def __init__(self, orgs: OrgRegistry, draining: asyncio.Event) -> None:
        self._orgs = orgs
        self._draining = draining

    async def get_limits(self, request: GetLimitsRequest, call: CallContext) -> GetLimitsResponse:
        """Read the org's limits, or tell what is known of them."""
        org = self._orgs.get(request.org)
        return GetLimitsResponse(limits=await _limits(org, call, ask_salesforce=not request.known_only))

    async def watch_limits(self, request: WatchLimitsRequest, call: CallContext) -> AsyncIterator[WatchLimitsResponse]:
        """Tell of the limits at once and after each interval, for as long as anyone wants to know."""
        org = self._orgs.get(request.org)
        seconds = _USUAL_INTERVAL_SECONDS
        if request.HasField("interval"):
            seconds = request.interval.ToNanoseconds() / 1e9
        while not self._draining.is_set():
            yield WatchLimitsResponse(limits=await _limits(org, call, ask_salesforce=request.ask_salesforce))
            await self._pause(seconds, call.clock)
        raise ShuttingDown("this replica is draining; repeat at once, another one answers")

    async def _pause(self, seconds: float, clock: Clock) -> None:
        """Wait, but not longer than until the service ends."""
        async with asyncio.TaskGroup() as group:
            waits = {group.create_task(clock.sleep(seconds)), group.create_task(self._draining.wait())}
            _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in pending:
                wait.cancel()


async def _limits(org: Org, call: CallContext, *, ask_salesforce: bool) -> pb.OrgLimits:
    limits = [
        pb.Limit(name=limit.name, maximum=limit.maximum, remaining=limit.remaining)
        for limit in (await org.limits(call) if ask_salesforce else ())
    ]
    statistics = org.governor_statistics()
    calls = next((limit for limit in limits if limit.name == _API_REQUESTS), None)
    if not ask_salesforce and statistics.usage is not None:
        calls = _known(statistics.usage)
    observed = Timestamp()
    observed.FromMilliseconds(int(call.clock.now() * 1000))
    return pb.OrgLimits(
        org=org.name, api_requests=calls, limits=limits, observe_time=observed, governor=to_governor(statistics)
    )


def _known(usage: Usage) -> pb.Limit:
    return pb.Limit(name=_API_REQUESTS, maximum=usage.maximum, remaining=max(0, usage.maximum - usage.used))
