"""The reading of a result, one page ahead of whoever takes the batches."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from service.context import CallContext
from service.errors import UpstreamProtocolError
from service.query.batches import Batch, Columnizer
from service.query.columns import Describe, plan, row_type
from service.query.options import Options
from service.salesforce.calls import query as calls
from service.salesforce.calls.query import Page
from service.salesforce.client import SalesforceClient
from service.soql import to_soql
from service.soql.ast import Query


async def read(
    query: Query, options: Options, client: SalesforceClient, describe: Describe, context: CallContext
) -> AsyncIterator[Batch]:
    """Run a query whose parameters are bound and yield its result in order.

    While a batch is with the consumer the next page is on its way, and no further one: memory holds two pages.
    Closing the iterator, or cancelling whoever waits on it, stops the reading at once. A result without rows yields
    one empty batch.

    Args:
        query: The query, without parameters left.
        options: How to read it.
        client: The org to read from.
        describe: Describes an sObject of the org.
        context: The call it is made for.

    Raises:
        service.errors.SluicegateError: The query cannot be planned, or Salesforce refused it or a page.

    """
    columns = await plan(query, describe)
    columnizer = Columnizer(columns)
    decoder = calls.decoder(row_type(columns))
    size = options.rows_of_batch
    page: Page[Any] = await client.first_page(
        to_soql(query),
        decoder,
        context,
        page_size=options.rows_of_page,
        include_deleted=options.include_deleted,
    )
    if not page.records:
        yield columnizer.batch([], page.totalSize)
    while True:
        if not page.records and not page.done:
            # A page after it would be as empty, and so on without an end.
            raise UpstreamProtocolError("a page without rows names a next one", metadata={"org": client.org})
        following = _begin_next(page, client, decoder, context)
        try:
            for start in range(0, len(page.records), size):
                yield columnizer.batch(page.records[start : start + size], page.totalSize)
            if following is None:
                return
            page = await following
        finally:
            if following is not None:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)


def _begin_next(
    page: Page[Any], client: SalesforceClient, decoder: Any, context: CallContext
) -> "asyncio.Task[Page[Any]] | None":
    """Begin reading the next page; the task belongs to the iterator, which awaits or cancels it."""
    if page.done or page.nextRecordsUrl is None:
        return None
    return asyncio.create_task(client.next_page(page.nextRecordsUrl, decoder, context))
