"""The caller's CSV becomes Salesforce's CSV, row by row, or the row at fault is named."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.bulk import records
from service.bulk.csv_rows import CsvReader, write_row
from service.bulk.rows import digest


def read(data, size=1 << 20):
    reader = CsvReader()
    out = [reader.feed(data[start : start + size]) for start in range(0, len(data), size)]
    out.extend(reader.finish())
    reader.close()
    return reader, b"".join(out)


def rows_of(content):
    return [row for row in csv.reader(StringIO(content.decode(), newline=""), strict=True) if row]


cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(
    table=st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=20),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    size=st.integers(1, 40),
)
def test_any_table_arrives_as_it_was(table, quoting, line_end, size):
    """Cells of any text survive any quoting, line end and cut, and every row can be found by its cells."""
    out = StringIO(newline="")
    writer = csv.writer(out, quoting=quoting, lineterminator=line_end)
    writer.writerow(["A", "B", "C"])
    for row in table:
        if quoting == csv.QUOTE_MINIMAL and any("\r" in text for text in row):
            csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=line_end).writerow(row)
        else:
            writer.writerow(row)

    reader, content = read(out.getvalue().encode(), size)

    assert [["A", "B", "C"], *table] == rows_of(content)
    reader.index.build()
    numbers = [reader.index.take(digest(row)) for row in table]
    assert sorted(number or 0 for number in numbers) == list(range(1, len(table) + 1))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"A,B\n1,2\n", b"A,B\n1,2\n"),
        (b"\xef\xbb\xbfA,B\r\n1,2\r\n", b"A,B\n1,2\n"),
        (b"A,B\n1,2", b"A,B\n1,2\n"),
        (b"A,B\r\n1,2\r", b"A,B\n1,2\n"),
        (b"\n\nA,B\n\n1,2\n\n\n3,4\n\n", b"A,B\n1,2\n3,4\n"),
        (b'"A","B"\r\n"x\r\ny",2\r\n\r\n', b'A,B\n"x\r\ny",2\n'),
        ("A,B\n\u2028,\x0b\n\n1,2\n".encode(), "A,B\n\u2028,\x0b\n1,2\n".encode()),
        (b'A,B\n"say ""hi""",\n', b'A,B\n"say ""hi""",\n'),
        (b'A\n""\n\nx\n', b'A\n""\nx\n'),
        ("A,B\n😀,é\x1fx\n".encode(), "A,B\n😀,é\x1fx\n".encode()),
    ],
)
def test_what_salesforce_gets(data, expected):
    """UTF-8, LF and commas; empty lines and the byte order mark are gone; quoted cells keep their line ends."""
    assert expected == read(data)[1]
    assert expected == read(data, size=1)[1]


def test_rows_are_counted_without_header_and_empty_lines():
    """The count is of rows, and the columns are the header's."""
    reader, _ = read(b"A,B\n\n1,2\n\n3,4\n")

    assert len(reader.index) == 2
    assert reader.columns == ("A", "B")


GOOD = b"1,2\n" * 3


@pytest.mark.parametrize(
    ("data", "row", "words"),
    [
        (b"", 0, "empty"),
        (b"\n\n", 0, "empty"),
        (b"\xef\xbb\xbf", 0, "empty"),
        (b",B\n" + GOOD, 0, "column 1 has no name"),
        (b"A,a\n" + GOOD, 0, "twice"),
        (b"A,B C\n" + GOOD, 0, "API name"),
        (b"A,B;C\n" + GOOD, 0, "API name"),
        (b"sf__Id,B\n" + GOOD, 0, "result columns"),
        (b'"A,B\n' + GOOD, 0, "never closed"),
        (b"A,B\xff\n" + GOOD, 0, "header is not UTF-8"),
        (b"A,B\n" + GOOD + b"1,2,3\n", 4, "4 has 3 cells and the header 2"),
        (b"A,B\n" + GOOD + b"1\n", 4, "4 has 1 cells and the header 2"),
        (b"A,B\n" + GOOD + b'"1"\n', 4, "4 has 1 cells and the header 2"),
        (b"A,B\n" + GOOD + b'1,"2\n' + GOOD, 4, "never closed"),
        (b"A,B\n" + GOOD + b'1,5" pipe\n' + GOOD, 4, "without quotes"),
        (b"A,B\n" + GOOD + b'1,5" pipe 6"\n' + GOOD, 4, "without quotes"),
        (b"A,B\n" + GOOD + b'1,"2"x\n' + GOOD, 4, "follows a closing quote"),
        (b"A,B\n" + GOOD + b"1,\xff\n" + GOOD, 4, "not UTF-8"),
        (b"A,B\n" + GOOD + b'"x\ny",1\n\xc3,2\n', 5, "not UTF-8"),
        (b"A,B\n" + GOOD + b'"x\n\xc3",1\n', 4, "not UTF-8"),
        (b"A,B\n" + GOOD + b"1,\0\n", 4, "NUL"),
        (b"A,B\n" + GOOD + b"1,2\rx\n", 4, "carriage return"),
        (b"A,B\n" + GOOD + b"1," + b"x" * 131_073 + b"\n", 4, "131,072"),
        (b"A,B\n" + GOOD + b'1,"' + b"x" * 131_073 + b'"\n', 4, "131,072"),
        (b"A\n" + b"x" * 5_000_000, 1, "131,072"),
        (b'A\n1\n"' + b"x\n" * 3_000_000, 2, "never closed"),
        (b"A" * 5_000_000, 0, "131,072"),
        (b"A,B,C,D,E\n" + b",".join([b"x" * 100_000] * 5) + b"\n", 1, "400,000"),
        (b"A,B,C,D,E\n" + b",".join([b'"' + b"x" * 100_000 + b'"'] * 5) + b"\n", 1, "400,000"),
        (b",".join(b"A%d" % n for n in range(5001)) + b"\n", 0, "5,000 columns"),
    ],
)
def test_the_row_at_fault_is_named(data, row, words):
    """What cannot be read is refused with the row's number and what to do, however the stream is cut."""
    for size in (1 << 22, 10_000 if len(data) > 10_000 else 1):
        with pytest.raises(errors.InvalidData, match=words) as caught:
            read(data, size)

        assert row == caught.value.row


def test_a_wrong_number_of_cells_tells_both():
    """The metadata holds what was expected and what was found."""
    with pytest.raises(errors.InvalidData) as caught:
        read(b"A,B\n1,2,3\n")

    assert caught.value.metadata == {"row": "1", "expected": "2", "found": "3"}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    """No input does anything but be read or raise the documented error."""
    try:
        reader, content = read(b"A,B\n" + data, 16)
    except errors.InvalidData:
        return
    assert len(rows_of(content)) == len(reader.index) + 1


def test_rows_come_out_while_data_comes_in():
    """The reader holds back less than two blocks."""
    reader = CsvReader()
    line = b"1,2\n"

    out = reader.feed(b"A,B\n" + line * (records.BLOCK_BYTES // len(line) * 2))

    assert len(out) > records.BLOCK_BYTES


def test_a_row_of_one_empty_cell_is_written_so_that_it_is_a_row():
    """An empty line would be no row at all."""
    assert write_row([""]) == '""\n'
    assert write_row(["", ""]) == ",\n"


@given(cells=st.lists(cell, min_size=1, max_size=5), missing=st.integers(0, 3))
def test_a_row_is_written_to_its_width(cells, missing):
    """Any cells come back, followed by as many empty ones as the table is wider."""
    line = write_row(cells, len(cells) + missing)

    assert [[*cells, *[""] * missing]] == rows_of(line.encode())
