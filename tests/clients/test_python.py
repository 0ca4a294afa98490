"""The Python client against a running service, as a team would use it."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from sluicegate import (
    Client,
    Create,
    Delete,
    Node,
    NodeId,
    RecordError,
    RecordRef,
    Reference,
    SavedRecord,
    SluicegateError,
    Update,
    Upsert,
)

README = Path(__file__).parents[2] / "clients" / "python" / "README.md"


@pytest.fixture
async def client(target) -> AsyncIterator[Client]:
    """A client of the running service."""
    async with Client(target) as connected:
        yield connected


@pytest.fixture
def key() -> str:
    """An external id that no other test uses."""
    return f"L-{uuid4()}"


def by_key(object_name: str, key: str) -> RecordRef:
    """Name a record by its external id."""
    return RecordRef(object_name, external_id_field="Ext__c", external_id=key)


async def rows(client: Client, soql: str, **parameters) -> list[dict[str, object]]:
    """Run a query and return its rows."""
    return [row async for row in client.query(soql, parameters)]


def test_the_examples_of_the_readme_run(target, tmp_path):
    """What a reader copies first does what it says."""
    path = tmp_path / "example.py"
    for source in re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL):
        path.write_text(source.replace("127.0.0.1:50051", target), encoding="utf-8")

        ran = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)

        assert (0, "") == (ran.returncode, ran.stderr)
        assert ran.stdout


async def test_the_life_of_a_record(client, key):
    """A record is created, read, changed and deleted, and each answer tells what was there."""
    created = await client.create_record("Lead", {"Ext__c": key, "LastName": "Skłodowska", "Company": "Acme"})
    record = RecordRef("Lead", created.record_id)
    updated = await client.update_record(by_key("Lead", key), {"LastName": "Curie", "Company": "Radium"})
    found = await client.get_record(record, ["ext__c", "LastName", "Company", "Fax"])
    deleted = await client.delete_record(record)
    again = await client.delete_record(record)
    with pytest.raises(SluicegateError) as caught:
        await client.get_record(record)

    assert SavedRecord(created.record_id, created=True) == created
    assert SavedRecord(created.record_id) == updated
    assert ("Lead", created.record_id) == (found.object, found.record_id)
    assert {"Ext__c": key, "LastName": "Curie", "Company": "Radium", "Fax": None}.items() <= found.fields.items()
    assert [False, True] == [deleted.already_deleted, again.already_deleted]
    assert caught.value.code == "NOT_FOUND"


async def test_values_come_back_as_they_were(client, key):
    """What was written with a Python type is read with the same type, decimals without loss."""
    fields = {
        "Name": "Zoë & Söhne 🚰",
        "StageName": "Prospecting",
        "CloseDate": date(2026, 3, 1),
        "Amount": Decimal("1234567890123456.78"),
        "IsPrivate": True,
        "Description": None,
    }

    saved = await client.create_record("Opportunity", {"Ext__c": key, **fields})
    found = await client.get_record(RecordRef("Opportunity", saved.record_id))

    read = {name: found.fields[name] for name in fields}
    assert fields == read
    assert {name: type(value) for name, value in fields.items()} == {name: type(value) for name, value in read.items()}
    created = found.fields["CreatedDate"]
    assert isinstance(created, datetime)
    assert created.tzinfo == UTC


async def test_upsert_that_creates_nothing(client, key):
    """An upsert that may only update refuses a record that is not there, and creates none."""
    with pytest.raises(SluicegateError) as caught:
        await client.upsert_record("Lead", "Ext__c", key, {"LastName": "Curie", "Company": "Acme"}, update_only=True)

    assert caught.value.reason == "RECORD_NOT_FOUND"
    assert [] == await rows(client, "SELECT Id FROM Lead WHERE Ext__c = :key", key=key)


async def test_several_at_once(client, key):
    """Among operations of every kind each bad one fails in its place and for its own reason."""
    await client.upsert_record("Lead", "Ext__c", f"{key}-old", {"LastName": "Old", "Company": key})
    account = await client.create_record("Account", {"Name": key, "Ext__c": key})
    many = [Upsert("Lead", "Ext__c", f"{key}-{n}", {"LastName": f"N{n}", "Company": key}) for n in range(450)]
    operations = [
        *many[:200],
        Create("Lead", {"Company": "without a name"}),
        Update(by_key("Account", f"{key}-missing"), {"Name": "x"}),
        *many[200:],
        Create("Contact", {"LastName": "Curie", "Account": Reference("Ext__c", key)}),
        Update(RecordRef("Account", account.record_id), {"Name": f"{key} & Co"}),
        Delete(by_key("Lead", f"{key}-old")),
    ]

    results = await client.apply_records(operations)

    errors = {index: result for index, result in enumerate(results) if isinstance(result, RecordError)}
    assert len(operations) == len(results)
    assert {200: "REQUIRED_FIELD_MISSING", 201: "RECORD_NOT_FOUND"} == {i: error.reason for i, error in errors.items()}
    assert ("LastName",) == errors[200].fields
    assert {"N0", "N449"} <= {row["LastName"] for row in await rows(client, _LEADS, key=key)}
    assert 450 == len(await rows(client, _LEADS, key=key))
    assert [{"Account.Name": f"{key} & Co"}] == await rows(client, _CONTACTS, id=account.record_id)


_LEADS = "SELECT LastName FROM Lead WHERE Company = :key"
_CONTACTS = "SELECT Account.Name FROM Contact WHERE AccountId = :id"


async def test_all_or_none(client, key):
    """A graph links its own records, and one that fails writes nothing and says which node it was."""
    account = Node("acc", Create("Account", {"Name": key}))
    contact = Node("con", Create("Contact", {"LastName": "Curie", "AccountId": NodeId("acc")}))
    bad = Node("bad", Create("Contact", {"FirstName": "Nameless", "AccountId": NodeId("acc")}))

    saved = await client.compose_records([contact, account])
    with pytest.raises(SluicegateError) as caught:
        await client.compose_records([account, contact, bad])

    read = await client.get_record(RecordRef("Contact", saved["con"].record_id), ["AccountId"])
    assert ["con", "acc"] == list(saved)
    assert saved["acc"].record_id == read.fields["AccountId"]
    assert ("REQUIRED_FIELD_MISSING", "bad") == (caught.value.reason, caught.value.metadata["node"])
    assert 1 == len(await rows(client, "SELECT Id FROM Account WHERE Name = :key", key=key))


async def test_a_request_id_protects_from_doubles(client, key):
    """A call that is repeated with its request id answers as the first time and writes nothing more."""
    request_id = str(uuid4())
    fields = {"LastName": "Curie", "Company": key}

    first = await client.create_record("Lead", fields, request_id=request_id)
    second = await client.create_record("Lead", fields, request_id=request_id)
    with pytest.raises(SluicegateError) as caught:
        await client.create_record("Lead", {**fields, "LastName": "Meitner"}, request_id=request_id)

    assert first == second
    assert caught.value.reason == "REQUEST_ID_REUSED"
    assert [{"LastName": "Curie"}] == await rows(client, _LEADS, key=key)
