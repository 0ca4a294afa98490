"""Failures of queries as a person reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from sluicegate import FieldViolation, SluicegateError

from service.cli.query.failures import tell

TARGET = "127.0.0.1:50051"


def refused(message: str, **metadata: str) -> SluicegateError:
    """Make the failure of a query that is not well-formed."""
    return SluicegateError("INVALID_ARGUMENT", "MALFORMED_QUERY", message, metadata)


def test_the_place_has_a_caret():
    """The line that is meant stands below the message, with a caret under the place."""
    soql = "SELECT Id, FROM Lead"

    told = tell(refused("row 1, column 12: found 'FROM' where a name belongs", row="1", column="12"), soql, TARGET)

    expected = [
        "sluicegate: MALFORMED_QUERY: row 1, column 12: found 'FROM' where a name belongs",
        "  SELECT Id, FROM Lead",
        "             ^",
    ]
    assert expected == told.splitlines()


def test_one_line_of_several():
    """Of a query of several lines the one that is meant is shown with its number; wide letters move the caret."""
    soql = "SELECT Id\nFROM Lead\r\nWHERE Name = '山田' AND Foo = 1"

    told = tell(refused("Lead has no field 'Foo' (row 3, column 23)"), soql, TARGET)

    _, line, caret = told.splitlines()
    assert "  3 | WHERE Name = '山田' AND Foo = 1" == line
    assert line.index("Foo") + len("山田") == caret.index("^")


def test_a_long_line_is_cut():
    """Of a long line what stands around the place is shown."""
    soql = "SELECT Id FROM Lead WHERE Name IN (" + ", ".join(f"'{number}'" for number in range(9999)) + ", x)"

    told = tell(refused("bad", row="1", column=str(soql.index(" x)") + 2)), soql, TARGET)

    _, line, caret = told.splitlines()
    assert "…" == line[2]
    assert "x" == line[caret.index("^")]
    assert 130 > len(line)


@pytest.mark.parametrize(("row", "column"), [("0", "0"), ("9", "1"), ("1", "99"), ("-1", "1"), ("x", "1"), ("1", "²")])
def test_a_place_outside_the_query_is_not_shown(row, column):
    """What no place of the query is, as Salesforce says of some, has no caret."""
    told = tell(refused("Maximum SOQL offset allowed is 2000", row=row, column=column), "SELECT Id", TARGET)

    assert "sluicegate: MALFORMED_QUERY: Maximum SOQL offset allowed is 2000" == told


@given(st.text(), st.integers(1, 5), st.integers(1, 40))
def test_no_text_moves_the_cursor(soql, row, column):
    """Whatever the query holds, each line is printable, and the caret stands no further than its line is long."""
    told = tell(refused(f"row {row}, column {column}: bad"), soql, TARGET)

    _, *shown = told.split("\n")
    assert 0 == len(shown) or 2 == len(shown)
    if shown:
        line, caret = shown
        assert "\r" not in line
        assert "\x1b" not in line
        assert cell_len(line) >= len(caret) - 1


def test_everything_that_helps():
    """Fields that the message does not name, and when to come back, are told."""
    violations = (FieldViolation("soql", "bad"), FieldViolation("route", "leave it out"))
    error = SluicegateError("RESOURCE_EXHAUSTED", "DAILY_LIMIT_EXCEEDED", "bad", {}, violations, 30.4)

    told = tell(error, "SELECT Id", TARGET)

    assert ["  route: leave it out", "  come back in 30 s"] == told.splitlines()[1:]


def test_nobody_answers():
    """A failure that is not the service's own word names the place that was tried."""
    told = tell(SluicegateError("UNAVAILABLE", "", "failed to connect"), "SELECT Id", "example:1")

    assert "is a service running at example:1?" in told.splitlines()[1]
