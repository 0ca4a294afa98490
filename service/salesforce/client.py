"""The facade of one org's HTTP API: a typed method for each call, over one stack of transports."""

import asyncio
from collections.abc import Sequence

from msgspec.json import Decoder

from service.context import CallContext
from service.errors import SluicegateError
from service.salesforce.calls import collections, composite, describe, limits, query, records, references, single
from service.salesforce.calls.query import Page
from service.salesforce.calls.query import Row as QueryRow
from service.salesforce.calls.writes import Operation, Row, Saved, Write, WriteOptions
from service.salesforce.transport.base import Request, Response, Session, Transport


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

    def most_rows(self, operation: Operation, *, by_key: bool) -> int:
        """Return how many records `write_rows` takes.

        Args:
            operation: What is done to them.
            by_key: Whether an external id finds them.

        """
        return collections.MOST_ROWS if collections.takes(operation, by_key=by_key) else composite.MOST_ROWS

    async def write_rows(
        self, operation: Operation, rows: Sequence[Row], options: WriteOptions, context: CallContext, *, field: str
    ) -> list[Saved | SluicegateError]:
        """Write records in one call, each on its own, and tell what became of each.

        Upserts and whatever is found by id travel as a collection, updates and deletions by external id, which
        collections do not know, as subrequests of a composite.

        Args:
            operation: What is done to every record.
            rows: The records, at most `most_rows`, those of one sObject next to each other.
            options: How they are written.
            context: The call they are for.
            field: API name of the external-id field that finds them; empty if ids do.

        """
        if not collections.takes(operation, by_key=bool(field)):
            return await self._write_by_key(rows, options, context)
        request = collections.request(self._base, operation, rows, options, field=field)
        response = await self._transport.send(request, context)
        return collections.read(response, operation, rows, org=self._org, field=field)

    async def _write_by_key(
        self, rows: Sequence[Row], options: WriteOptions, context: CallContext
    ) -> list[Saved | SluicegateError]:
        writes = [row.write for row in rows]
        literal = [references.is_literal(write) for write in writes]
        together = [write for write, is_literal in zip(writes, literal, strict=True) if is_literal]
        outcomes: list[Saved | SluicegateError] = []
        if together:
            response = await self._transport.send(composite.rows(self._base, together, options), context)
            outcomes = composite.read_rows(response, together, org=self._org)
        if len(together) == len(writes):
            return outcomes
        # What Salesforce would take for a reference to another subrequest goes in a call of its own; the others, who
        # wait for all of them, wait no longer than for one.
        async with asyncio.TaskGroup() as group:
            alone = [
                None if is_literal else group.create_task(self._write_alone(write, options, context))
                for write, is_literal in zip(writes, literal, strict=True)
            ]
        following = iter(outcomes)
        return [next(following) if task is None else task.result() for task in alone]

    async def _write_alone(self, write: Write, options: WriteOptions, context: CallContext) -> Saved | SluicegateError:
        try:
            response = await self._transport.send(single.single(self._base, write, options), context)
        except SluicegateError as error:
            return error
        return single.read_single(response, write, org=self._org)

    async def lookup(self, sobject: str, field: str, value: str, context: CallContext) -> str:
        """Return the id of the record that an external id names."""
        response = await self._transport.send(records.lookup(self._base, sobject, field, value), context)
        return records.looked_up(response, org=self._org, sobject=sobject, field=field)

    async def describe(
        self, sobject: str, context: CallContext, known: describe.SObject | None = None
    ) -> describe.SObject:
        """Return the description of one sObject; `known` itself if Salesforce says that it still holds."""
        request = describe.get(self._base, sobject, known.last_modified if known is not None else "")
        response = await self._transport.send(request, context)
        return describe.parse(response, org=self._org, sobject=sobject, known=known)

    async def sobject_names(self, context: CallContext) -> list[str]:
        """Return the API names of all sObjects that the org's user may see."""
        return describe.parse_names(await self._transport.send(describe.get_names(self._base), context), org=self._org)

    async def limits(self, context: CallContext) -> tuple[limits.Limit, ...]:
        """Return the org's limits by name."""
        return limits.parse(await self._transport.send(limits.get(self._base), context), org=self._org)

    async def first_page(
        self,
        soql: str,
        pages: Decoder[Page[QueryRow]],
        context: CallContext,
        *,
        page_size: int,
        include_deleted: bool,
        session: Session | None = None,
    ) -> Page[QueryRow]:
        """Run a query and return its first page.

        Args:
            soql: The query with its parameters bound.
            pages: Decodes pages.
            context: The call it is for.
            page_size: Rows a page, 200 to 2,000; Salesforce may send fewer.
            include_deleted: Also read the recycle bin and archived activities.
            session: Takes note of the session that the result belongs to.

        Raises:
            MessageTooLarge: The query is longer than Salesforce takes any.

        """
        request = query.first(self._base, soql, page_size=page_size, include_deleted=include_deleted, session=session)
        return query.parse_first(request, await self._transport.send(request, context), pages, org=self._org)

    async def next_page(
        self, locator: str, pages: Decoder[Page[QueryRow]], context: CallContext, *, session: Session | None = None
    ) -> Page[QueryRow]:
        """Return a later page.

        Args:
            locator: Names it; see `next_locator`.
            pages: Decodes pages.
            context: The call it is for.
            session: The session that the result belongs to.

        Raises:
            QueryNotResumable: Salesforce no longer holds the result.

        """
        request = query.following(self._base, locator, session=session)
        return query.parse_following(await self._transport.send(request, context), pages, org=self._org)

    def next_locator(self, next_records_url: str | None) -> str:
        """Return what names the page that a page calls its next one, or nothing.

        Raises:
            UpstreamProtocolError: It is not a path of the query resource.

        """
        return query.locator_of(self._base, next_records_url, org=self._org)
