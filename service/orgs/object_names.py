"""The names of an org's sObjects, for telling a caller which one was probably meant."""

import asyncio

from service.context import CallContext
from service.errors import SluicegateError
from service.orgs.nearest import NearestNames
from service.salesforce.client import SalesforceClient

_LIFETIME_SECONDS = 600.0
_FRESH_SECONDS = 60.0


class ObjectNames:
    """Names of one org's sObjects, read when the first one is misspelt and kept for ten minutes.

    Args:
        client: The org.

    """

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client
        self._names = NearestNames(())
        self._lower: frozenset[str] = frozenset()
        self._read_at: float | None = None
        self._lock = asyncio.Lock()

    async def nearest(self, sobject: str, context: CallContext) -> str:
        """Return the name that is nearest to one that no sObject has; empty if none is, or the org cannot say.

        A caller that is cancelled while it asks leaves the asking to the next one that waits.

        Args:
            sobject: The name as the caller spelled it.
            context: The call it is for.

        """
        return self._names.find(sobject) if await self._are_known(context, _LIFETIME_SECONDS) else ""

    async def lack(self, sobject: str, context: CallContext) -> bool:
        """Tell whether no sObject has a name, as of a minute ago; false if the org cannot say.

        Args:
            sobject: The name, in any case.
            context: The call it is for.

        """
        return await self._are_known(context, _FRESH_SECONDS) and sobject.lower() not in self._lower

    async def _are_known(self, context: CallContext, lifetime_seconds: float) -> bool:
        async with self._lock:
            if self._read_at is None or context.clock.monotonic() >= self._read_at + lifetime_seconds:
                try:
                    names = await self._client.sobject_names(context)
                except SluicegateError:
                    # A suggestion is not worth another error than that of the name; whoever errs next asks again.
                    return False
                self._names, self._lower = NearestNames(names), frozenset(name.lower() for name in names)
                self._read_at = context.clock.monotonic()
            return True
