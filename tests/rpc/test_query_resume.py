"""Queries that go on by their tokens, over a real channel."""

import asyncio
from typing import Any

import pytest
from grpc import aio
from sluicegate.v1.query_service_pb2 import QueryRequest, QueryResponse
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub

from service.emulator.effects import Refuse
from tests.support.past import in_the_past
from tests.support.record_messages import text
from tests.support.rich_status import Failure, failure

ROWS = 450
LOST = Refuse(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


@pytest.fixture
def company(org, unique) -> str:
    """Create more leads than two pages hold, and return the company that they share."""
    name: str = unique("Resumed")
    with in_the_past(org):
        for number in range(ROWS):
            values = {"LastName": f"N{number:05}", "Company": name, "Ext__c": unique(f"R{number}")}
            org.create("Lead", values, user_id=org.admin_id)
    return name


def asking(company: str, tail: str = "", **options: Any) -> QueryRequest:
    """Return a request for the names of a company's leads."""
    soql = f"SELECT LastName FROM Lead WHERE Company = :company{tail}"
    return QueryRequest(soql=soql, parameters={"company": text(company)}, **{"page_size": 200, **options})


async def answers(channel: aio.Channel, request: QueryRequest) -> list[QueryResponse]:
    """Return every response."""
    return [response async for response in QueryServiceStub(channel).Query(request)]


async def refused(channel: aio.Channel, request: QueryRequest) -> Failure:
    """Run a query and return how it failed."""
    with pytest.raises(aio.AioRpcError) as raised:
        await answers(channel, request)
    return failure(raised.value)


def names(responses: list[QueryResponse]) -> list[str]:
    """Return the first column."""
    return [name for response in responses for name in response.batch.columns[0].string_values]


def going_on(request: QueryRequest, token: str) -> QueryRequest:
    """Return the request with a token."""
    again = QueryRequest()
    again.CopyFrom(request)
    again.resume_token = token
    return again


EXPECTED = [f"N{number:05}" for number in range(ROWS)]


async def test_every_response_goes_on_behind_itself(channel, company):
    """Wherever a call broke off, its rest comes by the last token that arrived; only what was asked for is returned."""
    request = asking(company, batch_size=90)
    whole = await answers(channel, request)

    assert EXPECTED == names(whole)
    assert [["LastName"]] * len(whole) == [[column.name for column in each.batch.columns] for each in whole]
    for response in whole:
        rest = await answers(channel, going_on(request, response.resume_token))
        sent = response.first_row + response.batch.row_count

        assert EXPECTED[sent:] == names(rest)
        assert {ROWS} == {each.total_size for each in rest}
        assert sent == rest[0].first_row


@pytest.mark.parametrize("tail", ["", " ORDER BY Id DESC", " ORDER BY LastName", " ORDER BY CreatedDate DESC, Id DESC"])
@pytest.mark.parametrize("skip", [0, 1])
async def test_a_result_that_is_given_up_is_restarted_unnoticed(channel, company, disturbances, tail, skip):
    """The call goes on as if nothing had been: the same rows, in the same order, none twice."""
    undisturbed = names(await answers(channel, asking(company, tail)))
    rule = disturbances.add(LOST, path="/query/01g", skip=skip)

    found = await answers(channel, asking(company, tail))

    assert undisturbed == names(found)
    assert 0 == rule.times
    assert {ROWS} == {each.total_size for each in found}
    assert EXPECTED == sorted(undisturbed)


async def test_a_result_without_an_order_says_what_is_missing(channel, company, disturbances):
    """Nobody can tell what follows: the call ends with the number of rows and the cause."""
    disturbances.add(LOST, path="/query/01g", times=None)

    found = await refused(channel, asking(company, " ORDER BY Status"))

    assert ("FAILED_PRECONDITION", "QUERY_NOT_RESUMABLE") == (found.code, found.reason)
    assert ("200", "INVALID_QUERY_LOCATOR") == (found.metadata["rows"], found.metadata["cause"])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"batch_size": 7}, "batch_size"),
        ({"include_deleted": True}, "include_deleted"),
        ({"max_rows": 5}, "max_rows"),
        ({"page_size": 500}, "page_size"),
        ({"soql": "SELECT Id FROM Lead WHERE Company = :company"}, "soql"),
        ({"parameters": {"company": text("another")}}, "parameters"),
    ],
)
async def test_another_request_with_the_token_is_refused(channel, company, change, named):
    """A token is good for its own request; what differs is named."""
    first, *_ = await answers(channel, asking(company))
    request = asking(company)
    request.MergeFrom(QueryRequest(**change))

    found = await refused(channel, going_on(request, first.resume_token))

    assert ("INVALID_ARGUMENT", "INVALID_TOKEN") == (found.code, found.reason)
    assert named in found.message


async def test_a_token_that_was_altered_is_refused(channel, company):
    """Nobody makes a token but the service."""
    first, *_ = await answers(channel, asking(company))

    found = await refused(channel, going_on(asking(company), first.resume_token[:-1] + "_"))

    assert "INVALID_TOKEN" == found.reason


async def test_the_most_rows_count_over_all_calls(channel, company):
    """The call ends well at the bound, and so does the one that goes on."""
    request = asking(company, max_rows=250, batch_size=100)
    whole = await answers(channel, request)
    rest = await answers(channel, going_on(request, whole[1].resume_token))

    assert EXPECTED[:250] == names(whole)
    assert EXPECTED[200:250] == names(rest)


async def test_many_slow_readers_share_what_salesforce_holds_open(channel, company):
    """A user has room for ten results in Salesforce; those that it gives up for newer ones are restarted."""

    async def slowly() -> list[str]:
        found: list[QueryResponse] = []
        async for response in QueryServiceStub(channel).Query(asking(company)):
            found.append(response)
            await asyncio.sleep(0)
        return names(found)

    assert [EXPECTED] * 25 == await asyncio.gather(*(slowly() for _ in range(25)))


async def test_a_query_longer_than_a_url_is_read_page_by_page(channel, company):
    """It travels in another call; its pages are those of any other."""
    others = [f"name {number:06}" for number in range(2000)]
    request = asking(company, " AND LastName NOT IN :others")
    request.parameters["others"].list_value.values.extend(text(each) for each in others)

    assert EXPECTED == names(await answers(channel, request))


@pytest.mark.parametrize(("times", "reason"), [(1, ""), (3, ""), (None, "QUERY_NOT_RESUMABLE")])
async def test_children_that_are_given_up_are_read_anew(channel, org, unique, disturbances, times, reason):
    """The record is asked for again with its children; an org that never keeps them long enough ends the call."""
    name = unique("Parent")
    for number in range(2):
        parent = org.create("Account", {"Name": name}, user_id=org.admin_id)
        for child in range(250):
            values = {"LastName": f"C{number}-{child:03}", "AccountId": parent}
            org.create("Contact", values, user_id=org.admin_id)
    soql = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account WHERE Name = :name"
    request = QueryRequest(soql=soql, parameters={"name": text(name)}, page_size=200, batch_size=1)
    disturbances.add(LOST, path="/query/01g", skip=1, times=times)

    if reason:
        found = await refused(channel, request)
        assert (reason, "INVALID_QUERY_LOCATOR") == (found.reason, found.metadata["cause"])
        return
    batches = [response.batch for response in await answers(channel, request)]

    children = [list(batch.columns[1].children.columns[0].string_values) for batch in batches]
    assert [[f"C{number}-{child:03}" for child in range(250)] for number in range(2)] == children
