"""JSON Lines become CSV whose columns are all keys, or the row at fault is named."""

import csv
import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.bulk import json_lines
from service.bulk.json_lines import JsonLinesReader
from service.bulk.rows import digest
from service.bulk.spool import Spool


def read(data, size=1 << 20):
    reader = JsonLinesReader()
    try:
        for start in range(0, len(data), size):
            assert reader.feed(data[start : start + size]) == b""
        return reader, b"".join(reader.finish())
    finally:
        reader.close()


names = st.sampled_from(["A", "B", "C__c", "d", "E", "F"])
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@given(rows=st.lists(st.dictionaries(names, texts, min_size=1), min_size=1, max_size=20), size=st.integers(1, 30))
def test_any_rows_arrive_as_they_were(rows, size):
    """Whatever keys come when, each cell stands under its key, and every row can be found by its cells."""
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()

    reader, content = read(data, size)

    header, *table = [row for row in csv.reader(StringIO(content.decode(), newline=""), strict=True) if row]
    assert list(dict.fromkeys(key for row in rows for key in row)) == header
    assert [[row.get(name, "") for name in header] for row in rows] == table
    reader.index.build()
    assert sorted(reader.index.take(digest(row)) or 0 for row in table) == list(range(1, len(rows) + 1))


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
        ('{"Owner:User": {"Username": null}}', "Owner:User.Username\n#N/A\n"),
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
    assert expected.encode() == read(data.encode())[1]
    assert expected.encode() == read(data.encode(), size=1)[1]


GOOD = '{"A": 1}\n' * 3


@pytest.mark.parametrize(
    ("data", "row", "words"),
    [
        ("", 0, "empty"),
        ("\n \n", 0, "empty"),
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
        (GOOD + '{"A": 1, "A": 2}\n', 4, "twice"),
        (GOOD + '{"A": 1, "a": 2}\n', 4, "twice"),
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
def test_the_row_at_fault_is_named(data, row, words):
    """What cannot be loaded is refused with the row's number and what to do."""
    for size in (1 << 22, 10_000):
        with pytest.raises(errors.InvalidData, match=words) as caught:
            read(data.encode(), size)

        assert row == caught.value.row


def test_bytes_that_are_not_utf_8_name_their_row():
    """The encoding is checked line by line."""
    with pytest.raises(errors.InvalidData, match="UTF-8") as caught:
        read(GOOD.encode() + b'{"A": "\xff"}\n')

    assert caught.value.row == 4


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data):
    """No input does anything but be read or raise the documented error."""
    try:
        reader, content = read(b'{"A": 1}\n' + data, 16)
    except errors.InvalidData:
        return
    assert len(list(csv.reader(StringIO(content.decode(), newline="")))) == len(reader.index) + 1


def test_padding_counts_towards_the_limit(monkeypatch):
    """Columns that come late make every row before longer, and that is checked before any of it is written."""
    sizes: list[int] = []
    monkeypatch.setattr(json_lines, "check_size", sizes.append)

    _, content = read(b'{"A": 1}\n' * 10 + b'{"B": 1, "C": 2}\n')

    assert [len(content)] == sizes


def test_rows_beyond_the_limit_are_refused(monkeypatch):
    """The rows wait in a spool of one load's size."""
    monkeypatch.setattr(json_lines, "Spool", lambda: Spool(limit_bytes=20))

    with pytest.raises(errors.MessageTooLarge):
        read(b'{"A": 1234567890}\n' * 2)


def test_short_rows_of_a_wide_table_are_kept_in_portions(monkeypatch):
    """Ten bytes can be a row of a thousand commas: they are spooled as they come, and the limit holds in a block."""
    written: list[int] = []

    class Watched(Spool):
        """A spool that remembers what it is given."""

        def write(self, data: bytes) -> None:
            written.append(len(data))
            super().write(data)

    monkeypatch.setattr(json_lines, "Spool", lambda: Watched(limit_bytes=50_000))
    monkeypatch.setattr(json_lines, "_HELD_BYTES", 10_000)
    wide = json.dumps({f"A{number}": 1 for number in range(1000)})

    with pytest.raises(errors.MessageTooLarge):
        read(f"{wide}\n".encode() + b'{"A1":1}\n' * 1000)

    assert max(written) < 20_000
