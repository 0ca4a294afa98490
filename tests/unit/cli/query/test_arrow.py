"""Batches of a result as Arrow's."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluicegate import Batch, ColumnDescription

from service.cli.query.arrow import ArrowBatches
from service.cli.query.writers import Unwritable

MOMENTS = st.datetimes(datetime(1700, 1, 1), datetime(4000, 12, 31)).map(  # noqa: DTZ001 - the zone is added below
    lambda value: value.replace(microsecond=value.microsecond // 1000 * 1000, tzinfo=UTC)
)
KINDS: dict[str, tuple[st.SearchStrategy[Any], Any]] = {
    "string": (st.text(st.characters(codec="utf-8")), lambda value: value),
    "int64": (st.integers(-(2**63), 2**63 - 1), lambda value: value),
    "double": (st.floats(allow_nan=False), lambda value: value),
    "bool": (st.booleans(), lambda value: value),
    "bytes": (st.binary(), lambda value: value),
    "decimal": (
        st.decimals(-(10**18), 10**18, places=2) | st.decimals(-1, 1, places=18),
        lambda value: format(value, "f"),
    ),
    "date": (st.dates(), date.isoformat),
    "datetime": (MOMENTS, lambda value: value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3].rjust(23, "0") + "+0000"),
    "time": (
        st.times().map(lambda value: value.replace(microsecond=value.microsecond // 1000 * 1000)),
        lambda value: value.isoformat(timespec="milliseconds") + "Z",
    ),
    "strings": (st.lists(st.text(st.characters(codec="utf-8"))), lambda value: value),
}


def batch_of(columns: Mapping[str, Sequence[Any]], *descriptions: ColumnDescription) -> Batch:
    """Make a batch as the client reads it, decimals, dates and times as text."""
    count = len(next(iter(columns.values())))
    return Batch(columns, count, count, descriptions=descriptions)


def rows_of(batch: Batch) -> list[dict[str, Any]]:
    """Return the rows as Arrow gives them back."""
    rows: list[dict[str, Any]] = ArrowBatches(batch.descriptions).batch(batch).to_pylist()
    return rows


@st.composite
def results(draw):
    """Rows of any types with nulls anywhere, and the batch that the client makes of them."""
    count = draw(st.integers(0, 5))
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6))
    descriptions = [ColumnDescription(f"c{number}", kind) for number, kind in enumerate(kinds)]
    values, columns = [], {}
    for column in descriptions:
        strategy, write = KINDS[column.type]
        cells = draw(st.lists(st.none() | strategy, min_size=count, max_size=count))
        columns[column.name] = [None if cell is None else write(cell) for cell in cells]
        values.append(cells)
    rows = [{f"c{number}": cells[row] for number, cells in enumerate(values)} for row in range(count)]
    return rows, batch_of(columns, *descriptions)


@given(results())
def test_round_trip(result):
    """Every cell of every type comes back as the value it was, nulls as None."""
    rows, batch = result

    assert rows == rows_of(batch)


def test_types_without_rows():
    """A result without rows has the types that it would have had with some."""
    inner = (ColumnDescription("LastName", "string"), ColumnDescription("Owner.Age__c", "int64"))
    descriptions = [ColumnDescription(name, name) for name in KINDS]

    schema = ArrowBatches([*descriptions, ColumnDescription("Contacts", "batches", inner)]).schema

    child = pa.struct([("LastName", pa.string()), ("Owner", pa.struct([("Age__c", pa.int64())]))])
    expected = {
        "string": pa.string(),
        "int64": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "bytes": pa.binary(),
        "decimal": pa.decimal128(38, 18),
        "date": pa.date32(),
        "datetime": pa.timestamp("ms", "UTC"),
        "time": pa.time32("ms"),
        "strings": pa.list_(pa.string()),
        "Contacts": pa.list_(child),
    }
    assert expected == dict(zip(schema.names, schema.types, strict=True))


def test_parents_and_addresses_are_structs():
    """Columns that share what stands before a dot are one struct, null where the record has no such parent."""
    columns: dict[str, list[Any]] = {
        "Account.Name": ["A", None, None],
        "Id": ["1", "2", "3"],
        "Account.Owner.Name": [None, "O", None],
        "Account.Since": ["2026-03-01", None, None],
    }
    kinds = ["string", "string", "string", "date"]
    descriptions = [ColumnDescription(name, kind) for name, kind in zip(columns, kinds, strict=True)]

    rows = rows_of(batch_of(columns, *descriptions))

    expected = [
        {"Account": {"Name": "A", "Owner": None, "Since": date(2026, 3, 1)}, "Id": "1"},
        {"Account": {"Name": None, "Owner": {"Name": "O"}, "Since": None}, "Id": "2"},
        {"Account": None, "Id": "3"},
    ]
    assert expected == rows


def test_children_are_lists():
    """Each record has its own children with types of their own, and children of theirs; none is an empty list."""
    tasks = ColumnDescription("Tasks", "batches", (ColumnDescription("At", "time"),))
    contacts = ColumnDescription("Contacts", "batches", (ColumnDescription("Born", "date"), tasks))
    values: list[Any] = [
        [{"Born": "1867-11-07", "Tasks": [{"At": "13:05:00.000Z"}]}, {"Born": None, "Tasks": []}],
        [],
        [{"Born": "1878-11-07", "Tasks": []}],
    ]

    rows = rows_of(batch_of({"Contacts": values}, contacts))

    expected = [
        [{"Born": date(1867, 11, 7), "Tasks": [{"At": time(13, 5)}]}, {"Born": None, "Tasks": []}],
        [],
        [{"Born": date(1878, 11, 7), "Tasks": []}],
    ]
    assert expected == [row["Contacts"] for row in rows]


def test_a_value_and_a_struct_of_one_name_both_stay():
    """Nothing is lost where a name is that of a value and what stands before a dot in another."""
    columns = [ColumnDescription("Site", "string"), ColumnDescription("Site.City", "string")]

    rows = rows_of(batch_of({"Site": ["x"], "Site.City": ["y"]}, *columns))

    assert [{"Site": "x", "Site.City": "y"}] == rows


def test_quotients_are_rounded_and_counted():
    """A number with more places than the type keeps its first ones, and someone is told."""
    values = ["0.000033333333333333335", "12345678901234567890.5", None]
    batch = batch_of({"Rate__c": values}, ColumnDescription("Rate__c", "decimal"))
    batches = ArrowBatches(batch.descriptions)

    found = batches.batch(batch).column("Rate__c").to_pylist()

    assert [Decimal("0.000033333333333333"), Decimal("12345678901234567890.5"), None] == found
    assert {"Rate__c": 1} == batches.rounded


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("decimal", "1" + "0" * 20),
        ("decimal", "1" + "0" * 30),
        ("decimal", "1" + "0" * 400),
        ("date", "yesterday"),
        ("datetime", "2026-03-01T25:00:00.000+0000"),
        ("time", "25:00:00.000Z"),
        ("int64", "seven"),
    ],
)
def test_values_that_do_not_fit_are_named(kind, value):
    """What is no value of its column's type ends the writing, with the column's name and without the value."""
    batch = batch_of({"Age__c": [value]}, ColumnDescription("Age__c", kind))

    with pytest.raises(Unwritable, match="column Age__c") as raised:
        rows_of(batch)

    assert value not in str(raised.value)
