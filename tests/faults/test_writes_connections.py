"""Connections that are cut around writes: what is harmless is repeated, and nothing is created twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sluicegate.v1.org_service_pb2 import GetLimitsRequest
from sluicegate.v1.org_service_pb2_grpc import OrgServiceStub
from sluicegate.v1.record_operation_pb2 import RecordNode
from sluicegate.v1.record_service_pb2 import (
    ApplyRecordsRequest,
    ComposeRecordsRequest,
    CreateRecordRequest,
    DeleteRecordRequest,
    UpdateRecordRequest,
    UpsertRecordRequest,
)

from service.emulator.rule import Rule
from service.orgs import config
from service.salesforce.calls import collections
from service.salesforce.transport.retry import RetryPolicy, RetryTransport
from tests.support.record_messages import by_id, by_key, create, key, text, upsert
from tests.support.stage import SAVED, Stage, StageFactory, result, told

ROWS = 200
"""How many records one call takes at most, and thus how many the cut of one connection can reach."""
CALLERS = ROWS + 50
"""How many callers are too many for one call, however they are gathered."""
PLACES = ("accept", "before", "mid-request", "after", "mid-body")
"""Where a connection is cut: as it is made, after the head, within the request, and after the write, before and within
the answer."""
WRITTEN = ("after", "mid-body")
CUTS = 12
"""How many connections are cut before the org that cuts all the time is left alone."""
UNKNOWN = "OUTCOME_UNKNOWN"
WRITES = {"path": "/composite"}


def name(number: int) -> str:
    """Return what one of the records is called."""
    return f"Curie-{number}"


def cut(place: str, **how: Any) -> dict[str, Any]:
    """Return the rule that cuts a connection."""
    return {"effect": {"reset": place}, **({} if place == "accept" else {"match": WRITES}), **how}


async def created(stage: Stage) -> list[str]:
    """Create records, each of a name of its own and by a caller of its own, and return what they hear."""
    fields = {"Company": text("Radium")}
    requests = [
        CreateRecordRequest(object="Lead", fields={**fields, "LastName": text(name(number))})
        for number in range(CALLERS)
    ]
    return await asyncio.gather(*(told(stage.records.CreateRecord(request, timeout=60)) for request in requests))


async def upserted(stage: Stage, count: int = CALLERS) -> list[str]:
    """Upsert records in the same way."""
    fields = {"LastName": text("Curie"), "Company": text("Radium")}
    requests = [
        UpsertRecordRequest(object="Lead", external_id=key(f"L-{number}"), fields=fields) for number in range(count)
    ]
    return await asyncio.gather(*(told(stage.records.UpsertRecord(request, timeout=60)) for request in requests))


async def updated(stage: Stage, ids: Sequence[str]) -> list[str]:
    """Give each of the records a title, half of them by their external ids."""
    half = len(ids) // 2
    records = [by_id("Lead", each) for each in ids[:half]]
    records += [by_key("Lead", f"L-{number}") for number in range(half, len(ids))]
    requests = [UpdateRecordRequest(record=record, fields={"Title": text("Dr")}) for record in records]
    return await asyncio.gather(*(told(stage.records.UpdateRecord(request, timeout=60)) for request in requests))


async def deleted(stage: Stage, ids: Sequence[str]) -> list[str]:
    """Delete records, half of them by their external ids."""
    half = len(ids) // 2
    records = [by_id("Lead", each) for each in ids[:half]]
    records += [by_key("Lead", f"L-{number}") for number in range(half, len(ids))]
    requests = [DeleteRecordRequest(record=record) for record in records]
    return await asyncio.gather(*(told(stage.records.DeleteRecord(request, timeout=60)) for request in requests))


async def cut_once(stage: Stage, place: str) -> Rule:
    """Script the cut of the next write's connection; the only one that the service may have is cut before."""
    stage.script({"effect": {"reset": "before"}, "match": {"path": "/limits"}})
    await told(OrgServiceStub(stage.channel).GetLimits(GetLimitsRequest()))
    (rule,) = stage.script(cut(place, times=1))
    return rule


@pytest.fixture
async def one_connection(stage: StageFactory) -> AsyncIterator[Stage]:
    """A service with one connection to its org, which knows the description and has a token."""
    async with stage(max_connections=1) as running:
        await told(running.records.UpsertRecord(UpsertRecordRequest(object="Lead", external_id=key("first"))))
        yield running


@pytest.mark.parametrize("place", PLACES)
async def test_what_is_harmless_to_repeat_is_repeated(one_connection, place):
    """Nobody notices that the connection of their call was cut, wherever it was."""
    org, count = one_connection.org.org, ROWS // 2
    rules = [await cut_once(one_connection, place)]
    heard = await upserted(one_connection, count)
    ids = [org.find("Lead", "Ext__c", f"L-{number}") for number in range(count)]
    rules.append(await cut_once(one_connection, place))
    heard += await updated(one_connection, ids)
    with_title = org.query("SELECT count() FROM Lead WHERE Title = 'Dr'").total_size
    rules.append(await cut_once(one_connection, place))
    heard += await deleted(one_connection, ids)

    assert [SAVED] * 3 * count == heard
    assert [1] * 3 == [rule.hits for rule in rules]
    assert (count, 0) == (with_title, org.count("Lead"))


@pytest.mark.parametrize("place", PLACES)
async def test_a_creation_is_never_repeated(one_connection, place):
    """Who shared the call whose connection was cut hears that nobody knows; no record is made twice."""
    rule = await cut_once(one_connection, place)

    heard = await created(one_connection)

    made = one_connection.writes(field="LastName")
    times = {SAVED: 1, UNKNOWN: int(place in WRITTEN)}
    assert 1 == rule.hits
    assert {SAVED, UNKNOWN} == {*heard}
    assert [times[each] for each in heard] == [made.get(name(number), 0) for number in range(CALLERS)]


async def test_many_operations_of_one_caller_hear_of_the_cut_one_by_one(one_connection):
    """The creations of the call that was lost are in doubt, and what travelled in others is told for certain."""
    rule = await cut_once(one_connection, "after")
    operations = [create("Lead", LastName=text(name(number)), Company=text("Radium")) for number in range(2 * ROWS)]
    operations += [upsert("Lead", f"L-{number}", LastName=text("Curie"), Company=text("R")) for number in range(ROWS)]

    answer = await one_connection.records.ApplyRecords(ApplyRecordsRequest(operations=operations), timeout=60)

    heard = [result(each) for each in answer.results]
    made = one_connection.writes(field="LastName")
    assert 1 == rule.hits
    assert [SAVED] * ROWS == heard[2 * ROWS :]
    assert {UNKNOWN: ROWS, SAVED: 2 * ROWS} == Counter(heard)
    assert {1} == {made[name(number)] for number in range(2 * ROWS)}


@pytest.mark.parametrize("place", PLACES)
async def test_a_graph_is_repeated_if_it_creates_nothing_by_itself(one_connection, place):
    """Upserts of a graph are repeated together; a creation among them leaves all of them in doubt, but never halved."""
    fields = {"LastName": text("Curie"), "Company": text("Radium")}
    nodes = [RecordNode(name=f"n{n}", operation=upsert("Lead", f"L-{n}", **fields)) for n in range(40)]
    others = [RecordNode(name=f"n{n}", operation=upsert("Lead", f"M-{n}", **fields)) for n in range(39)]
    others.insert(7, RecordNode(name="made", operation=create("Lead", Ext__c=text("made"), **fields)))
    rules, heard = [], []
    for graph in (nodes, others):
        rules.append(await cut_once(one_connection, place))
        request = ComposeRecordsRequest(nodes=graph)
        heard.append(await told(one_connection.records.ComposeRecords(request, timeout=60)))

    made = one_connection.writes()
    assert [1, 1] == [rule.hits for rule in rules]
    assert [SAVED, UNKNOWN] == heard
    is_written = int(place in WRITTEN)
    assert {1 + is_written} == {made[f"L-{number}"] for number in range(40)}
    assert {is_written} == {made.get(name, 0) for name in ["made", *(f"M-{number}" for number in range(39))]}


@pytest.mark.parametrize("place", ["before", "mid-request"])
async def test_a_large_call_that_is_cut_while_it_is_sent(one_connection, place):
    """Megabytes that were under way are sent again, or leave creations in doubt, as little ones do."""
    fields = {"LastName": text("Curie"), "Company": text("Radium"), "Description": text("x" * 15_000)}
    heard, rules = [], []
    for make in (lambda number: upsert("Lead", f"L-{number}", **fields), lambda _number: create("Lead", **fields)):
        rules.append(await cut_once(one_connection, place))
        request = ApplyRecordsRequest(operations=[make(number) for number in range(ROWS)])
        answer = await one_connection.records.ApplyRecords(request, timeout=60)
        heard.append({result(each) for each in answer.results})

    assert [1, 1] == [rule.hits for rule in rules]
    assert [{SAVED}, {UNKNOWN}] == heard
    assert {"inserted": ROWS, "updated": 0, "deleted": 0} == one_connection.org.org.writes.totals()["Lead"]


async def test_connections_that_are_cut_all_the_time(stage: StageFactory):
    """Each call of hundreds of callers ends, with a record that was made once, with doubt, or with an outage."""
    async with stage() as running:
        rules = running.script(*(cut(place, probability=0.2) for place in PLACES))
        heard: list[str] = []
        counts: list[int] = []
        upserts: list[str] = []
        while sum(rule.hits for rule in rules) < CUTS:
            running.org.org.writes.forget()
            creations, others = await asyncio.gather(created(running), upserted(running))
            made = running.writes(field="LastName")
            heard += creations
            counts += [made.get(name(number), 0) for number in range(CALLERS)]
            upserts += others

    possible = {SAVED: {1}, UNKNOWN: {0, 1}, "UPSTREAM_UNAVAILABLE": {0}}
    assert all(count in possible[each] for each, count in zip(heard, counts, strict=True))
    assert {*upserts} <= {SAVED, "UPSTREAM_UNAVAILABLE"}


async def test_without_another_attempt_a_cut_reaches_the_callers(stage: StageFactory, monkeypatch):
    """Where nothing is repeated, a cut fails each record of its call."""
    monkeypatch.setattr(config, "RetryTransport", partial(RetryTransport, policy=RetryPolicy(attempts=1)))
    async with stage() as running:
        (rule,) = running.script(cut("after", times=1))

        heard = await upserted(running)

        assert 1 == rule.hits
        assert {SAVED, "UPSTREAM_UNAVAILABLE"} == {*heard}


async def test_creations_that_are_repeated_blindly_are_made_twice(stage: StageFactory, monkeypatch):
    """Everyone hears of success, and records stand there twice: what saying "nobody knows" is for."""
    build = collections.request
    monkeypatch.setattr(collections, "request", lambda *args, **how: replace(build(*args, **how), repeatable=True))
    async with stage() as running:
        running.script(cut("after", times=1))

        heard = await created(running)

        assert [SAVED] * CALLERS == heard
        assert {1, 2} == {*running.writes(field="LastName").values()}
