"""Queries that are read in bulk, over a real channel."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from grpc import aio
from sluicegate.v1.query_service_pb2 import (
    QUERY_ROUTE_BULK,
    QUERY_ROUTE_REST,
    QueryRequest,
    QueryResponse,
)
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub

from service.emulator import query_jobs
from service.emulator.effects import Delay, Refuse, RevokeSessions, SlowJob
from service.emulator.org import Org
from tests.support.past import in_the_past
from tests.support.rich_status import failure
from tests.support.stage import until

SELECT = (
    "SELECT Id, LastName, AnnualRevenue, NumberOfEmployees, IsConverted, CreatedDate, Email, Owner.Name, "
    "ConvertedAccount.Name, Latitude FROM Lead WHERE Company = '{}' ORDER BY LastName"
)


@pytest.fixture
def leads(org: Org, unique) -> Callable[[int], str]:
    """Create leads in the embedded org and return the company that they share."""

    def create(count: int) -> str:
        company: str = unique("Bulk Company")
        with in_the_past(org):
            for number in range(count):
                values = {
                    "LastName": f'N{number:05} "x",\r\ny' if number % 3 else f"N{number:05}",
                    "Company": company,
                    "AnnualRevenue": number + 0.5 if number % 2 else None,
                    "NumberOfEmployees": number if number % 5 else None,
                    "Email": f"n{number}@example.com" if number % 7 else None,
                }
                org.create("Lead", values, user_id=org.admin_id)
        return company

    return create


@pytest.fixture
def small_parts(monkeypatch) -> None:
    """Make the parts of the embedded org's results small."""
    monkeypatch.setattr(query_jobs, "DEFAULT_PAGE_ROWS", 30)
    monkeypatch.setattr("service.emulator.routes.bulk_query.DEFAULT_PAGE_ROWS", 30)


async def read(channel: aio.Channel, soql: str, **request: Any) -> list[QueryResponse]:
    """Return every response of a query."""
    call = QueryServiceStub(channel).Query(QueryRequest(soql=soql, **request))
    return [message async for message in call]


async def test_bulk_has_the_columns_and_the_values_of_rest(channel, leads):
    """Whichever route a query takes, its rows are the same, types, nulls and line breaks within texts included."""
    soql = SELECT.format(leads(100))

    (by_rest,) = await read(channel, soql, route=QUERY_ROUTE_REST)
    (in_bulk,) = await read(channel, soql, route=QUERY_ROUTE_BULK)

    assert by_rest.batch == in_bulk.batch
    assert (QUERY_ROUTE_REST, QUERY_ROUTE_BULK) == (by_rest.route, in_bulk.route)
    assert 100 == in_bulk.batch.row_count == in_bulk.total_size


async def test_max_rows_ends_the_reading(channel, leads, small_parts):
    """Whoever wants fewer rows gets them, and the size of the whole."""
    found = await read(channel, SELECT.format(leads(50)), route=QUERY_ROUTE_BULK, max_rows=37)

    assert [30, 7] == [response.batch.row_count for response in found]
    assert {50} == {response.total_size for response in found}


async def test_nothing_found_is_one_empty_batch(channel):
    """The columns are told even when nothing was found."""
    (response,) = await read(channel, SELECT.format("nobody has this one"), route=QUERY_ROUTE_BULK)

    assert (0, 0, 10) == (response.batch.row_count, response.total_size, len(response.batch.columns))


@pytest.mark.parametrize(
    ("soql", "places"),
    [
        ("SELECT COUNT() FROM Lead", ["COUNT()"]),
        ("SELECT Company, MAX(AnnualRevenue) FROM Lead GROUP BY Company", ["MAX()", "GROUP BY"]),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", ["child subqueries (row 1, column 13)"]),
        ("SELECT TYPEOF What WHEN Account THEN Phone END FROM Event", ["TYPEOF (row 1, column 15)"]),
        ("SELECT Id,\n BillingAddress FROM Account OFFSET 5", ["BillingAddress (row 2, column 2)", "OFFSET"]),
    ],
)
async def test_what_bulk_does_not_take_is_refused_with_its_place(channel, soql, places):
    """A caller who insists on bulk is told every obstacle."""
    with pytest.raises(aio.AioRpcError) as raised:
        await read(channel, soql, route=QUERY_ROUTE_BULK)

    failed = failure(raised.value)
    assert ("INVALID_ARGUMENT", "INVALID_REQUEST", ["route"]) == (failed.code, failed.reason, list(failed.violations))
    assert all(place in failed.message for place in places)


async def test_parts_come_in_order(channel, leads, small_parts):
    """A result of many parts arrives whole and in order, and each response tells where its rows stand."""
    soql = SELECT.format(leads(400))

    by_rest = await read(channel, soql, route=QUERY_ROUTE_REST)
    in_bulk = await read(channel, soql, route=QUERY_ROUTE_BULK, batch_size=20)

    names = [name for response in in_bulk for name in response.batch.columns[1].string_values]
    assert list(by_rest[0].batch.columns[1].string_values) == names
    assert [20, 10] * 13 + [10] == [response.batch.row_count for response in in_bulk]
    firsts = [response.first_row for response in in_bulk]
    assert firsts == [sum(response.batch.row_count for response in in_bulk[:number]) for number in range(len(in_bulk))]


@pytest.mark.parametrize("taken", [1, 2, 3, 13, 26])
async def test_a_reading_goes_on_behind_any_response(channel, leads, small_parts, taken):
    """The rest of a result comes by the token of the last response that arrived, no row twice and none left out."""
    soql = SELECT.format(leads(400))
    request: dict[str, Any] = {"route": QUERY_ROUTE_BULK, "batch_size": 20}

    call = QueryServiceStub(channel).Query(QueryRequest(soql=soql, **request))
    begun: list[QueryResponse] = []
    async for response in call:
        begun.append(response)
        if len(begun) == taken:
            break
    call.cancel()
    rest = await read(channel, soql, resume_token=begun[-1].resume_token, **request)

    ids = [value for response in [*begun, *rest] for value in response.batch.columns[0].string_values]
    assert (400, 400) == (len(ids), len(set(ids)))
    assert rest[0].first_row == 20 * ((taken + 1) // 2) + 10 * (taken // 2)
    assert {400} == {response.total_size for response in rest}


async def test_behind_the_last_response_nothing_follows(channel, leads):
    """The token of the last response leads to one without rows."""
    soql = SELECT.format(leads(3))
    (whole,) = await read(channel, soql, route=QUERY_ROUTE_BULK)

    (rest,) = await read(channel, soql, route=QUERY_ROUTE_BULK, resume_token=whole.resume_token)

    assert (0, 3, 3) == (rest.batch.row_count, rest.first_row, rest.total_size)


async def test_a_job_that_is_gone_cannot_go_on(channel, leads, small_parts, monkeypatch):
    """Where Salesforce has forgotten a job, the call says so instead of beginning again."""
    soql = SELECT.format(leads(100))
    call = QueryServiceStub(channel).Query(QueryRequest(soql=soql, route=QUERY_ROUTE_BULK))
    first = await call.read()
    call.cancel()
    monkeypatch.setattr(query_jobs, "KEPT_SECONDS", -1)

    with pytest.raises(aio.AioRpcError) as raised:
        await read(channel, soql, route=QUERY_ROUTE_BULK, resume_token=first.resume_token)

    failed = failure(raised.value)
    assert ("FAILED_PRECONDITION", "QUERY_NOT_RESUMABLE") == (failed.code, failed.reason)
    assert "30" == failed.metadata["rows"]


async def test_who_hangs_up_aborts_the_job(channel, leads, disturbances, monkeypatch):
    """A job that runs while nobody waits for it any more is stopped."""
    aborted = asyncio.Event()
    monkeypatch.setattr(query_jobs.QueryJob, "abort", lambda _job: aborted.set())
    disturbances.add(SlowJob(wait_seconds=600), times=None)
    asked_for = disturbances.add(Delay(0), method="GET", path="/jobs/query/750", times=None)
    call = QueryServiceStub(channel).Query(QueryRequest(soql=SELECT.format(leads(1)), route=QUERY_ROUTE_BULK))
    reading = asyncio.ensure_future(call.read())
    await until(lambda: asked_for.hits > 0)

    call.cancel()
    await asyncio.gather(reading, return_exceptions=True)

    await asyncio.wait_for(aborted.wait(), 10)


async def test_a_session_that_dies_while_a_job_runs_is_replaced(channel, leads, disturbances, small_parts):
    """A job belongs to its user and not to the session that began it."""
    soql = SELECT.format(leads(100))
    disturbances.add(RevokeSessions(), path="/results", skip=1)

    responses = await read(channel, soql, route=QUERY_ROUTE_BULK)

    assert 100 == sum(response.batch.row_count for response in responses)


GONE = Refuse(404, "NOT_FOUND", "The requested resource does not exist")
IN_ORDER = "SELECT LastName FROM Lead WHERE Company = '{}' ORDER BY {}"


def names(responses: list[QueryResponse]) -> list[str]:
    """Return the first column."""
    return [name for response in responses for name in response.batch.columns[0].string_values]


@pytest.mark.parametrize("order", ["Id", "Id DESC", "LastName, Id", "NumberOfEmployees DESC NULLS LAST, Id"])
@pytest.mark.parametrize("skip", [0, 1, 4])
async def test_another_job_is_run_for_the_rest_of_one_that_is_lost(
    channel, leads, small_parts, disturbances, order, skip
):
    """Whoever deletes a job in the middle, the rows are those of an undisturbed reading, and so are the columns."""
    soql = IN_ORDER.format(leads(200), order)
    undisturbed = await read(channel, soql, route=QUERY_ROUTE_BULK)
    rule = disturbances.add(GONE, path="/results", skip=skip)

    found = await read(channel, soql, route=QUERY_ROUTE_BULK)

    assert 0 == rule.times
    assert names(undisturbed) == names(found)
    assert {200} == {response.total_size for response in found}
    assert {1} == {len(response.batch.columns) for response in found}


async def test_a_reading_goes_on_though_its_job_is_gone(channel, leads, small_parts, disturbances):
    """By a token of a job that was deleted another one is run, and by its tokens the reading goes on again."""
    soql = IN_ORDER.format(leads(200), "Id")
    whole = await read(channel, soql, route=QUERY_ROUTE_BULK)
    disturbances.add(GONE, path="/jobs/query/750")

    second = await read(channel, soql, route=QUERY_ROUTE_BULK, resume_token=whole[1].resume_token)
    third = await read(channel, soql, route=QUERY_ROUTE_BULK, resume_token=second[2].resume_token)

    assert names(whole) == names([*whole[:2], *second]) == names([*whole[:2], *second[:3], *third])


@pytest.mark.parametrize(("order", "why"), [("LastName", "does not end with Id"), ("Status, Id", "picklist")])
async def test_a_lost_job_without_an_order_ends_the_call(channel, leads, small_parts, disturbances, order, why):
    """Nobody can tell what follows, so the call says how far it came."""
    disturbances.add(GONE, path="/results", skip=2, times=None)

    with pytest.raises(aio.AioRpcError) as raised:
        await read(channel, IN_ORDER.format(leads(200), order), route=QUERY_ROUTE_BULK)

    failed = failure(raised.value)
    assert ("QUERY_NOT_RESUMABLE", "60", "NOT_FOUND") == (
        failed.reason,
        failed.metadata["rows"],
        failed.metadata["cause"],
    )
    assert why in failed.message


async def test_a_result_whose_rows_may_have_moved_is_not_gone_on_with(channel, leads, org, small_parts, disturbances):
    """A row that was sent and changed since could come again: the call ends instead."""
    company = leads(200)
    soql = IN_ORDER.format(company, "LastName, Id")
    first, *_ = await read(channel, soql, route=QUERY_ROUTE_BULK)
    one = org.query(f"SELECT Id FROM Lead WHERE Company = '{company}' ORDER BY LastName LIMIT 1").rows[0]["Id"]
    org.update("Lead", one, {"Description": "Z"}, user_id=org.admin_id)
    disturbances.add(GONE, path="/jobs/query/750")

    with pytest.raises(aio.AioRpcError) as raised:
        await read(channel, soql, route=QUERY_ROUTE_BULK, resume_token=first.resume_token)

    assert "may have moved" in failure(raised.value).message
