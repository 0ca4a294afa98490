"""The children that a page of a result does not hold: they have pages of their own."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Protocol

from msgspec.json import Decoder

from service.errors import MessageTooLarge, UpstreamProtocolError
from service.query.columns import ColumnType, ResultColumn
from service.query.decoding import attributes, row_type
from service.salesforce.calls import query as calls
from service.salesforce.calls.query import Page

MOST_CHILDREN = 50_000
"""The most children that one record may have in a result: they are sent at once, so they are in memory at once."""


_AT_ONCE = 4
"""Pages of children that are on their way at a time."""


MOST_READ = 2 * MOST_CHILDREN
"""The most children of all levels that one batch may have beyond those that its page holds."""


class FollowingPages(Protocol):
    """Reads pages by what the page before named."""

    def __call__(self, next_records_url: str, pages: "Decoder[Page[Any]]", /) -> Awaitable[Page[Any]]:
        """Return a page.

        Args:
            next_records_url: What the page before named.
            pages: Decodes the page.

        Raises:
            service.errors.SluicegateError: Salesforce refused.

        """
        ...


class ChildReader:
    """Reads the children in one column to the end, and the children of those.

    Args:
        column: The column, of BATCHES.

    """

    def __init__(self, column: ResultColumn) -> None:
        self._name = column.name
        self._decoder = calls.decoder(row_type(column.children))
        self._nested = child_readers(column.children)

    async def complete(self, found: Iterable[Any], following: FollowingPages) -> None:
        """Read what is missing, of four records at a time. Cancelling it stops all of them at once.

        Args:
            found: What a decoded row holds in the column, for each row.
            following: Reads the pages.

        Raises:
            MessageTooLarge: A record has more children than `MOST_CHILDREN`.
            UpstreamProtocolError: A page without children names a next one, one that is not the last names none, or the
                last one does.
            service.errors.SluicegateError: Salesforce refused a page.

        """
        present = [children for children in found if children is not None]
        if any(children.done and children.nextRecordsUrl is not None for children in present):
            raise UpstreamProtocolError("a page of children is the last and names a next one")
        await self._complete_each([children for children in present if not children.done], following)
        for attribute, reader in self._nested:
            rows = chain.from_iterable(children.records for children in present)
            await reader.complete(map(attrgetter(attribute), rows), following)

    async def _complete_each(self, missing: Sequence[Any], following: FollowingPages) -> None:
        if not missing:
            return
        waiting = iter(missing)

        async def work() -> None:
            for children in waiting:
                await self._complete(children, following)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in missing[:_AT_ONCE]:
                    group.create_task(work())
        except BaseExceptionGroup as errors:
            # Whoever reads expects what a page says, and one of them says enough.
            raise errors.exceptions[0] from None

    async def _complete(self, children: Any, following: FollowingPages) -> None:
        page = children
        while not page.done:
            if page.nextRecordsUrl is None:
                raise UpstreamProtocolError("a page of children names no next page and is not the last")
            if max(len(children.records), known_count(children)) > MOST_CHILDREN:
                raise MessageTooLarge(
                    f"a record has more than {MOST_CHILDREN:,} {self._name}, which is more than a batch holds; "
                    "query them by themselves, with a condition on the record"
                )
            page = await following(page.nextRecordsUrl, self._decoder)
            if not page.records and not page.done:
                # A page after it would be as empty, and so on without an end.
                raise UpstreamProtocolError("a page without children names a next one")
            children.records.extend(page.records)


def child_readers(columns: Sequence[ResultColumn]) -> tuple[tuple[str, ChildReader], ...]:
    """Return a reader for each column of BATCHES, with the attribute of a decoded row that holds the children."""
    names = attributes(column.keys[0] for column in columns)
    return tuple(
        (names[column.keys[0]], ChildReader(column)) for column in columns if column.type is ColumnType.BATCHES
    )


def limited(following: FollowingPages) -> FollowingPages:
    """Return what reads pages until they hold as many children as a batch may have beyond those that came with it.

    Each record has a bounded number of them, but children may have children: of five levels the numbers multiply.

    Args:
        following: Reads the pages.

    """
    left = MOST_READ

    async def read(next_records_url: str, pages: "Decoder[Page[Any]]") -> Page[Any]:
        nonlocal left
        page = await following(next_records_url, pages)
        left -= len(page.records)
        if left < 0:
            raise MessageTooLarge(
                f"the records of a batch have more than {MOST_READ:,} children of all levels together; ask for a "
                "smaller batch_size, or query the children by themselves"
            )
        return page

    return read


def known_count(children: Any) -> int:
    """Return how many children a record has as far as is known: all of them, if Salesforce tells the truth."""
    return 0 if children is None else max(children.totalSize, len(children.records))
