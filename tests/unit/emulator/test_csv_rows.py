"""Reading bulk uploads."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emulator.csv_rows import InvalidBatch, RowReader
from service.emulator.dialects import DELIMITERS
from service.emulator.jobs import JobOrder
from service.emulator.schema import Schema
from service.emulator.schema.standard import STANDARD_OBJECTS

SCHEMA = Schema(STANDARD_OBJECTS)


def order(operation="insert", **changes) -> JobOrder:
    values = {
        "operation": operation,
        "sobject": "Contact",
        "external_id_field": "Ext__c" if operation == "upsert" else None,
        "column_delimiter": "COMMA",
        "line_ending": "LF",
        "api_version": "66.0",
    }
    return JobOrder(**(values | changes))


def reader(content: str | bytes, job: JobOrder | None = None, sobject: str = "Contact") -> RowReader:
    data = content if isinstance(content, bytes) else content.encode()
    known = SCHEMA.sobject(sobject)
    assert known is not None
    return RowReader(job or order(), known, io.BytesIO(data))


def failure(content: str | bytes, job: JobOrder | None = None) -> str:
    with pytest.raises(InvalidBatch) as caught:
        reader(content, job).chunk(10)
    return str(caught.value)


def test_cells_become_values():
    """Names become canonical, empty cells are absent, `#N/A` is null."""
    rows = reader("lastname,EMAIL,Phone\nSmith,,#N/A\n")

    assert rows.values(rows.chunk(10)[0]) == {"LastName": "Smith", "Phone": None}


@pytest.mark.parametrize(("operation", "expected"), [("insert", {"IsActive": False}), ("update", {}), ("upsert", {})])
def test_an_empty_checkbox_is_unchecked_by_an_insert_alone(operation, expected):
    """An insert takes no default for a checkbox that has a column; what updates leaves it as it is."""
    rows = reader("Id,Ext__c,Name,IsActive\n,,a,\n", order(operation, sobject="Campaign"), "Campaign")

    values = rows.values(rows.chunk(10)[0])

    assert {"Name": "a", **expected} == values


def test_a_parent_by_external_id():
    """A dotted column gives the lookup's parent; `#N/A` clears the lookup itself."""
    rows = reader("LastName,Account.Ext__c\nSmith,A-1\nJones,#N/A\nDoe,\n")
    first, second, third = (rows.values(row) for row in rows.chunk(10))

    assert first["Account"] == {"Ext__c": "A-1"}
    assert second == {"LastName": "Jones", "AccountId": None}
    assert third == {"LastName": "Doe"}


def test_a_polymorphic_parent():
    """The sObject of a lookup that allows several stands before a colon."""
    rows = reader("Subject,Contact:Who.Ext__c\nCall,C-1\n", order(sobject="Task"), "Task")

    values = rows.values(rows.chunk(10)[0])

    assert values["Who"] == {"attributes": {"type": "Contact"}, "Ext__c": "C-1"}


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1, max_size=20)


@given(
    st.lists(st.tuples(CELLS, CELLS), max_size=20),
    st.sampled_from(sorted(DELIMITERS)),
    st.sampled_from(["LF", "CRLF"]),
    st.integers(1, 7),
)
def test_what_was_written_is_read(rows, delimiter, line_ending, size):
    """Any cells come back as written, with any delimiter, line ending and size of chunk."""
    text = io.StringIO(newline="")
    ending = "\n" if line_ending == "LF" else "\r\n"
    writer = csv.writer(text, delimiter=DELIMITERS[delimiter], lineterminator=ending)
    writer.writerows([("LastName", "Phone"), *rows])

    read = reader(text.getvalue(), order(column_delimiter=delimiter, line_ending=line_ending))
    seen = [row for chunk in iter(lambda: read.chunk(size), []) for row in chunk]

    assert [list(row) for row in rows] == seen


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "no header row"),
        ("Nope\nx\n", "Field name not found : Nope"),
        ("Nope.Ext__c\nx\n", "Field name not found : Nope.Ext__c"),
        ("Account.\nx\n", "Field name not found : Account."),
        ("Account:Contact.Ext__c\nx\n", "Unable to find relationship: Contact"),
        ("Account:Account.Ext__c\nx\n", "type is not needed for non polymorphic foreign key references: Account"),
        ("LastName,lastname\nx,y\n", "named twice"),
        ("LastName,Phone\nx\n", "Row has 1 columns and the header 2"),
        ("LastName\nx,y\n", "Row has 2 columns and the header 1"),
        ("LastName\r\nx\r\n", "LineEnding is invalid on user data. Current LineEnding setting is LF"),
        (b"LastName\n\xff\n", "not UTF-8"),
        (f"LastName\n{'x' * 131_073}\n", "not CSV"),
    ],
)
def test_uploads_that_cannot_be_read(content, text):
    """A header or row that cannot be read fails with Salesforce's prefix and the reason."""
    message = failure(content)

    assert message.startswith("InvalidBatch : ")
    assert text in message


def test_line_feeds_in_a_crlf_job():
    """The check of line endings works in both directions."""
    assert "Current LineEnding setting is CRLF" in failure("LastName\nx\n", order(line_ending="CRLF"))


@pytest.mark.parametrize(
    ("operation", "header", "text"),
    [
        ("delete", "Id,LastName", "must contain only ids"),
        ("update", "LastName", "Field name not found : Id"),
        ("upsert", "LastName", "Field name not found : Ext__c"),
    ],
)
def test_columns_an_operation_needs(operation, header, text):
    """An upload without the columns its operation needs fails as a whole."""
    assert text in failure(f"{header}\n", order(operation))


def test_rows_before_a_bad_one_are_kept():
    """An unreadable row ends the chunk before it, and is itself among the rows that remain."""
    rows = reader("LastName,Phone\na,1\nb\nc,3\n")

    assert rows.chunk(10) == [["a", "1"]]
    with pytest.raises(InvalidBatch):
        rows.chunk(10)
    assert [row for chunk in rows.remaining(10) for row in chunk] == [["b"], ["c", "3"]]


def test_blank_lines_are_no_rows():
    """Blank lines are skipped, also at the end."""
    rows = reader("LastName,Phone\n\na,1\n\n\nb,2\n\n")

    assert rows.chunk(10) == [["a", "1"], ["b", "2"]]
    assert rows.chunk(10) == []


def test_a_byte_order_mark_is_no_part_of_the_first_name():
    """Uploads written by spreadsheets start with a mark, which is not a part of the header."""
    assert list(reader("LastName\nx\n".encode("utf-8-sig")).header) == ["LastName"]


def test_the_largest_cells_and_records():
    """A cell of 131,072 characters and a record of 400,000 can be read, none above, whatever the csv module allows."""
    header = "LastName,Description,Phone,Email\n"
    cell = "x" * 131_072
    allowed = csv.field_size_limit(10_000_000)
    try:
        assert len(reader(f"{header}{cell},{cell},{cell},{'x' * 6_784}\n").chunk(1)[0]) == 4
        assert "field limit" in failure(f"{header}{cell}x,,,\n")
        assert "400000 characters" in failure(f"{header}{cell},{cell},{cell},{'x' * 6_785}\n")
    finally:
        csv.field_size_limit(allowed)


def test_the_most_fields():
    """A record has at most 5,000 fields."""
    assert "5000 fields" in failure(",".join(["LastName"] * 5_001) + "\n")
