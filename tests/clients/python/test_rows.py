"""Batches of columns become rows of Python values."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluicegate.columns import ColumnDescription
from sluicegate.rows import decode_batch
from sluicegate.v1 import record_batch_pb2 as pb

KINDS: dict[pb.ColumnType.ValueType, tuple[st.SearchStrategy[Any], str, Callable[..., object], object]] = {
    pb.COLUMN_TYPE_STRING: (st.text(st.characters(codec="utf-8")), "string_values", lambda value: value, ""),
    pb.COLUMN_TYPE_INT64: (st.integers(-(2**63), 2**63 - 1), "int64_values", lambda value: value, 0),
    pb.COLUMN_TYPE_DOUBLE: (st.floats(allow_nan=False), "double_values", lambda value: value, 0.0),
    pb.COLUMN_TYPE_BOOL: (st.booleans(), "bool_values", lambda value: value, False),
    pb.COLUMN_TYPE_DECIMAL: (st.decimals(-(10**18), 10**18, places=2), "string_values", str, ""),
    pb.COLUMN_TYPE_DATE: (st.dates(), "string_values", date.isoformat, ""),
    pb.COLUMN_TYPE_DATETIME: (
        st.datetimes(timezones=st.just(UTC)).map(lambda value: value.replace(microsecond=0)),
        "string_values",
        lambda value: value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "+0000",
        "",
    ),
    pb.COLUMN_TYPE_TIME: (
        st.times().map(lambda value: value.replace(microsecond=0)),
        "string_values",
        lambda value: value.isoformat(timespec="milliseconds") + "Z",
        "",
    ),
}


@st.composite
def tables(draw):
    """Rows of any types with nulls anywhere, and the batch that the contract makes of them."""
    row_count = draw(st.integers(0, 6))
    values, columns = [], []
    for index, kind in enumerate(draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6))):
        strategy, field, write, zero = KINDS[kind]
        cells = draw(st.lists(st.none() | strategy, min_size=row_count, max_size=row_count))
        column = pb.Column(name=f"c{index}", type=kind)
        getattr(column, field).extend(zero if cell is None else write(cell) for cell in cells)
        column.null_rows.extend(row for row, cell in enumerate(cells) if cell is None)
        values.append(cells)
        columns.append(column)
    rows = [{f"c{index}": cells[row] for index, cells in enumerate(values)} for row in range(row_count)]
    return rows, pb.RecordBatch(row_count=row_count, columns=columns)


@given(tables())
def test_round_trip(table):
    """Every cell of every type comes back as the value it was, nulls as None."""
    rows, message = table

    batch = decode_batch(pb.RecordBatch.FromString(message.SerializeToString()), total_size=99)

    assert rows == batch.rows()
    assert len(rows) == batch.row_count
    assert batch.total_size == 99


def test_types():
    """Each type of column is the Python type that the package documents."""
    texts: dict[pb.ColumnType.ValueType, str] = {
        pb.COLUMN_TYPE_STRING: "x",
        pb.COLUMN_TYPE_DECIMAL: "12345678901234567.8",
        pb.COLUMN_TYPE_DATE: "2026-03-01",
        pb.COLUMN_TYPE_DATETIME: "2026-03-01T12:34:56.000+0000",
        pb.COLUMN_TYPE_TIME: "13:05:00.000Z",
    }
    columns = [pb.Column(name=str(kind), type=kind, string_values=[text]) for kind, text in texts.items()]

    (row,) = decode_batch(pb.RecordBatch(row_count=1, columns=columns), 1).rows()

    expected = [
        "x",
        Decimal("12345678901234567.8"),
        date(2026, 3, 1),
        datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC),
        time(13, 5),
    ]
    assert expected == list(row.values())


def test_columns_of_several():
    """Children are lists of dicts, also those of children; entries are lists, and null where there are none."""
    name = pb.Column(name="Name", type=pb.COLUMN_TYPE_STRING, string_values=["a", "b", "c"])
    since = pb.Column(name="Since", type=pb.COLUMN_TYPE_DATE, string_values=["2026-03-01", "", ""], null_rows=[1, 2])
    tags = pb.Column(name="Tags", type=pb.COLUMN_TYPE_STRINGS, null_rows=[1], child_ends=[2, 2, 3])
    tags.children.row_count = 3
    tags.children.columns.add(name="Tags", type=pb.COLUMN_TYPE_STRING, string_values=["x", "y", "z"])
    children = pb.Column(name="Kids", type=pb.COLUMN_TYPE_BATCHES, child_ends=[0, 3])
    children.children.CopyFrom(pb.RecordBatch(row_count=3, columns=[name, since, tags]))
    content = pb.Column(name="Body", type=pb.COLUMN_TYPE_BYTES, bytes_values=[b"\0\xff", b""], null_rows=[1])

    rows = decode_batch(pb.RecordBatch(row_count=2, columns=[content, children]), 2).rows()

    kids = [
        {"Name": "a", "Since": date(2026, 3, 1), "Tags": ["x", "y"]},
        {"Name": "b", "Since": None, "Tags": None},
        {"Name": "c", "Since": None, "Tags": ["z"]},
    ]
    assert rows == [{"Body": b"\0\xff", "Kids": []}, {"Body": None, "Kids": kids}]


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ([1], "has 1 values in a batch of 2 rows"),
        ([2, 1], "end at 1, behind 2"),
        ([1, 3], "end at 3, behind 1"),
        ([0, 1], "has 1 children that belong to no row"),
    ],
)
def test_children_of_no_row(ends: list[int], text: str):
    """Children are refused where it cannot be told whose they are."""
    column = pb.Column(name="Kids", type=pb.COLUMN_TYPE_BATCHES, child_ends=ends)
    column.children.row_count = 1 if ends == [1] else 2

    with pytest.raises(ValueError, match=text):
        decode_batch(pb.RecordBatch(row_count=2, columns=[column]), 2)


def test_raw():
    """A raw batch leaves text as Salesforce wrote it, and nulls None all the same."""
    column = pb.Column(name="D", type=pb.COLUMN_TYPE_DATE, string_values=["2026-03-01", ""], null_rows=[1])

    batch = decode_batch(pb.RecordBatch(row_count=2, columns=[column]), 2, raw=True)

    assert batch.columns == {"D": ["2026-03-01", None]}


def test_empty():
    """A result without rows is a batch without rows that still has its columns and its total."""
    batch = decode_batch(pb.RecordBatch(columns=[pb.Column(name="Id", type=pb.COLUMN_TYPE_STRING)]), 7)

    assert batch.rows() == []
    assert list(batch.columns) == ["Id"]
    assert batch.total_size == 7


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pb.Column(name="N", type=pb.COLUMN_TYPE_INT64, int64_values=[1, 2]), "N has 2 values in a batch of 1 rows"),
        (pb.Column(name="N", type=pb.COLUMN_TYPE_STRING), "N has 0 values in a batch of 1 rows"),
        (pb.Column(name="N", type=pb.COLUMN_TYPE_BOOL, bool_values=[True], null_rows=[1]), "N has a null at row 1"),
        (pb.Column(name="N", type=pb.COLUMN_TYPE_BOOL, bool_values=[True], null_rows=[-1]), "N has a null at row -1"),
        (pb.Column(name="N", type=pb.COLUMN_TYPE_DATE, string_values=["x"]), "N holds text that is not of type DATE"),
        (pb.Column(name="N", type=pb.COLUMN_TYPE_DECIMAL, string_values=["x"]), "not of type DECIMAL"),
        (
            pb.Column.FromString(pb.Column(name="N").SerializeToString() + b"\x10\x63"),
            "N is of type 99, which this package does not know; update it",
        ),
    ],
)
def test_malformed(column: pb.Column, text: str):
    """A batch that breaks the contract is refused with the column's name instead of read wrongly."""
    with pytest.raises(ValueError, match=text):
        decode_batch(pb.RecordBatch(row_count=1, columns=[column]), 1)


def test_columns_are_described_without_rows():
    """An empty batch tells what its columns would hold, those of children included; entries are no children."""
    inner = pb.RecordBatch(columns=[pb.Column(name="LastName", type=pb.COLUMN_TYPE_STRING)])
    columns = [
        pb.Column(name="AnnualRevenue", type=pb.COLUMN_TYPE_DECIMAL),
        pb.Column(name="Skills__c", type=pb.COLUMN_TYPE_STRINGS, children=inner),
        pb.Column(name="Contacts", type=pb.COLUMN_TYPE_BATCHES, children=inner),
    ]

    found = decode_batch(pb.RecordBatch(columns=columns), 0).descriptions

    expected = (
        ColumnDescription("AnnualRevenue", "decimal"),
        ColumnDescription("Skills__c", "strings"),
        ColumnDescription("Contacts", "batches", (ColumnDescription("LastName", "string"),)),
    )
    assert expected == found
