"""Result files are read whatever their order of columns; errors are taken apart from both ends."""

import pytest

from service import errors
from service.bulk.data.records import MAX_RECORD_BYTES
from service.bulk.data.rows import digest
from service.bulk.data.spool import CHUNK_BYTES
from service.bulk.results.lines import ResultLine, ResultReader, RowError, parse_error


def read(data, columns=("A", "B"), size=5):
    reader = ResultReader(columns)
    lines: list[ResultLine] = []
    for start in range(0, len(data), size):
        lines.extend(reader.feed(data[start : start + size]))
    lines.extend(reader.finish())
    return lines


def test_a_successful_line():
    """A line names its row by the digest of the uploaded columns."""
    data = b'"sf__Id","sf__Created","A","B"\n"00Q000000000001AAA","true","x\ny","1"\n'

    (line,) = read(data)

    assert line.digest == digest(["x\ny", "1"])
    assert line.record_id == "00Q000000000001AAA"
    assert line.is_created


def test_columns_are_found_by_name():
    """The order and case of the columns do not matter, nor does a byte order mark."""
    data = '\ufeff"B","SF__ID","sf__Error","a"\r\n"1","","X:y:z --","x"\r\n'.encode()

    (line,) = read(data)

    assert line.digest == digest(["x", "1"])
    assert line.error == "X:y:z --"
    assert not line.is_created


def test_an_unprocessed_line_has_only_its_cells():
    """The file of rows that were never tried has no columns of Salesforce's."""
    (line,) = read(b'"A","B"\n"x","1"\n')

    assert (line.record_id, line.error, line.is_created) == ("", "", False)
    assert line.digest == digest(["x", "1"])


def test_an_empty_file_has_no_lines():
    """A file may lack even its header."""
    assert read(b"") == []
    assert read(b'"sf__Id","sf__Error","A","B"\n') == []


@pytest.mark.parametrize(
    "data",
    [
        b'"sf__Id","A"\n"x","1"\n',
        b'"A","B"\n"x"\n',
        b'"A","B"\n"x","\n',
        b'"A","B"\n"x","\xff"\n',
        b"<html><body>Bad Gateway</body></html>",
    ],
)
def test_what_is_no_result_file_is_said_so(data):
    """An answer that is not a result file is a protocol error, never a wrong result."""
    with pytest.raises(errors.UpstreamProtocolError):
        read(data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
            RowError("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ("LastName",)),
        ),
        (
            "DUPLICATE_VALUE:duplicate value found: Ext__c duplicates value on record with id: 00Q000:--",
            RowError("DUPLICATE_VALUE", "duplicate value found: Ext__c duplicates value on record with id: 00Q000", ()),
        ),
        (
            "FIELD_CUSTOM_VALIDATION_EXCEPTION:At 12:30: no:Close_Date__c, Account.Name --",
            RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", "At 12:30: no", ("Close_Date__c", "Account.Name")),
        ),
        ("STRING_TOO_LONG:Name: too long", RowError("STRING_TOO_LONG", "Name: too long", ())),
        (
            "UNKNOWN_EXCEPTION:line one\nsee: a + b! --",
            RowError("UNKNOWN_EXCEPTION", "line one\nsee: a + b!", ()),
        ),
        ("UNKNOWN_EXCEPTION:oops --", RowError("UNKNOWN_EXCEPTION", "oops", ())),
        ("STRING_TOO_LONG:Name:long", RowError("STRING_TOO_LONG", "Name:long", ())),
        ("InvalidData --", RowError("", "InvalidData", ())),
        ("X:", RowError("X", "", ())),
        ("", RowError("", "", ())),
    ],
)
def test_an_error_is_taken_apart(text, expected):
    """The code comes off the front and the fields off the end; colons in between belong to the message."""
    assert expected == parse_error(text)


def test_a_line_that_never_ends_is_given_up():
    """A quote that nothing closes does not have the rest of the file kept in memory."""
    reader = ResultReader(("A",))
    chunks = [b'"sf__Id","A"\n"1","', *[b"x" * CHUNK_BYTES] * (2 * MAX_RECORD_BYTES // CHUNK_BYTES)]

    with pytest.raises(errors.UpstreamProtocolError, match="does not end"):
        assert [line for chunk in chunks for line in reader.feed(chunk)]
