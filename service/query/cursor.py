"""The reading of a result by REST, one page ahead of whoever takes the batches."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, floor
from typing import Any

from msgspec import structs
from msgspec.json import Decoder

from service.context import CallContext
from service.errors import InvalidArgument, QueryNotResumable, SalesforceRejected, UpstreamProtocolError
from service.query import restart
from service.query.batches import Batch
from service.query.bounds import Bounds
from service.query.keyset import Keyset, keyset
from service.query.options import Options
from service.query.planner import Describe, expand
from service.query.resume import RestPosition, ResumeSigner, ResumeToken
from service.query.shape import Shape, shape_of
from service.salesforce.calls.query import Page
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.base import Session
from service.soql import to_soql
from service.soql.ast import Query

_REFUSED = "Salesforce does not take it ordered by Id"


async def read(
    query: Query,
    options: Options,
    client: SalesforceClient,
    describe: Describe,
    context: CallContext,
    *,
    start: ResumeToken,
    signer: ResumeSigner,
) -> AsyncIterator[Batch]:
    """Run a query whose parameters are bound, or go on with one, and yield its result in order.

    While a batch is with the consumer the next page is on its way, and no further one: memory holds two pages.
    Closing the iterator, or cancelling whoever waits on it, stops the reading at once. A call that has no row to
    yield yields one empty batch.

    When Salesforce no longer holds the result, the query is run again for what follows the last row that was yielded,
    where its order allows it: the consumer sees nothing of it.

    The first page is refused like any other call. The further ones are charged to the caller and its class, but stopped
    by neither's share: only where the org's calls are used up to the last reserve is a result broken off.

    Args:
        query: The query, without parameters left.
        options: How to read it.
        client: The org to read from.
        describe: Describes an sObject of the org.
        context: The call it is made for.
        start: Where to begin; see `ResumeSigner.open`.
        signer: Signs the tokens of the batches.

    Raises:
        service.errors.QueryNotResumable: Salesforce no longer holds the result, and the query cannot be restarted.
        service.errors.SluicegateError: The query cannot be planned, or Salesforce refused it or a page.

    """
    query = await expand(query, describe)
    order = _REFUSED if start.is_plain else await order_of(query, describe)
    used = order if isinstance(order, Keyset) else None
    reading = _Reading(client, options, context, signer, start, await shape_of(query, used, describe), order)
    if used is not None:
        reading.plain = partial(shape_of, query, None, describe)
    batches: Any = reading.batches()
    async with aclosing(batches):
        async for batch in batches:
            yield batch


async def order_of(query: Query, describe: Describe) -> Keyset | str:
    """Return the order in which a query is read, or why it cannot be restarted; see `keyset`."""
    if isinstance(query.limit, int) and query.limit <= 1:
        # Nothing stands behind the first row, and to sort for its sake could cost the org much.
        return "it has one row at most"
    return await keyset(query, describe)


@dataclass(frozen=True, slots=True)
class _Place:
    """A page, and how much of it was sent."""

    page: Page[Any]
    locator: str
    """Names the page; empty for a first one."""
    following: str
    """Names the next page; empty behind the last one."""
    skip: int = 0


class _Reading:
    """One call's way through a result.

    Args:
        client: The org.
        options: How to read it.
        context: The call.
        signer: Signs the tokens.
        start: Where to begin.
        shape: What is sent, and what its rows are.
        order: Its order, or why the query cannot be restarted.

    """

    def __init__(
        self,
        client: SalesforceClient,
        options: Options,
        context: CallContext,
        signer: ResumeSigner,
        start: ResumeToken,
        shape: Shape,
        order: Keyset | str,
    ) -> None:
        self._client = client
        self._options = options
        self._context = context
        # What is begun is finished: a result that is refused its last pages has cost all the others for nothing.
        self._begun = structs.replace(context, begun=True)
        self._signer = signer
        self._token = start
        self._shape = shape
        self._order = order
        self._session = Session(is_open=start.rows > 0)
        self._bounds = Bounds(shape.query, org=client.org)
        self._restarts = restart.Restarts()
        self._has_yielded = False
        self.plain: Callable[[], Awaitable[Shape]] | None = None
        """Returns what is sent instead if Salesforce does not take the query in that order."""

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield the batches; see `read`."""
        place = await self._begin()
        while place is not None:
            following = self._read_ahead(place)
            try:
                batches: Any = self._cut(place)
                async with aclosing(batches):
                    async for batch in batches:
                        yield batch
                place = await following if following is not None else None
            except QueryNotResumable as lost:
                place = await self._restart(lost)
            finally:
                if following is not None:
                    following.cancel()
                    await asyncio.gather(following, return_exceptions=True)
        if not self._has_yielded:
            yield self._signed(self._shape.columnizer.batch([], self._token.total), None)

    async def _begin(self) -> _Place | None:
        position = self._token.position
        if not isinstance(position, RestPosition):
            return None
        if not self._token.rows:
            return self._whole(await self._first_page())
        if not position.locator:
            # A first page has no locator.
            return await self._restart(QueryNotResumable("it cannot be read again", metadata={"cause": "FIRST_PAGE"}))
        try:
            place = await self._following(position.locator)
            self._bounds.begin(place.page, rows_before=self._token.rows)
            skip = position.skip
            # A page may be smaller than it was.
            while skip >= len(place.page.records) and place.following:
                skip -= len(place.page.records)
                place = await self._following(place.following)
        except QueryNotResumable as lost:
            return await self._restart(lost)
        return replace(place, skip=skip)

    def _whole(self, page: Page[Any]) -> _Place:
        """Return the place of the first page of a result of which nothing was sent."""
        self._bounds.begin(page, rows_before=0)
        begun, found = self._looked_for()
        self._token = structs.replace(self._token, total=page.totalSize, begun=begun, found=found)
        return self._place(page, "")

    async def _first_page(self) -> Page[Any]:
        try:
            return await self._run(self._shape.query, self._context)
        except (InvalidArgument, SalesforceRejected):
            if self.plain is None:
                raise
        # It may be the order that is refused. If it is not, what is said of the caller's own query is of more use.
        self._shape, self._order = await self.plain(), _REFUSED
        self._token = structs.replace(self._token, is_plain=True)
        return await self._run(self._shape.query, self._context)

    async def _run(self, query: Query, context: CallContext) -> Page[Any]:
        return await self._client.first_page(
            to_soql(query),
            self._shape.decoder,
            context,
            page_size=self._options.rows_of_page,
            include_deleted=self._options.include_deleted,
            session=self._session,
        )

    def _read_ahead(self, place: _Place) -> "asyncio.Task[_Place] | None":
        """Begin reading the next page; the task belongs to the iterator, which awaits or cancels it."""
        left = self._rows_left()
        if not place.following or (left is not None and left <= len(place.page.records) - place.skip):
            return None
        return asyncio.create_task(self._following(place.following))

    async def _following(self, locator: str) -> _Place:
        page = await self._client.next_page(locator, self._shape.decoder, self._begun, session=self._session)
        return self._place(page, locator)

    async def _children(self, next_records_url: str, pages: Decoder[Page[Any]]) -> Page[Any]:
        locator = self._client.next_locator(next_records_url)
        return await self._client.next_page(locator, pages, self._begun, session=self._session)

    def _place(self, page: Page[Any], locator: str) -> _Place:
        if not page.records and not page.done:
            # A page after it would be as empty, and so on without an end.
            raise UpstreamProtocolError("a page without rows names a next one", metadata={"org": self._client.org})
        following = self._client.next_locator(page.nextRecordsUrl)
        self._bounds.goes_on(following)
        return _Place(page, locator, following)

    def _rows_left(self) -> int | None:
        """Return how many rows the caller still wants; None without a bound."""
        return self._options.max_rows - self._token.rows if self._options.max_rows else None

    async def _cut(self, place: _Place) -> AsyncIterator[Batch]:
        sent, count = place.skip, len(place.page.records)
        rows = place.page.records[sent:][: self._rows_left()]
        # The page outlives its rows: it is let go when the next one is there.
        place.page.records.clear()
        read: Any = self._shape.columnizer.batches(rows, self._token.total, self._options.rows_of_batch, self._children)
        async with aclosing(read) as batches:
            async for batch in batches:
                sent += batch.row_count
                self._restarts.bring_rows()
                is_cut = sent < count
                position = RestPosition(place.locator, sent) if is_cut else RestPosition(place.following)
                has_more = (is_cut or bool(place.following)) and self._rows_left() != batch.row_count
                yield self._signed(batch, position if has_more else None)

    def _signed(self, batch: Batch, position: RestPosition | None) -> Batch:
        """Return a batch as the caller sees it, with the token behind its rows."""
        first_row = self._token.rows
        self._bounds.sends(first_row + batch.row_count)
        self._has_yielded = True
        if batch.row_count:
            last = self._shape.view.last(batch)
            self._token = structs.replace(
                self._token, rows=first_row + batch.row_count, position=position, last=last if position else ()
            )
        else:
            self._token = structs.replace(self._token, position=None)
        shown = self._shape.view.shown(batch)
        return replace(shown, first_row=first_row, resume=self._signer.write(self._token))

    async def _restart(self, lost: QueryNotResumable) -> _Place:
        """Run the query again for what follows the last row."""
        self._restarts.begin(self._token, lost)
        self._session = Session()
        if not self._token.rows:
            return self._whole(await self._run(self._shape.query, self._begun))
        query = restart.rest_of(self._order, self._token, lost)
        page = await self._run(query, self._begun)
        self._bounds.begin(page, rows_before=self._token.rows)
        _, found = self._looked_for()
        restart.check(self._order, self._token, lost, page.totalSize, found)
        await restart.check_unmoved(self._order, self._token, lost, self._client, self._begun, self._options)
        return self._place(page, "")

    def _looked_for(self) -> tuple[int, int]:
        """Return when Salesforce had not looked for the rows yet, and when it had, in seconds since the epoch."""
        asked_at, answered_at = self._session.asked_at, self._session.answered_at
        if asked_at is None or answered_at is None:
            # It does not tell the time; that of this machine has to do.
            asked_at, answered_at = self._token.begun, self._context.clock.now()
        return floor(asked_at), ceil(answered_at)
