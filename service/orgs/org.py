"""One tenant: what the RPCs ask of a Salesforce org."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from service import soql
from service.bulk.token import TokenSigner
from service.context import CallContext
from service.deep_links.config import LinkConfig
from service.deep_links.link import ExternalId, Link, LinkedRecord, LinkSigner
from service.deep_links.resolver import Device, Resolution, resolve
from service.orgs.descriptions import Descriptions
from service.query import cursor
from service.query.batches import Batch
from service.salesforce.auth.token_cache import TokenCache
from service.salesforce.calls.limits import Limit
from service.salesforce.calls.records import JsonValue, Upserted
from service.salesforce.client import SalesforceClient


class Org:
    """A configured org. Safe to share between tasks.

    Args:
        name: The org's configured name.
        client: Its HTTP API.
        tokens: Its access tokens, for the instance URL that links point at.
        login_url: Where it logs in.
        links: How its deep links look.
        load_tokens: Signs the tokens of its bulk loads.

    """

    def __init__(
        self,
        name: str,
        client: SalesforceClient,
        tokens: TokenCache,
        *,
        login_url: str,
        links: LinkConfig,
        load_tokens: TokenSigner,
    ) -> None:
        self.name = name
        self._client = client
        self._tokens = tokens
        self._login_url = login_url
        self._links = links
        self._signer = LinkSigner(links)
        self._load_tokens = load_tokens
        self._descriptions = Descriptions(client)

    async def upsert(
        self, sobject: str, field: str, value: str, values: Mapping[str, JsonValue], context: CallContext
    ) -> Upserted:
        """Create or update one record by external id, in one HTTP call.

        Raises:
            service.errors.SluicegateError: Salesforce refused, or could not be asked.

        """
        return await self._client.upsert(sobject, field, value, values, context)

    def query(
        self, text: str, parameters: Mapping[str, soql.Value], options: cursor.Options, context: CallContext
    ) -> AsyncIterator[Batch]:
        """Bind a query's parameters and yield its result; see `service.query.cursor.read`.

        Raises:
            service.errors.MalformedQuery: The text is not SOQL.
            service.errors.InvalidParameter: A parameter is missing, unused or not bindable.

        """
        query = soql.bind(soql.parse(text), parameters)
        return cursor.read(query, options, self._client, lambda name: self._descriptions.get(name, context), context)

    async def limits(self, context: CallContext) -> tuple[Limit, ...]:
        """Return the org's limits by name, by one call to Salesforce."""
        return await self._client.limits(context)

    def create_link(self, link: Link, ttl_seconds: int | None, context: CallContext) -> tuple[str, int]:
        """Return a signed link and when it expires, in seconds since the epoch. Salesforce is not asked.

        Args:
            link: What the link says; its org and expiry are filled in here.
            ttl_seconds: How long it is valid; None for the org's default.
            context: The call it is for.

        Raises:
            service.errors.InvalidRequest: A part cannot stand in a link.

        """
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

        """
        key = link.record.key
        if isinstance(key, ExternalId):
            record_id = await self._client.lookup(link.record.object, key.field, key.value, context)
        else:
            record_id = key
        instance_url = await self._instance_url(context)
        provider = self._links.provider(link.provider)
        resolution = resolve(link, device, provider, instance_url=instance_url, record_id=record_id)
        return resolution, replace(link, record=LinkedRecord(link.record.object, record_id))

    async def _instance_url(self, context: CallContext) -> str:
        """A My Domain login host is the instance itself; only the shared login hosts must be asked."""
        if (urlsplit(self._login_url).hostname or "").endswith(".my.salesforce.com"):
            return self._login_url
        return (await self._tokens.current(context)).instance_url
