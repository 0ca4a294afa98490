"""What is refused of a query before a call is spent."""

import pytest

from service import soql
from service.errors import MalformedQuery
from service.query import early_checks

LONG = "N" * 256


def refused(text: str, **parameters: soql.Value) -> MalformedQuery:
    """Check a query and return its refusal."""
    with pytest.raises(MalformedQuery) as caught:
        early_checks.check(soql.bind(soql.parse(text), parameters))
    return caught.value


@pytest.mark.parametrize("usage", ["VIEW", "REFERENCE"])
@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("SELECT Id FROM Lead FOR {}", 25),
        ("SELECT Id, (SELECT Id FROM Contacts FOR {}) FROM Account", 41),
        ("SELECT Id FROM Lead WHERE Id IN (SELECT Id FROM Lead FOR {})", 58),
    ],
)
def test_reading_leaves_no_trace(usage, text, column):
    """What marks rows as viewed or referenced is no reading, wherever in the query it stands."""
    error = refused(text.format(usage))

    assert (1, column) == (error.row, error.column)
    assert "leave it out" in error.message


@pytest.mark.parametrize(
    ("text", "parameters", "column"),
    [
        ("SELECT Id FROM Lead OFFSET 2001", {}, 28),
        ("SELECT Id FROM Lead OFFSET :rows", {"rows": 2001}, 28),
        ("SELECT Id, (SELECT Id FROM Contacts OFFSET 9999) FROM Account", {}, 44),
    ],
)
def test_an_offset_that_no_org_takes_costs_no_call(text, parameters, column):
    """The most is told, and what to do instead."""
    error = refused(text, **parameters)

    assert (1, column) == (error.row, error.column)
    assert "at most 2000; page by" in error.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT Id, Name, ID FROM Lead", "duplicate field selected: id (row 1, column 18)"),
        ("SELECT Name, Lead.Name FROM Lead", "duplicate field selected: name"),
        ("SELECT l.Owner.Name, Owner.NAME FROM Lead l", "duplicate field selected: owner.name"),
        ("SELECT FIELDS(ALL), fields(all) FROM Lead", "duplicate field selected: fields(all)"),
        ("SELECT Id, (SELECT Id, Id FROM Contacts) FROM Account", "duplicate field selected: id"),
        (f"SELECT {', '.join(['(SELECT Id FROM Contacts)'] * 21)} FROM Account", "at most 20 child subqueries"),
        (f"SELECT {', '.join(f'P{n}__r.Name' for n in range(56))} FROM Lead", "at most 55 relationships"),
        (f"SELECT {', '.join(['MAX(Name)'] * 2001)} FROM Lead", "at most 2,000 fields and functions"),
        (f"SELECT {LONG} FROM Lead", "more than 255 characters"),
        (f"SELECT Id FROM {LONG}", "more than 255 characters"),
        (f"SELECT {LONG}.Name FROM Lead", "more than 255 characters"),
        (f"SELECT Id FROM Lead WHERE Id IN (SELECT Id FROM {LONG})", "more than 255 characters"),
        (f"SELECT TYPEOF What WHEN {LONG} THEN Id END FROM Event", "more than 255 characters"),
    ],
)
def test_what_no_org_takes_is_refused(text, words):
    """A query that would cost much here, and be refused there, is refused with its place."""
    error = refused(text)

    assert words in error.message


@pytest.mark.parametrize(
    "text",
    [
        "SELECT Id, Name FROM Lead LIMIT 5 OFFSET 2000",
        "SELECT FIELDS(STANDARD), FIELDS(CUSTOM) FROM Lead LIMIT 200",
        "SELECT Owner.Name, Name, LastModifiedBy.Name FROM Lead",
        "SELECT MAX(Name) a, MIN(Name) b FROM Lead",
        "SELECT COUNT(Id), COUNT(Id) FROM Lead",
        "SELECT Name n, COUNT(Id) FROM Lead GROUP BY Name",
        f"SELECT {', '.join(f'(SELECT Id FROM C{n}__r)' for n in range(20))} FROM Account",
    ],
)
def test_all_else_passes(text):
    """Nothing is refused that an org takes."""
    early_checks.check(soql.parse(text))
