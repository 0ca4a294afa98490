"""Query results that are handed out in pages, and the locators that name what is left of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.clock import Clock
from service.emulator.faults import SalesforceFault
from service.emulator.ids import from_counter

DEFAULT_PAGE_SIZE = 2000
MINIMUM_PAGE_SIZE = 200
"""Source: Salesforce REST API, "Query Options Header"."""

LOCATOR_SECONDS = 172_800.0
"""Locators live for two days. Source: SOQL and SOSL Reference, "SOQL limits"."""

OPEN_CURSORS = 10
"""How many results one session can page through at once; the oldest goes first. The figure is unverified."""

_KEY_PREFIX = "01g"


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a result."""

    total_size: int
    """Rows of the whole result, the same on every page."""
    rows: list[dict[str, object]]
    locator: str | None
    """Names the next page; None on the last one."""


@dataclass(frozen=True, slots=True)
class _Cursor:
    session_token: str
    rows: Sequence[dict[str, object]]
    total_size: int
    page_size: int
    opened_at: float


class Cursors:
    """The paged results of one org.

    Args:
        clock: Ends locators.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._cursors: dict[str, _Cursor] = {}
        self._serial = 0

    def first_page(
        self, session_token: str, rows: Sequence[dict[str, object]], *, total_size: int, page_size: int
    ) -> Page:
        """Return the first rows of a result, and keep the result when there are more.

        Args:
            session_token: Only this session may ask for the rest.
            rows: The whole result; only the slices that become pages are ever taken of it.
            total_size: What `totalSize` says on every page.
            page_size: Rows a page holds, the rows of child subqueries counted.

        """
        cursor = _Cursor(session_token, rows, total_size, page_size, self._clock.monotonic())
        page = _rows_from(rows, 0, page_size)
        if len(page) == len(rows):
            return Page(total_size, page, None)
        self._make_room(session_token)
        self._serial += 1
        key = from_counter(_KEY_PREFIX, self._serial)
        self._cursors[key] = cursor
        return Page(total_size, page, f"{key}-{len(page)}")

    def next_page(self, session_token: str, locator: str, *, page_size: int | None = None) -> Page:
        """Return the rows a locator names; asking twice gives the same rows twice.

        Args:
            session_token: The asking session.
            locator: What followed `/query/` in `nextRecordsUrl`.
            page_size: Rows of this page; None for as many as the first page was to hold.

        Raises:
            SalesforceFault: 400 INVALID_QUERY_LOCATOR: it never was one, is too old, was displaced by newer
                ones, or belongs to another session. The text is unverified.

        """
        key, _, offset_text = locator.partition("-")
        cursor = self._cursors.get(key)
        if cursor is None or cursor.session_token != session_token or not offset_text.isdecimal():
            raise _invalid_locator()
        if self._clock.monotonic() - cursor.opened_at > LOCATOR_SECONDS:
            del self._cursors[key]
            raise _invalid_locator()
        start = int(offset_text[:12])
        if start >= len(cursor.rows):
            raise _invalid_locator()
        page = _rows_from(cursor.rows, start, page_size or cursor.page_size)
        end = start + len(page)
        return Page(cursor.total_size, page, f"{key}-{end}" if end < len(cursor.rows) else None)

    def owner(self, locator: str) -> str | None:
        """Return the token of the session a locator belongs to, or None for an unknown locator."""
        cursor = self._cursors.get(locator.partition("-")[0])
        return cursor.session_token if cursor else None

    def _make_room(self, session_token: str) -> None:
        now = self._clock.monotonic()
        for key in [key for key, cursor in self._cursors.items() if now - cursor.opened_at > LOCATOR_SECONDS]:
            del self._cursors[key]
        own = [key for key, cursor in self._cursors.items() if cursor.session_token == session_token]
        for key in own[: max(0, len(own) - OPEN_CURSORS + 1)]:
            del self._cursors[key]


def _rows_from(rows: Sequence[dict[str, object]], start: int, page_size: int) -> list[dict[str, object]]:
    # Slicing is what builds the records, so it is done once.
    page = list(rows[start : start + page_size])
    count = 0
    for index, row in enumerate(page):
        count += 1 + _children(row)
        # One row with very many children still makes a page of its own.
        if count > page_size and index > 0:
            return page[:index]
    return page


def _children(row: dict[str, object]) -> int:
    return sum(
        len(value["records"])
        for value in row.values()
        if isinstance(value, dict) and isinstance(value.get("records"), list)
    )


def _invalid_locator() -> SalesforceFault:
    return SalesforceFault(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
