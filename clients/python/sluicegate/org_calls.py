"""OrgService as methods of the client."""

from sluicegate.connection import Connected, translated
from sluicegate.results import OrgLimits, decode_limits
from sluicegate.v1.org_service_pb2 import GetLimitsRequest


class OrgCalls(Connected):
    """The calls that tell about an org."""

    async def get_limits(self) -> OrgLimits:
        """Read the org's limits, by one call to Salesforce."""
        with translated():
            response = await self._stubs.orgs.GetLimits(GetLimitsRequest(org=self._org), timeout=self._timeout)
        return decode_limits(response.limits)
