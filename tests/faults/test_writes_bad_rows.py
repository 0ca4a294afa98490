"""Bad rows among good ones: each caller hears of its own row, and of no other."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sluicegate.v1.record_operation_pb2 import RecordNode, RecordOperation
from sluicegate.v1.record_service_pb2 import ApplyRecordsRequest, ComposeRecordsRequest, UpsertRecordRequest

from service.batching import coalescer
from service.emulator.validation import ValidationRule
from service.salesforce.calls import collections
from service.settings import WriteSettings
from tests.support.record_messages import refused, text, upsert
from tests.support.stage import SAVED, Stage, StageFactory, result, told

ROWS = 200
GOOD = "good"
SERIAL = """<?xml version="1.0" encoding="UTF-8"?>
<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">
    <fullName>Serial__c</fullName><label>Serial</label><type>Text</type><length>20</length><unique>true</unique>
</CustomField>
"""
FIELDS = {
    GOOD: {},
    "against a rule": {"Title": "forbidden"},
    "too long": {"Title": "x" * 129},
    "taken": {"Serial__c": "taken"},
    "unknown": {"Serail__c": "1"},
    "of another type": {"NumberOfEmployees": "many"},
}
REASONS = {
    GOOD: SAVED,
    "against a rule": "VALIDATION_RULE_FAILED",
    "too long": "INVALID_FIELD_VALUE",
    "taken": "DUPLICATE_VALUE",
    "unknown": "UNKNOWN_FIELD",
    "of another type": "INVALID_FIELD_VALUE",
}
REFUSED_BY_ROW = ("against a rule", "too long", "taken")


def kinds(count: int, bad: Sequence[str]) -> list[str]:
    """Return what is the matter with each of the rows: so many are bad, where and how the count decides."""
    chance = Random(count)
    found = [GOOD] * ROWS
    for index in chance.sample(range(ROWS), count):
        found[index] = chance.choice(bad)
    return found


def operation(number: int, kind: str) -> RecordOperation:
    """Return the upsert of one row."""
    fields = {"LastName": "Curie", "Company": "Radium", **FIELDS[kind]}
    return upsert("Lead", f"L-{number}", **{name: text(value) for name, value in fields.items()})


def request(number: int, kind: str) -> UpsertRecordRequest:
    """Return the same as a request of its own."""
    row = operation(number, kind).upsert
    return UpsertRecordRequest(object=row.object, external_id=row.external_id, fields=row.fields)


@pytest.fixture
async def lead_stage(stage: StageFactory, tmp_path: Path) -> Any:
    """A service that leaves every check to its org, which forbids a title and knows one serial number."""
    schema = tmp_path / "objects" / "Lead" / "fields" / "Serial__c.field-meta.xml"
    schema.parent.mkdir(parents=True)
    schema.write_text(SERIAL, encoding="utf-8")
    async with stage(writes=WriteSettings(check_fields=False), schema=[tmp_path / "objects"]) as running:
        org = running.org.org
        org.validation_rules.add(ValidationRule("Lead", "Title", 'Title = "forbidden"', "No such title."))
        org.create("Lead", {"LastName": "First", "Company": "Radium", "Serial__c": "taken"}, user_id=org.admin_id)
        org.writes.forget()
        yield running


async def upserted(stage: Stage, rows: Sequence[str]) -> list[str]:
    """Write every row at the same time and return what their callers hear."""
    calls = (told(stage.records.UpsertRecord(request(number, kind), timeout=60)) for number, kind in enumerate(rows))
    return await asyncio.gather(*calls)


async def applied(stage: Stage, rows: Sequence[str]) -> list[str]:
    """Write every row in one request and return what becomes of each."""
    operations = [operation(number, kind) for number, kind in enumerate(rows)]
    answer = await stage.records.ApplyRecords(ApplyRecordsRequest(operations=operations), timeout=60)
    return [result(each) for each in answer.results]


def good(rows: Sequence[str]) -> dict[str, int]:
    """Return how often each record ought to be written."""
    return {f"L-{number}": 1 for number, kind in enumerate(rows) if kind == GOOD}


@pytest.mark.parametrize("count", [1, 20, 150, 199])
async def test_every_caller_hears_of_its_own_row(lead_stage, count):
    """However many rows of 200 callers are bad, the others are written, and each bad one has its own reason."""
    rows = kinds(count, [kind for kind in FIELDS if kind != GOOD])

    heard = await upserted(lead_stage, rows)

    assert [REASONS[kind] for kind in rows] == heard
    assert good(rows) == lead_stage.writes()


@pytest.mark.parametrize("count", [1, 20, 150, 199])
async def test_every_index_has_its_own_result(lead_stage, count):
    """The same of 200 operations of one caller."""
    rows = kinds(count, [kind for kind in FIELDS if kind != GOOD])

    found = await applied(lead_stage, rows)

    assert [REASONS[kind] for kind in rows] == found
    assert good(rows) == lead_stage.writes()


async def test_every_caller_gets_the_id_of_its_own_record(lead_stage):
    """Ids are not mixed up among the rows of a call either, be they of one caller or of many."""
    rows = kinds(20, [kind for kind in FIELDS if kind != GOOD])
    calls = (lead_stage.records.UpsertRecord(request(number, kind)) for number, kind in enumerate(rows))

    answers = await asyncio.gather(*calls, return_exceptions=True)
    operations = ApplyRecordsRequest(operations=[operation(number, kind) for number, kind in enumerate(rows)])
    results = (await lead_stage.records.ApplyRecords(operations)).results

    find = lead_stage.org.org.find
    ids = [find("Lead", "Ext__c", f"L-{number}") if kind == GOOD else "" for number, kind in enumerate(rows)]
    assert ids == [getattr(answer, "record_id", "") for answer in answers]
    assert ids == [each.saved.record_id for each in results]
    assert {True} == {answer.created for answer in answers if not isinstance(answer, BaseException)}
    assert not any(each.saved.created for each in results)


@pytest.mark.parametrize("count", [1, 20, 199])
async def test_a_graph_with_bad_nodes_writes_nothing_and_names_one(lead_stage, count):
    """All or none: the error is that of a bad node, which it names."""
    rows = kinds(count, REFUSED_BY_ROW)
    nodes = [RecordNode(name=f"n{number}", operation=operation(number, kind)) for number, kind in enumerate(rows)]

    failed = await refused(lead_stage.records.ComposeRecords(ComposeRecordsRequest(nodes=nodes), timeout=60))

    named = int(failed.metadata["node_index"])
    assert f"n{named}" == failed.metadata["node"]
    assert GOOD != rows[named]
    assert REASONS[rows[named]] == failed.reason
    assert {} == lead_stage.writes()


async def test_a_field_that_is_named_costs_one_further_call(lead_stage):
    """Rows with a field that Salesforce does not know are told so at once; those without it share the next call."""
    rows = kinds(100, ["unknown"])

    found = await applied(lead_stage, rows)

    assert [REASONS[kind] for kind in rows] == found
    assert 2 == (await lead_stage.calls())["PATCH composite/sobjects/{sobject}/{field}"]


async def test_rows_that_share_a_fate_fail_each_other(lead_stage, monkeypatch):
    """Sent as all or none, one bad row costs its neighbours theirs: what writing each on its own is for."""
    build = collections.request

    def all_or_none(*args: Any, **kwargs: Any) -> Any:
        made = build(*args, **kwargs)
        assert isinstance(made.body, bytes)
        return replace(made, body=made.body.replace(b'"allOrNone":false', b'"allOrNone":true'))

    monkeypatch.setattr(collections, "request", all_or_none)

    found = await applied(lead_stage, kinds(1, REFUSED_BY_ROW))

    assert SAVED not in found
    assert {} == lead_stage.writes()


async def test_a_call_that_is_refused_unread_fails_everyone(lead_stage, monkeypatch):
    """Where it is not sent again in parts, one unknown field fails all the rows of its call."""
    monkeypatch.setattr(coalescer, "at_fault", lambda _error, items, _route: items)

    found = await applied(lead_stage, kinds(1, ["unknown"]))

    assert ["UNKNOWN_FIELD"] * ROWS == found
