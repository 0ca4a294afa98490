"""A cache of sObject descriptions: each is asked for once however many calls wait for it."""

import asyncio
import random
from collections.abc import Callable

from service.context import CallContext
from service.salesforce.calls.describe import SObject
from service.salesforce.client import SalesforceClient

_LIFETIME_SECONDS = 600.0
_LIFETIME_JITTER = 0.1
"""Descriptions expire up to a tenth early, so that those read together are not read again together."""
_MOST = 512


class Descriptions:
    """Descriptions of one org's sObjects, each kept for ten minutes.

    Args:
        client: The org.
        jitter: Returns a number from 0 to 1.

    """

    def __init__(self, client: SalesforceClient, jitter: Callable[[], float] = random.random) -> None:
        self._client = client
        self._jitter = jitter
        self._known: dict[str, tuple[float, SObject]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, sobject: str, context: CallContext) -> SObject:
        """Return the description of an sObject. A caller that is cancelled leaves the asking to the next one.

        Args:
            sobject: API name, in any case.
            context: The call it is for.

        Raises:
            service.errors.UnknownObject: The org has no such sObject; not remembered.

        """
        name = sobject.lower()
        now = context.clock.monotonic()
        found = self._known.get(name)
        if found is not None and now < found[0]:
            return found[1]
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with lock:
                found = self._known.get(name)
                if found is not None and now < found[0]:
                    return found[1]
                description = await self._client.describe(sobject, context)
                if len(self._known) >= _MOST:
                    self._known.pop(next(iter(self._known)))
                lifetime = _LIFETIME_SECONDS * (1 - _LIFETIME_JITTER * self._jitter())
                self._known[name] = (context.clock.monotonic() + lifetime, description)
                return description
        finally:
            if not lock.locked():
                self._locks.pop(name, None)
