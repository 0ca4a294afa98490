"""A client that shares no code with the emulator, unchanged, over TLS: aiosalesforce."""

import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from aiosalesforce import ClientCredentialsFlow, JwtBearerFlow, Salesforce, SoapLogin
from aiosalesforce.auth import Auth
from aiosalesforce.exceptions import (
    AuthenticationError,
    NotFoundError,
    RequestLimitExceededError,
    SalesforceError,
    ServerError,
)

from service.emulator.credentials import Credentials
from service.emulator.disturbances import Page, RevokeSessions
from service.emulator.server import Emulator, EmulatorConfig

MY_DOMAIN = "https://acme.my.salesforce.com"
"""The library takes no other host than Salesforce's."""
VERSION = "66.0"
POLL_SECONDS = 0.01


class Rerouted(httpx.AsyncBaseTransport):
    """Leads requests for Salesforce's host to the emulator, over TLS."""

    def __init__(self, credentials: Credentials) -> None:
        self._target = httpx.URL(credentials.instance_url)
        self._inner = httpx.AsyncHTTPTransport(verify=ssl.create_default_context(cafile=credentials.certificate_file))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to the emulator."""
        request.url = request.url.copy_with(host=self._target.host, port=self._target.port)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An emulator that speaks TLS."""
    async with Emulator(EmulatorConfig(tls=True)) as emulator:
        yield emulator


@pytest.fixture
async def connect(emulator) -> AsyncIterator[Callable[..., Salesforce]]:
    """Return the library for a way to log in."""
    async with httpx.AsyncClient(transport=Rerouted(emulator.credentials), trust_env=False, timeout=60) as http:

        def make(auth: Auth, **options: Any) -> Salesforce:
            return Salesforce(http, MY_DOMAIN, auth, version=VERSION, **options)

        yield make


@pytest.fixture
def salesforce(emulator, connect) -> Any:
    """The library, logging in with client credentials."""
    return connect(ClientCredentialsFlow(emulator.credentials.client_id, emulator.credentials.client_secret))


async def names(salesforce: Salesforce, sobject: str, **options: bool) -> list[str]:
    return [row["Name"] async for row in salesforce.query(f"SELECT Name FROM {sobject} ORDER BY Name", **options)]


async def test_the_ways_to_log_in(emulator, connect):
    """Client credentials, JWT and SOAP logins of the library all work."""
    credentials = emulator.credentials
    ways = (
        ClientCredentialsFlow(credentials.client_id, credentials.client_secret),
        JwtBearerFlow(credentials.client_id, credentials.username, credentials.private_key_file),
        SoapLogin(credentials.username, credentials.password, credentials.security_token),
    )

    for auth in ways:
        assert ["System Administrator"] == await names(connect(auth), "User")


async def test_logins_that_are_refused(emulator, connect):
    """Refused logins are what the library calls them, with Salesforce's codes."""
    credentials = emulator.credentials

    with pytest.raises(AuthenticationError, match="invalid_client"):
        await connect(ClientCredentialsFlow(credentials.client_id, "wrong")).get_limits()
    with pytest.raises(AuthenticationError, match="INVALID_LOGIN"):
        await connect(SoapLogin(credentials.username, "wrong", "")).get_limits()


async def test_a_session_that_dies(emulator, salesforce):
    """After a revoked session the library logs in anew and goes on."""
    await salesforce.get_limits()
    emulator.disturbances.add(RevokeSessions(), method="GET", path="/limits")

    assert "DailyApiRequests" in await salesforce.get_limits()


async def test_rows(salesforce):
    """Rows are created, read, changed, upserted, found by external id and deleted."""
    account = await salesforce.sobject.create("Account", {"Name": "Acme"})

    await salesforce.sobject.update("Account", account, {"Phone": "1", "Ext__c": "A-1"})
    assert "1" == (await salesforce.sobject.get("Account", account, fields=["Phone"]))["Phone"]
    assert account == (await salesforce.sobject.get("Account", "A-1", external_id_field="Ext__c"))["Id"]
    upserts = [
        await salesforce.sobject.upsert("Account", "A-2", "Ext__c", {"Name": name, "Ext__c": "A-2"}) for name in "ab"
    ]
    assert [True, False] == [upsert.created for upsert in upserts]
    await salesforce.sobject.delete("Account", "A-2", external_id_field="Ext__c")
    await salesforce.sobject.delete("Account", account)
    with pytest.raises(NotFoundError):
        await salesforce.sobject.get("Account", account)
    assert ([], ["Acme", "b"]) == (
        await names(salesforce, "Account"),
        await names(salesforce, "Account", include_all_records=True),
    )


async def test_queries_in_pages(emulator, salesforce):
    """All pages of a query are followed."""
    for number in range(2100):
        emulator.org.create("Account", {"Name": f"{number:04}"}, user_id=emulator.org.admin_id)

    assert [f"{number:04}" for number in range(2100)] == await names(salesforce, "Account")


async def test_composite(salesforce):
    """References lead from one subrequest to the next; a failure under all-or-none undoes all."""
    async with salesforce.composite(all_or_none=True) as composite:
        account = composite.sobject.create("Account", {"Name": "Acme"})
        # `str`, because orjson writes the library's references without their `@{…}`.
        values = {"LastName": "Doe", "AccountId": str(account.reference.id)}
        contact = composite.sobject.create("Contact", values)
        query = composite.query("SELECT Account.Name FROM Contact")
    assert ("001", "003") == (account.id[:3], contact.id[:3])
    assert "Acme" == query.records[0]["Account"]["Name"]

    failing = salesforce.composite(all_or_none=True, autoraise=True)
    failing.sobject.create("Account", {"Name": "undone"})
    failing.sobject.create("Account", {})
    with pytest.raises(ExceptionGroup):
        await failing.execute()
    assert ["Acme"] == await names(salesforce, "Account")


async def test_composite_batch(salesforce):
    """Subrequests of a batch succeed and fail on their own."""
    async with salesforce.composite.batch() as batch:
        created = batch.sobject.create("Account", {"Name": "Acme"})
        refused = batch.sobject.create("Account", {})
        upserted = batch.sobject.upsert("Account", "A-2", "Ext__c", {"Name": "other"})
        query = batch.query("SELECT Name FROM Account ORDER BY Name")

    assert [201, 400, 201, 200] == [each.status_code for each in (created, refused, upserted, query)]
    assert ["Acme", "other"] == [row["Name"] for row in query.records]
    with pytest.raises(SalesforceError, match="REQUIRED_FIELD_MISSING"):
        refused.raise_for_status()


async def test_bulk_ingest(salesforce):
    """A bulk job reports its counts, and every row is in one of the three results."""
    rows = [{"LastName": f"{n}" if n % 3 else "", "Ext__c": f"C-{n}"} for n in range(10)]

    results = [
        result
        async for result in salesforce.bulk_v2.ingest.perform_operation(
            "upsert", "Contact", rows, external_id_field="Ext__c", polling_interval=POLL_SECONDS
        )
    ]

    (result,) = results
    assert "JobComplete" == result.job_info.state
    assert (6, 4, 0) == (
        len(result.successful_results),
        len(result.failed_results),
        len(result.unprocessed_records),
    )
    assert [result.job_info.id] == [job.id async for job in salesforce.bulk_v2.ingest.list_jobs()]
    await salesforce.bulk_v2.ingest.delete_job(result.job_info.id)
    assert [] == [job.id async for job in salesforce.bulk_v2.ingest.list_jobs()]


async def test_an_aborted_bulk_job(salesforce):
    """An open job can be aborted."""
    job = await salesforce.bulk_v2.ingest.create_job("insert", "Contact")

    assert "Aborted" == (await salesforce.bulk_v2.ingest.abort_job(job.id)).state


async def test_refusals(emulator, salesforce):
    """Salesforce's refusals are what the library calls them."""
    with pytest.raises(SalesforceError, match="MALFORMED_QUERY"):
        await names(salesforce, "Account WHERE")
    with pytest.raises(NotFoundError):
        await salesforce.sobject.create("Nope", {})


async def test_an_outage(emulator, connect):
    """The library takes Salesforce's error page for a server error, and by itself tries again."""
    keys = (emulator.credentials.client_id, emulator.credentials.client_secret)
    emulator.disturbances.add(Page(503), method="GET", path="/limits")
    with pytest.raises(ServerError):
        await connect(ClientCredentialsFlow(*keys), retry_policy=None).get_limits()

    emulator.disturbances.add(Page(503), method="GET", path="/limits")
    assert "DailyApiRequests" in await connect(ClientCredentialsFlow(*keys)).get_limits()


async def test_an_exhausted_budget(emulator, connect):
    """When the day's calls are used up, the library says that the limit is exceeded."""
    poor = emulator.new_org(daily_api_requests=1)
    salesforce = connect(ClientCredentialsFlow(poor.client_id, poor.client_secret), retry_policy=None)
    await salesforce.get_limits()

    with pytest.raises(RequestLimitExceededError, match="TotalRequests Limit exceeded"):
        await salesforce.get_limits()
