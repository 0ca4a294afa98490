"""Which rows match: null, case, lists, dates, ids; checked against a model in Python."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.soql import ast, to_soql
from tests.support.scale import examples
from tests.unit.emulator.engine.conftest import World

NAMES = ["Acme", "acme", "ACME corp", "a_c", "abc", "50%", "x\\y", "it's", "zeta"]
STEPS = [None, "Acme", "north", "SOUTH"]
AMOUNTS = [None, Decimal("-1.5"), Decimal(0), Decimal("2.25"), Decimal("1234567890123456.78")]
FIGURES = ["-1.5", "-1.501", "0", "2.25", "2.2", "2.251", "1e30", "-1e30", "1e-30", "-1e-30"]
FIGURES += ["1234567890123456.78", "1234567890123456.781", "1234567890123456.79"]

texts = st.one_of(st.sampled_from([*NAMES, "ACME", "", "none"]).map(ast.Text), st.just(ast.Null()))
patterns = st.sampled_from(["a%", "%C%", "a_c", "a\\_c", "50\\%", "x\\\\y", "%", "_", "it's", ""]).map(ast.Pattern)
numbers = st.one_of(st.sampled_from(FIGURES).map(Decimal).map(ast.Number), st.just(ast.Null()))
text_paths = st.sampled_from(["Name", "NextStep"]).map(lambda name: ast.Path((name,)))
amount = ast.Path(("Amount",))
orders = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
memberships = st.sampled_from(["IN", "NOT IN"])

leaves: st.SearchStrategy[ast.Condition] = st.one_of(
    st.builds(ast.Comparison, text_paths, orders, texts),
    st.builds(ast.Comparison, text_paths, st.just("LIKE"), patterns),
    st.builds(ast.Comparison, st.just(amount), orders, numbers),
    st.builds(ast.Membership, text_paths, memberships, st.lists(texts, min_size=1, max_size=3).map(tuple)),
    st.builds(ast.Membership, st.just(amount), memberships, st.lists(numbers, min_size=1, max_size=3).map(tuple)),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: ast.And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: ast.Or(tuple(parts))),
        st.builds(ast.Not, inner),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def opportunities() -> Iterator[World]:
    world = World()
    for number, name in enumerate(NAMES):
        for step in STEPS:
            amount = AMOUNTS[(number + len(step or "")) % len(AMOUNTS)]
            world.add("Opportunity", Name=name, NextStep=step, Amount=amount)
    yield world
    world.store.close()


def matches(node: ast.Condition, row: dict[str, Any]) -> bool:
    """Say whether a row matches, in plain Python."""
    match node:
        case ast.And(conditions=parts):
            return all(matches(part, row) for part in parts)
        case ast.Or(conditions=parts):
            return any(matches(part, row) for part in parts)
        case ast.Not(condition=negated):
            return not matches(negated, row)
        case ast.Comparison(left=ast.Path(names=(name,)), right=ast.Pattern(value=pattern)):
            return row[name] is not None and bool(re.fullmatch(regex(pattern), row[name], re.IGNORECASE | re.DOTALL))
        case ast.Comparison(left=ast.Path(names=(name,)), operator=operator, right=right):
            return compare(plain(row[name]), operator, meant(right))
        case ast.Membership(left=ast.Path(names=(name,)), operator=operator, right=tuple() as members):
            found = any(plain(row[name]) == meant(member) for member in members)
            return found == (operator == "IN")
    raise AssertionError(node)


def regex(pattern: str) -> str:
    tokens = re.findall(r"\\.|.", pattern, re.DOTALL)
    return "".join({"%": ".*", "_": "."}.get(token) or re.escape(token[-1]) for token in tokens)


def plain(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def meant(operand: ast.Operand) -> Any:
    if isinstance(operand, ast.Text):
        return operand.value.lower() or None
    return operand.value if isinstance(operand, ast.Number) else None


def compare(left: Any, operator: str, right: Any) -> bool:
    if operator in {"=", "!="}:
        return bool(left == right) == (operator == "=")
    if left is None or right is None:
        return False
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(200), deadline=None)
@given(condition=conditions)
def test_any_condition_matches_what_the_model_matches(opportunities: World, condition: ast.Condition) -> None:
    """SQL and the model agree on every row, for any tree of conditions."""
    query = ast.Query(
        tuple(ast.Column(ast.Path((name,))) for name in ("Id", "Name", "NextStep", "Amount")), "Opportunity"
    )
    everything = opportunities.rows(to_soql(query))
    text = to_soql(ast.Query(query.select, "Opportunity", where=condition))

    found = sorted(opportunities.rows(text), key=lambda row: str(row["Id"]))

    assert [row for row in everything if matches(condition, row)] == found


def test_ids_of_15_characters_equal_those_of_18(world: World) -> None:
    """Ids match in both lengths, and not when their case differs."""
    account = world.add("Account", Name="a", Id="001D000000aBcDeIAK")
    world.add("Account", Name="b", Id="001D000000ABcDeIAK")

    assert world.column(f"SELECT Name FROM Account WHERE Id = '{account[:15]}'") == ["a"]
    assert world.column(f"SELECT Name FROM Account WHERE Id IN ('{account}')") == ["a"]


def test_an_empty_string_means_null(world: World) -> None:
    """Salesforce stores no empty text, so comparing with '' finds nulls, on references too."""
    world.add("Contact", LastName="a")
    world.add("Contact", LastName="b", Title="x", AccountId=world.add("Account", Name="x"))

    assert world.column("SELECT LastName FROM Contact WHERE Title = ''") == ["a"]
    assert world.column("SELECT LastName FROM Contact WHERE AccountId = ''") == ["a"]


def test_long_lists_match(world: World) -> None:
    """Lists of thousands match like short ones, still without case."""
    for name in ("One", "Two", "Three"):
        world.add("Account", Name=name)
    many = ", ".join(f"'x{number}'" for number in range(5_000))

    assert world.column(f"SELECT Name FROM Account WHERE Name IN ({many}, 'ONE', 'three')") == ["One", "Three"]
    assert world.column(f"SELECT Name FROM Account WHERE Name NOT IN ({many}, 'one', 'three')") == ["Two"]


def test_thousands_of_conditions_side_by_side_match(world: World) -> None:
    """The width of a condition is bounded by the length of the text alone."""
    world.add("Account", Name="One")
    many = " OR ".join(f"Name = 'x{number}'" for number in range(4_000))

    assert world.column(f"SELECT Name FROM Account WHERE {many} OR Name = 'one'") == ["One"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("CreatedDate = TODAY", ["now"]),
        ("CreatedDate = YESTERDAY", ["late yesterday"]),
        ("CreatedDate < TODAY", ["old", "late yesterday"]),
        ("CreatedDate <= TODAY", ["old", "late yesterday", "now"]),
        ("CreatedDate > TODAY", ["tomorrow"]),
        ("CreatedDate >= TODAY", ["now", "tomorrow"]),
        ("CreatedDate != TODAY", ["old", "late yesterday", "tomorrow"]),
        ("CreatedDate = LAST_N_DAYS:2", ["late yesterday", "now"]),
        ("CreatedDate = THIS_MONTH", ["late yesterday", "now", "tomorrow"]),
        ("CreatedDate IN (YESTERDAY, TOMORROW)", ["late yesterday", "tomorrow"]),
        ("CreatedDate >= 2026-03-15T13:30:00+01:00", ["now", "tomorrow"]),
        ("CALENDAR_YEAR(CreatedDate) = 2025", ["old"]),
        ("DAY_ONLY(CreatedDate) = 2026-03-14", ["late yesterday"]),
        ("HOUR_IN_DAY(CreatedDate) > 12", ["late yesterday"]),
        ("DAY_IN_WEEK(CreatedDate) = 1", ["now"]),
    ],
)
def test_dates_compare_with_instants_periods_and_parts(world: World, condition: str, expected: list[str]) -> None:
    """Instants, date literals and date functions select the rows of their time."""
    for name, moment in [
        ("old", "2025-12-31T00:00:00"),
        ("late yesterday", "2026-03-14T23:59:59"),
        ("now", "2026-03-15T12:30:00"),
        ("tomorrow", "2026-03-16T00:00:00"),
    ]:
        world.add("Account", Name=name, CreatedDate=f"{moment}.000+0000")

    assert expected == world.column(f"SELECT Name FROM Account WHERE {condition}")


def test_semi_joins_and_anti_joins_look_into_another_object(world: World) -> None:
    """IN and NOT IN take a subselect of ids; deleted rows and nulls inside it do not count."""
    one, two, three = (world.add("Account", Name=name) for name in ("One", "Two", "Three"))
    world.add("Contact", LastName="x", AccountId=one)
    world.add("Contact", LastName="x", AccountId=two, IsDeleted=1)
    world.add("Contact", LastName="y", AccountId=three)
    world.add("Contact", LastName="x")

    inner = "(SELECT AccountId FROM Contact WHERE LastName = 'X')"
    assert world.column(f"SELECT Name FROM Account WHERE Id IN {inner}") == ["One"]
    assert world.column(f"SELECT Name FROM Account WHERE Id NOT IN {inner}") == ["Two", "Three"]


def test_references_use_their_index(world: World) -> None:
    """A filter on an indexed field searches instead of scanning."""
    statements: list[str] = []
    world.store.connection.set_trace_callback(statements.append)

    world.run("SELECT Id, Account.Name FROM Contact WHERE Ext__c = 'x' AND IsDeleted = FALSE")
    world.store.connection.set_trace_callback(None)
    plan = [row[3] for row in world.store.connection.execute(f"EXPLAIN QUERY PLAN {statements[-1]}")]

    assert plan
    assert all(step.startswith("SEARCH") for step in plan)
