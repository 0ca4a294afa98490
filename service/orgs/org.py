"""One tenant: what the RPCs ask of a Salesforce org."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from service import soql
from service.batching.statistics import Statistics as BatchingStatistics
from service.bulk import load
from service.bulk.events import Event
from service.bulk.job import Load, LoadRequest, Operation
from service.bulk.token import LoadToken, TokenSigner
from service.context import CallContext
from service.errors import SluicegateError
from service.governor.base import Statistics
from service.orgs import reading
from service.orgs.bulk_jobs import OrgBulkJobs
from service.orgs.compose import Composer
from service.orgs.guard import Guard
from service.orgs.links import OrgLinks
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
        load_tokens: Signs the tokens of its bulk loads.

    """

    def __init__(
        self,
        client: SalesforceClient,
        *,
        guard: Guard,
        records: OrgRecords,
        queries: OrgQueries,
        links: OrgLinks,
        load_tokens: TokenSigner,
    ) -> None:
        self.name = client.org
        """The org's configured name."""
        self.links = links
        """Its deep links."""
        self._client = client
        self._guard = guard
        self._load_tokens = load_tokens
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

    async def limits(self, context: CallContext) -> tuple[Limit, ...]:
        """Return the org's limits by name, by one call to Salesforce."""
        self._guard.admit(context)
        return await self._client.limits(context)

    def bulk_load(self, request: LoadRequest, data: AsyncIterator[bytes], context: CallContext) -> AsyncIterator[Event]:
        """Load rows and yield what happens; see `service.bulk.load.run`."""
        self._guard.admit(context)
        return load.run(request, data, OrgBulkJobs(self._client, context, request.object), context.clock)

    def sign_load(self, found: Load, rows: int) -> str:
        """Return the token that names a load.

        Args:
            found: The load.
            rows: Rows received so far.

        """
        token = LoadToken(
            org=self.name,
            job_id=found.job.id,
            object=found.object,
            operation=found.operation.value,
            external_id_field=found.external_id_field,
            rows=rows,
            created=int(found.created_at),
        )
        return self._load_tokens.write(token)

    async def find_load(self, resume_token: str, context: CallContext) -> Load:
        """Return how a load stands, by one call to Salesforce.

        Raises:
            service.errors.InvalidToken: The token was not made here, or for another org.
            service.errors.LoadNotFound: Salesforce knows the job no more.

        """
        token = self._load_tokens.read(resume_token, org=self.name)
        self._guard.admit(context)
        job = await OrgBulkJobs(self._client, context).job_info(token.job_id)
        return Load(job, token.object, Operation(token.operation), token.external_id_field, float(token.created))
