"""Rows as columns."""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from service.query.batches import Columnizer
from service.query.columns import ColumnType, ResultColumn
from service.query.decoding import row_type

VALUES: dict[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.STRING: st.text(max_size=8),
    ColumnType.INT64: st.integers(-(2**63), 2**63 - 1),
    ColumnType.DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    ColumnType.DECIMAL: st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18),
    ColumnType.BOOL: st.booleans(),
    ColumnType.DATE: st.dates().map(str),
}
ZERO = {ColumnType.INT64: 0, ColumnType.DOUBLE: 0.0, ColumnType.BOOL: False}
encode = msgspec.json.Encoder(decimal_format="number").encode


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[ResultColumn], list[list[Any]]]:
    """Draw columns at the top and below one parent, and rows of values or nulls."""
    types = draw(st.lists(st.sampled_from(sorted(VALUES, key=str)), min_size=1, max_size=4))
    columns = [
        ResultColumn(f"C{number}", kind, (f"C{number}",) if draw(st.booleans()) else ("Parent", f"C{number}"))
        for number, kind in enumerate(types)
    ]
    row = st.tuples(*(st.none() | VALUES[kind] for kind in types)).map(list)
    return columns, draw(st.lists(row, max_size=5))


def decoded(columns: list[ResultColumn], rows: list[list[Any]]) -> list[Any]:
    """Send rows through the JSON of Salesforce; a parent whose every field is null is null itself."""
    documents = []
    for row in rows:
        document: dict[str, Any] = {}
        below: dict[str, Any] = {}
        for column, value in zip(columns, row, strict=True):
            (below if len(column.keys) > 1 else document)[column.keys[-1]] = value
        if below:
            document["Parent"] = below if any(value is not None for value in below.values()) else None
        documents.append(document)
    rows_of: Any = list[row_type(columns)]  # type: ignore[misc]
    return list(msgspec.json.decode(encode(documents), type=rows_of))


@given(tables())
def test_every_cell_arrives(table):
    """Columns hold each value of each row; a null is named and holds the zero of its type."""
    columns, rows = table

    batch = Columnizer(columns).batch(decoded(columns, rows), total_size=77)

    assert (len(rows), 77) == (batch.row_count, batch.total_size)
    for number, found in enumerate(batch.columns):
        cells = [row[number] for row in rows]
        zero = ZERO.get(columns[number].type, "")
        assert columns[number] == found.column
        assert [index for index, cell in enumerate(cells) if cell is None] == list(found.null_rows)
        if columns[number].type is ColumnType.DECIMAL:
            assert [Decimal(cell or 0) for cell in cells] == [Decimal(value or "0") for value in found.values]
            assert not any("E" in value for value in found.values)
        else:
            assert [zero if cell is None else cell for cell in cells] == list(found.values)


def test_a_field_without_description_becomes_text():
    """Whatever the parent's field is, the column holds text: a boolean as JSON writes it."""
    column = ResultColumn("Owner.IsActive", ColumnType.STRING, ("Parent", "IsActive"), is_described=False)
    rows = decoded([column], [[True], ["text"], [None], [7]])

    (found,) = Columnizer([column]).batch(rows, 4).columns

    assert (["true", "text", "", "7"], [2]) == (list(found.values), list(found.null_rows))


def test_no_rows_have_every_column():
    """A result without rows still tells its columns."""
    columns = [ResultColumn("Id", ColumnType.STRING, ("Id",)), ResultColumn("N", ColumnType.INT64, ("N",))]

    batch = Columnizer(columns).batch([], 0)

    assert [("Id", []), ("N", [])] == [(item.column.name, list(item.values)) for item in batch.columns]
