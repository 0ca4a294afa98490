"""Formulas over rows."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emulator.formula import Candidate, FormulaError, compile_formula
from service.emulator.schema import Schema
from service.emulator.schema.standard import STANDARD_OBJECTS

SCHEMA = Schema(STANDARD_OBJECTS)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PARENT = {"Name": "Acme", "Industry": "Banking", "ParentId": None}


def holds(formula, before=None, sobject="Opportunity", **after):
    known = SCHEMA.sobject(sobject)
    assert known is not None
    row = Candidate(known, after, before, NOW, lambda _, key: PARENT if key == "001x" else None, SCHEMA.sobject)
    return compile_formula(formula, known, SCHEMA.sobject)(row)


@pytest.mark.parametrize(
    "formula",
    [
        "TRUE",
        "1 + 2 * 3 = 7",
        "(1 + 2) * 3 = 9",
        "2 ^ 3 == 8",
        "-2 < 1 && !(1 > 2)",
        "1 <> 2 || 1 / 0 = 1",
        '"a" & "b" = "ab"',
        "'a' + 'b' = 'ab'",
        '"a" <> "A"',
        "/* why */ AND(TRUE, NOT(FALSE), OR(FALSE, TRUE))",
        'IF(1 > 2, "x", "y") = "y"',
        'CASE(2, 1, "one", 2, "two", "more") = "two"',
        'CASE(3, 1, "one", "more") = "more"',
        'LEN("four") = 4',
        'REGEX("AB-12", "[A-Z]{2}-\\\\d+")',
        'NOT(REGEX("xAB-12", "[A-Z]{2}-\\\\d+"))',
        'CONTAINS("hello", "ell")',
        'BEGINS("hello", "he")',
        'LEFT("hello", 2) = "he" && RIGHT("hello", 2) = "lo" && MID("hello", 2, 3) = "ell"',
        'FIND("l", "hello") = 3 && FIND("x", "hello") = 0',
        'SUBSTITUTE("a-b", "-", "+") = "a+b"',
        'UPPER(TRIM(" a ")) = "A" && LOWER("A") = "a"',
        'VALUE("12.5") = 12.5 && TEXT(12) = "12" && ISNUMBER("1e3") && NOT(ISNUMBER("x"))',
        "ROUND(2.5, 0) = 3 && ROUND(-2.5, 0) = -3 && FLOOR(2.9) = 2 && CEILING(2.1) = 3 && ABS(-1) = 1",
        "MAX(1, 3, 2) = 3 && MIN(1, 3, 2) = 1 && MOD(7, 4) = 3",
        "TODAY() = DATE(2026, 3, 1) && YEAR(TODAY()) = 2026 && MONTH(TODAY()) = 3 && DAY(TODAY()) = 1",
        "DATE(2026, 3, 1) - DATE(2026, 2, 28) = 1 && TODAY() + 1 > TODAY() && NOW() - 1 < NOW()",
        'DATEVALUE("2026-03-01") = TODAY() && DATEVALUE(NOW()) = TODAY()',
        'BLANKVALUE("", "x") = "x" && NULLVALUE(null, 1) = 1',
        'ISBLANK("") && ISNULL(null) && NOT(ISBLANK(0)) && ISNEW()',
        '"" = null',
    ],
)
def test_what_holds(formula):
    """Operators bind and functions work as Salesforce says."""
    assert holds(formula)


def test_fields_are_read_by_type():
    """Names come in any case; dates, numbers, checkboxes and percentages are what they look like."""
    row = {"Name": "x", "Amount": 1000, "CloseDate": "2026-03-02", "IsPrivate": 1, "Probability": 50}

    assert holds("AND(amount = 10, CloseDate > TODAY(), IsPrivate, Probability = 0.5, LEN(NAME) = 1)", **row)
    assert holds("ISBLANK(NextStep) && ISBLANK(CampaignId)", **row)
    assert holds('ISPICKVAL(StageName, "Closed Won")', StageName="Closed Won")


def test_numbers_keep_all_their_digits():
    """Eighteen digits compare and add up exactly, and tenths do not drift."""
    assert holds("Amount = 1234567890123456.78 && Amount + 0.01 = 1234567890123456.79", Amount=123456789012345678)
    assert not holds("Amount = 1234567890123456.79", Amount=123456789012345678)
    assert holds("0.1 + 0.2 = 0.3 && ROUND(2.675, 2) = 2.68 && ROUND(125, -1) = 130 && MOD(-7, 4) = 1")
    assert holds('TEXT(Amount) = "12.5" && TEXT(100) = "100" && TEXT(10 ^ 40) = "1E+40"', Amount=1250)


def test_what_is_missing_compares_with_nothing():
    """No value is neither above nor below another, and arithmetic over it yields none."""
    assert not holds("Amount > 5")
    assert not holds("Amount < 5")
    assert holds("ISBLANK(Amount + 1)")


def test_parents_are_read():
    """Paths lead to the records that references point at; without one there is no value."""
    assert holds('Account.Industry = "Banking"', AccountId="001x")
    assert holds("ISBLANK(Account.Industry)", AccountId=None)
    assert holds("ISBLANK(Account.Parent.Name)", AccountId="001x")


def test_changes_are_seen():
    """ISCHANGED, PRIORVALUE and ISNEW tell an update from a create."""
    before = {"StageName": "Prospecting", "Amount": 100}

    assert holds('ISCHANGED(StageName) && PRIORVALUE(StageName) = "Prospecting"', before, StageName="Closed Won")
    assert not holds("ISCHANGED(Amount)", before, Amount=100)
    assert not holds("ISNEW()", before)
    assert not holds("ISCHANGED(Amount)", Amount=100)


@pytest.mark.parametrize(
    ("formula", "complaint"),
    [
        ("", "character 1: unexpected the end"),
        ("AND(", "character 5: unexpected the end"),
        ("Nope__c = 1", "character 1: no such field: Nope__c"),
        ("1 = Nope.Name", "character 5: Nope.Name is not supported"),
        ("$User.Id = 'x'", r"character 1: \$User.Id is not supported"),
        ("Owner.Name = 'x' # 1", "character 18: unexpected '#'"),
        ("VLOOKUP(1)", "character 1: VLOOKUP is not supported"),
        ("LEN()", "character 1: LEN takes another number of arguments"),
        ("1 2", "character 3: unexpected 2"),
        ("ISCHANGED(1)", "character 11: no such field: 1"),
        ("'open", 'character 1: unexpected "\'"'),
        ("(" * 500 + "1", "nested too deep"),
        ("1" + "+1" * 400, "operators in a row"),
        ("x" * 5001, "more than 5000"),
    ],
)
def test_what_is_refused(formula, complaint):
    """A formula that cannot be evaluated is refused when it is compiled, with the place."""
    with pytest.raises(FormulaError, match=complaint):
        holds(formula)


@given(st.text("ab1 .,()=<>!&|+-*/^\"'$\\\n"))
def test_any_text_compiles_or_is_refused(text):
    """No text does anything but compile and yield a truth value, or raise a FormulaError."""
    with suppress(FormulaError):
        assert holds(text) in {True, False}


@pytest.mark.parametrize("formula", ["1 / 0 = 1", "'a' * 2 = 2", "VALUE('x') = 1", "DATE(2026, 13, 1) = TODAY()"])
def test_what_fails_is_false(formula):
    """A formula that fails on the values of a row does not hold."""
    assert not holds(formula)
