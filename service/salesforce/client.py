"""The facade of one org's HTTP API: a typed method for each call, over one stack of transports."""

from collections.abc import Mapping

from msgspec.json import Decoder

from service.context import CallContext
from service.errors import InvalidRequest
from service.salesforce.calls import describe, limits, query, records
from service.salesforce.calls.query import Page, Row
from service.salesforce.transport.base import Request, Response, Transport

_LONGEST_PATH = 14_000
"""Salesforce refuses request line and headers above 16,384 bytes together ("API Request Limits and Allocations")."""


class SalesforceClient:
    """Calls one org. Safe to share between tasks; cancelling a method abandons its request.

    Every method raises the errors of `service.salesforce.faults`, of the retry stage and of the token cache.

    Args:
        transport: The stack, `retry` on top.
        org: The org's configured name, for errors.
        api_version: Version of Salesforce's API, `66.0`.

    """

    def __init__(self, transport: Transport, *, org: str, api_version: str) -> None:
        self._transport = transport
        self._org = org
        self._base = f"/services/data/v{api_version}"

    async def send(self, request: Request, context: CallContext) -> Response:
        """Send any request through the stack and return the answer whatever its status."""
        return await self._transport.send(request, context)

    @property
    def base(self) -> str:
        """Path of the API version."""
        return self._base

    @property
    def org(self) -> str:
        """The org's configured name."""
        return self._org

    async def upsert(
        self, sobject: str, field: str, value: str, values: Mapping[str, records.JsonValue], context: CallContext
    ) -> records.Upserted:
        """Create or update one record by external id; see `service.salesforce.calls.records.upsert`."""
        request = records.upsert(self._base, sobject, field, value, values)
        response = await self._transport.send(request, context)
        return records.upserted(response, org=self._org, sobject=sobject, field=field)

    async def lookup(self, sobject: str, field: str, value: str, context: CallContext) -> str:
        """Return the id of the record that an external id names."""
        response = await self._transport.send(records.lookup(self._base, sobject, field, value), context)
        return records.looked_up(response, org=self._org, sobject=sobject, field=field)

    async def describe(self, sobject: str, context: CallContext) -> describe.SObject:
        """Return the description of one sObject."""
        response = await self._transport.send(describe.get(self._base, sobject), context)
        return describe.parse(response, org=self._org, sobject=sobject)

    async def limits(self, context: CallContext) -> tuple[limits.Limit, ...]:
        """Return the org's limits by name."""
        return limits.parse(await self._transport.send(limits.get(self._base), context), org=self._org)

    async def first_page(
        self, soql: str, pages: Decoder[Page[Row]], context: CallContext, *, page_size: int, include_deleted: bool
    ) -> Page[Row]:
        """Run a query and return its first page.

        Raises:
            InvalidRequest: The query is too long for the Query resource.

        """
        request = query.first(self._base, soql, page_size=page_size, include_deleted=include_deleted)
        if len(request.path) > _LONGEST_PATH:
            raise InvalidRequest(
                f"the query is {len(request.path)} bytes long when encoded; Salesforce takes {_LONGEST_PATH}",
                violations=[],
            )
        return query.parse(await self._transport.send(request, context), pages, org=self._org)

    async def next_page(self, next_records_url: str, pages: Decoder[Page[Row]], context: CallContext) -> Page[Row]:
        """Return the page that the page before named."""
        request = query.following(self._base, next_records_url, org=self._org)
        return query.parse(await self._transport.send(request, context), pages, org=self._org)
