"""A client that shares no code with the emulator, unchanged, over TLS: aio-sf."""

import csv
import io
from collections.abc import AsyncIterator

import httpx
import pytest
from aio_sf import ClientCredentialsAuth, RefreshTokenAuth, SalesforceAuthError, SalesforceClient, StaticTokenAuth

from service.emulator.disturbances import RevokeSessions
from service.emulator.server import Emulator, EmulatorConfig

VERSION = "v66.0"


@pytest.fixture
async def emulator(monkeypatch) -> AsyncIterator[Emulator]:
    """An emulator whose certificate the library's own HTTP client trusts."""
    async with Emulator(EmulatorConfig(tls=True)) as emulator:
        monkeypatch.setenv("SSL_CERT_FILE", str(emulator.credentials.certificate_file))
        yield emulator


@pytest.fixture
async def client(emulator) -> AsyncIterator[SalesforceClient]:
    """The library, logged in with a token."""
    credentials = emulator.credentials
    async with SalesforceClient(StaticTokenAuth(credentials.instance_url, credentials.access_token), VERSION) as client:
        yield client


async def test_client_credentials(emulator):
    """The library logs in with client credentials, and learns from introspection when the token ends."""
    credentials = emulator.credentials
    auth = ClientCredentialsAuth(credentials.instance_url, credentials.client_id, credentials.client_secret)

    async with SalesforceClient(auth, VERSION) as client:
        organization = await client.describe.get_organization_info()

    assert credentials.org_id == organization["Id"]
    assert auth.is_token_expired() is False


async def test_a_session_that_dies(emulator):
    """After a revoked session the library logs in anew, by client credentials and by refresh token."""
    credentials = emulator.credentials
    keys = (credentials.client_id, credentials.client_secret)
    ways = (
        ClientCredentialsAuth(credentials.instance_url, *keys),
        RefreshTokenAuth(credentials.instance_url, "00D!dead", credentials.refresh_token, *keys),
    )

    for auth in ways:
        async with SalesforceClient(auth, VERSION) as client:
            before = client.access_token
            emulator.disturbances.add(RevokeSessions(), method="GET", path="/limits")
            assert "DailyApiRequests" in await client.describe.get_limits()
            assert before != client.access_token


async def test_a_refused_login(emulator):
    """A wrong secret is an authentication error of the library."""
    auth = ClientCredentialsAuth(emulator.credentials.instance_url, emulator.credentials.client_id, "wrong")
    client = SalesforceClient(auth, VERSION)

    with pytest.raises(SalesforceAuthError, match="Authentication failed"):
        await client.ensure_authenticated()

    await client.close()


async def test_describes(client):
    """The library reads describe answers, of the org and of an object."""
    assert "Account" in {entry["name"] for entry in await client.describe.list_sobjects()}
    assert "Name" in {field["name"] for field in (await client.describe.sobject("Account"))["fields"]}


async def test_collections(client):
    """Collections of more than two hundred rows are inserted, upserted, changed and deleted in order."""
    rows = [{"LastName": f"{n:03}", "Ext__c": f"C-{n}"} for n in range(450)]

    inserted = await client.collections.insert(rows, "Contact")
    assert [True] * 450 == [row["success"] for row in inserted]
    upserted = await client.collections.upsert(
        [{"LastName": "new", "Ext__c": f"C-{n}"} for n in (449, 450)], "Ext__c", "Contact"
    )
    assert [False, True] == [row["created"] for row in upserted]
    ids = [row["id"] for row in inserted]
    updated = await client.collections.update([{"Id": ids[0], "Phone": "1"}], "Contact")
    assert [{"id": ids[0], "success": True, "errors": []}] == updated
    assert all(row["success"] for row in await client.collections.delete(ids))
    assert [upserted[1]["id"]] == [row["Id"] async for row in await client.query.soql("SELECT Id FROM Contact")]


async def test_a_collection_with_a_bad_row(client):
    """Without all-or-none the good rows are written; with it none is, and each row says why."""
    rows = [{"LastName": "good"}, {"Phone": "1"}]

    partly = await client.collections.insert(rows, "Contact", all_or_none=False)
    nothing = await client.collections.insert(rows, "Contact", all_or_none=True)

    assert [True, False] == [row["success"] for row in partly]
    assert ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"] == [
        row["errors"][0]["statusCode"] for row in nothing
    ]


async def test_queries_in_pages(client):
    """All pages are followed, and deleted rows are there when asked for."""
    results = await client.collections.insert([{"LastName": f"{n:04}"} for n in range(2100)], "Contact")
    await client.collections.delete([results[0]["id"]])
    soql = "SELECT LastName FROM Contact ORDER BY LastName"

    present, everything = await client.query.soql(soql), await client.query.soql(soql, include_deleted=True)

    assert (2099, 2100) == (len(present), len(everything))
    assert [f"{n:04}" for n in range(1, 2100)] == [row["LastName"] for row in await present.collect_all()]
    assert [f"{n:04}" for n in range(2100)] == [row["LastName"] for row in await everything.collect_all()]


async def test_a_refused_query(client):
    """A malformed query is a 400 with Salesforce's code."""
    with pytest.raises(httpx.HTTPStatusError) as caught:
        await client.query.soql("SELECT FROM")

    assert 400 == caught.value.response.status_code
    assert "MALFORMED_QUERY" == caught.value.response.json()[0]["errorCode"]


async def test_a_bulk_query(client):
    """A bulk query gives all rows, a page of results at a time, until the locator is the word null."""
    await client.collections.insert([{"LastName": f"{n:03}"} for n in range(250)], "Contact")

    status = await client.bulk_v2.execute_query("SELECT LastName FROM Contact", poll_interval=0)
    texts: list[str] = []
    locator = None
    while not texts or locator:
        text, locator = await client.bulk_v2.get_job_results(status["id"], locator, max_records=100)
        texts.append(text)

    names = [row["LastName"] for text in texts for row in csv.DictReader(io.StringIO(text))]
    assert (250, 3) == (status["numberRecordsProcessed"], len(texts))
    assert {f"{n:03}" for n in range(250)} == set(names)
