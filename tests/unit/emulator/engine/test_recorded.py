"""Recorded queries get the recorded answers."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.emulator.engine.conftest import World

RECORDED = Path(__file__).resolve().parents[5] / "shared" / "recordings" / "rest" / "select_and_insert_bulk_v1.json"


def recorded(containing: str) -> tuple[str, dict[str, Any]]:
    """Return the query that contains some text, and its answer."""
    if not RECORDED.exists():
        pytest.skip("the recorded answers are not on this machine")
    for exchange in json.loads(RECORDED.read_text(encoding="utf-8")):
        query = parse_qs(urlsplit(exchange["request"]["uri"]).query).get("q", [""])[0]
        if containing in query:
            return query, json.loads(exchange["response"]["body"])
    raise AssertionError(containing)


def test_typeof_answers_as_recorded(world: World) -> None:
    """A TYPEOF query over the recorded rows gives the recorded answer, byte for byte of its JSON."""
    query, answer = recorded("TYPEOF Who")
    world.add(
        "Account",
        Id="0019H00000H25ppQAB",
        Name="Tom Cruise",
        Description="Some Description",
        Phone="123456",
        AccountNumber="123",
    )
    for record in answer["records"]:
        what = record["What"]
        who = record["Who"]["attributes"]["url"].rpartition("/")[2]
        if not world.rows(f"SELECT Id FROM Contact WHERE Id = '{who}'"):
            world.add("Contact", Id=who, LastName="Contact")
        plain = {key: record[key] for key in ("Id", "Subject", "DurationInMinutes", "ActivityDateTime")}
        world.add("Event", **plain, WhoId=who, WhatId=what and what["attributes"]["url"].rpartition("/")[2])

    result = world.run(query, api_version="62.0")

    assert json.dumps(list(result.rows)) == json.dumps(answer["records"])
    assert result.total_size == answer["totalSize"]


def test_records_answer_as_recorded(world: World) -> None:
    """A plain query over the recorded rows gives the recorded answer, byte for byte of its JSON."""
    query, answer = recorded("Sample Account for Entitlements")
    for record in answer["records"]:
        world.add("Account", **{key: value for key, value in record.items() if key != "attributes"})
    world.add("Account", Name="Sample Account for Entitlements")

    result = world.run(query, api_version="62.0")

    assert json.dumps(list(result.rows)) == json.dumps(answer["records"])
    assert result.total_size == answer["totalSize"]
