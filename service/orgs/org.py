"""One tenant: what the RPCs ask of a Salesforce org."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from service import soql
from service.context import CallContext
from service.deep_links.config import LinkConfig
from service.deep_links.link import ExternalId, Link, LinkedRecord, LinkSigner
from service.deep_links.resolver import Device, Resolution, resolve
from service.errors import (
    FieldViolation,
    RecordNotFound,
    SluicegateError,
    UnknownObject,
)
from service.governor.base import Statistics
from service.orgs import diagnosis, reading
from service.orgs.compose import Composer
from service.orgs.guard import Guard
from service.orgs.loads import OrgLoads
from service.orgs.queries import OrgQueries
from service.orgs.reading import FoundRecord
from service.orgs.records import OrgRecords
from service.query.batches import Batch
from service.query.explain import Explanation
from service.query.options import Options
from service.salesforce.auth.token_cache import TokenCache
from service.salesforce.calls.composite import Node
from service.salesforce.calls.limits import Limit
from service.salesforce.calls.writes import ExternalKey, Saved, Write, WriteOptions
from service.salesforce.client import SalesforceClient
from service.salesforce.ids import long_id


class Org:
    """A configured org. Safe to share between tasks.

    Whatever costs an API call is admitted by the governor first, so that a call that cannot be afforded costs nothing.
    What the governor refuses raises `service.errors.Exhausted`.

    Args:
        client: Its HTTP API.
        tokens: Its access tokens, for the instance URL that links point at.
        guard: Says what may be asked of it.
        records: Writes its records.
        queries: Reads its records with SOQL.
        links: How its deep links look.
        loads: Loads many records.

    """

    def __init__(
        self,
        client: SalesforceClient,
        tokens: TokenCache,
        *,
        guard: Guard,
        records: OrgRecords,
        queries: OrgQueries,
        links: LinkConfig,
        loads: OrgLoads,
    ) -> None:
        self.name = client.org
        """The org's configured name."""
        self.loads = loads
        """Its bulk loads."""
        self._client = client
        self._tokens = tokens
        self._guard = guard
        self._links = links
        self._signer = LinkSigner(links)
        self._records = records
        self._descriptions = records.descriptions
        self._queries = queries
        self._composer = Composer(client, records.check, records.explain)

    def governor_statistics(self) -> Statistics:
        """Return how the org's calls stand, as far as is known here. Salesforce is not asked."""
        return self._guard.statistics()

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

    def create_link(self, link: Link, ttl_seconds: int | None, context: CallContext) -> tuple[str, int]:
        """Return a signed link and when it expires, in seconds since the epoch. Salesforce is not asked.

        Args:
            link: What the link says; its org and expiry are filled in here.
            ttl_seconds: How long it is valid; None for the org's default.
            context: The call it is for.

        Raises:
            service.errors.InvalidRequest: A part cannot stand in a link, or the record's id is damaged.

        """
        if isinstance(link.record.key, str):
            link = replace(link, record=LinkedRecord(link.record.object, long_id(link.record.key, "record.id")))
        expires_at = self._signer.expiry(context.clock.now(), ttl_seconds)
        return self._signer.write(replace(link, org=self.name, expires_at=expires_at)), expires_at

    def read_link(self, url: str, context: CallContext) -> Link:
        """Return what a signed link of this org says.

        Raises:
            service.errors.InvalidLink: The link is malformed, altered, or of another org.
            service.errors.LinkExpired: It is past its expiry.

        """
        return self._signer.read(url, org=self.name, now=context.clock.now())

    async def resolve_link(self, link: Link, device: Device, context: CallContext) -> tuple[Resolution, Link]:
        """Return what a link opens, and the link with the record's Salesforce id.

        A record given by external id costs one call to Salesforce; one given by id costs none.

        Raises:
            service.errors.RecordNotFound: The external id matches no record.
            service.errors.UnknownObject: The org has no such sObject.
            service.errors.UnknownField: The field is no external id of the sObject.
            service.errors.InvalidRequest: The record's id is damaged.

        """
        key = link.record.key
        if isinstance(key, ExternalId):
            self._guard.admit(context)
            record_id = await self._look_up(link.record.object, key, context)
        else:
            record_id = long_id(key, "record.id")
        instance_url = await self._instance_url(context)
        provider = self._links.provider(link.provider)
        resolution = resolve(link, device, provider, instance_url=instance_url, record_id=record_id)
        return resolution, replace(link, record=LinkedRecord(link.record.object, record_id))

    async def _look_up(self, sobject: str, key: ExternalId, context: CallContext) -> str:
        """Return a record's id. Where there is none, the description tells whether there could be one."""
        try:
            return await self._client.lookup(sobject, key.field, key.value, context)
        except RecordNotFound as error:
            missing = error
        try:
            description = await self._descriptions.get(sobject, context)
        except UnknownObject as error:
            fault = FieldViolation("record.object", error.message)
            raise UnknownObject(error.message, metadata=error.metadata, violations=[fault]) from missing
        raise diagnosis.without_key(missing, description, within="record.") or missing

    async def _instance_url(self, context: CallContext) -> str:
        """A My Domain login host is the instance itself; only the shared login hosts must be asked."""
        if (urlsplit(self._tokens.login_url).hostname or "").endswith(".my.salesforce.com"):
            return self._tokens.login_url
        return (await self._tokens.current(context)).instance_url
