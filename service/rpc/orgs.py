"""OrgService."""

from google.protobuf.timestamp_pb2 import Timestamp
from sluicegate.v1 import org_pb2 as pb
from sluicegate.v1.org_service_pb2 import GetLimitsRequest, GetLimitsResponse

from service.context import CallContext
from service.orgs.registry import OrgRegistry

_API_REQUESTS = "DailyApiRequests"


class OrgService:
    """Tells about the configured orgs.

    Args:
        orgs: The configured orgs.

    """

    def __init__(self, orgs: OrgRegistry) -> None:
        self._orgs = orgs

    async def get_limits(self, request: GetLimitsRequest, call: CallContext) -> GetLimitsResponse:
        """Read the org's limits."""
        org = self._orgs.get(request.org)
        limits = [
            pb.Limit(name=limit.name, maximum=limit.maximum, remaining=limit.remaining)
            for limit in await org.limits(call)
        ]
        observed = Timestamp()
        observed.FromMilliseconds(int(call.clock.now() * 1000))
        calls = next((limit for limit in limits if limit.name == _API_REQUESTS), None)
        return GetLimitsResponse(
            limits=pb.OrgLimits(org=org.name, api_requests=calls, limits=limits, observe_time=observed)
        )
