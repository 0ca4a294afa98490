"""Faults in the middle of a result: the rows all come, each once, and without the mitigation they do not."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from grpc import aio
from sluicegate.v1.query_service_pb2 import QUERY_ROUTE_REST, QueryRequest, QueryResponse
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub

from service.app import App
from service.emulator.server import Emulator, EmulatorConfig
from service.query import cursor
from service.salesforce.transport.retry import RetryTransport
from service.settings import CallerSettings, CallerShareSettings, GovernorSettings
from tests.support.past import in_the_past
from tests.support.rich_status import failure
from tests.support.service import free_ports
from tests.support.stage import Stage, StageFactory, org_settings

ROWS = 900
PAGE = 200
LOGIN = "POST services/oauth2/token"
ROW_NAMES = [f"N{number:05}" for number in range(ROWS)]
LATER_PAGES = {"path": "/query/01g"}
REVOKED = {"effect": "revoke_tokens", "match": LATER_PAGES}
GIVEN_UP = {"effect": {"error": "INVALID_QUERY_LOCATOR"}, "match": LATER_PAGES}


def plant(stage: Stage) -> None:
    """Make the rows."""
    org = stage.org.org
    with in_the_past(org):
        for number, name in enumerate(ROW_NAMES):
            values = {
                "LastName": name,
                "Company": "Radium",
                "Ext__c": f"L-{number}",
                "NumberOfEmployees": number % 5 or None,
            }
            org.create("Lead", values, user_id=org.admin_id)


async def read(stage: Stage, order: str, seen: list[QueryResponse]) -> str:
    """Read the rows, and return the reason why not all came; empty if they did."""
    request = QueryRequest(soql=f"SELECT LastName FROM Lead{order}", page_size=PAGE)
    try:
        async for response in QueryServiceStub(stage.channel).Query(request):
            seen.append(response)  # noqa: PERF401 - what came before a fault counts
    except aio.AioRpcError as error:
        return failure(error).reason or error.code().name
    return ""


def rows(seen: list[QueryResponse]) -> list[str]:
    """Return the names that came."""
    return [name for response in seen for name in response.batch.columns[0].string_values]


def without_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no query be restarted."""

    async def nothing(_query: Any, _describe: Any) -> str:
        return "nobody may"

    monkeypatch.setattr(cursor, "keyset", nothing)


def without_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each request be sent once."""
    monkeypatch.setattr(RetryTransport, "_again", lambda *_args, **_kwargs: None)


FAULTS: dict[str, tuple[dict[str, Any], Callable[[pytest.MonkeyPatch], None]]] = {
    "the session is revoked": (REVOKED, without_order),
    "the result is given up": (GIVEN_UP, without_order),
    "the instance is out of order": ({"effect": {"page": 503}, "match": LATER_PAGES}, without_retries),
    "the connection is cut": ({"effect": {"reset": "mid-body"}, "match": LATER_PAGES}, without_retries),
}


@pytest.mark.parametrize("order", ["", " ORDER BY NumberOfEmployees DESC NULLS LAST"], ids=["no order", "an order"])
@pytest.mark.parametrize("page", [0, 1, 3])
@pytest.mark.parametrize(("rule", "off"), FAULTS.values(), ids=list(FAULTS))
async def test_every_row_comes_once(stage: StageFactory, monkeypatch, rule, off, page, order):
    """Whatever befalls a later page, the caller sees the whole result and nothing else."""
    async with stage() as running:
        plant(running)
        undisturbed: list[QueryResponse] = []
        assert "" == await read(running, order, undisturbed)
        with monkeypatch.context() as patch:
            off(patch)
            running.script({**rule, "skip": page, "times": 1})
            assert "" != await read(running, order, [])
        (made,) = running.script({**rule, "skip": page, "times": 1})

        seen: list[QueryResponse] = []
        heard = await read(running, order, seen)

    assert "" == heard
    assert 0 == made.times
    assert rows(undisturbed) == rows(seen)
    assert ROW_NAMES == sorted(rows(seen))
    assert {ROWS} == {response.total_size for response in seen}


async def test_a_session_that_ends_under_many_results_costs_one_login(stage: StageFactory):
    """All of them are restarted in the session that follows; nobody logs in for each."""
    async with stage() as running:
        plant(running)
        assert "" == await read(running, "", [])
        await running.forget_calls()
        running.script({**REVOKED, "skip": 8, "times": 1})

        results: list[list[QueryResponse]] = [[] for _ in range(8)]
        heard = await asyncio.gather(*(read(running, "", seen) for seen in results))
        logins = (await running.calls())[LOGIN]

    assert [""] * 8 == heard
    assert [ROW_NAMES] * 8 == [rows(seen) for seen in results]
    assert 1 == logins


async def test_a_caller_that_does_not_read_stops_the_reading(stage: StageFactory):
    """What nobody takes is not asked of Salesforce: some pages wait in the service and on the way, and no more."""
    async with stage() as running:
        org = running.org.org
        for number in range(2000):
            values = {"LastName": f"N{number}", "Company": "Radium", "Description": f"{number:05}" * 1600}
            org.create("Lead", values, user_id=org.admin_id)
        request = QueryRequest(soql="SELECT Description FROM Lead", page_size=PAGE, batch_size=20)
        answers = aiter(QueryServiceStub(running.channel).Query(request))
        found = (await anext(answers)).batch.row_count
        waiting = await settled(running)
        found += sum([response.batch.row_count async for response in answers])
        everything = await later_pages(running)

    assert 2000 == found
    assert 9 == everything
    assert 0 < waiting < 7


@pytest.mark.parametrize("is_finished", [False, True])
async def test_what_was_begun_is_finished(keys: Path, monkeypatch, is_finished):
    """A caller whose cap is reached in the middle of a result reads it to its end, pays for it, and begins no other."""
    if not is_finished:
        begin = cursor._Reading.__init__

        def pausing(reading: Any, *args: Any, **kwargs: Any) -> None:
            begin(reading, *args, **kwargs)
            reading._begun = reading._context

        monkeypatch.setattr(cursor._Reading, "__init__", pausing)
    governor = GovernorSettings(callers={"greedy": CallerShareSettings(daily_calls=4)})
    request = QueryRequest(soql="SELECT LastName FROM Lead", page_size=PAGE, route=QUERY_ROUTE_REST)
    async with Emulator(EmulatorConfig(directory=keys)) as org:
        for name in ROW_NAMES:
            org.org.create("Lead", {"LastName": name, "Company": "Radium"}, user_id=org.org.admin_id)
        settings = free_ports(
            orgs={"prod": org_settings(org, keys, governor=governor)}, callers={"greedy": CallerSettings()}
        )
        async with App(settings) as app:
            assert app.addresses is not None
            async with aio.insecure_channel(app.addresses.grpc) as channel:
                first = [await rows_of(channel, request) for _ in range(2)]

    assert [ROWS if is_finished else "CALLER_QUOTA_EXCEEDED", "CALLER_QUOTA_EXCEEDED"] == first


async def rows_of(channel: aio.Channel, request: QueryRequest) -> int | str:
    """Return how many rows a caller reads, or why not all."""
    call = QueryServiceStub(channel).Query(request, metadata=(("sluicegate-caller", "greedy"),))
    try:
        return sum([response.batch.row_count async for response in call])
    except aio.AioRpcError as error:
        return failure(error).reason


async def later_pages(stage: Stage) -> int:
    """Return how many pages but the first were asked for."""
    return (await stage.calls())["GET query/{locator}"]


async def settled(stage: Stage) -> int:
    """Wait until no further page is asked for, and return how many were."""
    before = -1
    while before != (asked := await later_pages(stage)):
        before = asked
        await asyncio.sleep(0.3)
    return asked
