"""A cache of sObject descriptions: each is asked for once however many calls wait for it."""

import asyncio
import random
from collections.abc import Callable
from copy import copy
from weakref import WeakValueDictionary

from service.context import CallContext
from service.errors import Exhausted, Unavailable, UnknownObject
from service.orgs.object_names import ObjectNames
from service.orgs.write_rules import WriteRules
from service.salesforce.calls.describe import SObject
from service.salesforce.client import SalesforceClient

_LIFETIME_SECONDS = 600.0
_LIFETIME_JITTER = 0.1
"""Descriptions expire up to a tenth early, so that those read together are not read again together."""
_FRESH_SECONDS = 60.0
"""How long a description is good enough to refuse a write by."""
_MOST = 512


class _Known:
    """A description, what was made of it, and how old it is in monotonic seconds."""

    __slots__ = ("_rules", "asked_at", "description", "expires_at")

    def __init__(self, description: SObject, asked_at: float, expires_at: float) -> None:
        self.description = description
        self.asked_at = asked_at
        self.expires_at = expires_at
        self._rules: WriteRules | None = None

    @property
    def rules(self) -> WriteRules:
        if self._rules is None:
            self._rules = WriteRules(self.description)
        return self._rules


class Descriptions:
    """Descriptions of one org's sObjects, each kept for ten minutes.

    A caller that is cancelled while it asks leaves the asking to the next one that waits.

    Args:
        client: The org.
        jitter: Returns a number from 0 to 1.

    """

    def __init__(self, client: SalesforceClient, jitter: Callable[[], float] = random.random) -> None:
        self._client = client
        self._jitter = jitter
        self._known: dict[str, _Known] = {}
        self._missing: dict[str, tuple[float, UnknownObject]] = {}
        """What the org does not have, until when that is believed."""
        self._names = ObjectNames(client)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, sobject: str, context: CallContext) -> SObject:
        """Return the description of an sObject.

        Args:
            sobject: API name, in any case.
            context: The call it is for.

        Raises:
            service.errors.UnknownObject: The org has no such sObject; that is believed for a minute.

        """
        return (await self._get(sobject, context)).description

    async def rules(self, sobject: str, context: CallContext) -> WriteRules:
        """Return the rules for writes of an sObject, made once of each description.

        Args:
            sobject: API name, in any case.
            context: The call it is for.

        Raises:
            service.errors.UnknownObject: The org has no such sObject.

        """
        return (await self._get(sobject, context)).rules

    async def refreshed(self, sobject: str, context: CallContext) -> SObject | None:
        """Return a description that was just read, so that nothing is refused that has changed since.

        Salesforce is asked at most once a minute for each sObject, however many are refused.

        Args:
            sobject: API name, in any case.
            context: The call it is for.

        Returns:
            The description; None if the one that `get` returns is not a minute old, or Salesforce cannot say.

        Raises:
            service.errors.UnknownObject: The org has the sObject no more.

        """
        known = await self._refreshed(sobject, context)
        return known.description if known is not None else None

    async def refreshed_rules(self, sobject: str, context: CallContext) -> WriteRules | None:
        """Return what `refreshed` does as rules."""
        known = await self._refreshed(sobject, context)
        return known.rules if known is not None else None

    async def _get(self, sobject: str, context: CallContext) -> _Known:
        name = sobject.lower()
        known = self._known.get(name)
        if known is not None and context.clock.monotonic() < known.expires_at:
            return known
        self._refuse_missing(name, context)
        async with self._locks.setdefault(name, asyncio.Lock()):
            known = self._known.get(name)
            if known is not None and context.clock.monotonic() < known.expires_at:
                return known
            self._refuse_missing(name, context)
            return await self._ask(sobject, context, known.description if known is not None else None)

    async def _refreshed(self, sobject: str, context: CallContext) -> _Known | None:
        name = sobject.lower()
        known = self._known.get(name)
        if known is not None and _is_fresh(known, context):
            return None
        async with self._locks.setdefault(name, asyncio.Lock()):
            latest = self._known.get(name)
            if latest is not None and _is_fresh(latest, context):
                return latest if latest is not known else None
            try:
                # Not asked by the date of the last change: what the org's user may see changes without it.
                return await self._ask(sobject, context, None)
            except (Unavailable, Exhausted):
                if latest is not None:
                    latest.asked_at = context.clock.monotonic()
                return None

    async def _ask(self, sobject: str, context: CallContext, known: SObject | None) -> _Known:
        name = sobject.lower()
        try:
            description = await self._client.describe(sobject, context, known)
        except UnknownObject as error:
            self._known.pop(name, None)
            missing = await self._with_nearest(error, sobject, context)
            while len(self._missing) >= _MOST:
                self._missing.pop(next(iter(self._missing)))
            self._missing[name] = (context.clock.monotonic() + _FRESH_SECONDS, missing)
            raise copy(missing) from error
        before = self._known.pop(name, None)
        while len(self._known) >= _MOST:
            self._known.pop(next(iter(self._known)))
        now = context.clock.monotonic()
        expires_at = now + _LIFETIME_SECONDS * (1 - _LIFETIME_JITTER * self._jitter())
        if before is not None and before.description is description:
            # Not as fresh as one that was read: see `_refreshed`.
            before.expires_at = expires_at
            found = before
        else:
            found = _Known(description, now, expires_at)
        self._known[name] = found
        return found

    def _refuse_missing(self, name: str, context: CallContext) -> None:
        """Refuse an sObject that was missing a moment ago: misspelling it must not spend the org's calls."""
        until, error = self._missing.get(name, (0.0, None))
        if error is not None:
            if context.clock.monotonic() < until:
                raise copy(error)
            del self._missing[name]

    async def _with_nearest(self, error: UnknownObject, sobject: str, context: CallContext) -> UnknownObject:
        nearest = await self._names.nearest(sobject, context)
        if not nearest or nearest.lower() == sobject.lower():
            return error
        metadata = {**error.metadata, "nearest": nearest}
        return UnknownObject(
            f"{error.message}; did you mean {nearest!r}?", metadata=metadata, violations=error.violations
        )


def _is_fresh(known: _Known, context: CallContext) -> bool:
    return context.clock.monotonic() - known.asked_at < _FRESH_SECONDS
