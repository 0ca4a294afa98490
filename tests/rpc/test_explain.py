"""ExplainQuery, and the choice of a route, over a real channel."""

import contextlib
from typing import Any

import pytest
from grpc import aio
from sluicegate.v1.query_service_pb2 import (
    QUERY_ROUTE_BULK,
    QUERY_ROUTE_REST,
    ExplainQueryRequest,
    ExplainQueryResponse,
    QueryRequest,
)
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub
from sluicegate.v1.record_batch_pb2 import COLUMN_TYPE_BATCHES, COLUMN_TYPE_DECIMAL, COLUMN_TYPE_STRING

from service.app import App
from service.emulator.server import Emulator
from service.settings import JwtBearerAuth, OrgSettings, QuerySettings
from tests.support.rich_status import failure
from tests.support.service import free_ports


async def explain(channel: aio.Channel, soql: str, **request: Any) -> ExplainQueryResponse:
    """Return how a query would be run."""
    return await QueryServiceStub(channel).ExplainQuery(ExplainQueryRequest(soql=soql, **request))


async def test_everything_about_a_plain_query(channel, org, unique):
    """Route, rows, calls, plans, what is read and what comes out of it are told at once."""
    company = unique("Explained")
    for _ in range(3):
        org.create("Lead", {"LastName": "E", "Company": company}, user_id=org.admin_id)

    found = await explain(channel, f"select id, ANNUALREVENUE, owner.name from lead where company = '{company}'")

    assert QUERY_ROUTE_REST == found.route
    assert "bulk pays off from 500,000 rows on" in found.reason
    assert (3, 1) == (found.estimated_rows, found.estimated_api_calls)
    assert ["TableScan"] == [plan.leading_operation for plan in found.plans]
    assert (3, True) == (found.plans[0].cardinality, found.plans[0].object_cardinality >= 3)
    assert "Not considering filter for optimization because unindexed: Company" in found.plans[0].notes
    assert ["Lead", "Name"] == sorted(found.objects)
    assert ["Lead.Id", "Lead.AnnualRevenue", "Name.Name", "Lead.Company"] == list(found.fields)
    assert found.restartable
    assert not found.bulk_obstacles
    assert [("Id", COLUMN_TYPE_STRING), ("AnnualRevenue", COLUMN_TYPE_DECIMAL), ("Owner.Name", COLUMN_TYPE_STRING)] == [
        (column.name, column.type) for column in found.columns
    ]


async def test_obstacles_choose_rest(channel):
    """What bulk does not take is read by REST, and every reason is told with its place."""
    found = await explain(channel, "SELECT Id, BillingAddress, (SELECT LastName FROM Contacts) FROM Account OFFSET 2")

    assert QUERY_ROUTE_REST == found.route
    assert [
        "bulk queries take no compound fields such as BillingAddress (row 1, column 12)",
        "bulk queries take no child subqueries (row 1, column 29)",
        "bulk queries take no OFFSET (row 1, column 1)",
    ] == list(found.bulk_obstacles)
    assert found.bulk_obstacles[0] == found.reason
    assert ["Account", "Contact"] == sorted(found.objects)
    assert "Contact.LastName" in found.fields
    assert COLUMN_TYPE_BATCHES == found.columns[-1].type
    assert ["LastName"] == [column.name for column in found.columns[-1].children]


async def test_branches_of_typeof_name_their_objects(channel):
    """The fields of each branch are those of its sObject."""
    found = await explain(channel, "SELECT TYPEOF What WHEN Account THEN Phone ELSE Name END FROM Event")

    assert {"Event", "Account", "Name"} == set(found.objects)
    assert ["Account.Phone", "Name.Name"] == list(found.fields)


async def test_a_route_that_is_named_is_explained(channel):
    """The caller may ask what bulk would cost; one that cannot run the query is refused."""
    found = await explain(channel, "SELECT Id FROM Lead", route=QUERY_ROUTE_BULK)
    with pytest.raises(aio.AioRpcError) as raised:
        await explain(channel, "SELECT Id FROM Lead OFFSET 1", route=QUERY_ROUTE_BULK)

    assert (QUERY_ROUTE_BULK, "the caller asked for it") == (found.route, found.reason)
    assert found.estimated_api_calls > 10
    assert not found.restartable
    assert "INVALID_REQUEST" == failure(raised.value).reason


@pytest.mark.parametrize(
    ("route", "order", "is_restartable"),
    [
        (QUERY_ROUTE_REST, "", True),
        (QUERY_ROUTE_REST, " ORDER BY LastName", True),
        (QUERY_ROUTE_REST, " ORDER BY Status", False),
        (QUERY_ROUTE_BULK, " ORDER BY LastName", False),
        (QUERY_ROUTE_BULK, " ORDER BY LastName, Id", True),
        (QUERY_ROUTE_BULK, " ORDER BY Status, Id", False),
    ],
)
async def test_what_can_be_restarted_is_told(channel, route, order, is_restartable):
    """By REST the service orders what it reads; in bulk it leaves the order to the query."""
    found = await explain(channel, f"SELECT LastName FROM Lead{order}", route=route)

    assert is_restartable == found.restartable


@pytest.mark.parametrize(
    ("soql", "reason"),
    [
        ("SELECT Id FRM Lead", "MALFORMED_QUERY"),
        ("SELECT Nope FROM Lead", "UNKNOWN_FIELD"),
        ("SELECT Id FROM Leed", "UNKNOWN_OBJECT"),
        ("SELECT Id FROM Lead WHERE Nope = 1", "UNKNOWN_FIELD"),
        ("SELECT Id FROM Lead WHERE NumberOfEmployees = 'ten'", "MALFORMED_QUERY"),
    ],
)
async def test_what_cannot_run_cannot_be_explained(channel, soql, reason):
    """A query that Salesforce would refuse is refused with its place."""
    with pytest.raises(aio.AioRpcError) as raised:
        await explain(channel, soql)

    failed = failure(raised.value)
    assert ("INVALID_ARGUMENT", reason) == (failed.code, failed.reason)


async def test_it_takes_two_calls(channel, app):
    """Where the sObject is known, one call tells the plans and one the records."""
    soql = "SELECT Id FROM Lead WHERE LastName = 'x'"
    await explain(channel, soql)
    before = sum(app.emulator.statistics().answers.values())

    await explain(channel, soql)

    assert 1 <= sum(app.emulator.statistics().answers.values()) - before <= 2


async def test_many_rows_are_read_in_bulk(app, unique):
    """From so many rows on as the settings say the service chooses bulk by itself, and REST for what is smaller."""
    emulator: Emulator = app.emulator
    company = unique("Many")
    for _ in range(2100):
        emulator.org.create("Lead", {"LastName": "M", "Company": company}, user_id=emulator.org.admin_id)
    login = emulator.credentials
    auth = JwtBearerAuth(
        flow="jwt_bearer",
        client_id=login.client_id,
        username=login.username,
        private_key_file=login.private_key_file,
    )
    settings = OrgSettings(login_url=login.login_url, auth=auth, queries=QuerySettings(bulk_rows=2000))
    async with contextlib.AsyncExitStack() as stack:
        other = await stack.enter_async_context(App(free_ports(orgs={"small": settings})))
        assert other.addresses is not None
        channel = await stack.enter_async_context(aio.insecure_channel(other.addresses.grpc))
        routes = {}
        for name, soql in {
            "all": f"SELECT Id FROM Lead WHERE Company = '{company}'",
            "limited": f"SELECT Id FROM Lead WHERE Company = '{company}' LIMIT 1999",
            "few": "SELECT Id FROM Lead WHERE Company = 'nobody has this one'",
            "small": "SELECT Id FROM Product2",
            "folded": "SELECT COUNT() FROM Lead",
        }.items():
            answers = [answer async for answer in QueryServiceStub(channel).Query(QueryRequest(soql=soql))]
            routes[name] = answers[0].route
        explained = await explain(channel, f"SELECT Id FROM Lead WHERE Company = '{company}'")

    assert {"all": 2, "limited": 1, "few": 1, "small": 1, "folded": 1} == routes
    assert (QUERY_ROUTE_BULK, 2100) == (explained.route, explained.estimated_rows)
