"""The CSV of bulk results, as rows and as columns."""

import csv
import io
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import UpstreamProtocolError
from service.query.columns import ColumnType, ResultColumn
from service.query.csv_columns import CsvColumnizer
from service.query.csv_rows import CsvRows

texts = st.text(st.sampled_from('ab",\n\r;Zé\U0001f600 '), max_size=6)


def columns(*names: str, kind: ColumnType = ColumnType.STRING) -> list[ResultColumn]:
    """Return columns of one type."""
    return [ResultColumn(name, kind, (name,)) for name in names]


def part(text: str) -> io.BytesIO:
    """Return a part of a result."""
    return io.BytesIO(text.encode())


def taken(rows: CsvRows, size: int) -> list[tuple[str, ...]]:
    """Return all rows, so many at a time."""
    found: list[tuple[str, ...]] = []
    while cells := rows.take(size):
        found += zip(*cells, strict=True)
    return found


def values(kind: ColumnType, *cells: str) -> tuple[Sequence[object], Sequence[int]]:
    """Return what the cells of a column become, and which of them are null."""
    (column,) = CsvColumnizer(columns("A", kind=kind)).batch([cells], len(cells)).columns
    return list(column.values), list(column.null_rows)


@pytest.fixture
def ordinary_cells() -> Iterator[None]:
    """Let cells be as long as in a service: an emulated org in the same process lets them be longer."""
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


@given(
    rows=st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[texts] * width), min_size=1, max_size=30)),
    size=st.integers(1, 9),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    skip=st.integers(0, 35),
)
def test_whatever_was_written_is_read(rows, size, quoting, skip):
    """Quotes, commas and line ends within cells, quoted cells or not: the rows are the same in portions of any size."""
    names = [f"F{index}__c" for index in range(len(rows[0]))]
    if quoting == csv.QUOTE_MINIMAL:
        # What writes CSV does not take a carriage return for a line end, and leaves it without quotes.
        rows = [tuple(cell.replace("\r", "") for cell in row) for row in rows]
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator="\n").writerows([names, *rows])

    reader = CsvRows(part(text.getvalue()), columns(*names))
    skipped = reader.skip(skip)

    assert min(skip, len(rows)) == skipped
    assert rows[skip:] == taken(reader, size)


def test_columns_in_another_order_are_put_in_order():
    """The header tells where a column stands, in any case of letters."""
    reader = CsvRows(part('"NAME","Id"\n"x","1"\n'), columns("Id", "Name"))

    assert [("1", "x")] == taken(reader, 10)


def test_what_a_function_is_called_does_not_matter():
    """Columns whose names cannot be known stand in the order of SELECT."""
    reader = CsvRows(part('"Id","toLabel(Status)"\n"1","New"\n'), columns("Id", "Status"), {1})

    assert [("1", "New")] == taken(reader, 10)


@pytest.mark.parametrize("unnamed", [set(), {1}])
def test_what_a_field_is_called_does(unnamed):
    """Cells never get into a column that they are not of."""
    with pytest.raises(UpstreamProtocolError, match="other columns than were asked for"):
        CsvRows(part('"Name","Status"\n"1","New"\n'), columns("Id", "Status"), unnamed)


@pytest.mark.parametrize("cell", ['"{}"', '"{}\n"', '"""{}"'])
def test_few_long_rows_are_taken_at_once(cell):
    """However many rows are wanted, no more are in memory than some megabytes hold; none is lost."""
    text = cell.format("x" * 100_000)
    reader = CsvRows(part('"A"\n' + f"{text}\n" * 100), columns("A"))

    sizes = []
    while cells := reader.take(2000):
        sizes.append(len(cells[0]))

    assert 100 == sum(sizes)
    assert 22 > max(sizes)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('"A"\n"x"\n', "1 columns instead of 2"),
        ('"B","A","A"\n"x","y","z"\n', "3 columns instead of 2"),
        ('"A","B"\n"x","y\nz","w"\n', "3 columns instead of 2"),
        ('"A","B"\n"x"\n', "1 columns instead of 2"),
        ('"A","B"\n"x","y"\n"z"\n', "quotes do not match"),
        ('"A","B"\n"x","y\n', "quotes do not match"),
        ('"A","B"\n"x","y"z\n', "quotes do not match"),
        ('"A","B"\n"x","' + "y" * 131_073 + '"\n"""",""\n', "more than 131,072 characters"),
    ],
)
@pytest.mark.usefixtures("ordinary_cells")
def test_what_is_no_csv_is_refused(text, why):
    """A result that is cut off or of another shape is an error, never other rows."""
    with pytest.raises(UpstreamProtocolError) as raised:
        taken(CsvRows(part(text), columns("A", "B")), 10)

    assert why in raised.value.message


def test_what_is_no_utf8_is_refused():
    """Text in another encoding is an error."""
    with pytest.raises(UpstreamProtocolError, match="UTF-8"):
        taken(CsvRows(io.BytesIO(b'"A"\n"\xff"\n'), columns("A")), 10)


def test_a_part_without_a_byte_has_no_rows():
    """There is not even a header in it."""
    assert [] == taken(CsvRows(part(""), columns("A")), 10)


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        (ColumnType.STRING, ("a", ""), (["a", ""], [1])),
        (ColumnType.INT64, ("5", "", "-7", "5.0", "1.2E7"), ([5, 0, -7, 5, 12_000_000], [1])),
        (ColumnType.DOUBLE, ("0.1", "", "1.5E-3"), ([0.1, 0.0, 0.0015], [1])),
        (ColumnType.DECIMAL, ("123456789012345.678", "", "-1.50"), (["123456789012345.678", "", "-1.50"], [1])),
        (ColumnType.DECIMAL, ("1.2345678901234567E17", ""), (["123456789012345670", ""], [1])),
        (ColumnType.DECIMAL, ("0012.50", "-007", "0.5"), (["12.50", "-7", "0.5"], [])),
        (ColumnType.BOOL, ("true", "", "false"), ([True, False, False], [1])),
        (ColumnType.DATE, ("2026-03-01", ""), (["2026-03-01", ""], [1])),
        (
            ColumnType.DATETIME,
            ("2026-03-01T12:34:56.000Z", "", "2026-03-01T12:34:56.000+0000"),
            (["2026-03-01T12:34:56.000+0000", "", "2026-03-01T12:34:56.000+0000"], [1]),
        ),
        (ColumnType.TIME, ("13:05:00.000Z", ""), (["13:05:00.000Z", ""], [1])),
        (ColumnType.BYTES, ("AAEC", "", "/services/data/v66.0/x"), ([b"\0\1\2", b"", b"/services/data/v66.0/x"], [1])),
    ],
)
def test_cells_become_values(kind, cells, expected):
    """Numbers keep their digits, instants are written as by REST, and an empty cell is null."""
    assert expected == values(kind, *cells)


def test_multi_select_picklists_become_their_entries():
    """The entries of all rows follow each other, with where each row's end."""
    (column,) = CsvColumnizer(columns("A", kind=ColumnType.STRINGS)).batch([("a;b", "", "c")], 3).columns

    assert column.children is not None
    assert ["a", "b", "c"] == list(column.children.columns[0].values)
    assert [2, 2, 3] == list(column.children.ends)
    assert [1] == list(column.null_rows)


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        (ColumnType.INT64, "x"),
        (ColumnType.INT64, "5.5"),
        (ColumnType.INT64, str(2**63)),
        (ColumnType.INT64, "1E+999999999"),
        (ColumnType.DOUBLE, "x"),
        (ColumnType.DOUBLE, "nan"),
        (ColumnType.DOUBLE, "-Infinity"),
        (ColumnType.DOUBLE, "1E999"),
        (ColumnType.DECIMAL, "x"),
        (ColumnType.DECIMAL, "NaN"),
        (ColumnType.DECIMAL, "1E+999999999"),
        (ColumnType.BOOL, "TRUE?"),
        (ColumnType.BYTES, "?"),
        (ColumnType.DATETIME, "2026-03-01T12:34:56.000Z\n"),
    ],
)
def test_what_is_no_value_of_its_field_is_refused(kind, cell):
    """The error names the column."""
    with pytest.raises(UpstreamProtocolError, match="A does not fit"):
        values(kind, cell)


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=4) | st.none(), min_size=1))
def test_no_digit_of_a_decimal_is_lost(numbers):
    """However many digits a number has, they are those of the cell."""
    cells = ["" if number is None else format(number, "f") for number in numbers]

    found, nulls = values(ColumnType.DECIMAL, *cells)

    assert cells == found
    assert [row for row, number in enumerate(numbers) if number is None] == nulls
