"""A cache of sObject descriptions: each is asked for once however many calls wait for it."""

import asyncio
import random
from collections.abc import Callable
from copy import copy
from functools import partial
from itertools import islice
from weakref import WeakValueDictionary

from service.context import CallContext
from service.errors import Exhausted, FieldViolation, Unavailable, UnknownObject
from service.orgs.object_names import ObjectNames
from service.orgs.write_rules import WriteRules
from service.salesforce.calls.describe import SObject
from service.salesforce.client import SalesforceClient
from service.salesforce.line import Line

_LIFETIME_SECONDS = 600.0
_LIFETIME_JITTER = 0.1
"""Descriptions expire up to a tenth early, so that those read together are not read again together."""
_FRESH_SECONDS = 60.0
"""How long a description is good enough to refuse a write by."""
_MOST = 512
_MANY_MISSING = 16
"""So many unknown names within a minute are guesses; the list of all names answers those that follow."""


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

    A caller that is cancelled while it asks leaves the asking to the next one that waits. Those who wait for one
    description go on in the order in which they came, before any who come later.

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
        self._lines: dict[str, Line[_Known]] = {}
        """Those who wait for descriptions: writes of one record must not overtake each other here."""
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

    def known_rules(self, sobject: str, context: CallContext) -> WriteRules | None:
        """Return what `rules` does if it need not wait, for Salesforce or for those who came before; else None."""
        name = sobject.lower()
        known = self._known.get(name)
        if known is None or name in self._lines or context.clock.monotonic() >= known.expires_at:
            return None
        return known.rules

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
        line = self._lines.get(name)
        if line is None:
            known = self._known.get(name)
            if known is not None and context.clock.monotonic() < known.expires_at:
                return known
            self._refuse_missing(name, context)
            line = self._lines[name] = Line()
        try:
            return await line.join(partial(self._fetch, sobject, context))
        finally:
            if line.is_empty and self._lines.get(name) is line:
                del self._lines[name]

    async def _fetch(self, sobject: str, context: CallContext) -> _Known:
        name = sobject.lower()
        async with self._locks.setdefault(name, asyncio.Lock()):
            known = self._known.get(name)
            if known is not None and context.clock.monotonic() < known.expires_at:
                return known
            self._refuse_missing(name, context)
            if known is None and self._are_guesses(context) and await self._names.lack(sobject, context):
                problem = "no such sObject, or not visible to the org's user"
                error = UnknownObject(
                    f"the org has no sObject {sobject!r}",
                    metadata={"org": self._client.org, "object": sobject},
                    violations=[FieldViolation("object", problem)],
                )
                raise copy(await self._note_missing(error, sobject, context))
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
            raise copy(await self._note_missing(error, sobject, context)) from error
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

    async def _note_missing(self, error: UnknownObject, sobject: str, context: CallContext) -> UnknownObject:
        """Remember that an sObject is missing, and return the error with the name that was probably meant."""
        missing = await self._with_nearest(error, sobject, context)
        while len(self._missing) >= _MOST:
            self._missing.pop(next(iter(self._missing)))
        self._missing[sobject.lower()] = (context.clock.monotonic() + _FRESH_SECONDS, missing)
        return missing

    def _are_guesses(self, context: CallContext) -> bool:
        """Tell whether many different names were unknown within a minute: each must not spend a call."""
        newest = islice(reversed(self._missing.values()), _MANY_MISSING - 1, None)
        return any(until > context.clock.monotonic() for until, _ in islice(newest, 1))

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
