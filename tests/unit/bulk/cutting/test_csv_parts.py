"""CSV is cut into parts by its rows alone, and every row arrives as the caller wrote it or is named."""

import csv
import hashlib
import tracemalloc
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.bulk.cutting import csv_blocks
from service.bulk.cutting.csv_parts import CsvSplitter
from service.bulk.cutting.parts import PartLimits, Position
from service.bulk.data import records
from service.bulk.data.dialect import Delimiter, Dialect, LineEnd
from service.bulk.data.mapping import FieldMapping

AS_IT_IS = FieldMapping()
ANY = Dialect()
LONG = 100_000
"""Bytes of data that would take seconds in blocks of a few rows."""


def taken(part):
    """Return what a part is, with its content for the file that holds it."""
    with part.content as content:
        data = b"".join(content.chunks())
    assert hashlib.sha256(data).digest() == part.digest
    return part.start, part.end, part.columns, part.delimiter, data


def split(data, *, mapping=AS_IT_IS, dialect=ANY, limits=None, start=None, size=1 << 20):
    splitter = CsvSplitter(mapping, dialect, limits or PartLimits(), start or Position())
    parts: list[tuple[Position, Position, tuple[str, ...], Delimiter, bytes]] = []
    try:
        for at in range(0, len(data), size):
            parts.extend(taken(part) for part in splitter.feed(data[at : at + size]))
        parts.extend(taken(part) for part in splitter.finish())
    finally:
        splitter.close()
    return splitter, parts


def content(data, **options):
    return [part[-1] for part in split(data, **options)[1]]


def table(data, delimiter=","):
    reader = csv.reader(StringIO(data.decode(), newline=""), strict=True, delimiter=delimiter)
    return [row for row in reader if row]


@pytest.fixture(autouse=True)
def block_bytes(monkeypatch):
    """Blocks of a few rows bring out what depends on where one ends."""
    monkeypatch.setattr(records, "BLOCK_BYTES", 48)
    monkeypatch.setattr(records, "_MOST_WALKED", 3)


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["", "NULL", '"', ',"', "\n", "\r\n", "a\nb", "#N/A", 'x"y', "é", ";", "\t"]
)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=12)
)


@st.composite
def written(draw, rows=tables):
    """A table as somebody wrote it: any quoting, any delimiter, any line ends, empty lines here and there."""
    content_rows = draw(rows)
    delimiter = draw(st.sampled_from(Delimiter)).text
    line_ends = draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"]]))
    is_all_quoted = draw(st.booleans())
    lines = [delimiter.join(f"Field{number}__c" for number in range(len(content_rows[0])))]
    for row in content_rows:
        texts = []
        for cell in row:
            special = any(character in cell for character in f'"\r\n{delimiter}')
            is_quoted = special or is_all_quoted or draw(st.booleans()) or row == [""]
            texts.append('"' + cell.replace('"', '""') + '"' if is_quoted else cell)
        lines.append(delimiter.join(texts))
    text = ""
    for line in lines:
        text += line + draw(st.sampled_from(line_ends))
        text += draw(st.sampled_from(["", "", "", "\n", "\r\n\n"]))
    if draw(st.booleans()):
        text = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") and lines[-1] else text
    return content_rows, delimiter, ("\ufeff" if draw(st.booleans()) else "").encode() + text.encode()


@given(source=written(), size=st.integers(1, 90), limit=st.integers(60, 400), rows=st.integers(1, 9))
def test_parts_hold_every_row_once_and_depend_on_nothing_but_the_rows(source, size, limit, rows):
    """However the bytes arrive the parts are the same, their rows are the caller's, and none passes a limit."""
    expected, delimiter, data = source
    limits = PartLimits(size_bytes=limit + 400, rows=rows)
    dialect = Dialect(Delimiter(delimiter.encode()))

    splitter, parts = split(data, dialect=dialect, limits=limits, size=size)
    _, others = split(data, dialect=dialect, limits=limits)

    assert others == parts
    assert expected == [row for part in parts for row in table(part[-1], delimiter)[1:]]
    assert all(len(part[-1]) <= limit + 400 and part[1].row - part[0].row <= rows for part in parts)
    assert [part[0] for part in parts] == [Position(1, 1, splitter.header_bytes), *(part[1] for part in parts[:-1])]
    assert len(data) == parts[-1][1].byte
    assert [len(table(part[-1], delimiter)) - 1 for part in parts] == [part[1].row - part[0].row for part in parts]


@given(source=written(), size=st.integers(1, 90), rows=st.integers(1, 4), data=st.data())
def test_going_on_from_the_start_of_a_part_yields_the_same_parts(source, size, rows, data):
    """A splitter that is fed the header and the bytes from a part's start on makes that part and all later ones."""
    _, delimiter, content_bytes = source
    dialect = Dialect(Delimiter(delimiter.encode()))
    splitter, parts = split(content_bytes, dialect=dialect, limits=PartLimits(rows=rows))
    at = data.draw(st.integers(0, len(parts) - 1))
    start = parts[at][0]

    rest = content_bytes[: splitter.header_bytes] + content_bytes[start.byte :]
    resumed, later = split(rest, dialect=dialect, limits=PartLimits(rows=rows), start=start, size=size)

    assert parts[at:] == later
    assert splitter.header_bytes == resumed.header_bytes


@given(source=written(), constant=cells, null=st.sampled_from(["", "NULL", "a\nb", ";", None]), drop=st.booleans())
def test_a_mapping_changes_nothing_but_what_it_says(source, constant, null, drop):
    """Cells that are null, left out or added are; all others stay, whatever the rows around them."""
    expected, delimiter, data = source
    drops = drop and len(expected[0]) > 1
    mapping = FieldMapping(
        {"Field0__c": "Key__c"}, {"Source__c": constant}, frozenset(["Field1__c"] if drops else []), null
    )

    splitter, parts = split(data, mapping=mapping, dialect=Dialect(Delimiter(delimiter.encode())), size=17)

    kept = [row[:1] + row[2:] if drops else row for row in expected]
    wanted = [[*("#N/A" if cell == null else cell for cell in row), constant] for row in kept]
    assert wanted == [row for part in parts for row in table(part[-1], delimiter)[1:]]
    assert ("Key__c", "Source__c") == (splitter.columns[0], splitter.columns[-1])


@given(
    source=written(),
    null=st.sampled_from(["", "NULL", None]),
    constants=st.sampled_from([{}, {"Source__c": 'a "b"'}, {"Source__c": None, "Other__c": ""}]),
    dropped=st.sampled_from([(), (0,), (1,), (0, 1), (1, 2)]),
)
def test_blocks_say_what_single_rows_do(source, null, constants, dropped):
    """What is read as a whole is written exactly as it is row by row."""
    expected, delimiter, data = source
    dialect = Dialect(Delimiter(delimiter.encode()))
    ignored = frozenset(f"Field{at}__c" for at in dropped if at < len(expected[0]))
    mapping = FieldMapping({}, constants, ignored if len(ignored) < len(expected[0]) else frozenset(), null)
    whole = split(data, mapping=mapping, dialect=dialect)[1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "MAX_CELL_CHARACTERS", 0)
        patch.setattr(csv_blocks, "check_lengths", lambda cells, *, row: None)
        one_by_one = split(data, mapping=mapping, dialect=dialect)[1]

    assert whole == one_by_one


@pytest.mark.parametrize(
    ("data", "null", "ignored", "expected"),
    [
        (b"A\nNULL\nNULL\nNULL\nx\nNULL\n", "NULL", "", b"A\n#N/A\n#N/A\n#N/A\nx\n#N/A\n"),
        (b"A,B\nNULL,NULL\nNULL,NULL\n", "NULL", "", b"A,B\n#N/A,#N/A\n#N/A,#N/A\n"),
        (b"A,B,C\n,,\n,x,\n", "", "", b"A,B,C\n#N/A,#N/A,#N/A\n#N/A,x,#N/A\n"),
        (b'A,B\n"NULL",xNULL\nNULLx,NULL\n', "NULL", "", b"A,B\n#N/A,xNULL\nNULLx,#N/A\n"),
        (b"A,B\n,1\n,2\nx,3\n", None, "B", b'A\n""\n""\nx\n'),
        (b"A,B\n,1\n,2\nx,3\n", "", "B", b"A\n#N/A\n#N/A\nx\n"),
        (b'A,B,C\n"x,1",2,"3"\n4,5,6\n', None, "B", b'A,C\n"x,1",3\n4,6\n'),
    ],
)
def test_nulls_and_columns_left_out_in_a_row(data, null, ignored, expected):
    """Cells that are null one after another all become null, and a row of which nothing is left is still a row."""
    mapping = FieldMapping(null_text=null, ignored=frozenset(ignored))

    assert [expected] == content(data, mapping=mapping)


@pytest.mark.parametrize("constant", ["\r", "x\ry", "\r\n", '"\r"', "\n", ","])
@pytest.mark.parametrize("rows", [b'"1","2"\n"3","4"\n', b"1,2\n3,4\n"])
def test_constants_keep_their_line_ends_where_columns_are_left_out(rows, constant):
    """A constant is written as one cell, whatever it holds, beside columns that are left out."""
    mapping = FieldMapping({}, {"C": constant}, frozenset(["B"]))

    (written,) = content(b"A,B\n" + rows, mapping=mapping)

    expected = constant.replace('"', '""')
    assert f'A,C\n1,"{expected}"\n3,"{expected}"\n'.encode() == written


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"A,B\n1,2\n", b"A,B\n1,2\n"),
        (b"\xef\xbb\xbfA,B\r\n1,2\r\n", b"A,B\n1,2\n"),
        (b'"A","B"\n"1","2"', b'A,B\n"1","2"\n'),
        (b'A,B\n"x\r\ny",2\r\n', b'A,B\n"x\r\ny",2\n'),
        (b"A\tB\n1,5\t2\n", b"A\tB\n1,5\t2\n"),
        (b"A;B\n1;2\n", b"A;B\n1;2\n"),
        (b"A\n1\n\n\n2\n", b"A\n1\n2\n"),
        (b'A\n""\nx\n', b'A\n""\nx\n'),
        (b'A,B\n"",""\n,\n', b'A,B\n"",""\n,\n'),
        (b'A,B\n",",","\n"a,",",b"\n', b'A,B\n",",","\n"a,",",b"\n'),
        (b'A,B\n"",""""\n"a",""\n', b'A,B\n"",""""\n"a",""\n'),
        (b"A,B\n1,2", b"A,B\n1,2\n"),
        (b"A,B\r\n1,2\r", b"A,B\n1,2\n"),
        (b"\n\nA,B\n\n1,2\n\n\n3,4\n\n", b"A,B\n1,2\n3,4\n"),
        (b"A,B\r\n\r\n1,2\r\n\r\n\n3,4\r\n\n", b"A,B\n1,2\n3,4\n"),
        (b"A\n\n\n\n\n1\n" + b"\n" * 200 + b"2\n", b"A\n1\n2\n"),
        (b'"A","B"\r\n"x\r\ny",2\r\n\r\n', b'A,B\n"x\r\ny",2\n'),
        ("A,B\n\u2028,\x0b\n\n1,2\n".encode(), "A,B\n\u2028,\x0b\n1,2\n".encode()),
        (b'A,B\n"say ""hi""",\n', b'A,B\n"say ""hi""",\n'),
        (b'A\n""\n\nx\n', b'A\n""\nx\n'),
        ("A,B\n😀,é\x1fx\n".encode(), "A,B\n😀,é\x1fx\n".encode()),
    ],
)
def test_rows_go_as_they_are(data, expected):
    """Only byte order marks, line ends of rows, empty lines and the header's quotes are changed."""
    assert [expected] == content(data)
    assert [expected] == content(data, size=1)


GOOD = b"1,2\n" * 3


@pytest.mark.parametrize(
    ("data", "row", "words"),
    [
        (b"", 0, "empty"),
        (b"\n\n", 0, "empty"),
        (b"A,B\n1,2\n3\n", 2, "has 1 cells and the header 2"),
        (b"A,B\n1,2\n3,4,5\n", 2, "has 3 cells"),
        (b'A,B\n1,2\n3,"4\n5,6\n', 2, "never closed"),
        (b'A,B\n1,2\n3,4"5\n', 2, "without quotes"),
        (b'A,B\n1,2\n3,"4"5\n', 2, "follows a closing quote"),
        (b'A,B\n"1","2"\n"3","4","5"\n"6"\n', 2, "has 3 cells"),
        (b'A,B\n"1","2"\n"3""4"\n', 2, "has 1 cells"),
        (b'A,B\n"1","2"\n"3"x,x"4"\n', 2, "follows a closing quote"),
        (b"A,B\n1,2\n3,\r4\n", 2, "carriage return"),
        (b"A,B\n1,2\n3,\xff\n", 2, "UTF-8"),
        (b"A,B\n1,2\n3,\0\n", 2, "NUL"),
        (b'A,B\n"1\n1",2\n3,\xff\n', 2, "UTF-8"),
        (b"A,B\n\n1,2\n" + b"x" * 131_073 + b",4\n", 2, "131,072 characters"),
        (b"A,B\n1,2\n" + b'"' + b"x" * 131_073 + b'",4\n', 2, "131,072 characters"),
        (b"A,A\n1,2\n", 0, "twice"),
        (b"A,\n1,2\n", 0, "has no name"),
        (b"A,First Name\n1,2\n", 0, "'First Name'"),
        (b'A,"B\n1,2\n', 0, "never closed"),
        (b"\xff\xfeA\0,\0B\0\n\0", 0, "is UTF-16; save it as UTF-8"),
        (b"\xfe\xff\0A\0,\0B\0\n", 0, "is UTF-16; save it as UTF-8"),
        (b"PK\x03\x04\x14\0\x06\0\n\xff" + GOOD, 0, r"Excel workbooks \(\.xlsx\) are; save it as CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\n" + GOOD, 0, r"\.xls\); save it as CSV UTF-8"),
        (b"\x1f\x8b\x08\n" + GOOD, 0, "compressed by gzip; unpack it"),
        (b"A,B\r1,2\r3,4\r", 0, "carriage return"),
        (b"\xef\xbb\xbf", 0, "empty"),
        (b",B\n" + GOOD, 0, "column 1 has no name"),
        (b"A,a\n" + GOOD, 0, "column 'a' and column 'A' both go to a; leave one of them out"),
        (b"A,B C\n" + GOOD, 0, "API name"),
        (b"sf__Id,B\n" + GOOD, 0, "result columns"),
        (b'"A,B\n' + GOOD, 0, "never closed"),
        (b"A,B\xff\n" + GOOD, 0, "header is not UTF-8"),
        (b"A,B\n" + GOOD + b"1,2,3\n", 4, "has 3 cells and the header 2"),
        (b"A,B\n" + GOOD + b"1\n", 4, "has 1 cells and the header 2"),
        (b"A,B\n" + GOOD + b'"1"\n', 4, "has 1 cells and the header 2"),
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
        (b'A\n1\n"' + b"\n" * 5_000_000, 2, "never closed"),
        (b'A,B\n1,2\n3,"' + b'\n""' * 1_500_000, 2, "never closed"),
        (b'"A\n' + b"\n" * 5_000_000, 0, "never closed"),
        (b"A" * 5_000_000, 0, "131,072"),
        (b"A,B,C,D,E\n" + b",".join([b"x" * 100_000] * 5) + b"\n", 1, "400,000"),
        (b"A,B,C,D,E\n" + b",".join([b'"' + b"x" * 100_000 + b'"'] * 5) + b"\n", 1, "400,000"),
        (b",".join(b"A%d" % n for n in range(5001)) + b"\n", 0, "5,000 columns"),
    ],
)
def test_the_row_at_fault_is_named(monkeypatch, data, row, words):
    """What cannot be loaded is refused with its row and what to do, however much came with it."""
    if len(data) > LONG:
        monkeypatch.undo()
    for size in (1 << 22, 10_000 if len(data) > 10_000 else 1):
        with pytest.raises(errors.InvalidData, match=words) as caught:
            split(data, size=size)

        assert row == caught.value.row


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"A,B\n1,2\n3\n", r"^row 2 \(line 3\) has 1 cells"),
        (b'\n\nA,"B"\n"1\n1",2\n\n3,4\n5\n', r"^row 3 \(line 8\) has 1 cells"),
        (b'A,B\n1,2\n3,"4\n5,6\n', r"^row 2 \(line 3\): a double quote"),
        (b"A\n" + b"x" * 5_000_000, r"^row 1 \(line 2\): a cell has more"),
        (b"A,A\n1,2\n", "^the header names"),
    ],
)
def test_the_line_of_the_row_at_fault_is_told(monkeypatch, data, words):
    """An editor goes by lines: cells may hold line ends, and empty lines are no rows."""
    if len(data) > LONG:
        monkeypatch.undo()
    for size in (1 << 22, 10_000 if len(data) > 10_000 else 1):
        with pytest.raises(errors.InvalidData, match=words):
            split(data, size=size)


def test_the_line_of_a_load_that_goes_on_is_not_known():
    """Of what stands before the part that it goes on with nobody counts the lines."""
    data = b"A,B\n1,2\n3\n"

    with pytest.raises(errors.InvalidData, match=r"^row 2 has 1 cells"):
        split(data[:4] + data[8:], start=Position(2, 2, 8))


def test_a_wrong_number_of_cells_tells_both():
    """The metadata holds what was expected and what was found."""
    with pytest.raises(errors.InvalidData) as caught:
        split(b"A,B\n1,2,3\n")

    assert {"row": "1", "expected": "2", "found": "3"} == caught.value.metadata


@given(data=st.binary(max_size=200) | st.text('"\n\r,x', max_size=40).map(str.encode), size=st.integers(1, 50))
def test_any_bytes_are_read_or_refused(data, size):
    """No input does anything but be read or raise the documented error, the same however it arrives."""
    outcomes = []
    for each in (size, 1 << 20):
        try:
            outcomes.append(split(b"A,B\n" + data, size=each)[1])
        except errors.InvalidData as error:
            outcomes.append(error.row)

    assert outcomes[0] == outcomes[1]
    if isinstance(outcomes[0], list):
        assert all(len(table(part[-1])) == part[1].row - part[0].row + 1 for part in outcomes[0])


def test_a_cell_of_131072_characters_is_taken():
    """The longest cell that Salesforce takes goes through, with quotes and without, whatever its bytes."""
    long = "é" * 131_072
    data = f'A,B\n{long},1\n"{long}",2\n'.encode()

    assert [data] == content(data)


@given(
    records=st.lists(st.sampled_from(["1,2\n", "3,\n", "\n", "é,4\r\n", '"1\n\n1",2\n', '"5","6"\n']), max_size=60),
    size=st.integers(1, 200),
)
def test_a_row_at_fault_is_told_with_its_line(records, size):
    """Lines count as an editor counts them, whatever stands before the row: empty lines, and those within quotes."""
    before = "A,B\n" + "".join(records)
    line, row = before.count("\n") + 1, sum(record != "\n" for record in records) + 1

    with pytest.raises(errors.InvalidData, match=rf"^row {row} \(line {line}\) has 1 cells"):
        split(f"{before}7\n8,9\n".encode(), size=size)


def test_parts_before_a_row_at_fault_are_yielded():
    """The row at fault spoils its own part only, also when everything came in one piece."""
    data = b"A,B\n1,2\n3,4\n5,6\n7\n"
    splitter = CsvSplitter(AS_IT_IS, ANY, PartLimits(rows=2), Position())
    parts: list[tuple[Position, Position, tuple[str, ...], Delimiter, bytes]] = []

    def read():
        list(splitter.feed(data))
        parts.extend(taken(part) for part in splitter.finish())

    with pytest.raises(errors.InvalidData, match=r"row 4 \(line 5\) has 1 cells"):
        read()

    splitter.close()
    assert [b"A,B\n1,2\n3,4\n"] == [part[-1] for part in parts]


@pytest.mark.parametrize(
    ("line_end", "data", "row"),
    [
        (LineEnd.LF, b"A,B\n1,2\n3,4\r\n", 2),
        (LineEnd.CRLF, b"A,B\r\n1,2\r\n3,4\n", 2),
        (LineEnd.CRLF, b'A,B\r\n1,2\r\n"3",4\n', 2),
        (LineEnd.LF, b"A,B\r\n1,2\n", 0),
    ],
)
def test_a_line_end_that_is_named_must_be_there(line_end, data, row):
    """Data that does not end its rows as its caller says is refused with the row."""
    with pytest.raises(errors.InvalidData, match="does not end with") as caught:
        split(data, dialect=Dialect(line_end=line_end))

    assert row == caught.value.row


def test_a_row_larger_than_a_part_is_named():
    """A row that fits into no part is refused with its number."""
    with pytest.raises(errors.InvalidData, match="row 2 is larger than a part") as caught:
        split(b"A,B\n1,2\n" + b"x" * 40 + b",1\n", limits=PartLimits(size_bytes=30))

    assert 2 == caught.value.row


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"A,B;C\n", Delimiter.COMMA),
        (b"A;B;C\n", Delimiter.SEMICOLON),
        (b"A\tB\n", Delimiter.TAB),
        (b"A|B\n", Delimiter.PIPE),
        (b"A^B\n", Delimiter.CARET),
        (b"A`B\n", Delimiter.BACKQUOTE),
        (b'"A,B,C";D\n', Delimiter.SEMICOLON),
        (b"A\n", Delimiter.COMMA),
    ],
)
def test_the_delimiter_is_found_in_the_header(header, expected):
    """The character that stands in the header most often outside quotes separates the cells."""
    assert expected is Dialect().delimiter_of(header)


@pytest.mark.parametrize("limits", [{"size_bytes": 0}, {"size_bytes": 100_000_001}, {"rows": 0}])
def test_limits_that_salesforce_would_not_take_are_refused(limits):
    """A part is never larger than an upload may be."""
    with pytest.raises(errors.InvalidRequest, match="a part takes"):
        PartLimits(**limits)


def test_long_constants_do_not_fill_the_memory():
    """A block of short rows is taken in pieces where every row is given much, and cut as it always is."""
    mapping = FieldMapping(constants={"B": "x" * 100_000})
    splitter = CsvSplitter(mapping, Dialect(), PartLimits(), Position())

    tracemalloc.start()
    parts = list(splitter.feed(b"A\n" + b"1\n" * 3_000))
    parts += splitter.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for part in parts:
        part.content.close()
    splitter.close()

    assert [999, 999, 999, 3] == [part.rows for part in parts]
    assert peak < 32 * 1024 * 1024


def test_line_ends_in_an_open_quote_are_not_looked_at_one_by_one(monkeypatch):
    """Four megabytes of empty lines that a quote opens cost no more steps than one line."""
    read: list[list[str]] = []
    reader = csv.reader

    def watched(lines, **options):
        for cells in reader(lines, **options):
            read.append(cells)
            yield cells

    monkeypatch.setattr(csv, "reader", watched)
    block = b'1,"' + b"\n" * 4_000_000 + b'"\n2,3\n'

    tracemalloc.start()
    records_found = list(records.split_records(block))
    with pytest.raises(errors.InvalidData, match="131,072"):
        split(b"A,B\n" + block)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [len(block) - 4, 4] == [len(record) for record in records_found]
    assert [["A", "B"]] == read
    assert peak < 64 * 1024 * 1024
