"""Rows as lines of JSON."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from service.query.batches import Batch, Children, ColumnValues
from service.query.columns import ColumnType, ResultColumn
from service.rpc.json_lines import json_lines

TEXTS = st.text(st.characters(codec="utf-8"))


def column(name: str, kind: ColumnType, *values: object, null_rows: tuple[int, ...] = ()) -> ColumnValues:
    """Return a column without children."""
    return ColumnValues(ResultColumn(name, kind, (name,)), values, null_rows)


def several(name: str, kind: ColumnType, ends: list[int], *columns: ColumnValues, nulls=()) -> ColumnValues:
    """Return a column of children or entries."""
    return ColumnValues(ResultColumn(name, kind, (name,)), (), nulls, Children(ends[-1], columns, ends))


def test_every_type():
    """Each type is what JSON has for it, nulls are null, and a number keeps its digits."""
    batch = Batch(
        2,
        (
            column("Account.Name", ColumnType.STRING, 'a"\n', "", null_rows=(1,)),
            column("Amount", ColumnType.DECIMAL, "12345678901234567.80", "", null_rows=(1,)),
            column("Employees", ColumnType.INT64, -3, 0, null_rows=(1,)),
            column("Score", ColumnType.DOUBLE, 0.1, 0.0),
            column("IsActive", ColumnType.BOOL, True, False),
            column("Since", ColumnType.DATE, "2026-03-01", "2026-03-02"),
            column("Body", ColumnType.BYTES, b"\0\xff", b"", null_rows=(1,)),
            several("Tags", ColumnType.STRINGS, [2, 2], column("Tags", ColumnType.STRING, "x", "y"), nulls=(1,)),
            several("Kids", ColumnType.BATCHES, [0, 2], column("Id", ColumnType.STRING, "1", "2")),
        ),
        2,
    )

    lines = json_lines(batch)

    assert lines == (
        b'{"Account.Name":"a\\"\\n","Amount":12345678901234567.80,"Employees":-3,"Score":0.1,"IsActive":true,'
        b'"Since":"2026-03-01","Body":"AP8=","Tags":["x","y"],"Kids":[]}\n'
        b'{"Account.Name":null,"Amount":null,"Employees":null,"Score":0.0,"IsActive":false,'
        b'"Since":"2026-03-02","Body":null,"Tags":null,"Kids":[{"Id":"1"},{"Id":"2"}]}\n'
    )


def test_no_rows():
    """A batch without rows has no lines, with columns or without."""
    assert b"" == json_lines(Batch(0, (), 42)) == json_lines(Batch(0, (column("Id", ColumnType.STRING),), 0))


@given(st.lists(st.tuples(TEXTS, st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=3))))
def test_round_trip(rows):
    """A line is a row, whatever its texts hold."""
    names = column("Name", ColumnType.STRING, *(text for text, _ in rows))
    numbers = column(
        "Number",
        ColumnType.DECIMAL,
        *("" if number is None else format(number, "f") for _, number in rows),
        null_rows=tuple(row for row, (_, number) in enumerate(rows) if number is None),
    )

    lines = json_lines(Batch(len(rows), (names, numbers), len(rows))).split(b"\n")

    assert b"" == lines.pop()
    assert [{"Name": text, "Number": number} for text, number in rows] == [
        json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines
    ]
