"""One tenant: what the RPCs ask of a Salesforce org."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from service import soql
from service.batching.statistics import Statistics as BatchingStatistics
from service.context import CallContext
from service.errors import SluicegateError
from service.governor.base import Statistics
from service.orgs import reading
from service.orgs.compose import Composer
from service.orgs.guard import Guard
from service.orgs.links import OrgLinks
from service.orgs.load_plans import LoadDraft, LoadStep, plan_loads
from service.orgs.loads import OrgLoads
from service.orgs.queries import OrgQueries
from service.orgs.reading import FoundRecord
from service.orgs.records import OrgRecords
from service.query.batches import Batch
from service.query.explanation import Explanation
from service.query.options import Options
from service.salesforce.calls.composite import Node
from service.salesforce.calls.limits import Limit
from service.salesforce.calls.writes import ExternalKey, Saved, Write, WriteOptions
from service.salesforce.client import SalesforceClient


class Org:
    """A configured org. Safe to share between tasks.

    Whatever costs an API call is admitted by the governor first, so that a call that cannot be afforded costs nothing.
    What the governor refuses raises `service.errors.Exhausted`.

    Args:
        client: Its HTTP API.
        guard: Says what may be asked of it.
        records: Writes its records.
        queries: Reads its records with SOQL.
        links: Its deep links.
        loads: Loads many records.

    """

    def __init__(
        self,
        client: SalesforceClient,
        *,
        guard: Guard,
        records: OrgRecords,
        queries: OrgQueries,
        links: OrgLinks,
        loads: OrgLoads,
    ) -> None:
        self.name = client.org
        """The org's configured name."""
        self.links = links
        """Its deep links."""
        self.loads = loads
        """Its bulk loads."""
        self._client = client
        self._guard = guard
        self._records = records
        self._descriptions = records.descriptions
        self._queries = queries
        self._composer = Composer(client, records.check, records.explain)

    def governor_statistics(self) -> Statistics:
        """Return how the org's calls stand, as far as is known here. Salesforce is not asked."""
        return self._guard.statistics()

    def batching_statistics(self) -> BatchingStatistics:
        """Return how the org's writes stand."""
        return self._records.statistics()

    async def write(
        self, write: Write, options: WriteOptions, context: CallContext, *, max_wait_seconds: float | None = None
    ) -> Saved:
        """Write one record, in a call that may carry others' records; see `OrgRecords.write`."""
        self._guard.admit(context)
        return await self._records.write(write, options, context, max_wait_seconds=max_wait_seconds)

    async def apply(
        self,
        writes: Sequence[Write],
        options: WriteOptions,
        context: CallContext,
        *,
        max_wait_seconds: float | None = None,
    ) -> list[Saved | SluicegateError]:
        """Write several records, each on its own; see `OrgRecords.apply`."""
        self._guard.admit(context)
        return await self._records.apply(writes, options, context, max_wait_seconds=max_wait_seconds)

    async def compose(self, nodes: Sequence[Node], options: WriteOptions, context: CallContext) -> list[Saved]:
        """Carry out a graph, all or none; see `Composer.compose`."""
        self._guard.admit(context)
        return await self._composer.compose(nodes, options, context)

    async def get_record(
        self, sobject: str, record_id: str, key: ExternalKey | None, fields: Sequence[str], context: CallContext
    ) -> FoundRecord:
        """Return a record's fields; see `service.orgs.reading.read`."""
        self._guard.admit(context)
        return await reading.read(self._client, self._descriptions, sobject, record_id, key, fields, context)

    async def query(
        self, text: str, parameters: Mapping[str, soql.Value], options: Options, context: CallContext
    ) -> AsyncIterator[Batch]:
        """Bind a query's parameters and yield its result; see `OrgQueries.read`."""
        self._guard.admit(context)
        read: Any = self._queries.read(text, parameters, options, context)
        async with aclosing(read) as batches:
            async for batch in batches:
                yield batch

    async def explain_query(
        self, text: str, parameters: Mapping[str, soql.Value], options: Options, context: CallContext
    ) -> Explanation:
        """Tell how a query would be run; see `OrgQueries.explain`."""
        self._guard.admit(context)
        return await self._queries.explain(text, parameters, options, context)

    async def plan_loads(self, drafts: Sequence[LoadDraft], context: CallContext) -> list[LoadStep]:
        """Return the order in which loads that refer to each other are to be run; see `load_plans.plan_loads`."""
        self._guard.admit(context)
        return await plan_loads(drafts, self._descriptions, context)

    async def limits(self, context: CallContext) -> tuple[Limit, ...]:
        """Return the org's limits by name, by one call to Salesforce."""
        self._guard.admit(context)
        return await self._client.limits(context)
