"""JSON Lines are cut into parts whose columns are the keys of their rows, or the row at fault is named."""

import csv
import hashlib
import json
from contextlib import closing
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.bulk.cutting import json_parts
from service.bulk.cutting.json_parts import JsonLinesSplitter
from service.bulk.cutting.parts import PartLimits, Position
from service.bulk.data import records
from service.bulk.data.batches import RowColumns
from service.bulk.data.dialect import Delimiter
from service.bulk.data.mapping import FieldMapping
from service.bulk.data.spool import Spool

AS_IT_IS = FieldMapping()
LONG = 100_000
"""Characters of data that would take seconds in blocks of a few rows."""


@pytest.fixture(autouse=True)
def block_bytes(monkeypatch):
    """Blocks of a few rows bring out what depends on where one ends."""
    monkeypatch.setattr(records, "BLOCK_BYTES", 48)


def taken(part):
    """Return what a part is, with its content for the file that holds it."""
    with part.content as content:
        data = b"".join(content.chunks())
    assert hashlib.sha256(data).digest() == part.digest
    assert part.delimiter is Delimiter.COMMA
    return part.start, part.end, part.columns, data


def split(data, *, mapping=AS_IT_IS, limits=None, start=None, size=1 << 20):
    splitter = JsonLinesSplitter(mapping, limits or PartLimits(), start or Position())
    parts: list[tuple[Position, Position, tuple[str, ...], bytes]] = []
    try:
        for at in range(0, len(data), size):
            parts.extend(taken(part) for part in splitter.feed(data[at : at + size]))
        parts.extend(taken(part) for part in splitter.finish())
    finally:
        splitter.close()
    return parts


def table(data):
    header, *rows = [row for row in csv.reader(StringIO(data.decode(), newline=""), strict=True) if row]
    return [{name: cell for name, cell in zip(header, row, strict=True) if cell} for row in rows]


names = st.sampled_from(["A", "B", "C__c", "d", "E", "F"])
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
tables = st.lists(st.dictionaries(names, texts, min_size=1), min_size=1, max_size=20)


def lines_of(rows, between=("\n",)):
    return "".join(json.dumps(row) + between[at % len(between)] for at, row in enumerate(rows)).encode()


@given(rows=tables, size=st.integers(1, 30), limit=st.integers(120, 400), most=st.integers(1, 30))
def test_parts_hold_every_row_once_and_depend_on_nothing_but_the_rows(rows, size, limit, most):
    """However the bytes arrive the parts are the same, every cell stands under its key, and no part passes a limit."""
    data = lines_of(rows, ("\n", "\r\n", "\n \n"))
    limits = PartLimits(size_bytes=limit, rows=most)

    parts = split(data, limits=limits, size=size)

    assert split(data, limits=limits) == parts
    assert [{key: text for key, text in row.items() if text} for row in rows] == [
        row for part in parts for row in table(part[-1])
    ]
    assert all(len(part[-1]) <= limit and part[1].row - part[0].row <= most for part in parts)
    assert [part[0] for part in parts] == [Position(), *(part[1] for part in parts[:-1])]
    assert len(data) == parts[-1][1].byte


@given(rows=tables, most=st.integers(1, 5), data=st.data())
def test_going_on_from_the_start_of_a_part_yields_the_same_parts(rows, most, data):
    """A splitter that is fed the bytes from a part's start on makes that part and all later ones."""
    content = lines_of(rows, ("\n\n", "\n"))
    parts = split(content, limits=PartLimits(rows=most))
    at = data.draw(st.integers(0, len(parts) - 1))
    start = parts[at][0]

    assert parts[at:] == split(content[start.byte :], limits=PartLimits(rows=most), start=start, size=13)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('{"A": 1, "B": true}\n{"A": null, "B": false}', "A,B\n1,true\n#N/A,false\n"),
        ('{"A": 12345678901234567890.10}', "A\n12345678901234567890.10\n"),
        (
            '{"A": 1.50}\n{"A": 1e400}\n{"A": -0}\n{"A": 123456789012345678901}',
            "A\n1.50\n1e400\n-0\n123456789012345678901\n",
        ),
        ('{"A": "x"}\n{"B": "y"}\n{"A": "z", "C": 1}\n', "A,B,C\nx,,\n,y,\nz,,1\n"),
        ('{"Account": {"Ext__c": "A-1"}, "B": 1}', "Account.Ext__c,B\nA-1,1\n"),
        ('{"User:Owner": {"Username": null}}', "User:Owner.Username\n#N/A\n"),
        ('{"A": "x"}\n{"A": {"Ext__c": "A-1"}}', "A,A.Ext__c\nx,\n,A-1\n"),
        ('{"A": 1, "B": 2}\n{"B": 3, "A": 4}\n{"a": 5}\n', "A,B\n1,2\n4,3\n5,\n"),
        ('\ufeff\n{"A": "x"}\r\n\r\n  \n{"A": "y"}\r\n', "A\nx\ny\n"),
        ('{"A": ""}\n{"A": "", "B": 1}\n{"B": 2}\n', 'A,B\n"",\n,1\n,2\n'),
        ('{"A": ""}\n', 'A\n""\n'),
        ('{"A": "a,b\\n\\"c\\"\\r"}\n', 'A\n"a,b\n""c""\r"\n'),
        ('{"A": "\\ud83d\\ude00", "B": "#N/A"}\n', "A,B\n😀,#N/A\n"),
        ('{"A": 1, "B": 2}\n{"A": 3, "B": 4, "C": 5}\n{"A": 6, "B": 7}\n', "A,B,C\n1,2,\n3,4,5\n6,7,\n"),
    ],
)
def test_what_salesforce_gets(data, expected):
    """Null is #N/A, absent is empty, numbers keep their digits, lookups become dotted columns."""
    assert [expected.encode()] == [part[-1] for part in split(data.encode())]
    assert [expected.encode()] == [part[-1] for part in split(data.encode(), size=1)]


GOOD = '{"A": 1}\n' * 3


@pytest.mark.parametrize(
    ("data", "row", "words"),
    [
        (GOOD + "[1]\n", 4, "not a JSON object"),
        (GOOD + "12\n", 4, "not a JSON object"),
        (GOOD + "{}\n", 4, "no fields"),
        (GOOD + '{"A": 1\n', 4, "not JSON"),
        (GOOD + '{"A": 1} {"A": 2}\n', 4, "not JSON"),
        (GOOD + "{'A': 1}\n", 4, "not JSON"),
        (GOOD + '{"A": NaN}\n', 4, "NaN"),
        (GOOD + '{"A": -Infinity}\n', 4, "-Infinity"),
        (GOOD + '{"A": [1]}\n', 4, "list or a nested"),
        (GOOD + '{"A": {"B": {"C": 1}}}\n', 4, "list or a nested"),
        (GOOD + '{"A": {"B": 1, "C": 2}}\n', 4, "one external id"),
        (GOOD + '{"A": {}}\n', 4, "one external id"),
        (GOOD + '{"A": 1, "B": 3, "A": 2}\n', 4, "key 'A' is given twice in one object"),
        (GOOD + '{"A": {"B": 1, "B": 1}}\n', 4, "key 'B' is given twice in one object"),
        (GOOD + '{"A": 1, "a": 2}\n', 4, "field 'a' is given twice"),
        ("PK\x03\x04\n" + GOOD, 1, r"\.xlsx\) are; save it as"),
        ("\n \n" + GOOD + "\n\n{]\n", 4, r"^row 4 \(line 8\) is not JSON"),
        (GOOD + '{"A": "x\n', 4, "is not JSON: Unterminated string starting at character 7; write one object a line"),
        (GOOD + '{"B C": 1}\n', 4, "API name"),
        (GOOD + '{"": 1}\n', 4, "no name"),
        (GOOD + '{"B": "\\u0000"}\n', 4, "NUL"),
        (GOOD + '{"B": "\\ud800"}\n', 4, "surrogate"),
        (GOOD + '{"A": ' + "[" * 100_000 + "\n", 4, "nested too deeply"),
        (GOOD + '{"A": "' + "x" * 131_073 + '"}\n', 4, "131,072"),
        (GOOD + '{"A": "' + "x" * 5_000_000, 4, "longer than Salesforce takes"),
        (GOOD + json.dumps({f"A{n}": 1 for n in range(5001)}), 4, "5,000 columns"),
    ],
)
def test_the_row_at_fault_is_named(monkeypatch, data, row, words):
    """What cannot be loaded is refused with the row's number and what to do."""
    if len(data) > LONG:
        monkeypatch.undo()
    for size in (1 << 22, 10_000):
        with pytest.raises(errors.InvalidData, match=words) as caught:
            split(data.encode(), size=size)

        assert row == caught.value.row


def test_bytes_that_are_not_utf_8_name_their_row():
    """The encoding is checked line by line."""
    with pytest.raises(errors.InvalidData, match="UTF-8") as caught:
        split(GOOD.encode() + b'{"A": "\xff"}\n')

    assert caught.value.row == 4


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data):
    """No input does anything but be read or raise the documented error."""
    try:
        parts = split(b'{"A": 1}\n' + data, size=16)
    except errors.InvalidData:
        return
    assert all(len(table(part[-1])) == part[1].row - part[0].row for part in parts)


def test_nothing_is_no_part():
    """Data without rows, as what is left of a load may be, makes no part."""
    assert [] == split(b"")
    assert [] == split(b"\n \n")


def test_a_mapping_renames_drops_adds_and_makes_null():
    """Keys go where the mapping says, lookups too; constants follow, and the caller's null becomes Salesforce's."""
    mapping = FieldMapping(
        {"name": "LastName", "Company.ext": "Account.Ext__c"},
        {"Source__c": 'a "b"', "Old__c": None},
        frozenset({"junk"}),
        "-",
    )
    data = b'{"name": "Curie", "junk": [1], "Company": {"ext": "A-1"}}\n{"Rank__c": 1, "name": "-"}\n'

    parts = split(data, mapping=mapping)

    assert [
        b'LastName,Account.Ext__c,Rank__c,Source__c,Old__c\nCurie,A-1,,"a ""b""",#N/A\n#N/A,,1,"a ""b""",#N/A\n'
    ] == [part[-1] for part in parts]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"a": 1, "X__c": 2}', "twice"),
        (b'{"a": 1, "x__C": 2}', "twice"),
        (b'{"B": 1}', "the same value in all rows"),
        (b'{"junk": 1}', "no fields"),
    ],
)
def test_a_row_that_does_not_fit_the_mapping_is_named(line, words):
    """Two values for one field, or none at all, are refused with the row."""
    mapping = FieldMapping({"a": "X__c"}, {"b": "1"}, frozenset({"junk"}))

    with pytest.raises(errors.InvalidData, match=words) as caught:
        split(b'{"C": 1}\n' + line, mapping=mapping)

    assert caught.value.row == 2


def test_every_part_has_the_columns_of_its_own_rows():
    """A key that comes late widens the rows of its own part only, and spells the column anew in the next."""
    data = lines_of([{"A": "1"}, {"a": "2", "B": "x"}, {"b": "3"}, {"B": "4", "A": "5"}])

    assert [b"A,B\n1,\n2,x\n", b"b,A\n3,\n4,5\n"] == [part[-1] for part in split(data, limits=PartLimits(rows=2))]


@given(rows=tables, flushed=st.integers(1, 60), rewritten=st.sampled_from([0, 30, 100]), most=st.integers(3, 30))
def test_a_part_does_not_depend_on_when_its_columns_come(rows, flushed, rewritten, most):
    """Whether rows go to their part as they come, once more, or when it ends, the part is the same."""
    data, limits = lines_of(rows), PartLimits(rows=most)
    mapping = FieldMapping(constants={"Source__c": "bulk"})
    at_once = split(data, mapping=mapping, limits=limits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_parts, "CHUNK_BYTES", flushed)
        patch.setattr(json_parts, "_REWRITTEN_BYTES", rewritten)
        by_and_by = split(data, mapping=mapping, limits=limits)

    assert at_once == by_and_by


def test_columns_that_come_late_count_towards_the_limit():
    """A row that would make the rows before it too long begins the next part."""
    data = b'{"A":"xxxx"}\n' * 4 + b'{"BBBBBBBBBB":"y"}\n'

    parts = split(data, limits=PartLimits(size_bytes=30))

    assert [b"A\n" + b"xxxx\n" * 4, b"BBBBBBBBBB\ny\n"] == [part[-1] for part in parts]


def test_a_row_larger_than_a_part_is_named():
    """A row that fits into no part is refused with its number."""
    with pytest.raises(errors.InvalidData, match="row 2 is larger than a part"):
        split(b'{"A": 1}\n{"A": "' + b"x" * 40 + b'"}\n', limits=PartLimits(size_bytes=30))


def test_short_rows_of_a_wide_table_are_written_in_portions(monkeypatch):
    """Ten bytes can be a row of a thousand commas: however many there are, little of them is in memory."""
    written: list[int] = []

    class Watched(Spool):
        """A spool that remembers what it is given."""

        def write(self, data: bytes) -> None:
            written.append(len(data))
            super().write(data)

    monkeypatch.setattr("service.bulk.cutting.parts.Spool", Watched)
    monkeypatch.setattr(json_parts, "CHUNK_BYTES", 10_000)
    wide = json.dumps({f"A{number}": 1 for number in range(1000)})

    (part,) = split(b'{"A1":1}\n' * 1000 + f"{wide}\n".encode())

    assert 1001 == len(table(part[-1]))
    assert max(written) < 40_000


def test_columns_that_come_late_one_by_one_have_the_part_written_twice_at_most(monkeypatch):
    """Each row brings a column: that costs what one late column costs, not once more for every so many rows."""
    written = [0]

    class Watched(Spool):
        """A spool that remembers how much it was given."""

        def write(self, data: bytes) -> None:
            written[0] += len(data)
            super().write(data)

    monkeypatch.setattr("service.bulk.cutting.parts.Spool", Watched)
    monkeypatch.setattr(json_parts, "CHUNK_BYTES", 50)
    monkeypatch.setattr(json_parts, "_REWRITTEN_BYTES", 3_000)
    rows = lines_of([{f"A{number}": "1"} for number in range(50)])

    (part,) = split(rows, mapping=FieldMapping(constants={"Source__c": "x" * 1_000}))

    assert written[0] < 1.2 * len(part[-1])


@pytest.mark.parametrize(
    "values",
    ["1," * 200_000, "{}," * 100_000, '"",' * 100_000, "[]," * 100_000, '"' + '\\"' * 150_000 + '",' + "1," * 200_000],
)
def test_a_line_of_far_too_many_values_is_not_read(values):
    """Megabytes of small values are refused before they become objects, one call of which nothing interrupts."""
    with pytest.raises(errors.InvalidData, match=r"row 2 \(line 2\): it holds far more than 5,000 values"):
        split(b'{"A": 1}\n{"A": [' + values.encode() + b"1]}\n")


def test_commas_in_the_texts_of_a_long_line_are_no_values():
    """A long line is refused for what it holds, not for how its texts are written."""
    text = ',"' * 65_536

    (part,) = split(json.dumps({"A": text, "B": text, "C": "\\"}).encode() + b"\n")

    assert [{"A": text, "B": text, "C": "\\"}] == table(part[-1])


def test_batches_are_refused():
    """What comes in another shape than the header says is refused."""
    with (
        closing(JsonLinesSplitter(AS_IT_IS, PartLimits(), Position())) as splitter,
        pytest.raises(errors.InvalidRequest, match="send bytes"),
    ):
        list(splitter.feed(RowColumns(0, ())))


@pytest.mark.parametrize("data", [b"{}\n", b'{}\n{"A":1}\n'])
def test_a_first_row_without_fields_is_refused(data):
    """An object without a key is no row, also where no row came before it."""
    with pytest.raises(errors.InvalidData, match=r"row 1 \(line 1\): it has no fields"):
        split(data)


@pytest.mark.parametrize("last", [b"", b"\n", b"\r\n", b"\n\n"])
def test_a_part_ends_where_its_data_does(last):
    """Also where the last line has no end: whoever goes on is not sent behind the data."""
    data = b'{"A": 1}\n{"A": 2}' + last

    (only,) = split(data)

    assert len(data) == only[1].byte
