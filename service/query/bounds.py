"""What a result that is read page by page is held to, so that a broken org cannot make it endless or short unseen."""

from typing import Any

from service.errors import UpstreamProtocolError
from service.salesforce.calls.query import Page
from service.soql.ast import Column, Query

_UNCOUNTED = ("__x", "__b")
"""Endings of the names of sObjects whose rows Salesforce does not count reliably: those of other systems, big ones."""


class Bounds:
    """Follows one reading, and tells when what Salesforce answers cannot be.

    Args:
        query: What is read.
        org: The org's configured name, for errors.

    """

    def __init__(self, query: Query, *, org: str) -> None:
        self._org = org
        self._is_counted = not query.source.lower().endswith(_UNCOUNTED)
        self._has_rows = not _counts_only(query)
        self._most: int | None = None
        self._mark = ""
        self._pages = 0

    def begin(self, page: Page[Any], *, rows_before: int) -> None:
        """Take note of the first page that is read of a result.

        Args:
            page: The page; each tells how many rows there are in all.
            rows_before: Rows that were sent before it.

        Raises:
            UpstreamProtocolError: It is the whole result, and has fewer rows than it says.

        """
        self._mark = ""
        self._pages = 0
        if not self._is_counted:
            return
        self._most = rows_before + page.totalSize
        if self._has_rows and page.done and not rows_before and len(page.records) < page.totalSize:
            raise self._broken(f"has {len(page.records):,} rows where Salesforce counted {page.totalSize:,}")

    def goes_on(self, locator: str) -> None:
        """Take note of the name of the next page; empty if there is none.

        Pages that lead in a circle come back to each name in it: it takes one mark, moved ever more rarely, to notice
        (R. P. Brent, "An improved Monte Carlo factorization algorithm", 1980).

        Raises:
            UpstreamProtocolError: The pages name each other in a circle.

        """
        if locator and locator == self._mark:
            raise self._broken("has pages that name each other in a circle")
        self._pages += 1
        if self._pages.bit_count() == 1:
            self._mark = locator

    def sends(self, rows: int) -> None:
        """Take note of how many rows will have been sent.

        Raises:
            UpstreamProtocolError: There are more than Salesforce counted.

        """
        if self._most is not None and rows > self._most:
            raise self._broken(f"has more rows than the {self._most:,} that Salesforce counted")

    def _broken(self, what: str) -> UpstreamProtocolError:
        return UpstreamProtocolError(f"a result {what}", metadata={"org": self._org})


def _counts_only(query: Query) -> bool:
    """Tell whether a query is COUNT() alone, whose answer is the number of rows and none of them."""
    (*others, first) = query.select
    return not others and isinstance(first, Column) and not getattr(first.expression, "arguments", True)
