"""OrgService as methods of the client."""

from collections.abc import AsyncGenerator
from datetime import timedelta

from sluicegate.connection import Connected, translated
from sluicegate.durations import encode_duration
from sluicegate.results import OrgLimits, decode_limits
from sluicegate.v1.org_service_pb2 import GetLimitsRequest, WatchLimitsRequest


class OrgCalls(Connected):
    """The calls that tell about an org."""

    async def get_limits(self, *, known_only: bool = False) -> OrgLimits:
        """Read the org's limits, by one call to Salesforce, and how the service keeps to them.

        Args:
            known_only: Make no call to Salesforce: tell what the service knows.

        """
        request = GetLimitsRequest(org=self._org, known_only=known_only)
        with translated():
            response = await self._stubs.orgs.GetLimits(request, timeout=self._timeout)
        return decode_limits(response.limits)

    async def watch_limits(
        self, interval: timedelta | float = 5.0, *, ask_salesforce: bool = False
    ) -> AsyncGenerator[OrgLimits, None]:
        """Yield how the service keeps to the org's limits, at once and then after each interval, without end.

        Leaving the loop early leaves the watch open until the iterator is closed; `contextlib.aclosing` does that. A
        replica that is to stop ends the watch with `SHUTTING_DOWN`: begin it anew, another one answers.

        Args:
            interval: A timedelta, or seconds from 1 to 60.
            ask_salesforce: Read the org's limits each time, by one call to Salesforce; a call that fails ends the
                watch.

        Raises:
            SluicegateError: The call failed.
            ValueError: The interval is no length of time.

        """
        request = WatchLimitsRequest(
            org=self._org,
            interval=encode_duration("interval", interval, "seconds from 1 to 60"),
            ask_salesforce=ask_salesforce,
        )
        call = self._stubs.orgs.WatchLimits(request)
        try:
            with translated():
                async for response in call:
                    yield decode_limits(response.limits)
        finally:
            call.cancel()
