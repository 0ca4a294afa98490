"""Numbers of eighteen digits over HTTP: by JSON, composite calls and bulk, and in the files of orgs."""

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from service.emulator.schema import Field, Schema
from service.emulator.schema.standard import STANDARD_OBJECTS
from service.emulator.server import Emulator, EmulatorConfig, OrgSource
from service.emulator.snapshots import SnapshotError

LONG = "12345678901234.5678"


def schema(scale: int = 4) -> Schema:
    """Return the standard objects, and two numbers more on Account."""
    more = (
        Field("Money__c", "Money", "currency", precision=18, scale=scale),
        Field("Key__c", "Key", "double", precision=18, scale=0, external_id=True, id_lookup=True, unique=True),
    )
    return Schema(
        replace(each, fields=(*each.fields, *more)) if each.name == "Account" else each for each in STANDARD_OBJECTS
    )


@pytest.fixture
async def emulator(keys, clock):
    """An emulator whose accounts have numbers."""
    async with Emulator(EmulatorConfig(directory=keys), clock, schema()) as emulator:
        yield emulator


async def money(client: httpx.AsyncClient) -> str:
    """Return the text of the only account's number, as the answer to a query has it."""
    answer = await client.get("/query", params={"q": "SELECT Money__c FROM Account"})
    (found,) = re.findall(r'"Money__c":([^,}]*)', answer.text)
    return str(found)


async def send(client: httpx.AsyncClient, method: str, path: str, body: str) -> str:
    answer = await client.request(method, path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code < 300, answer.text
    return answer.text


async def test_numbers_of_rows(client):
    """A number comes back digit for digit from a row and from a query, however it is laid out."""
    made = await send(client, "POST", "/sobjects/Account", f'{{"Name": "x", "Money__c": {LONG}}}')
    path = f"/sobjects/Account/{json.loads(made)['id']}"

    plain = await client.get(path, params={"fields": "Money__c"})
    pretty = await client.get(path, params={"fields": "Money__c"}, headers={"X-PrettyPrint": "1"})

    assert f'"Money__c":{LONG}' in plain.text
    assert f'"Money__c" : {LONG}' in pretty.text
    assert LONG == await money(client)


@pytest.mark.parametrize("value", [LONG, f'"{LONG}"', "1.23456789012345678E13"])
async def test_numbers_of_collections(client, value):
    """A collection takes numbers as numbers and as text, and rounds what is beyond the scale."""
    record = f'{{"attributes": {{"type": "Account"}}, "Key__c": 7.0, "Name": "x", "Money__c": {value}}}'

    result = await send(client, "PATCH", "/composite/sobjects/Account/Key__c", f'{{"records": [{record}]}}')

    assert [True] == [row["success"] for row in json.loads(result)]
    assert LONG == await money(client)


async def test_numbers_of_composite_calls(client):
    """A subrequest keeps the digits of its own number and of one it refers to."""
    base = "/services/data/v66.0/sobjects/Account"
    second = '"Name": "y", "Phone": "1", "Money__c": "@{b.Money__c}"'
    nodes = [
        f'{{"method": "POST", "url": "{base}", "referenceId": "a", "body": {{"Name": "x", "Money__c": {LONG}}}}}',
        f'{{"method": "GET", "url": "{base}/@{{a.id}}?fields=Money__c", "referenceId": "b"}}',
        f'{{"method": "POST", "url": "{base}", "referenceId": "c", "body": {{{second}}}}}',
    ]

    answer = await send(client, "POST", "/composite", f'{{"compositeRequest": [{", ".join(nodes)}]}}')
    found = await client.get("/query", params={"q": "SELECT Money__c FROM Account WHERE Phone = '1'"})

    assert f'"Money__c":{LONG}' in answer
    assert f'"Money__c":{LONG}' in found.text


async def test_numbers_of_bulk_jobs(client):
    """Digits survive the CSV of a load and of a query job."""
    job = json.loads(await send(client, "POST", "/jobs/ingest", '{"object": "Account", "operation": "insert"}'))["id"]
    content = f"Name,Money__c\nx,{LONG}\n".encode()
    await client.put(f"/jobs/ingest/{job}/batches", content=content, headers={"Content-Type": "text/csv"})
    await send(client, "PATCH", f"/jobs/ingest/{job}", '{"state": "UploadComplete"}')
    await ended(client, f"/jobs/ingest/{job}", "JobComplete")
    order = {"operation": "query", "query": "SELECT Money__c FROM Account"}
    query = json.loads(await send(client, "POST", "/jobs/query", json.dumps(order)))["id"]
    await ended(client, f"/jobs/query/{query}", "JobComplete")

    results = await client.get(f"/jobs/query/{query}/results")

    assert ['"Money__c"', f'"{LONG}"'] == results.text.split()


async def ended(client: httpx.AsyncClient, path: str, state: str, **headers: str) -> None:
    seen = ""
    while seen != state:
        seen = (await client.get(path, headers=headers)).json()["state"]


async def test_numbers_of_the_first_bulk_api(client, emulator):
    """Digits survive the JSON of a batch."""
    base = f"{emulator.url}/services/async/66.0/job"
    headers = {"X-SFDC-Session": emulator.credentials.access_token, "Content-Type": "application/json"}
    order = {"operation": "insert", "object": "Account", "contentType": "JSON"}
    job = (await client.post(base, json=order, headers=headers)).json()["id"]

    batch = await client.post(f"{base}/{job}/batch", content=f'[{{"Name": "x", "Money__c": {LONG}}}]', headers=headers)
    path = f"{base}/{job}/batch/{batch.json()['id']}"
    await ended(client, path, "Completed", **headers)

    assert LONG == await money(client)


async def test_numbers_of_seeds(keys, tmp_path):
    """Digits survive the files that rows are seeded from."""
    csv, tree = tmp_path / "Account.csv", tmp_path / "more.json"
    csv.write_text(f"Name,Money__c\nx,{LONG}\n", encoding="utf-8")
    record = f'{{"attributes": {{"type": "Account", "referenceId": "a"}}, "Name": "y", "Money__c": {LONG}}}'
    tree.write_text(f'{{"records": [{record}]}}', encoding="utf-8")

    config = EmulatorConfig(directory=keys, source=OrgSource(seed=(csv, tree)))
    async with Emulator(config, schema=schema()) as emulator:
        rows = emulator.org.query("SELECT Money__c FROM Account").rows

    assert [LONG, LONG] == [str(row["Money__c"]) for row in rows]


async def saved(keys: Path, file: Path) -> None:
    """Save an org of one account."""
    async with Emulator(EmulatorConfig(directory=keys, source=OrgSource(save=file)), schema=schema()) as emulator:
        org = emulator.org
        org.create("Account", {"Name": "x", "Money__c": LONG, "Key__c": 7}, user_id=org.admin_id)


def make_old(file: Path) -> None:
    """Turn a saved org into one of the first format, which had floats for numbers."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for _, name, kind, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                scale = re.fullmatch(r"INTEGER\(\d+, (\d+)\)", kind)
                if scale is None:
                    continue
                connection.execute(f'DROP INDEX IF EXISTS "{table}.{name}"')
                connection.execute(f'ALTER TABLE "{table}" ADD COLUMN "old" REAL')
                connection.execute(f'UPDATE "{table}" SET "old" = "{name}" / {10.0 ** int(scale[1])}')
                connection.execute(f'ALTER TABLE "{table}" DROP COLUMN "{name}"')
                connection.execute(f'ALTER TABLE "{table}" RENAME COLUMN "old" TO "{name}"')
            if any(row[1] == "#writes" for row in connection.execute(f'PRAGMA table_info("{table}")').fetchall()):
                connection.execute(f'ALTER TABLE "{table}" DROP COLUMN "#writes"')
        (text,) = connection.execute("SELECT document FROM emulator_definition").fetchone()
        connection.execute(
            "UPDATE emulator_definition SET document = ?", (json.dumps(json.loads(text) | {"format": 1}),)
        )


async def test_an_org_saved_before(keys, tmp_path):
    """A file of the first format is loaded: its numbers and keys are found, and saving makes it new."""
    file, again = tmp_path / "old.db", tmp_path / "new.db"
    await saved(keys, file)
    make_old(file)

    config = EmulatorConfig(directory=keys, source=OrgSource(load=file, save=again))
    async with Emulator(config) as emulator:
        org = emulator.org
        (row,) = org.query("SELECT Money__c, Key__c FROM Account WHERE Key__c = 7").rows
        updated = org.upsert("Account", "Key__c", "7", {"Money__c": LONG}, user_id=org.admin_id)
    async with Emulator(EmulatorConfig(directory=keys, source=OrgSource(load=again))) as emulator:
        (last,) = emulator.org.query("SELECT Money__c FROM Account").rows

    assert 12345678901234.57 == pytest.approx(float(row["Money__c"]), abs=0.01)
    assert 7.0 == row["Key__c"]
    assert not updated.created
    assert LONG == str(last["Money__c"])


async def test_an_org_saved_later(keys, tmp_path):
    """A file of a format that is not known is refused by name."""
    file = tmp_path / "new.db"
    await saved(keys, file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE emulator_definition SET document = '{\"format\": 3}'")

    with pytest.raises(SnapshotError, match=r"new\.db: .*its format is 3, and only 1 and 2 are known"):
        async with Emulator(EmulatorConfig(directory=keys, source=OrgSource(load=file))):
            pass


@pytest.mark.parametrize(("scale", "expected"), [(2, "12345678901234.57"), (4, LONG), (6, LONG)])
async def test_a_field_of_another_scale(keys, tmp_path, scale, expected):
    """A database whose field has another scale now keeps its numbers, rounded where digits go."""
    database = str(tmp_path / "rows.db")
    async with Emulator(EmulatorConfig(directory=keys, database=database), schema=schema()) as emulator:
        org = emulator.org
        org.create("Account", {"Name": "x", "Money__c": "12345678901.5678"}, user_id=org.admin_id)
        org.create("Account", {"Name": "y", "Money__c": "-12345678901.5678"}, user_id=org.admin_id)

    async with Emulator(EmulatorConfig(directory=keys, database=database), schema=schema(scale)) as emulator:
        rows = emulator.org.query("SELECT Money__c FROM Account ORDER BY Money__c DESC").rows

    shorter = float(expected.replace("12345678901234", "12345678901"))
    assert [shorter, -shorter] == [row["Money__c"] for row in rows]
