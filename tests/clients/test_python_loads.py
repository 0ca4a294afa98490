"""Bulk loads of the Python client against a running service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from sluicegate import Accepted, Client, Event, Finished, PartDone, Prepared, Reference, Results, SluicegateError


@pytest.fixture
async def client(target) -> AsyncIterator[Client]:
    """A client of the running service."""
    async with Client(target) as connected:
        yield connected


@pytest.fixture
def company() -> str:
    """A company that no other test uses."""
    return f"Acme {uuid4()}"


async def ended(events: AsyncIterator[Event]) -> tuple[Finished, dict[int, str]]:
    """Follow a load to its end; return that, and the outcome of each row that is told."""
    rows: dict[int, str] = {}
    last = None
    async for last in events:
        if isinstance(last, Results):
            rows |= {row.row: row.outcome for row in last.rows}
    assert isinstance(last, Finished)
    return last, rows


async def count(client: Client, company: str) -> int:
    """Count the leads of a company."""
    soql = "SELECT COUNT() FROM Lead WHERE Company = :company"
    [batch] = [batch async for batch in client.query_batches(soql, {"company": company})]
    return batch.total_size


@pytest.mark.parametrize("data_format", ["json_lines", "record_batch"])
async def test_typed_rows_are_loaded(client, company, data_format):
    """Values of every type, nulls and lookups are in the org as they were given, whatever they travel as."""
    account = await client.create_record("Account", {"Name": company, "Ext__c": company})
    rows = [
        {
            "Name": 'Zoë, "Söhne"\nsecond line',
            "StageName": "Prospecting",
            "CloseDate": date(2026, 3, 1),
            "Amount": Decimal("1234567890123456.78"),
            "IsPrivate": True,
            "Probability": 60.0,
            "Description": None,
            "Account": Reference("Ext__c", company),
        }
    ] * 3

    finished, _ = await ended(client.bulk_load("Opportunity", "insert", rows, data_format=data_format))
    found = [
        row
        async for row in client.query(
            "SELECT Name, StageName, CloseDate, Amount, IsPrivate, Probability, Description FROM Opportunity "
            "WHERE AccountId = :account",
            {"account": account.record_id},
        )
    ]

    assert (3, 3) == (finished.rows_received, finished.rows_created)
    assert [{name: value for name, value in row.items() if name != "Account"} for row in rows] == found


@pytest.mark.parametrize("data_format", ["json_lines", "record_batch"])
async def test_a_lookup_of_several_objects_is_loaded(client, company, data_format):
    """A reference that names its sObject finds the record where the lookup alone would not say of what."""
    lead = await client.create_record("Lead", {"LastName": "N", "Company": company, "Ext__c": company})
    rows = [{"Subject": company, "Who": Reference("Ext__c", company, "Lead")}]

    finished, told = await ended(client.bulk_load("Task", "insert", rows, data_format=data_format, results="all"))
    found = [row async for row in client.query("SELECT WhoId FROM Task WHERE Subject = :name", {"name": company})]

    assert {1: "created"} == told, finished
    assert [{"WhoId": lead.record_id}] == found


async def test_what_a_query_yields_is_loaded(client, company):
    """Batches go from one query into a load without becoming rows."""
    rows = [{"LastName": f"N{number}", "Company": company} for number in range(50)]
    await ended(client.bulk_load("Lead", "insert", rows))
    batches = client.query_batches("SELECT Id, LastName FROM Lead WHERE Company = :company", {"company": company})

    finished, told = await ended(
        client.bulk_load(
            "Lead", "update", batches, data_format="record_batch", constants={"Title": "Dr."}, results="all"
        )
    )
    titles = [
        row["Title"]
        async for row in client.query("SELECT Title FROM Lead WHERE Company = :company", {"company": company})
    ]

    assert 50 == finished.rows_updated
    assert dict.fromkeys(range(1, 51), "updated") == told
    assert ["Dr."] * 50 == titles


@pytest.mark.parametrize("data_format", ["json_lines", "record_batch"])
async def test_results_come_again_with_their_numbers(client, company, data_format):
    """Results that were not taken the first time are told from the token and the data, and nothing is written again."""
    rows = [{"LastName": f"N{number}", "Company": company if number % 3 else None} for number in range(9)]
    finished, told = await ended(
        client.bulk_load("Lead", "insert", rows, data_format=data_format, results="none", key_column="LastName")
    )

    again, all_told = await ended(
        client.bulk_load(
            "Lead",
            "insert",
            rows,
            data_format=data_format,
            results="all",
            key_column="LastName",
            resume_token=finished.load.resume_token,
            repeat_results=True,
        )
    )
    listed = [row async for row in client.list_bulk_load_results(finished.load.resume_token, outcomes=["failed"])]
    known = await client.get_bulk_load(finished.load.resume_token)

    assert {} == told
    assert {row: "created" if (row - 1) % 3 else "failed" for row in range(1, 10)} == all_told
    assert (6, 3) == (again.rows_created, again.rows_failed)
    assert {"N0", "N3", "N6"} == {row.key for row in listed}
    assert ("complete", 9, 3) == (known.state, known.rows_processed, known.rows_failed)
    assert 6 == await count(client, company)


async def test_results_of_no_load_do_not_come_again(client):
    """Without a token the rows would be written once more: that is refused."""
    with pytest.raises(ValueError, match="repeat_results needs the token of the load"):
        await ended(client.bulk_load("Lead", "insert", b"LastName\nx\n", repeat_results=True))


@pytest.mark.parametrize("last", [Accepted, Prepared, PartDone])
async def test_a_load_whose_task_is_cancelled_is_gone_on_with(client, company, tmp_path: Path, last):
    """Wherever it was, the token is on the disk, its file is free at once, and every row is written once."""
    token_file = tmp_path / "token"
    rows = [{"LastName": f"N{number}", "Company": company} for number in range(500)]
    reached = asyncio.Event()

    async def watched() -> AsyncIterator[Event]:
        async with aclosing(client.bulk_load("Lead", "insert", rows, token_file=token_file)) as events:
            async for event in events:
                if isinstance(event, last):
                    reached.set()
                yield event

    loading = asyncio.create_task(ended(watched()))
    await reached.wait()
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    token = token_file.read_text(encoding="utf-8")
    known = await client.get_bulk_load(token)
    finished, _ = await ended(watched())

    assert "Lead" == known.object
    assert (500, 500) == (finished.rows_received, finished.rows_created)
    assert 500 == await count(client, company)
    assert not token_file.exists()


async def test_a_load_is_watched_and_cancelled(client, company):
    """What was never committed is aborted, and nothing of it is written."""
    rows = [{"LastName": "N", "Company": company}]
    tokens: list[str] = []
    async with aclosing(client.bulk_load("Lead", "insert", rows, token_store=tokens.append)) as events:
        async for event in events:
            if isinstance(event, Accepted):
                break
    begun = datetime.now(UTC)

    token = tokens[-1]
    cancelled = await client.cancel_bulk_load(token)
    watched = [load async for load in client.watch_bulk_load(token)]

    assert cancelled.load_id == watched[-1].load_id
    assert abs((begun - cancelled.create_time).total_seconds()) < 600
    assert 0 == await count(client, company)


async def test_a_mistake_in_rows_ends_the_load(client, company, tmp_path: Path):
    """The client's own refusal is what the caller sees, and nothing is written."""
    rows = [{"LastName": "N", "Company": company}, {"LastName": "N"}]

    with pytest.raises(ValueError, match="row 2 has no 'Company'"):
        await ended(client.bulk_load("Lead", "insert", rows, data_format="record_batch"))
    with pytest.raises(SluicegateError, match="did you mean 'Company'"):
        await ended(client.bulk_load("Lead", "insert", [{"LastName": "N", "Compny": company}]))

    assert 0 == await count(client, company)
