"""Rows as columns, and columns as rows again."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import MessageTooLarge, QueryNotResumable, UpstreamProtocolError
from service.query import children as reading
from service.query.batches import Batch, Columnizer, ColumnValues
from service.query.columns import ColumnType, ResultColumn
from service.query.decoding import row_type

VALUES: dict[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.STRING: st.text(max_size=8),
    ColumnType.INT64: st.integers(-(2**63), 2**63 - 1),
    ColumnType.DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    ColumnType.DECIMAL: st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18),
    ColumnType.BOOL: st.booleans(),
    ColumnType.DATE: st.dates().map(str),
    ColumnType.BYTES: st.text(max_size=8).map(str.encode),
    ColumnType.STRINGS: st.lists(st.text("ab ", min_size=1, max_size=3), min_size=1, max_size=3),
}
ZERO = {ColumnType.INT64: 0, ColumnType.DOUBLE: 0.0, ColumnType.BOOL: False, ColumnType.BYTES: b""}
encode = msgspec.json.Encoder(decimal_format="number").encode

Table = tuple[list[ResultColumn], list[list[Any]]]


@st.composite
def tables(draw: st.DrawFn, depth: int = 2) -> Table:
    """Draw columns at the top, below a parent and below one that may lack them, and rows of values or nulls.

    A cell of BATCHES is the rows of the children.
    """
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES, key=str)), min_size=1, max_size=4))
    columns = []
    cells: list[st.SearchStrategy[Any]] = []
    for number, kind in enumerate(kinds):
        keys = draw(st.sampled_from([(f"C{number}",), ("Parent", f"C{number}"), ("Any", f"C{number}")]))
        columns.append(ResultColumn(f"C{number}", kind, keys, sure_keys=1 if keys[0] == "Any" else None))
        cells.append(st.none() | VALUES[kind])
    if depth and draw(st.booleans()):
        inner, rows = draw(tables(depth - 1))
        columns.append(ResultColumn("Children", ColumnType.BATCHES, ("Children",), children=tuple(inner)))
        cells.append(st.lists(st.sampled_from(rows), max_size=3) if rows else st.just([]))
    return columns, draw(st.lists(st.tuples(*cells).map(list), max_size=5))


def record(columns: Sequence[ResultColumn], row: Sequence[Any], size: int, later: dict[str, Any]) -> dict[str, Any]:
    """Return a row in the JSON of Salesforce: a parent whose every field is null is null itself.

    Children beyond the size of a page are put into `later` by the URL that leads to them.
    """
    document: dict[str, Any] = {"Parent": None, "Any": None}
    for column, value in zip(columns, row, strict=True):
        if column.type is ColumnType.BATCHES:
            document["Children"] = page([record(column.children, child, size, later) for child in value], size, later)
        elif len(column.keys) == 1:
            document[column.name] = as_json(column, value)
        elif value is not None or column.keys[0] == "Any":
            # What a TYPEOF does not select is left out, here where it is null.
            parent = document[column.keys[0]] = document[column.keys[0]] or {}
            if value is not None:
                parent[column.name] = as_json(column, value)
    if document["Parent"]:
        for column in columns:
            if column.keys[0] == "Parent":
                document["Parent"].setdefault(column.name, None)
    return document


def page(records: list[Any], size: int, later: dict[str, Any]) -> dict[str, Any] | None:
    """Return children as Salesforce sends them: null if there are none, and a page at a time."""
    if not records:
        return None
    total = len(records)
    found: dict[str, Any] = {}
    following: dict[str, Any] = {}
    for start in reversed(range(0, total, size)):
        found = {"totalSize": total, "done": not following, "records": records[start : start + size], **following}
        url = f"/{len(later)}"
        later[url] = found
        following = {"nextRecordsUrl": url}
    return found


def as_json(column: ResultColumn, value: Any) -> Any:
    """Return a value as Salesforce writes it."""
    if isinstance(value, bytes):
        return value.decode()
    return ";".join(value) if column.type is ColumnType.STRINGS and value is not None else value


def rows_of(row_count: int, columns: Sequence[ColumnValues]) -> list[list[Any]]:
    """Return the rows of a batch, as those of `tables` are."""
    return [list(row) for row in zip(*map(cells_of, columns), strict=True)] if columns else [[]] * row_count


def cells_of(values: ColumnValues) -> list[Any]:
    """Return the values of a column, nulls as None and zeroes nowhere."""
    if values.children is not None:
        inner: list[Any] = rows_of(values.children.row_count, values.children.columns)
        if values.column.type is ColumnType.STRINGS:
            inner = [row[0] for row in inner]
        ends = values.children.ends
        cells: list[Any] = [inner[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    else:
        cells = list(values.values)
    for row in values.null_rows:
        assert cells[row] in (ZERO.get(values.column.type, ""), [])
        cells[row] = None
    if values.column.type is ColumnType.DECIMAL:
        assert not any("E" in cell for cell in cells if cell is not None)
        cells = [None if cell is None else Decimal(cell) for cell in cells]
    return cells


def batches_of(table: Table, *, page_size: int, batch_size: int) -> list[Batch]:
    """Send rows through the JSON of Salesforce, and return the batches that come of its pages."""
    columns, rows = table
    later: dict[str, Any] = {}
    columnizer = Columnizer(columns)
    documents = [record(columns, row, page_size, later) for row in rows]

    async def following(url: str, pages: Any) -> Any:
        return pages.decode(encode(later[url]))

    async def read() -> list[Batch]:
        batches = []
        for start in range(0, len(documents), page_size):
            kind: Any = list[row_type(columns)]  # type: ignore[misc] # made at run time
            found = msgspec.json.decode(encode(documents[start : start + page_size]), type=kind)
            batches += [batch async for batch in columnizer.batches(found, len(rows), batch_size, following)]
        return batches

    return asyncio.run(read())


@given(tables(), st.integers(1, 4), st.integers(1, 6))
def test_rows_become_columns_and_rows_again(table, page_size, batch_size):
    """However rows and children are cut into pages and batches, every value arrives, nulls as nulls and in order."""
    columns, rows = table

    batches = batches_of(table, page_size=page_size, batch_size=batch_size)

    assert rows == [row for batch in batches for row in rows_of(batch.row_count, batch.columns)]
    assert all(0 < batch.row_count <= batch_size for batch in batches)
    assert {len(rows)} >= {batch.total_size for batch in batches}
    assert all(columns == [found.column for found in batch.columns] for batch in batches)


def column(name: str, kind: ColumnType = ColumnType.STRING, **more: Any) -> ResultColumn:
    """Return a column at the top."""
    return ResultColumn(name, kind, (name,), **more)


def decoded(columns: list[ResultColumn], text: bytes) -> list[Any]:
    """Decode records."""
    kind: Any = list[row_type(columns)]  # type: ignore[misc] # made at run time
    return list(msgspec.json.decode(text, type=kind))


def test_a_field_without_description_becomes_text():
    """Whatever the parent's field is, the column holds text, what is none as JSON writes it: digit for digit."""
    columns = [column("X", is_described=False)]
    rows = decoded(columns, b'[{"X":true},{"X":"te\\"xt"},{"X":null},{"X":1234567890123456.78},{"X":{"a": 1}}]')

    (found,) = Columnizer(columns).batch(rows, 5).columns

    assert ["true", 'te"xt', "", "1234567890123456.78", '{"a": 1}'] == list(found.values)
    assert [2] == list(found.null_rows)


@pytest.mark.parametrize("text", [b'[{"X":"\xff"}]', b'[{"X":1},{"X":"\xff"}]'])
def test_a_field_without_description_is_held_to_json(text):
    """What is not even text is a fault of the answer, not of the service."""
    columns = [column("X", is_described=False)]

    with pytest.raises(UpstreamProtocolError):
        Columnizer(columns).batch(decoded(columns, text), 1)


def test_long_numbers_come_digit_for_digit():
    """A decimal column has the digits that Salesforce wrote, without exponents, and nulls as such."""
    columns = [column("X", ColumnType.DECIMAL)]
    rows = decoded(columns, b'[{"X":1234567890123456.78},{"X":null},{"X":-0.10},{"X":12}]')
    shortened = decoded(columns, b'[{"X":1.5E3},{"X":1e-2},{"X":null}]')

    (found,) = Columnizer(columns).batch(rows, 4).columns
    (written_out,) = Columnizer(columns).batch(shortened, 3).columns

    assert (["1234567890123456.78", "", "-0.10", "12"], [1]) == (list(found.values), list(found.null_rows))
    assert (["1500", "0.01", ""], [2]) == (list(written_out.values), list(written_out.null_rows))


@pytest.mark.parametrize("text", [b'"12"', b"true", b"[1,2]", b"1e999999", b"1E-999999"])
def test_what_is_no_long_number_is_a_fault(text):
    """Neither text nor a number that would fill memory when it is written out passes for a decimal."""
    columns = [column("X", ColumnType.DECIMAL)]

    with pytest.raises(UpstreamProtocolError):
        Columnizer(columns).batch(decoded(columns, b'[{"X":1},{"X":' + text + b"}]"), 2)


def test_no_rows_have_every_column():
    """A result without rows still tells its columns, those of children too."""
    columns = [column("Id"), column("N", ColumnType.INT64), column("Cs", ColumnType.BATCHES, children=(column("Id"),))]

    batch = Columnizer(columns).batch([], 0)

    assert [("Id", []), ("N", []), ("Cs", [])] == [(item.column.name, list(item.values)) for item in batch.columns]
    assert batch.columns[2].children is not None
    assert ["Id"] == [item.column.name for item in batch.columns[2].children.columns]


CHILDREN = [column("Cs", ColumnType.BATCHES, children=(column("Id"),))]


def with_children(*counts: int) -> list[Any]:
    """Return decoded rows with so many children each."""
    child = {"Id": "003"}
    return decoded(CHILDREN, encode([{"Cs": {"totalSize": n, "done": True, "records": [child] * n}} for n in counts]))


async def nothing_follows(_url: str, _pages: object) -> Any:
    """Refuse to be asked."""
    raise AssertionError("no page is missing")


async def test_rows_are_let_go_as_they_become_batches():
    """While a batch is with its consumer its rows are gone already, and those of later batches are not."""
    columns = [column("Id")]
    rows = decoded(columns, encode([{"Id": str(number)} for number in range(5)]))

    left = [len(rows) async for _ in Columnizer(columns).batches(rows, 5, 2, nothing_follows)]

    assert [3, 1, 0] == left


@given(tables())
def test_a_released_batch_holds_no_value(table):
    """Whoever has made something else of a batch can give its values up, those of children and entries among them."""

    def held(columns: Sequence[ColumnValues]) -> int:
        inner = [found.children.columns for found in columns if found.children is not None]
        return sum(len(found.values) for found in columns) + sum(map(held, inner))

    batches = batches_of(table, page_size=2000, batch_size=2000)

    for batch in batches:
        batch.release()

    assert 0 == sum(held(batch.columns) for batch in batches)


async def test_many_children_make_small_batches():
    """A batch takes no further row when it would hold more than 10,000 children; one row with more is its own."""
    rows = with_children(6000, 3000, 2000, 20_000, 0, 1)

    batches = [batch async for batch in Columnizer(CHILDREN).batches(rows, 6, 2000, nothing_follows)]

    assert [2, 1, 1, 2] == [batch.row_count for batch in batches]


@pytest.mark.parametrize(
    "following",
    [
        {"totalSize": 9, "done": False, "records": [], "nextRecordsUrl": "/1"},
        {"totalSize": 9, "done": False, "records": [{"Id": "003"}]},
    ],
)
async def test_pages_of_children_that_lead_nowhere_are_a_fault(following):
    """An org that answers empty pages without an end, or stops before it, is not believed."""
    first = {"totalSize": 9, "done": False, "records": [{"Id": "003"}], "nextRecordsUrl": "/0"}
    rows = decoded(CHILDREN, encode([{"Cs": first}]))

    async def answer(_url: str, pages: Any) -> Any:
        return pages.decode(encode(following))

    with pytest.raises(UpstreamProtocolError):
        [batch async for batch in Columnizer(CHILDREN).batches(rows, 1, 2000, answer)]


@pytest.mark.parametrize("told", [True, False])
async def test_children_without_number_are_refused(monkeypatch, told):
    """Children that memory is not to hold are refused, at once where Salesforce tells how many there are."""
    monkeypatch.setattr(reading, "MOST_CHILDREN", 5)
    page_of_two = {"totalSize": 8 if told else 2, "done": False, "records": [{"Id": "003"}] * 2, "nextRecordsUrl": "/0"}
    rows = decoded(CHILDREN, encode([{"Cs": page_of_two}]))
    asked = []

    async def answer(url: str, pages: Any) -> Any:
        asked.append(url)
        return pages.decode(encode(page_of_two))

    with pytest.raises(MessageTooLarge, match="more than 5 Cs"):
        [batch async for batch in Columnizer(CHILDREN).batches(rows, 1, 2000, answer)]

    assert ([] if told else ["/0", "/0"]) == asked


@pytest.mark.parametrize(("rows", "comes"), [(4, True), (5, False)])
async def test_the_children_of_all_levels_together_are_bounded(monkeypatch, rows, comes):
    """Children of children multiply: a batch holds so many of them all, and a smaller one is asked for."""
    monkeypatch.setattr(reading, "MOST_READ", 8)
    columns = [column("Cs", ColumnType.BATCHES, children=(column("Ds", ColumnType.BATCHES, children=(column("Id"),)),))]
    inner = {"totalSize": 3, "done": False, "records": [{"Id": "0"}], "nextRecordsUrl": "/1"}
    outer = {"totalSize": 1, "done": True, "records": [{"Ds": inner}]}
    last = {"totalSize": 3, "done": True, "records": [{"Id": "1"}, {"Id": "2"}]}

    async def answer(_url: str, pages: Any) -> Any:
        return pages.decode(encode(last))

    batches = Columnizer(columns).batches(decoded(columns, encode([{"Cs": outer}] * rows)), rows, 2000, answer)
    if comes:
        assert [rows] == [batch.row_count async for batch in batches]
    else:
        with pytest.raises(MessageTooLarge, match="smaller batch_size"):
            [batch async for batch in batches]


async def test_children_of_several_records_are_read_at_a_time():
    """Four pages are on their way together and no more; each record gets its own children, in their order."""
    rows = decoded(
        CHILDREN,
        encode(
            [
                {"Cs": {"totalSize": 3, "done": False, "records": [{"Id": f"{n}-0"}], "nextRecordsUrl": f"{n}-1"}}
                for n in range(9)
            ]
        ),
    )
    under_way, most = 0, 0

    async def answer(url: str, pages: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        # The later a record, the sooner its page comes.
        record, _, page = url.partition("-")
        for _ in range(20 - 2 * int(record)):
            await asyncio.sleep(0)
        under_way -= 1
        last = {"totalSize": 3, "done": True, "records": [{"Id": url}]}
        more = {**last, "done": False, "nextRecordsUrl": f"{record}-2"}
        return pages.decode(encode(last if page == "2" else more))

    (batch,) = [batch async for batch in Columnizer(CHILDREN).batches(rows, 9, 2000, answer)]

    children = batch.columns[0].children
    assert children is not None
    assert [f"{record}-{page}" for record in range(9) for page in range(3)] == list(children.columns[0].values)
    assert (4, 0) == (most, under_way)


async def test_a_page_of_children_that_is_refused_stops_the_others():
    """The call ends with what Salesforce said, and nothing is read on behind it."""
    page = {"totalSize": 3, "done": False, "records": [{"Id": "003"}], "nextRecordsUrl": "/0"}
    rows = decoded(CHILDREN, encode([{"Cs": page}] * 9))
    asked, cancelled = 0, 0

    async def answer(_url: str, _pages: Any) -> Any:
        nonlocal asked, cancelled
        asked += 1
        if asked == 3:
            raise QueryNotResumable("gone")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise

    with pytest.raises(QueryNotResumable, match="gone"):
        [batch async for batch in Columnizer(CHILDREN).batches(rows, 9, 2000, answer)]

    assert 3 <= asked == cancelled + 1


def test_an_entry_of_a_picklist_is_its_own_value():
    """Entries of all rows stand one after another; null is null, and no entry."""
    columns = [column("M", ColumnType.STRINGS)]
    rows = decoded(columns, b'[{"M":"a;b c"},{"M":null},{"M":"d"}]')

    (found,) = Columnizer(columns).batch(rows, 3).columns

    assert found.children is not None
    assert (["a", "b c", "d"], [2, 2, 3]) == (list(found.children.columns[0].values), list(found.children.ends))
    assert [1] == list(found.null_rows)
    assert replace(columns[0], type=ColumnType.STRING) == found.children.columns[0].column
