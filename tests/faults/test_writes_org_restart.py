"""An org that is killed under load and started again: no call hangs, and all goes on."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from grpc import aio
from sluicegate.v1.org_service_pb2 import GetLimitsRequest
from sluicegate.v1.org_service_pb2_grpc import OrgServiceStub
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub
from sluicegate.v1.record_service_pb2 import CreateRecordRequest, UpsertRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.app import App
from service.context import CallContext
from service.salesforce.line import Line
from service.salesforce.transport.base import Request, Response
from service.salesforce.transport.breaker import Circuit
from service.salesforce.transport.http import HttpTransport
from tests.support.lasting_org import LastingOrg, lasting_org
from tests.support.record_messages import key, text
from tests.support.service import free_ports
from tests.support.stage import SAVED, StageFactory, told, until

ROWS = 250
"""How many records of each kind are written; one call does not take them all."""
UNKNOWN = "OUTCOME_UNKNOWN"
DOWN = "UPSTREAM_UNAVAILABLE"
TURN_SECONDS = 0.05
COMPANY = {"Company": text("Radium")}


def load(records: Any) -> "list[asyncio.Task[str]]":
    """Begin upserts and, in turn with them, creations of records of other names, each by a caller of its own."""
    calls = []
    for number in range(ROWS):
        curie, other = ({**COMPANY, "LastName": text(name)} for name in ("Curie", f"N-{number}"))
        upsert = UpsertRecordRequest(object="Lead", external_id=key(f"L-{number}"), fields=curie)
        calls += [records.UpsertRecord(upsert), records.CreateRecord(CreateRecordRequest(object="Lead", fields=other))]
    return [asyncio.create_task(told(call)) for call in calls]


async def hang_after_one_write(org: LastingOrg) -> None:
    """Let the org answer one more call that writes, and none after it."""
    rule = {"effect": {"latency": 60}, "match": {"path": "/composite"}, "skip": 1}
    async with httpx.AsyncClient(base_url=org.url, trust_env=False, timeout=60) as client:
        (await client.post("/__control/faults", json=rule)).raise_for_status()


async def last_names(channel: aio.Channel) -> Counter[str]:
    """Return how often each name stands in the org."""
    found: Counter[str] = Counter()
    async for answer in QueryServiceStub(channel).Query(QueryRequest(soql="SELECT LastName FROM Lead")):
        found.update(answer.batch.columns[0].string_values)
    return found


async def until_answered(channel: aio.Channel) -> None:
    """Wait until the org is asked again: while it is down nobody asks it all the time, whoever asks the service."""
    heard = DOWN
    while heard == DOWN:
        await asyncio.sleep(TURN_SECONDS)
        heard = await told(OrgServiceStub(channel).GetLimits(GetLimitsRequest()))


async def test_an_org_that_is_killed_and_started_again(keys: Path, tmp_path: Path):
    """Calls under way and calls meanwhile end in success or in an outage; then all succeed, and nothing is doubled."""
    async with lasting_org(keys, tmp_path / "rows.db") as org, App(free_ports(orgs={"prod": org.settings()})) as app:
        assert app.addresses is not None
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            records = RecordServiceStub(channel)
            await hang_after_one_write(org)
            first = load(records)
            await until(lambda: any(call.done() for call in first))
            await org.kill()
            second = load(records)
            heard, meanwhile = await asyncio.gather(*first), await asyncio.gather(*second)
            await org.start()
            await until_answered(channel)

            after = await asyncio.gather(*load(records))
            found = await last_names(channel)

    assert {SAVED, DOWN} <= {*heard} <= {SAVED, DOWN, UNKNOWN}
    assert {DOWN} == {*meanwhile}
    assert {SAVED} == {*after}
    assert ROWS == found["Curie"]
    # Once under the load that met the end of the org, if at all, and once afterwards.
    possible = {SAVED: {2}, DOWN: {1}, UNKNOWN: {1, 2}}
    assert all(found[f"N-{number}"] in possible[each] for number, each in enumerate(heard[1::2]))


@pytest.mark.parametrize("shares", [True, False])
async def test_an_org_that_is_not_there_keeps_nobody_waiting(stage: StageFactory, monkeypatch, shares):
    """All who wait for a login or a description hear of the outage together; otherwise each would try for itself."""
    # Which would end the attempts of both soon.
    monkeypatch.setattr(Circuit, "end", lambda _circuit, _sign, _seconds: None)
    attempts: list[str] = []
    callers = 200 if shares else 21
    joined = itertools.count(1)
    all_have_come = asyncio.Event()
    join, exchange = Line.join, HttpTransport.send

    def joining(line: Line[Any], fetch: Callable[[], Awaitable[Any]]) -> Any:
        if next(joined) >= callers:
            all_have_come.set()
        return join(line, fetch) if shares else fetch()

    async def noted(transport: HttpTransport, request: Request, context: CallContext) -> Response:
        await all_have_come.wait()
        attempts.append(request.method)
        return await exchange(transport, request, context)

    monkeypatch.setattr(Line, "join", joining)
    monkeypatch.setattr(HttpTransport, "send", noted)
    async with stage() as running:
        await running.org.__aexit__(None, None, None)
        limits = OrgServiceStub(running.channel)

        calls: list[Any] = [limits.GetLimits(GetLimitsRequest()) for _ in range(100 if shares else 20)]
        upsert = UpsertRecordRequest(object="Lead", external_id=key("L"), fields=COMPANY)
        calls += [running.records.UpsertRecord(upsert) for _ in range(100 if shares else 1)]
        heard = await asyncio.gather(*map(told, calls))

        assert {DOWN} == {*heard}
        assert shares == (len(attempts) < 30)
        assert shares or len(attempts) >= 50
