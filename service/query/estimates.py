"""What Salesforce tells of how many rows there are about, kept for some minutes."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from service.context import CallContext
from service.errors import InvalidArgument, Refused, SluicegateError
from service.salesforce.calls import query_plans as calls
from service.salesforce.calls.paths import LONGEST_PATH
from service.salesforce.calls.query_plans import Plan
from service.salesforce.client import SalesforceClient
from service.soql import to_soql
from service.soql.ast import Query

RECORDS_SECONDS = 600.0
"""How long a number of records is believed; Salesforce itself counts them less often."""
PLANS_SECONDS = 300.0
_MOST = 1_024
_DIGEST_BYTES = 15

Known = TypeVar("Known")


class Estimates:
    """Numbers of records and plans of one org. Safe to share between tasks; those who want the same ask once.

    Args:
        client: The org.

    """

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client
        self._records: _Kept[int | None] = _Kept(RECORDS_SECONDS)
        self._plans: _Kept[tuple[Plan, ...]] = _Kept(PLANS_SECONDS)

    async def records(self, sobject: str, context: CallContext) -> int | None:
        """Return about how many records an sObject has; None if Salesforce does not tell.

        Args:
            sobject: API name, in any case.
            context: The call it is for.

        """

        async def ask() -> int | None:
            response = await self._client.send(calls.record_counts(self._client.base, [sobject]), context)
            return calls.counts(response, org=self._client.org).get(sobject.lower())

        return await self._records.get(sobject.lower(), ask, context, otherwise=None)

    async def plans(self, query: Query, shape: str, context: CallContext) -> tuple[Plan, ...]:
        """Return the plans of a query or of one of the same shape; none if Salesforce does not tell.

        Args:
            query: The query, its parameters bound.
            shape: Its text with the parameters in it: whatever they hold, the rows are taken to be about as many.
            context: The call it is for.

        """
        digest = blake2b(shape.encode(), digest_size=_DIGEST_BYTES).hexdigest()
        return await self._plans.get(digest, lambda: self.explained(query, context), context, otherwise=())

    async def explained(self, query: Query, context: CallContext) -> tuple[Plan, ...]:
        """Return the plans of a query by a call of its own; none if Salesforce does not explain it.

        Args:
            query: The query, its parameters bound.
            context: The call it is for.

        Raises:
            service.errors.InvalidArgument: Salesforce refuses the query itself.
            service.errors.SluicegateError: Salesforce cannot be asked.

        """
        request = calls.explain(self._client.base, to_soql(query))
        if len(request.path) > LONGEST_PATH:
            return ()
        try:
            return calls.plans(await self._client.send(request, context), org=self._client.org)
        except Refused:
            # The resource is a beta, which does not know every sObject.
            return ()


class _Kept(Generic[Known]):
    """Answers by key, each believed for a while."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: dict[str, tuple[float, Known]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(
        self, key: str, ask: Callable[[], Awaitable[Known]], context: CallContext, *, otherwise: Known
    ) -> Known:
        """Return what is known under a key, or what is asked for; a failure is never worse than not to know.

        Args:
            key: The key.
            ask: Asks Salesforce.
            context: The call it is for.
            otherwise: What stands for a refusal.

        """
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            found = self._known.get(key)
            if found is not None and context.clock.monotonic() < found[0]:
                return found[1]
            try:
                answer = await ask()
            except (Refused, InvalidArgument):
                answer = otherwise
            except SluicegateError:
                # It passes, and whoever goes on to Salesforce will be told.
                return otherwise
            self._known.pop(key, None)
            while len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[key] = (context.clock.monotonic() + self._seconds, answer)
            return answer
