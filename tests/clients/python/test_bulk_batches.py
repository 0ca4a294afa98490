"""Rows on their way up as record batches."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluicegate import Batch, Reference
from sluicegate.bulk_batches import BatchWriter
from sluicegate.bulk_data import Source, Start
from sluicegate.rows import decode_batch
from sluicegate.v1 import record_batch_pb2 as pb


def batches(*items: object, first_row: int = 1) -> list[pb.RecordBatch]:
    """Write items, and return the messages."""
    writer = BatchWriter(first_row)
    return [*(batch for item in items for batch in writer.take(item)), *writer.finish()]


def read(messages: list[pb.RecordBatch]) -> list[dict[str, object]]:
    """Read the rows of messages as a query's are read."""
    return [row for message in messages for row in decode_batch(message, 0).rows()]


VALUES = {
    "text": st.text(),
    "whole": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "truth": st.booleans(),
    "bytes": st.binary(),
    "date": st.dates(),
    "decimal": st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**15), max_value=10**15),
    "texts": st.lists(st.text()),
}
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | kind for name, kind in VALUES.items()}), max_size=100)


@given(ROWS, st.integers(1, 110))
def test_values_arrive_as_they_were(rows: list[dict[str, object]], first_row: int):
    """Whatever its type, a value is in its row, and rows before the wanted one are left out."""
    assert rows[first_row - 1 :] == read(batches(*rows, first_row=first_row))


def test_columns_have_their_types():
    """A column says what it holds; one without any value is text, and one of several types is as well."""
    row = {
        "A": "x",
        "B": 1,
        "C": 1.5,
        "D": True,
        "E": b"x",
        "F": Decimal("1.50"),
        "G": date(2026, 1, 2),
        "H": datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1))),
        "I": time(1, 2),
        "J": ["a", "b"],
        "K": None,
        "L": 2**70,
        "M": 1,
    }

    (message,) = batches(row, {**row, "M": Decimal("2.0")})

    types = {column.name: pb.ColumnType.Name(column.type)[12:] for column in message.columns}
    texts = {column.name: list(column.string_values)[:1] for column in message.columns}
    assert "STRING INT64 DOUBLE BOOL BYTES DECIMAL DATE DATETIME TIME STRINGS STRING DECIMAL STRING" == " ".join(
        types.values()
    )
    assert ["2026-01-02T00:00:00+01:00"] == texts["H"]
    assert ["01:02:00.000Z"] == texts["I"]
    assert [str(2**70)] == texts["L"]
    assert ["1", "2.0"] == list(message.columns[-1].string_values)


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    LARGE = 7


def test_enums_are_their_values():
    """Text and numbers that are members of an enum are sent as what they stand for."""
    (message,) = batches({"A": Colour.RED, "B": Size.LARGE, "C": True}, {"A": "x", "B": 1, "C": 0.5})

    values = [list(column.string_values) for column in message.columns]
    assert [["red", "x"], ["7", "1"], ["true", "0.5"]] == values


def test_lookups_have_columns_of_their_own():
    """A reference, or an object of one key, is the column that Salesforce has for it, also where it is null."""
    rows = [{"Account": Reference("Ext__c", "A-1")}, {"Account": None}, {"Account": {"Ext__c": 7}}]
    later = [{"Account": None}] * 100

    messages = batches(*rows, *later)

    assert {"Account.Ext__c"} == {column.name for message in messages for column in message.columns}
    assert ["A-1", None, "7", None] == [row["Account.Ext__c"] for row in read(messages)[:4]]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            [{"A": 1}, {"A": 1, "B": 2}],
            "row 2 has 'B', which the first row has not; give that None, or load json_lines",
        ),
        (
            [{"A": 1, "B": 2}, {"B": 1}],
            "row 2 has no 'A', as the first row has; give None for null, or load json_lines",
        ),
        ([{"A": 1}, {"A": object()}], "row 2: 'A': <object"),
        ([{"A": 1.0}, {"A": float("inf")}], "row 2: 'A' is no finite number"),
        ([{"A": 1}, {"A": Decimal("NaN")}], "row 2: 'A': NaN is no number"),
        ([{"A": datetime(2026, 1, 2)}], "row 1: 'A': .* has no time zone"),  # noqa: DTZ001
        ([{"A": time(1, 2, tzinfo=UTC)}], "row 1: 'A': .* is no value that a bulk load takes"),
        ([{"A": "x"}, {"A": "\ud800"}], "row 2: 'A' holds half of a surrogate pair"),
        ([{"A": ["x"]}, {"A": [1]}], "row 2: 'A' holds a list of others than texts"),
        ([{"A": "x"}, {"A": Reference("Ext__c", "y")}], "row 1: 'A' is a lookup in other rows"),
        ([{"A": Reference("B", "x")}, {"A": Reference("C", "x")}], "row 2: 'A' is both A.B and A.C; one column"),
        ([*[{"A": None}] * 64, {"A": Reference("B", "x")}], "row 65: 'A' was no lookup in the rows before"),
        ([{"A": 1}, 5], "data yielded int; as record batches it must yield rows as dicts, or batches of a query"),
        ([Batch({"Contacts": [[{"LastName": "x"}]]}, 1, 1)], "row 1: 'Contacts' holds a list of others than texts"),
        ([{"A": 1}, Batch({"B": [1]}, 1, 1)], "row 2 has no 'A'"),
    ],
)
def test_rows_that_cannot_be_sent_are_named(rows, text):
    """The refusal says the row, the column and what helps."""
    with pytest.raises((TypeError, ValueError), match=f"^{text}"):
        batches(*rows)


def test_messages_are_of_a_size():
    """Short rows go many in a message, and of long ones each message has as many as the service takes."""
    short = batches(*({"A": number} for number in range(10_000)))
    long = batches(*({"A": str(number) * 100_000} for number in range(200)))

    assert 10_000 == len(read(short))
    assert len(short) < 12
    assert [{"A": str(number) * 100_000} for number in range(200)] == read(long)
    assert max(message.ByteSize() for message in long) <= 2 * 1024 * 1024
    assert 2 == len(batches(Batch({"A": ["x" * 1_000_000] * 3}, 3, 3)))


async def test_batches_of_a_query_from_a_row_on():
    """They need not begin where the load goes on."""
    given = [Batch({"A": [1, 2, 3]}, 3, 5), Batch({"A": []}, 0, 5), Batch({"A": [4, None]}, 2, 5)]

    found = {}
    for row in (1, 3, 4, 5, 6):
        messages = [piece async for piece in Source(given).pieces(Start(next_row=row))]
        assert all(isinstance(message, pb.RecordBatch) for message in messages)
        found[row] = [value["A"] for value in read(messages)]  # type: ignore[arg-type]

    assert {1: [1, 2, 3, 4, None], 3: [3, 4, None], 4: [4, None], 5: [None], 6: []} == found


@pytest.mark.parametrize(
    ("data", "data_format", "text"),
    [
        (b"A\n1\n", "record_batch", "data_format is 'record_batch'; it takes rows as dicts or batches of a query"),
        (lambda: [{"A": 1}], None, "data yielded dict; it must yield bytes, rows as dicts with data_format="),
        (iter([Batch({"A": [1]}, 1, 1)]), None, "data yielded Batch; it must yield"),
        (lambda: [b"A\n"], "record_batch", "data yielded bytes; as record batches it must yield rows"),
    ],
)
async def test_data_of_another_format_is_refused(data, data_format, text):
    """Nothing is sent as what it is not."""
    with pytest.raises((TypeError, ValueError), match=text):
        _ = [piece async for piece in Source(data, data_format).pieces(Start())]


def test_formats_that_are_known_without_being_said(tmp_path: Path):
    """What is rows for certain goes as such, and bytes as CSV; of nothing else is anything known."""
    path = tmp_path / "data.csv"
    path.write_bytes(b"A\n1\n")
    batch = Batch({"A": [1]}, 1, 1)
    with path.open("rb") as file:
        given = [b"A\n", path, file, [b"A\n"], [{"A": 1}], iter([{"A": 1}]), [batch], lambda: [batch]]
        formats = [Source(data).data_format for data in given]  # type: ignore[arg-type]

    assert [*["csv"] * 4, "json_lines", "json_lines", "record_batch", "csv"] == formats
