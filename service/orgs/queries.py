"""The queries of one org: bound, routed, read and explained."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from service import soql
from service.context import CallContext
from service.errors import AllocationExceeded, InvalidArgument, MalformedQuery, Refused, SluicegateError, UnknownObject
from service.orgs.descriptions import Descriptions
from service.query import bulk_reading, cursor, early_checks, explanation, route
from service.query.batches import Batch
from service.query.estimates import Estimates
from service.query.explanation import Explanation, Studied
from service.query.leftovers import Leftovers
from service.query.open_results import OpenResults
from service.query.options import Options
from service.query.planner import Describe
from service.query.resume import BulkPosition, ResumeSigner, ResumeToken
from service.query.route import Estimate, Route
from service.query.unknown_names import unknown_name
from service.query.wrong_values import wrong_value
from service.salesforce.client import SalesforceClient
from service.soql.ast import Query

_LONG_QUERY = 8_192
"""From how many characters on a query is parsed beside the event loop: 100,000 of them take most of a second."""
_NOT_IN_BULK = frozenset({"FEATURENOTENABLED", "INVALIDENTITY", "API_DISABLED_FOR_ORG", "LIMIT_EXCEEDED"})
"""What Salesforce answers to a job that it would have taken as a query by REST."""


class OrgQueries:
    """Reads and explains the queries of one org. Safe to share between tasks.

    Args:
        client: The org.
        descriptions: Its sObjects.
        signer: Signs the tokens by which queries go on.
        leftovers: Deletes query jobs.
        bulk_rows: From how many rows on a result is read in bulk unless the caller says otherwise.
        open_results: How many results are read at a time.

    """

    def __init__(
        self,
        client: SalesforceClient,
        descriptions: Descriptions,
        signer: ResumeSigner,
        *,
        leftovers: Leftovers,
        bulk_rows: int,
        open_results: int,
    ) -> None:
        self._client = client
        self._descriptions = descriptions
        self._signer = signer
        self._estimates = Estimates(client)
        self._leftovers = leftovers
        self._bulk_rows = bulk_rows
        self._open_results = OpenResults(open_results, client.org)

    async def read(
        self, text: str, parameters: Mapping[str, soql.Value], options: Options, context: CallContext
    ) -> AsyncIterator[Batch]:
        """Bind a query's parameters and yield its result; see `service.query.cursor` and `service.query.bulk_reading`.

        A query that was sent to bulk by an estimate alone, and that Salesforce does not take there, is read by REST.

        Raises:
            service.errors.InvalidToken: The options have a token that belongs to another request.
            service.errors.InvalidRequest: The route that was asked for cannot run the query.
            service.errors.MalformedQuery: The text is not SOQL.
            service.errors.UnknownField: It names what an sObject does not have.
            service.errors.InvalidParameter: A parameter is missing, unused or not bindable.
            service.errors.ConcurrencyLimitExceeded: As many results are read as may be.

        """
        query = await _bound(text, parameters)
        async with self._open_results.place(context):
            reading: Any = self._read(query, text, parameters, options, context)
            async with aclosing(reading) as batches:
                async for batch in batches:
                    yield batch

    async def _read(
        self,
        query: Query,
        text: str,
        parameters: Mapping[str, soql.Value],
        options: Options,
        context: CallContext,
    ) -> AsyncIterator[Batch]:
        """Yield the result of a query that is bound."""
        start = self._signer.open(query, options, context.clock.now(), org=self._client.org)
        describe = self._describe(context)
        studied = await self._for_bulk(query, text, options, start, describe, context)
        if studied is not None:
            reading = await bulk_reading.reading_of(studied.query, options, start, describe)
            is_sure = bool(options.route or options.resume_token)
            is_begun = False
            in_bulk: Any = bulk_reading.read(
                reading, self._client, context, write=self._signer.write, leftovers=self._leftovers
            )
            try:
                async with aclosing(in_bulk) as batches:
                    async for batch in batches:
                        is_begun = True
                        yield replace(batch, route=Route.BULK.value)
            except (AllocationExceeded, Refused, UnknownObject) as error:
                if is_sure or is_begun or not _is_of_bulk(error):
                    raise
            else:
                return
        by_rest: Any = cursor.read(query, options, self._client, describe, context, start=start, signer=self._signer)
        try:
            async with aclosing(by_rest) as batches:
                async for batch in batches:
                    yield batch
        except MalformedQuery as refused:
            meant = await _meant(query, text, parameters, refused, describe)
            if meant is None:
                raise
            raise meant from refused

    async def explain(
        self, text: str, parameters: Mapping[str, soql.Value], options: Options, context: CallContext
    ) -> Explanation:
        """Bind a query's parameters and tell how it would be run; see `service.query.explanation`."""
        query = await _bound(text, parameters)
        asked = Route(options.route) if options.route else None
        describe = self._describe(context)
        try:
            return await explanation.explain(
                query, asked, describe, self._estimates, context, bulk_rows=self._bulk_rows
            )
        except MalformedQuery as refused:
            meant = await _meant(query, text, parameters, refused, describe)
            if meant is None:
                raise
            raise meant from refused

    def _describe(self, context: CallContext) -> Describe:
        return lambda name: self._descriptions.get(name, context)

    async def _for_bulk(
        self,
        query: Query,
        text: str,
        options: Options,
        start: ResumeToken,
        describe: Describe,
        context: CallContext,
    ) -> Studied | None:
        """Return what is known of a query that is to be read in bulk; None if it is to be read by REST.

        What tells the most for the least comes first: most queries are known to be small by their own words.
        """
        if options.resume_token:
            return await explanation.study(query, describe) if isinstance(start.position, BulkPosition) else None
        if options.route:
            if options.route != Route.BULK.value:
                return None
            studied = await explanation.study(query, describe)
            route.forced(Route.BULK, studied.obstacles)
            return studied
        bounds = {"bulk_rows": self._bulk_rows, "max_rows": options.max_rows}
        if route.without_estimate(query, (), route.obstacles(query, ()), **bounds) is not None:
            return None
        records = await self._estimates.records(query.source, context)
        if records is None or records < self._bulk_rows:
            return None
        studied = await explanation.study(query, describe)
        if route.without_estimate(studied.query, studied.columns, studied.obstacles, **bounds) is not None:
            return None
        plans = await self._estimates.plans(studied.query, text, context) if query.where is not None else ()
        choice = route.with_estimate(studied.query, Estimate(records, plans), bulk_rows=self._bulk_rows)
        return studied if choice.route is Route.BULK else None


async def _bound(text: str, parameters: Mapping[str, soql.Value]) -> Query:
    query = soql.bind(await _parsed(text), parameters)
    early_checks.check(query)
    return query


async def _parsed(text: str) -> Query:
    return await asyncio.to_thread(soql.parse, text) if len(text) > _LONG_QUERY else soql.parse(text)


async def _meant(
    query: Query, text: str, parameters: Mapping[str, soql.Value], refused: MalformedQuery, describe: Describe
) -> InvalidArgument | None:
    """Return what Salesforce refused in the caller's own words; None if nothing stands out."""
    name = await unknown_name(query, refused, describe)
    return name if name is not None else await wrong_value(await _parsed(text), parameters, refused, describe)


def _is_of_bulk(error: SluicegateError) -> bool:
    return error.metadata.get("salesforce_error_code") in _NOT_IN_BULK
