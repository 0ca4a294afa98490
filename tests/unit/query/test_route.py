"""The choice between REST and bulk."""

import pytest

from service import soql
from service.errors import InvalidRequest
from service.query import route
from service.query.columns import ColumnType, ResultColumn
from service.query.route import Estimate, Route
from service.salesforce.calls.query_plans import Plan
from service.soql import Value

BULK_ROWS = 10_000
BOUNDS = {"bulk_rows": BULK_ROWS}


def plan(rows: int) -> Plan:
    """Return a plan that finds so many rows."""
    return Plan(cardinality=rows)


@pytest.mark.parametrize(
    ("text", "obstacles"),
    [
        ("SELECT Id, toLabel(Status) FROM Lead WHERE Id IN (SELECT LeadId FROM Thing__c) ORDER BY Id LIMIT 9", []),
        ("SELECT COUNT() FROM Lead", ["bulk queries take no COUNT() (row 1, column 8)"]),
        ("SELECT\n COUNT_DISTINCT(Id) FROM Lead", ["bulk queries take no COUNT_DISTINCT() (row 2, column 2)"]),
        ("SELECT Name FROM Lead GROUP BY Name", ["bulk queries take no GROUP BY (row 1, column 32)"]),
        ("SELECT Id FROM Lead OFFSET 0", ["bulk queries take no OFFSET (row 1, column 1)"]),
        (
            "SELECT (SELECT Id FROM Contacts), TYPEOF Owner WHEN User THEN Id END FROM Account",
            [
                "bulk queries take no child subqueries (row 1, column 9)",
                "bulk queries take no TYPEOF (row 1, column 42)",
            ],
        ),
    ],
)
def test_obstacles_have_their_places(text, obstacles):
    """Whatever bulk does not take is named where it stands."""
    assert obstacles == [str(found) for found in route.obstacles(soql.parse(text), ())]


@pytest.mark.parametrize(
    ("text", "parameters", "rows"),
    [
        ("SELECT Id FROM Lead", {}, None),
        ("SELECT Id FROM Lead LIMIT 7", {}, 7),
        ("SELECT Id FROM Lead LIMIT :most", {"most": 8}, 8),
        ("SELECT Id FROM Lead WHERE Id = '00Q'", {}, 1),
        ("SELECT Id FROM Lead l WHERE l.Id IN ('1', '2', '3') AND Name = 'x'", {}, 3),
        ("SELECT Id FROM Lead WHERE ID IN :ids LIMIT 9", {"ids": ["1", "2"]}, 2),
        ("SELECT Id FROM Lead WHERE Id = '00Q' OR Name = 'x'", {}, None),
        ("SELECT Id FROM Lead WHERE NOT Id = '00Q'", {}, None),
        ("SELECT Id FROM Lead WHERE Id != '00Q' AND Id NOT IN ('1')", {}, None),
        ("SELECT Id FROM Lead WHERE Owner.Id = '005'", {}, None),
        ("SELECT Id FROM Lead WHERE Id IN (SELECT LeadId FROM Thing__c)", {}, None),
        ("SELECT MAX(Amount) FROM Lead", {}, 1),
        ("SELECT MAX(Amount) FROM Lead GROUP BY Name", {}, None),
    ],
)
def test_a_query_tells_how_many_rows_it_has_at_most(text, parameters, rows):
    """LIMIT, ids and folding bound a result; nothing else does."""
    values: dict[str, Value] = parameters

    assert rows == route.most_rows(soql.bind(soql.parse(text), values))


def test_a_caller_who_wants_few_rows_gets_them_by_rest():
    """What the caller takes bounds the cost as LIMIT does."""
    query = soql.parse("SELECT Id FROM Lead")

    assert route.without_estimate(query, (), (), **BOUNDS) is None
    chosen = route.without_estimate(query, (), (), max_rows=100, **BOUNDS)
    assert chosen is not None
    assert (Route.REST, "it has at most 100 rows; bulk pays off from 10,000 rows on") == (chosen.route, chosen.reason)


def test_a_limit_beyond_the_threshold_tells_too_little():
    """How many rows there are has to be asked for."""
    assert route.without_estimate(soql.parse("SELECT Id FROM Lead LIMIT 10000"), (), (), **BOUNDS) is None


def test_content_is_not_read_in_bulk_unasked():
    """A column of bytes would hold another thing by each route."""
    column = ResultColumn("Body", ColumnType.BYTES, ("Body",))

    chosen = route.without_estimate(soql.parse("SELECT Body FROM Attachment"), [column], (), **BOUNDS)

    assert chosen is not None
    assert Route.REST is chosen.route


@pytest.mark.parametrize(
    ("text", "estimate", "expected"),
    [
        ("SELECT Id FROM Lead", Estimate(10_000), Route.BULK),
        ("SELECT Id FROM Lead", Estimate(9_999), Route.REST),
        ("SELECT Id FROM Lead", Estimate(None), Route.REST),
        ("SELECT Id FROM Lead", Estimate(None, (plan(10_000), plan(3))), Route.BULK),
        ("SELECT Id FROM Lead WHERE Name = 'x'", Estimate(10**9, (plan(5),)), Route.REST),
        ("SELECT Id FROM Lead LIMIT 9000", Estimate(10**9), Route.REST),
    ],
)
def test_an_estimate_decides(text, estimate, expected):
    """The plan counts more than the number of records, and LIMIT more than either."""
    assert expected is route.with_estimate(soql.parse(text), estimate, bulk_rows=BULK_ROWS).route


def test_who_insists_on_bulk_is_told_every_obstacle():
    """Each is a violation of the route."""
    found = route.obstacles(soql.parse("SELECT COUNT(Id) FROM Lead GROUP BY Name OFFSET 1"), ())

    with pytest.raises(InvalidRequest) as raised:
        route.forced(Route.BULK, found)

    assert 3 == len(raised.value.violations)
    assert {"route"} == {violation.field for violation in raised.value.violations}
    assert {"row": "1", "column": "8"} == raised.value.metadata
    assert Route.REST is route.forced(Route.REST, found).route


@pytest.mark.parametrize(
    ("chosen", "rows", "calls"),
    [
        (Route.REST, 0, 1),
        (Route.REST, 2_000, 1),
        (Route.REST, 2_001, 2),
        (Route.REST, 1_000_000, 500),
        (Route.BULK, 0, 15),
        (Route.BULK, 1_000_000, 38),
    ],
)
def test_calls_are_told_beforehand(chosen, rows, calls):
    """By REST each page is a call; a job has its own and one for each part."""
    assert calls == route.api_calls(chosen, rows)
