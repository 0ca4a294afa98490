"""The names of an org's sObjects, for telling a caller which one was probably meant."""

import asyncio

from service.context import CallContext
from service.errors import SluicegateError
from service.orgs.nearest import NearestNames
from service.salesforce.client import SalesforceClient

_LIFETIME_SECONDS = 600.0


class ObjectNames:
    """Names of one org's sObjects, read when the first one is misspelt and kept for ten minutes.

    Args:
        client: The org.

    """

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client
        self._names = NearestNames(())
        self._expires_at: float | None = None
        self._lock = asyncio.Lock()

    async def nearest(self, sobject: str, context: CallContext) -> str:
        """Return the name that is nearest to one that no sObject has; empty if none is, or the org cannot say.

        A caller that is cancelled while it asks leaves the asking to the next one that waits.

        Args:
            sobject: The name as the caller spelled it.
            context: The call it is for.

        """
        async with self._lock:
            now = context.clock.monotonic()
            if self._expires_at is None or now >= self._expires_at:
                try:
                    self._names = NearestNames(await self._client.sobject_names(context))
                except SluicegateError:
                    # A suggestion is not worth another error than that of the name; whoever errs next asks again.
                    return ""
                self._expires_at = context.clock.monotonic() + _LIFETIME_SECONDS
            return self._names.find(sobject)
