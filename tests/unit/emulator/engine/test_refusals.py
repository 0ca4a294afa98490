"""Refusals: codes, texts and carets."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.emulator.faults import SalesforceFault
from service.soql import ast, to_soql
from tests.support.scale import examples
from tests.unit.emulator.engine.conftest import World
from tests.unit.soql.queries import operands, patterns

RECORDED = Path(__file__).resolve().parents[5] / "shared" / "recordings" / "rest" / "count_sobjects_errors.json"


def test_an_unknown_object_is_refused_in_salesforces_words(world: World) -> None:
    """The answer equals a recorded one, caret and all."""
    if not RECORDED.exists():
        pytest.skip("the recorded answers are not on this machine")
    [exchange] = json.loads(RECORDED.read_text(encoding="utf-8"))
    recorded = json.loads(exchange["response"]["body"])["compositeResponse"][1]["body"][0]

    fault = world.fault("select count() from XYZZY")

    assert recorded == {"message": fault.message, "errorCode": fault.error_code}


def test_the_caret_stands_under_the_name_at_fault(world: World) -> None:
    """The line, the caret, the place and the reason are four lines after an empty one."""
    fault = world.fault("SELECT Id,\n  Foo FROM Account")

    lines = fault.message.split("\n")
    assert lines[:4] == ["", "  Foo FROM Account", "  ^", "ERROR at Row:2:Column:3"]
    assert lines[4].startswith("No such column 'Foo' on entity 'Account'.")
    assert (fault.http_status, fault.error_code) == (400, "INVALID_FIELD")


def test_long_lines_show_the_part_around_the_fault(world: World) -> None:
    """The caret stays under its name when the line is cut."""
    sides = "Name = 'x' AND " * 20

    lines = world.fault(f"SELECT Id FROM Account WHERE {sides}Foo = 1 AND {sides}Id = null").message.split("\n")

    assert len(lines[1]) < 130
    assert lines[1][len(lines[2]) - 1 :].startswith("Foo = 1")
    assert lines[1].split()[0] in {"Name", "=", "'x'", "AND"}


@pytest.mark.parametrize(
    ("soql", "code", "words"),
    [
        ("SELECT Id FORM Account", "MALFORMED_QUERY", "unexpected token: 'FORM'"),
        ("SELECT Id FROM", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Account WHERE Name = :x", "MALFORMED_QUERY", "Only variable references"),
        ("SELECT Name n FROM Account", "MALFORMED_QUERY", "only aggregate expressions use field aliasing"),
        ("SELECT Id, ID FROM Account", "MALFORMED_QUERY", "duplicate field selected: Id"),
        (
            "SELECT Id FROM Account WHERE Foo.Bar = 1",
            "INVALID_FIELD",
            "Didn't understand relationship 'Foo' in field path",
        ),
        ("SELECT Foo.Bar FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Foo' in field path"),
        ("SELECT (SELECT Id FROM Foos) FROM Account", "INVALID_TYPE", "relationship 'Foos' in FROM part of query call"),
        ("SELECT What.Foo FROM Task", "INVALID_FIELD", "No such column 'Foo' on entity 'Name'"),
        ("SELECT TYPEOF Account WHEN Account THEN Id END FROM Contact", "MALFORMED_QUERY", "polymorphic"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "must be of type string and should be enclosed"),
        ("SELECT Id FROM Account WHERE CreatedDate > '2026'", "INVALID_FIELD", "dateTime and should not be enclosed"),
        ("SELECT Id FROM Account WHERE CreatedDate > 2026-01-01", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Account WHERE IsDeleted = 'x'", "INVALID_FIELD", "boolean and should not be enclosed"),
        ("SELECT Id FROM Account WHERE AnnualRevenue = '5'", "INVALID_FIELD", "double and should not be enclosed"),
        ("SELECT Id FROM Account WHERE OwnerId = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        (
            "SELECT Id FROM Account WHERE Id LIKE '001%'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator on id field",
        ),
        ("SELECT Id FROM Account WHERE Name INCLUDES ('x')", "INVALID_QUERY_FILTER_OPERATOR", "string field: includes"),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", "'Description' can not be filtered"),
        ("SELECT Id FROM Account ORDER BY Description", "INVALID_FIELD", "'Description' can not be sorted"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Name FROM Contact)", "MALFORMED_QUERY", "must be an id"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Nope)", "INVALID_TYPE", "'Nope' is not supported"),
        ("SELECT Id FROM Account USING SCOPE team", "MALFORMED_QUERY", "scope 'team' is not supported"),
    ],
)
def test_each_refusal_has_its_code_and_text(world: World, soql: str, code: str, words: str) -> None:
    """Unknown names, wrong types and forbidden uses are told apart."""
    fault = world.fault(soql)

    assert code == fault.error_code
    assert words in fault.message
    assert "ERROR at Row:1:Column:" in fault.message


def test_what_is_too_deep_for_the_database_is_too_complicated(world: World) -> None:
    """Nesting that parses and cannot run is a documented refusal, not a crash."""
    text = "(Name = 'x' OR (Name = 'y' AND " * 45 + "Name = 'z'" + "))" * 45

    assert world.fault(f"SELECT Id FROM Account WHERE {text}").error_code == "QUERY_TOO_COMPLICATED"


def test_scope_mine_means_the_asking_users_records(world: World) -> None:
    """USING SCOPE mine filters by owner; everything filters nothing."""
    me, other = world.add("User", Name="me"), world.add("User", Name="other")
    world.add("Account", Name="a", OwnerId=me)
    world.add("Account", Name="b", OwnerId=other)

    assert world.column("SELECT Name FROM Account USING SCOPE mine", user_id=me) == ["a"]
    assert world.column("SELECT Name FROM Account USING SCOPE everything", user_id=me) == ["a", "b"]


fields = st.sampled_from(
    [
        "Id",
        "Name",
        "Phone",
        "OwnerId",
        "IsDeleted",
        "CreatedDate",
        "AnnualRevenue",
        "BillingAddress",
        "Owner.Name",
        "Parent.Owner.Id",
        "Nope",
        "Description",
    ]
).map(lambda name: ast.Path(tuple(name.split("."))))
calls = st.builds(
    ast.Call, st.sampled_from(["COUNT", "SUM", "MAX", "CALENDAR_YEAR", "toLabel", "NOPE"]), st.tuples(fields)
)
expressions = st.one_of(fields, fields, calls)
somethings = st.builds(
    ast.Query,
    select=st.lists(st.builds(ast.Column, expressions), min_size=1, max_size=3).map(tuple),
    source=st.just("Account"),
    where=st.one_of(
        st.none(),
        st.builds(ast.Comparison, expressions, st.sampled_from(["=", "!=", "<", ">="]), operands),
        st.builds(ast.Comparison, expressions, st.just("LIKE"), st.builds(ast.Pattern, patterns)),
        st.builds(
            ast.Membership,
            expressions,
            st.sampled_from(["IN", "NOT IN", "INCLUDES", "EXCLUDES"]),
            st.lists(operands, min_size=1, max_size=3).map(tuple),
        ),
    ),
    group_by=st.one_of(st.just(()), st.tuples(expressions)),
    order_by=st.one_of(st.just(()), st.tuples(st.builds(ast.Ordering, expressions))),
    limit=st.sampled_from([None, 0, 1]),
)


@settings(deadline=None, max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=somethings)
def test_any_query_is_answered_or_refused_as_salesforce_would(world: World, query: ast.Query) -> None:
    """No query that parses gets anything but rows or a fault out of the engine."""
    if not world.column("SELECT Id FROM Account"):
        world.add("Account", Name="a", CreatedDate="2026-03-15T12:30:00.000+0000")

    status = 200
    try:
        rows = list(world.run(to_soql(query)).rows)
    except SalesforceFault as fault:
        status = fault.http_status
    else:
        assert len(rows) in {0, 1}

    assert status in {200, 400}
