"""Faults of rows: locks and slowness, whichever resource the rows come by."""

from typing import Any

import httpx
import pytest

from service.emulator.effects import LockRow, RevokeSessions, SlowRows
from service.emulator.server import Emulator

ROWS = 60


@pytest.fixture
async def control(emulator: Emulator):
    """A client of the control endpoint on this machine."""
    async with httpx.AsyncClient(base_url=f"{emulator.url}/__control", trust_env=False, timeout=60) as client:
        yield client


async def upserted(client: httpx.AsyncClient, keys: list[str], sobject: str = "Account") -> list[dict[str, Any]]:
    required = {"Account": {"Name": "x"}, "Lead": {"LastName": "x", "Company": "y"}}[sobject]
    records = [{"attributes": {"type": sobject}, "Ext__c": key, **required} for key in keys]
    answer = await client.patch(f"/composite/sobjects/{sobject}/Ext__c", json={"records": records})
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()
    return rows


async def locked_half(control: httpx.AsyncClient, **effect: object) -> None:
    rule = {"id": "locks", "effect": {"row_lock": effect}, "probability": 0.5}
    answer = await control.put("/faults", json={"seed": 11, "rules": [rule]})
    assert answer.status_code == 200, answer.text


async def test_each_row_of_a_collection_may_be_locked(client, control, emulator):
    """With one seed the same rows of a collection fail, about as many as told, and their neighbours are written."""
    keys = [f"K-{number}" for number in range(ROWS)]
    rounds = []
    for _ in range(2):
        await locked_half(control)
        rounds.append([row["success"] for row in await upserted(client, keys)])

    assert rounds[0] == rounds[1]
    assert ROWS // 4 < rounds[0].count(False) < 3 * ROWS // 4
    assert rounds[0].count(True) == emulator.org.count("Account")


async def test_locked_rows_pass_when_they_are_sent_again(client, control, emulator):
    """Rows that failed for a lock are written by later tries, each once."""
    await locked_half(control)
    left = [f"K-{number}" for number in range(ROWS)]
    tries = 0

    while left:
        outcomes = await upserted(client, left)
        left = [key for key, row in zip(left, outcomes, strict=True) if not row["success"]]
        tries += 1

    assert 2 < tries < 20
    assert ROWS == emulator.org.count("Account")


async def test_a_lock_of_a_collection_row_in_the_text_of_a_trigger(client, control):
    """A lock met by a trigger is a row error of another code, with the lock in its text."""
    await locked_half(control, in_trigger=True)

    errors = [
        row["errors"][0] for row in await upserted(client, [f"K-{each}" for each in range(ROWS)]) if row["errors"]
    ]

    assert {"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"} == {error["statusCode"] for error in errors}
    assert all("UNABLE_TO_LOCK_ROW" in error["message"] for error in errors)


async def test_rows_of_a_composite_may_be_locked(client, control, emulator):
    """Subrequests of a composite call meet the same locks."""
    await locked_half(control)
    requests = [
        {
            "method": "PATCH",
            "url": f"/services/data/v66.0/sobjects/Account/Ext__c/K-{number}",
            "referenceId": f"r{number}",
            "body": {"Name": "x"},
        }
        for number in range(20)
    ]

    answer = (await client.post("/composite", json={"compositeRequest": requests})).json()["compositeResponse"]

    refused = [each for each in answer if each["httpStatusCode"] == 400]
    assert 0 < len(refused) < 20
    assert {"UNABLE_TO_LOCK_ROW"} == {each["body"][0]["errorCode"] for each in refused}
    assert 20 - len(refused) == emulator.org.count("Account")


async def test_locks_of_one_resource(client, emulator):
    """A lock with a method and a path concerns the rows of those requests only."""
    emulator.disturbances.add(LockRow(), method="PATCH", path="/composite/sobjects/", times=None)

    [row] = await upserted(client, ["A"])
    alone = await client.patch("/sobjects/Account/Ext__c/A", json={"Name": "x"})

    assert "UNABLE_TO_LOCK_ROW" == row["errors"][0]["statusCode"]
    assert 201 == alone.status_code


async def test_rows_take_time(client, emulator, clock):
    """A request takes a time of its own and one for each row of the object, and no time for rows of another."""
    emulator.disturbances.add(SlowRows("lead", request_seconds=1.0, row_seconds=0.25), times=None)
    passed = []

    for keys, sobject in ((["A", "B", "C"], "Lead"), (["A"], "Account"), (["A"], "Lead")):
        before = clock.passed
        await upserted(client, keys, sobject)
        passed.append(clock.passed - before)

    assert [1.75, 0.0, 1.25] == passed


async def test_rows_of_a_bulk_job_take_time(client, control, clock):
    """A bulk job takes the time of its rows for every 200 of them."""
    rule = {"effect": {"row_latency": {"request": 1, "row": 0.5}}, "match": {"path": "/jobs/ingest"}}
    await control.put("/faults", json=[rule])
    job = (await client.post("/jobs/ingest", json={"object": "Account", "operation": "insert"})).json()["id"]
    content = b"Name\n" + b"x\n" * 250
    await client.put(f"/jobs/ingest/{job}/batches", content=content, headers={"Content-Type": "text/csv"})

    await client.patch(f"/jobs/ingest/{job}", json={"state": "UploadComplete"})
    state = ""
    while state != "JobComplete":
        state = (await client.get(f"/jobs/ingest/{job}")).json()["state"]

    assert 2 + 250 * 0.5 == clock.passed


async def test_tokens_are_revoked_after_some_requests(client, emulator):
    """Skipping k requests revokes the tokens after the k-th: the next one finds its session gone."""
    emulator.disturbances.add(RevokeSessions(), skip=2)

    answers = [await client.get("/limits") for _ in range(4)]

    assert [200, 200, 401, 401] == [answer.status_code for answer in answers]
