"""Query results that are handed out in pages, and the locators that name what is left of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.clock import Clock
from service.emulator.engine.shapes import NARROW, Width
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

_WIDE = 100
_ROWS_OF_WIDE = 500
_ROWS_OF_BLOBS = 200


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
    width: Width
    of: str | None = None
    """The cursor whose rows these are children of; they do not count as open beside it."""


class Cursors:
    """The paged results of one org.

    Args:
        clock: Ends locators.
        shrink: Whether wide rows make small pages, as they do in Salesforce.

    """

    def __init__(self, clock: Clock, *, shrink: bool = True) -> None:
        self._clock = clock
        self._shrink = shrink
        self._cursors: dict[str, _Cursor] = {}
        self._nested: dict[tuple[str, str, str], str] = {}
        """The cursor of the children of a record: by the cursor of the record, the record and the relationship."""
        self._serial = 0

    def first_page(
        self,
        session_token: str,
        rows: Sequence[dict[str, object]],
        *,
        total_size: int,
        page_size: int,
        width: Width = NARROW,
        base: str = "",
    ) -> Page:
        """Return the first rows of a result, and keep the result when there are more.

        Child rows beyond a page of their own are kept too, and the record says where they go on.

        Args:
            session_token: Only this session may ask for the rest.
            rows: The whole result; only the slices that become pages are ever taken of it.
            total_size: What `totalSize` says on every page.
            page_size: Rows a page holds, the rows of child subqueries counted.
            width: What a row holds.
            base: What the URLs of further child rows start with.

        """
        most = min(page_size, _most(width)) if self._shrink else page_size
        cursor = _Cursor(session_token, rows, total_size, most, self._clock.monotonic(), width)
        page = _rows_from(rows, 0, most)
        if len(page) == len(rows):
            return Page(total_size, self._with_locators(page, cursor, None, base), None)
        key = self._open(cursor)
        return Page(total_size, self._with_locators(page, cursor, key, base), f"{key}-{len(page)}")

    def next_page(self, session_token: str, locator: str, *, page_size: int | None = None, base: str = "") -> Page:
        """Return the rows a locator names; asking twice gives the same rows twice.

        Args:
            session_token: The asking session.
            locator: What followed `/query/` in `nextRecordsUrl`.
            page_size: Rows of this page; None for as many as the first page was to hold.
            base: As for the first page.

        Raises:
            SalesforceFault: 400 INVALID_QUERY_LOCATOR: it never was one, is too old, was displaced by newer
                ones, or belongs to another session. The text is unverified.

        """
        key, _, offset_text = locator.partition("-")
        cursor = self._cursors.get(key)
        if cursor is None or cursor.session_token != session_token or not offset_text.isdecimal():
            raise _invalid_locator()
        if self._clock.monotonic() - cursor.opened_at > LOCATOR_SECONDS:
            self._forget(key)
            raise _invalid_locator()
        start = int(offset_text[:12])
        if start >= len(cursor.rows):
            raise _invalid_locator()
        if page_size is not None:
            cursor = replace(cursor, page_size=min(page_size, _most(cursor.width)) if self._shrink else page_size)
        page = _rows_from(cursor.rows, start, cursor.page_size)
        end = start + len(page)
        page = self._with_locators(page, cursor, key, base)
        return Page(cursor.total_size, page, f"{key}-{end}" if end < len(cursor.rows) else None)

    def owner(self, locator: str) -> str | None:
        """Return the token of the session a locator belongs to, or None for an unknown locator."""
        cursor = self._cursors.get(locator.partition("-")[0])
        return cursor.session_token if cursor else None

    def _open(self, cursor: _Cursor) -> str:
        self._make_room(cursor.session_token)
        self._serial += 1
        key = from_counter(_KEY_PREFIX, self._serial)
        self._cursors[key] = cursor
        return key

    def _make_room(self, session_token: str) -> None:
        now = self._clock.monotonic()
        for key in [key for key, cursor in self._cursors.items() if now - cursor.opened_at > LOCATOR_SECONDS]:
            self._forget(key)
        own = [
            key for key, cursor in self._cursors.items() if cursor.session_token == session_token and cursor.of is None
        ]
        for key in own[: max(0, len(own) - OPEN_CURSORS + 1)]:
            self._forget(key)

    def _forget(self, key: str) -> None:
        self._cursors.pop(key, None)
        for known in [known for known in self._nested if known[0] == key]:
            self._forget(self._nested.pop(known))

    def _with_locators(
        self, rows: list[dict[str, object]], cursor: _Cursor, key: str | None, base: str
    ) -> list[dict[str, object]]:
        """Return the rows with the children beyond a page replaced by a locator, at every level."""
        return [self._with_locator(row, cursor, key, base) for row in rows]

    def _with_locator(self, row: dict[str, object], cursor: _Cursor, key: str | None, base: str) -> dict[str, object]:
        changed: dict[str, object] = {}
        for name, value in row.items():
            if not isinstance(value, dict) or not isinstance(value.get("records"), list):
                continue
            children = value["records"]
            if len(children) > cursor.page_size:
                inner = replace(cursor, rows=children, total_size=value.get("totalSize", len(children)), of=key)
                locator = self._open_nested(inner, row, name)
                first = _rows_from(children, 0, cursor.page_size)
                url = f"{base}/query/{locator}-{len(first)}"
                shown = self._with_locators(first, inner, locator, base)
                changed[name] = {**value, "done": False, "nextRecordsUrl": url, "records": shown}
            else:
                shown = self._with_locators(children, cursor, key, base)
                if any(new is not old for new, old in zip(shown, children, strict=True)):
                    changed[name] = {**value, "records": shown}
        # What is kept of the result stays as it is, so that a page can be asked for again.
        return {**row, **changed} if changed else row

    def _open_nested(self, cursor: _Cursor, row: dict[str, object], name: str) -> str:
        attributes = row.get("attributes")
        url = attributes.get("url") if isinstance(attributes, dict) else None
        if cursor.of is None or url is None:
            return self._open(cursor)
        known = (cursor.of, str(url), name)
        if self._nested.get(known) not in self._cursors:
            self._nested[known] = self._open(cursor)
        return self._nested[known]


def _rows_from(rows: Sequence[dict[str, object]], start: int, page_size: int) -> list[dict[str, object]]:
    # Slicing is what builds the records, so it is done once.
    page = list(rows[start : start + page_size])
    count = 0
    for index, row in enumerate(page):
        count += 1 + _children(row, page_size)
        # One row with very many children still makes a page of its own.
        if count > page_size and index > 0:
            return page[:index]
    return page


def _children(row: dict[str, object], page_size: int) -> int:
    return sum(
        min(len(value["records"]), page_size)
        for value in row.values()
        if isinstance(value, dict) and isinstance(value.get("records"), list)
    )


def _most(width: Width) -> int:
    """Return how many rows a page may hold.

    Salesforce says only that wide rows make it smaller; the figures are seen in practice, their bounds unverified.
    """
    if width.blobs:
        return _ROWS_OF_BLOBS
    return _ROWS_OF_WIDE if width.long_texts or width.columns > _WIDE else DEFAULT_PAGE_SIZE


def _invalid_locator() -> SalesforceFault:
    return SalesforceFault(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
