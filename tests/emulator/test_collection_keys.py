"""Keys and headers of collections over HTTP: keys that several records have, numbers as keys, owners by a rule."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from service.emulator.schema import Field, Schema
from service.emulator.schema.standard import STANDARD_OBJECTS
from service.emulator.server import Emulator, EmulatorConfig

MORE = (
    Field("Group_Key__c", "Group Key", "string", length=20, external_id=True, id_lookup=True),
    Field("Number__c", "Number", "double", precision=18, external_id=True, id_lookup=True, unique=True),
    Field("Exact__c", "Exact", "string", length=9, external_id=True, id_lookup=True, unique=True, case_sensitive=True),
)


@pytest.fixture
async def emulator(keys, clock):
    """An emulator whose leads have more keys."""
    objects = [
        replace(each, fields=(*each.fields, *MORE)) if each.name == "Lead" else each for each in STANDARD_OBJECTS
    ]
    async with Emulator(EmulatorConfig(directory=keys), clock, Schema(objects)) as emulator:
        yield emulator


def lead(**values: object) -> dict[str, object]:
    return {"attributes": {"type": "Lead"}, "LastName": "x", "Company": "y", **values}


async def upsert(client: httpx.AsyncClient, field: str, *rows: dict[str, object], **headers: str) -> list[Any]:
    path = f"/composite/sobjects/Lead/{field}"
    answer = await client.patch(path, json={"records": list(rows)}, headers=headers)
    assert answer.status_code == 200, answer.text
    results: list[Any] = answer.json()
    return results


def told(results: list[Any]) -> list[object]:
    """Return for each row whether it was created, or its error."""
    return [row["created"] if row["success"] else row["errors"][0]["statusCode"] for row in results]


async def test_a_key_of_several_records(client, emulator):
    """A key that several records have fails its row alone, and names them."""
    org = emulator.org
    values = {"LastName": "x", "Company": "y", "Group_Key__c": "7"}
    ids = [org.create("Lead", values, user_id=org.admin_id) for _ in range(2)]

    results = await upsert(client, "Group_Key__c", lead(Group_Key__c="7"), lead(Group_Key__c="8"))

    assert ["DUPLICATE_EXTERNAL_ID", True] == told(results)
    text = f"more than one record found for external id field: [{', '.join(ids)}]"
    assert text == results[0]["errors"][0]["message"]


async def test_a_number_is_a_key_however_it_is_written(client):
    """A number as JSON and as text is one key: it finds the record, and twice in one call it fails both rows."""
    made = await upsert(client, "Number__c", lead(Number__c=7), lead(Number__c="8"))
    found = await upsert(client, "Number__c", lead(Number__c="7.0"), lead(Number__c=8.0))
    twice = await upsert(client, "Number__c", lead(Number__c="7"), lead(Number__c=7.00), lead(Number__c=9))

    assert [True, True] == told(made)
    assert [False, False] == told(found)
    assert ["DUPLICATE_VALUE", "DUPLICATE_VALUE", True] == told(twice)
    assert "Duplicate external id specified: 7" == twice[0]["errors"][0]["message"]


async def test_keys_that_differ_in_case(client):
    """Keys that differ in case only are one, unless their field tells them apart."""
    folded = await upsert(client, "Group_Key__c", lead(Group_Key__c="Ä"), lead(Group_Key__c="ä"))
    exact = await upsert(client, "Exact__c", lead(Exact__c="a"), lead(Exact__c="A"))

    assert ["DUPLICATE_VALUE", "DUPLICATE_VALUE"] == told(folded)
    assert [True, True] == told(exact)


@pytest.fixture
def queue(emulator) -> str:
    """A queue, which an assignment rule that is active gives leads to."""
    org = emulator.org
    made = str(org.create("Group", {"Name": "Queue", "Type": "Queue"}, user_id=org.admin_id))
    org.assignment_rules.add("Lead", made)
    return made


@pytest.mark.parametrize(("header", "assigned"), [(None, True), ("TRUE", True), ("false", False)])
async def test_the_active_rule_assigns_new_rows(client, emulator, queue, header, assigned):
    """A new row belongs to whom the active rule says, unless the call forbids it."""
    headers = {"Sforce-Auto-Assign": header} if header else {}

    [row] = await upsert(client, "Ext__c", lead(Ext__c="A"), **headers)

    owner = emulator.org.get("Lead", row["id"], ["OwnerId"])["OwnerId"]
    assert (queue if assigned else emulator.org.admin_id) == owner


async def test_a_rule_that_is_named(client, emulator, queue):
    """A call names the rule by id; one that is not there fails each row."""
    org = emulator.org
    other = org.create("Group", {"Name": "Other", "Type": "Queue"}, user_id=org.admin_id)
    rule = org.assignment_rules.add("Lead", other, active=False)

    [row] = await upsert(client, "Ext__c", lead(Ext__c="A"), **{"Sforce-Auto-Assign": rule[:15]})
    failed = await upsert(client, "Ext__c", lead(Ext__c="B"), **{"Sforce-Auto-Assign": "01Q000000000000AAA"})

    assert other == org.get("Lead", row["id"], ["OwnerId"])["OwnerId"]
    assert ["INVALID_CROSS_REFERENCE_KEY"] == told(failed)


async def test_a_change_is_assigned_only_when_asked_for(client, emulator, queue):
    """A changed row keeps its owner unless the header is there."""
    org = emulator.org
    made = org.create("Lead", {"LastName": "x", "Company": "y", "Ext__c": "A"}, user_id=org.admin_id)
    org.update("Lead", made, {"OwnerId": org.admin_id}, user_id=org.admin_id)
    owners = []

    for headers in ({}, {"Sforce-Auto-Assign": "TRUE"}):
        await upsert(client, "Ext__c", lead(Ext__c="A"), **headers)
        owners.append(org.get("Lead", made, ["OwnerId"])["OwnerId"])

    assert [org.admin_id, queue] == owners


@pytest.mark.parametrize("named", [True, False])
async def test_bulk_jobs_assign_by_a_rule_of_their_order(client, emulator, queue, named):
    """A bulk job assigns rows when its order names a rule, and else leaves them to who made them."""
    rule = emulator.org.assignment_rules.add("Lead", queue)
    order = {"object": "Lead", "operation": "insert"} | ({"assignmentRuleId": rule} if named else {})
    job = (await client.post("/jobs/ingest", json=order)).json()["id"]
    csv = {"Content-Type": "text/csv"}
    await client.put(f"/jobs/ingest/{job}/batches", content=b"LastName,Company\nx,y\n", headers=csv)
    await client.patch(f"/jobs/ingest/{job}", json={"state": "UploadComplete"})
    state = ""
    while state != "JobComplete":
        state = (await client.get(f"/jobs/ingest/{job}")).json()["state"]

    [row] = emulator.org.query("SELECT OwnerId FROM Lead").rows

    assert (queue if named else emulator.org.admin_id) == row["OwnerId"]


def test_a_rule_that_cannot_be(emulator):
    """A rule of another object, or for nobody, is a mistake of the test that adds it."""
    for sobject, owner in (("Account", emulator.org.admin_id), ("Lead", "nobody")):
        with pytest.raises(ValueError, match="an assignment rule is of Case or Lead"):
            emulator.org.assignment_rules.add(sobject, owner)
