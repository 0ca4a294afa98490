"""Parsing: the tree of good queries, and the place and words for bad ones."""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import MalformedQuery
from service.soql import ast, parse, to_soql
from service.soql.parse import _parser
from tests.support.scale import examples


def column(*names: str) -> ast.Column:
    return ast.Column(ast.Path(names))


def where(text: str) -> ast.Condition | None:
    return parse(f"SELECT Id FROM Account WHERE {text}").where


def value(text: str) -> object:
    condition = where(f"X = {text}")
    assert isinstance(condition, ast.Comparison)
    return condition.right


def test_every_clause_lands_in_its_place() -> None:
    """A query with every clause becomes one node with all of them."""
    text = (
        "select Id, a.Owner.Name from Account a using scope mine where Name = 'x' "
        "order by Name desc nulls last, Id limit 5 offset 10 for view"
    )

    query = parse(text)

    expected = ast.Query(
        select=(column("Id"), column("a", "Owner", "Name")),
        source="Account",
        alias="a",
        scope="mine",
        where=ast.Comparison(ast.Path(("Name",)), "=", ast.Text("x")),
        order_by=(ast.Ordering(ast.Path(("Name",)), descending=True, nulls="LAST"), ast.Ordering(ast.Path(("Id",)))),
        limit=5,
        offset=10,
        usage="VIEW",
    )
    assert expected == query


def test_grouping_and_aggregates_parse_with_their_aliases() -> None:
    """Aggregate functions take aliases, and GROUP BY ROLLUP carries HAVING."""
    query = parse("SELECT Name n, COUNT(Id) c, MAX(Amount) FROM Opportunity GROUP BY ROLLUP(Name) HAVING COUNT(Id) > 1")

    count = ast.Call("COUNT", (ast.Path(("Id",)),))
    highest = ast.Column(ast.Call("MAX", (ast.Path(("Amount",)),)))
    assert (ast.Column(ast.Path(("Name",)), "n"), ast.Column(count, "c"), highest) == query.select
    assert ((ast.Path(("Name",)),), "ROLLUP") == (query.group_by, query.grouping)
    assert ast.Comparison(count, ">", ast.Number(Decimal(1))) == query.having


def test_child_subquery_typeof_and_semi_join_nest() -> None:
    """Inner queries and TYPEOF become nodes of their own."""
    query = parse(
        "SELECT (SELECT Id FROM Contacts), TYPEOF What WHEN Account THEN Phone, Name ELSE Id END FROM Event "
        "WHERE WhoId NOT IN (SELECT Id FROM Lead)"
    )

    children = ast.Children(ast.Query((column("Id"),), "Contacts"))
    branch = ast.When("Account", (ast.Path(("Phone",)), ast.Path(("Name",))))
    assert (children, ast.TypeOf(ast.Path(("What",)), (branch,), (ast.Path(("Id",)),))) == query.select
    assert ast.Membership(ast.Path(("WhoId",)), "NOT IN", ast.Query((column("Id"),), "Lead")) == query.where


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null", ast.Null()),
        ("TRUE", ast.Boolean(value=True)),
        ("-12", ast.Number(Decimal(-12))),
        ("+.5", ast.Number(Decimal("0.5"))),
        ("1.5e3", ast.Number(Decimal(1500))),
        ("usd5000.25", ast.Currency("USD", Decimal("5000.25"))),
        ("2026-03-01", ast.Date(date(2026, 3, 1))),
        ("2026-03-01T00:30:00+01:00", ast.DateTime(datetime(2026, 2, 28, 23, 30, tzinfo=UTC))),
        ("2026-03-01T00:30:00.1239Z", ast.DateTime(datetime(2026, 3, 1, 0, 30, 0, 123000, tzinfo=UTC))),
        ("13:05:00.000Z", ast.Time(time(13, 5))),
        ("today", ast.Period("TODAY")),
        ("last_n_days:30", ast.Period("LAST_N_DAYS", 30)),
        (":name", ast.Parameter("name")),
        (r"'a\'b\\\"\n\u0041\ud83d\ude00'", ast.Text("a'b\\\"\nA\N{GRINNING FACE}")),
    ],
)
def test_literals_become_values(text: str, expected: ast.Operand) -> None:
    """Each kind of literal becomes the node that holds its value."""
    actual = value(text)

    assert expected == actual


def test_like_keeps_the_escapes_of_its_wildcards() -> None:
    """In LIKE, escaped wildcards and backslashes stay escaped; other escapes are decoded."""
    condition = where(r"Name LIKE '50\% \\ \'x\' a\_b%'")

    assert ast.Comparison(ast.Path(("Name",)), "LIKE", ast.Pattern(r"50\% \\ 'x' a\_b%")) == condition


def test_parentheses_group_and_otherwise_leave_no_trace() -> None:
    """Parentheses decide how AND, OR and NOT nest; needless ones vanish."""
    one, two, three = (ast.Comparison(ast.Path((name,)), "=", ast.Number(Decimal(1))) for name in "abc")

    condition = where("((a = 1) AND (b = 1)) AND (NOT (a = 1 OR c = 1))")

    assert ast.And((one, two, ast.Not(ast.Or((one, three))))) == condition


def test_not_binds_tighter_than_and() -> None:
    """NOT negates the next condition only."""
    condition = where("NOT a = 1 AND b = 1")

    assert isinstance(condition, ast.And)
    assert isinstance(condition.conditions[0], ast.Not)


def test_keywords_name_objects_fields_and_relationships() -> None:
    """Words that are keywords elsewhere are names where only a name may stand."""
    query = parse("SELECT Id FROM Group WHERE Limit.Like = 1")

    assert query.source == "Group"
    assert ast.Comparison(ast.Path(("Limit", "Like")), "=", ast.Number(Decimal(1))) == query.where


def test_positions_count_from_one_in_rows_and_columns() -> None:
    """Names remember the row and column where they stood."""
    query = parse("SELECT Id,\n  Owner.Name\nFROM Account")

    second = query.select[1]
    assert isinstance(second, ast.Column)
    assert ast.Position(2, 3) == second.expression.at
    assert ast.Position(3, 6) == query.source_at


@pytest.mark.parametrize(
    ("text", "row", "column_", "words"),
    [
        ("", 1, 1, "the query ends where SELECT belongs"),
        ("SELECT Id FORM Account", 1, 11, "found 'FORM' where ',' or FROM belongs"),
        ("SELECT Id\nFROM Account\nWHERE", 3, 6, "the query ends where"),
        ("SELECT Id FROM Account WHERE a = 1 AND b = 2 OR c = 3", 1, 46, "AND and OR mix only with parentheses"),
        ("SELECT Id FROM Account WHERE a = 'x", 1, 34, "never ends"),
        (r"SELECT Id FROM Account WHERE a = 'x\q'", 1, 36, r"\q is not an escape sequence"),
        (r"SELECT Id FROM Account WHERE a = '50\%'", 1, 37, r"\% is not an escape sequence"),
        ("SELECT Id FROM Account WHERE a = foo", 1, 34, "found 'foo' where a value belongs"),
        ("SELECT Id FROM Account WHERE a = LAST_N_DAYS", 1, 34, "write LAST_N_DAYS:n"),
        ("SELECT Id FROM Account WHERE a = 2026-02-30", 1, 34, "no such date"),
        ("SELECT Id FROM Account WHERE a = 1699-12-31", 1, 34, "no such date"),
        ("SELECT Id FROM Account WHERE a = 4000-12-31T23:59:00-08:00", 1, 34, "no such date"),
        ("SELECT Id FROM Account WHERE a IN ()", 1, 36, "found ')'"),
        ("SELECT Id FROM Account FOR UPDATE", 1, 28, "Apex only"),
        ("SELECT Name n FROM Account", 1, 8, "only aggregate expressions use field aliasing"),
        ("SELECT COUNT(), Id FROM Account", 1, 8, "COUNT() stands alone"),
        ("SELECT a.b.c.d.e.f.g FROM Account", 1, 8, "more than 5 relationships"),
        ("SELECT Id FROM Account LIMIT -1", 1, 30, "LIMIT takes a whole number"),
        ("SELECT Id FROM Account LIMIT 1.5", 1, 30, "LIMIT takes a whole number"),
        (r"SELECT Id FROM Account WHERE a = '\u0000'", 1, 34, "NUL"),
        (r"SELECT Id FROM Account WHERE a = '\ud800'", 1, 34, "surrogate"),
        ("SELECT Id FROM Account; DROP TABLE Account", 1, 23, "found ';'"),
        ("SELECT Id FROM Account WHERE a = 1e99", 1, 34, "a number of more than"),
        ("DELETE FROM Account", 1, 1, "found 'DELETE' where SELECT belongs"),
    ],
)
def test_bad_text_is_refused_where_it_goes_wrong(text: str, row: int, column_: int, words: str) -> None:
    """A syntax error names the row, the column and what belongs there."""
    with pytest.raises(MalformedQuery) as caught:
        parse(text)

    assert (row, column_) == (caught.value.row, caught.value.column)
    assert words in caught.value.message


def test_refusals_never_repeat_literals() -> None:
    """The text of an error names an unexpected literal by kind, because it may be a caller's data."""
    with pytest.raises(MalformedQuery) as caught:
        parse("SELECT Id FROM Account WHERE a = 'x' 'secret'")

    assert "secret" not in caught.value.message + str(caught.value.metadata)
    assert "found a string" in caught.value.message


def test_expected_is_machine_readable() -> None:
    """Metadata lists what may stand at the place, in words."""
    with pytest.raises(MalformedQuery) as caught:
        parse("SELECT Id FROM Account ORDER Name")

    assert {"row": "1", "column": "30", "found": "Name", "expected": "BY"}.items() <= caught.value.metadata.items()


@pytest.mark.parametrize(
    ("text", "column", "told"),
    [
        ("SELECT Id, FROM Lead", 12, "found 'FROM' where '(', TYPEOF or a name belongs"),
        ("SELECT FROM Lead", 8, "found 'FROM' where"),
        ("SELECT Id FROM WHERE Name = 'x'", 16, "found 'WHERE' where a name belongs"),
        ("SELECT Id FROM Lead WHERE Name = 'x' AND AND Id = 'y'", 42, "found 'AND' where '(', NOT or a name belongs"),
        ("SELECT Id FROM Lead WHERE or = 1", 27, "found 'or' where"),
        ("SELECT * FROM Lead", 8, "FIELDS(ALL) reads all fields"),
        ("SELECT COUNT(*) FROM Lead", 14, "COUNT() counts rows"),
        ('SELECT Id FROM Lead WHERE Name = "x"', 34, "strings stand in single quotes"),
        ("SELECT Id FROM Lead WHERE Name IS NULL", 32, "null is compared with ="),
        ("SELECT Id FROM Lead;", 20, "a query ends without one"),
        ("SELECT DISTINCT Name FROM Lead", 8, "is a comma missing before 'Name'?"),
    ],
)
def test_slips_are_found_where_they_are(text: str, column: int, told: str) -> None:
    """What people write by mistake, or know from other languages, is told at its place with what is meant."""
    with pytest.raises(MalformedQuery, match=re.escape(told)) as caught:
        parse(text)

    assert (1, column) == (caught.value.row, caught.value.column)


@pytest.mark.parametrize("name", ["Group", "Order", "Limit", "Fromage", "Selected__c", "Where__c", "Or__c", "Android"])
def test_names_that_begin_as_words_do(name: str) -> None:
    """Only a whole word is a word of the language, and only a few of those are no names."""
    query = parse(f"SELECT {name}, {name}.{name} FROM {name} WHERE {name} = 1 AND {name} = 2 ORDER BY {name}")

    assert name == query.source
    assert query == parse(to_soql(query))


def test_parameters_can_be_forbidden() -> None:
    """Where text comes from the wire, a hole is an error."""
    with pytest.raises(MalformedQuery) as caught:
        parse("SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Contact WHERE a = :x)", parameters=False)

    assert caught.value.metadata["found"] == ":x"


@pytest.mark.parametrize("opening", ["(", "(NOT "])
def test_deep_nesting_is_refused_before_it_hurts(opening: str) -> None:
    """A hundred levels parse; ten thousand are an error, not an exhausted stack."""
    fine = parse(f"SELECT Id FROM A WHERE {opening * 100}a = 1{')' * 100}")

    with pytest.raises(MalformedQuery, match="parentheses are open"):
        parse(f"SELECT Id FROM A WHERE {opening * 10_000}a = 1{')' * 10_000}")

    assert fine == parse(f"SELECT Id FROM A WHERE {opening * 100}a = 1{')' * 100}")


def test_long_text_is_refused() -> None:
    """Text beyond 100,000 characters, and strings beyond 4,000, are refused."""
    with pytest.raises(MalformedQuery, match="100001 characters"):
        parse("SELECT Id FROM Account" + " " * 99_979)
    with pytest.raises(MalformedQuery, match="more than 4000 characters"):
        parse(f"SELECT Id FROM Account WHERE a = '{'x' * 4001}'")


def test_wide_conditions_parse_without_recursion() -> None:
    """Thousands of conditions side by side are one flat node."""
    condition = where(" OR ".join(["a = 1"] * 5_000))

    assert isinstance(condition, ast.Or)
    assert len(condition.conditions) == 5_000


words = st.sampled_from(
    [
        "SELECT",
        "FROM",
        "WHERE",
        "AND",
        "OR",
        "NOT",
        "IN",
        "LIKE",
        "(",
        ")",
        ",",
        ".",
        "=",
        "<>",
        ":p",
        "'a'",
        "'a\\q'",
        "'",
        "\\",
        "1",
        "-1.",
        "1e9",
        "2026-01-01",
        "2026-99-99T00:00:00Z",
        "TODAY",
        "LAST_N_DAYS:3",
        "TRUE",
        "NULL",
        "Id",
        "Account",
        "COUNT()",
        "GROUP",
        "BY",
        "HAVING",
        "ORDER",
        "DESC",
        "NULLS",
        "LAST",
        "LIMIT",
        "OFFSET",
        "FOR",
        "VIEW",
        "UPDATE",
        "TYPEOF",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "FIELDS(ALL)",
        "USD5",
        "INCLUDES",
        "USING",
        "SCOPE",
        "\x00",
        "�",
        "\n",
    ]
)


@settings(deadline=None, max_examples=examples(300))
@given(st.one_of(st.text(max_size=60), st.lists(words, max_size=25).map(" ".join)))
def test_any_text_parses_or_is_refused_with_a_place(text: str) -> None:
    """No text gets anything else out of the parser."""
    place = (1, 1)
    try:
        query = parse(text)
    except MalformedQuery as error:
        place = (error.row, error.column)
    else:
        assert parse(to_soql(query)) == query

    assert min(place) >= 1


def test_the_grammar_stays_small():
    """The parser is built at every start: its rules, which optional parts of one rule multiply, stay few."""
    assert len(_parser().rules) < 250


@pytest.mark.parametrize(
    "soql",
    [
        "\u017fELECT Id FROM Account",
        "SELECT Id FROM Account WHERE Name L\u0130KE :v",
        "SELECT Id FROM Account WHERE Name \u0130N ('a')",
        "SELECT Id FROM Account WHERE Name LI\u212aE 'a'",
        "SELECT Id FROM Account ORDER BY Id NULLS F\u0131RST",
    ],
)
def test_letters_that_only_pass_for_those_of_keywords_are_refused(soql: str) -> None:
    """Without regard to case, Unicode has further letters for I, K and S; SOQL has not."""
    with pytest.raises(MalformedQuery):
        parse(soql)
