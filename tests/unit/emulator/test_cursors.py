"""Pages of query results and their locators."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emulator.cursors import LOCATOR_SECONDS, OPEN_CURSORS, Cursors
from service.emulator.engine.shapes import Width
from service.emulator.faults import SalesforceFault
from tests.support.emulation import ManualClock

TOKEN = "00D!token"


def rows(count: int) -> list[dict[str, object]]:
    return [{"Id": number} for number in range(count)]


def refused(cursors: Cursors, locator: str, token: str = TOKEN) -> bool:
    with pytest.raises(SalesforceFault) as caught:
        cursors.next_page(token, locator)
    return (caught.value.http_status, caught.value.error_code) == (400, "INVALID_QUERY_LOCATOR")


@given(st.integers(0, 30), st.integers(1, 12), st.lists(st.integers(0, 15), min_size=31, max_size=31))
def test_pages_add_up_to_the_result(count, page_size, children):
    """Following locators gives every row and every child once and in order, whatever the page size."""
    result: list[dict[str, object]] = [
        {"Id": number, "Contacts": {"done": True, "records": [{"Id": child} for child in range(children[number])]}}
        for number in range(count)
    ]
    cursors = Cursors(ManualClock())

    page = cursors.first_page(TOKEN, result, total_size=count, page_size=page_size)
    seen = [whole(cursors, row) for row in page.rows]
    while page.locator is not None:
        page = cursors.next_page(TOKEN, page.locator)
        assert count == page.total_size
        assert page.rows
        seen += [whole(cursors, row) for row in page.rows]

    assert result == seen


def whole(cursors: Cursors, row):
    """Return a record with all its children."""
    children = dict(row["Contacts"])
    url = children.pop("nextRecordsUrl", None)
    assert children["done"] is (url is None)
    records = list(children["records"])
    while url is not None:
        page = cursors.next_page(TOKEN, url.removeprefix("/query/"))
        records += page.rows
        url = page.locator
    return {**row, "Contacts": {"done": True, "records": records}}


def test_children_beyond_a_page_have_a_locator(clock):
    """The rest of many children is asked for as the rest of a result is, also when the page is asked for again."""
    cursors = Cursors(clock)
    parents: list[dict[str, object]] = [
        {"attributes": {"url": f"/{number}"}, "Contacts": {"totalSize": 5, "done": True, "records": rows(5)}}
        for number in range(OPEN_CURSORS + 2)
    ]

    page = cursors.first_page(TOKEN, parents, total_size=len(parents), page_size=2, base="/v")
    pages = [page]
    while page.locator is not None:
        page = cursors.next_page(TOKEN, page.locator, base="/v")
        pages.append(page)
    again = cursors.next_page(TOKEN, str(pages[0].locator), base="/v")

    children = pages[0].rows[0]["Contacts"]
    assert isinstance(children, dict)
    assert (children["totalSize"], children["done"], children["records"]) == (5, False, rows(2))
    url = str(children["nextRecordsUrl"])
    assert url.startswith("/v/query/01g")
    rest = cursors.next_page(TOKEN, url.removeprefix("/v/query/"))
    assert (rest.total_size, rest.rows) == (5, rows(4)[2:])
    assert again.rows == pages[1].rows


def test_wide_rows_make_small_pages(clock):
    """Long texts and binary data shrink the page, unless that is switched off."""

    def first(width: Width, *, shrink: bool = True, page_size: int = 2_000) -> int:
        cursors = Cursors(clock, shrink=shrink)
        return len(cursors.first_page(TOKEN, rows(3_000), total_size=3_000, page_size=page_size, width=width).rows)

    assert first(Width(5)) == 2_000
    assert first(Width(5, long_texts=True)) == 500
    assert first(Width(101)) == 500
    assert first(Width(5, blobs=True)) == 200
    assert first(Width(5, long_texts=True), page_size=300) == 300
    assert first(Width(5, long_texts=True), shrink=False) == 2_000


def test_a_short_result_leaves_nothing_open(clock):
    """A result that fits its page has no locator."""
    page = Cursors(clock).first_page(TOKEN, rows(3), total_size=3, page_size=3)

    assert page.locator is None


def test_the_locator_tells_the_offset(clock):
    """A locator is an id of the query-locator kind and the number of rows given so far."""
    page = Cursors(clock).first_page(TOKEN, rows(5), total_size=5, page_size=2)

    key, _, offset = str(page.locator).partition("-")

    assert (key[:3], len(key), offset) == ("01g", 18, "2")


def test_children_count_as_rows(clock):
    """Rows of child subqueries use up the page, but one row always fits."""
    parents: list[dict[str, object]] = [
        {"Id": 1, "Contacts": {"records": [{}] * 9}},
        {"Id": 2, "Contacts": None},
        {"Id": 3},
    ]

    page = Cursors(clock).first_page(TOKEN, parents, total_size=3, page_size=5)

    assert [row["Id"] for row in page.rows] == [1]


def test_a_locator_may_be_read_twice(clock):
    """A page that was lost on the way can be asked for again, also with another size."""
    cursors = Cursors(clock)
    locator = str(cursors.first_page(TOKEN, rows(6), total_size=6, page_size=2).locator)

    assert rows(6)[2:4] == cursors.next_page(TOKEN, locator).rows
    assert rows(6)[2:5] == cursors.next_page(TOKEN, locator, page_size=3).rows


def test_a_locator_is_bound_to_its_session(clock):
    """Another session's locator is refused, and its owner is known."""
    cursors = Cursors(clock)
    locator = str(cursors.first_page(TOKEN, rows(3), total_size=3, page_size=2).locator)

    assert refused(cursors, locator, "00D!other")
    assert cursors.owner(locator) == TOKEN


def test_a_locator_dies_after_two_days(clock):
    """Old locators are refused."""
    cursors = Cursors(clock)
    locator = str(cursors.first_page(TOKEN, rows(3), total_size=3, page_size=2).locator)

    clock.passed += LOCATOR_SECONDS + 1

    assert refused(cursors, locator)


@pytest.mark.parametrize("locator", ["", "x", "01gxx-", "01gxx-2", "01gD00000000001AAA--1", "-1"])
def test_what_never_was_a_locator(clock, locator):
    """Anything else in a locator's place is refused alike."""
    cursors = Cursors(clock)
    cursors.first_page(TOKEN, rows(3), total_size=3, page_size=2)

    assert refused(cursors, locator)


def test_an_offset_beyond_the_end(clock):
    """A real cursor with a made-up offset is refused."""
    cursors = Cursors(clock)
    locator = str(cursors.first_page(TOKEN, rows(3), total_size=3, page_size=2).locator)

    assert refused(cursors, locator.replace("-2", "-3"))


def test_new_cursors_displace_old_ones(clock):
    """A session holds so many cursors; the oldest goes first."""
    cursors = Cursors(clock)
    locators = [
        str(cursors.first_page(TOKEN, rows(3), total_size=3, page_size=2).locator) for _ in range(OPEN_CURSORS + 1)
    ]

    assert refused(cursors, locators[0])
    assert rows(3)[2:] == cursors.next_page(TOKEN, locators[1]).rows
