"""A client that shares no code with the emulator, unchanged, over TLS: simple-salesforce."""

import asyncio
import csv
import io
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceOperationError,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce.login import SalesforceLogin

from service.emulator.credentials import Credentials
from service.emulator.server import Emulator, EmulatorConfig

VERSION = "66.0"
WAIT = 0.02
"""Seconds between polls of a bulk job."""


class ServerThread(threading.Thread):
    """Runs an emulator on an event loop of its own, for a client that blocks."""

    def __init__(self) -> None:
        super().__init__(name="emulator", daemon=True)
        self.started: Future[Emulator] = Future()
        self.loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with Emulator(EmulatorConfig(tls=True)) as emulator:
            self.started.set_result(emulator)
            await self._ended.wait()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._ended.set)
        self.join(10)


class Rerouted(HTTPAdapter):
    """Leads requests for Salesforce's hosts, which the library builds itself, to the emulator."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, *positional: Any, **named: Any) -> requests.Response:
        path = str(request.url).partition(".salesforce.com")[2]
        request.url = self._url + path
        return super().send(request, *positional, **named)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerThread]:
    """An emulator in a thread of its own."""
    server = ServerThread()
    server.start()
    server.started.result(20)
    yield server
    server.stop()


def make_org(server: ServerThread, daily_api_requests: int | None = None) -> Credentials:
    async def make() -> Credentials:
        return server.started.result().new_org(daily_api_requests=daily_api_requests)

    return asyncio.run_coroutine_threadsafe(make(), server.loop).result(10)


@pytest.fixture
def credentials(server) -> Credentials:
    """A fresh org for each test."""
    return make_org(server)


@pytest.fixture
def session(credentials) -> Iterator[requests.Session]:
    """A session that trusts the emulator's certificate and finds it under Salesforce's names."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(credentials.certificate_file)
        for host in ("login", "test", "acme.my"):
            session.mount(f"https://{host}.salesforce.com", Rerouted(credentials.login_url))
        yield session


@pytest.fixture
def salesforce(credentials, session) -> Salesforce:
    """The library, logged in with a token."""
    return Salesforce(
        session_id=credentials.access_token, instance_url=credentials.instance_url, session=session, version=VERSION
    )


def test_it_is_tls(credentials):
    """Without the certificate the emulator is not trusted: the connection really is verified."""
    assert credentials.instance_url.startswith("https://")
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"{credentials.instance_url}/services/data")


def test_its_own_version(credentials, session):
    """Whoever names no API version gets the library's own, which the emulator speaks."""
    salesforce = Salesforce(session_id=credentials.access_token, instance_url=credentials.instance_url, session=session)

    assert salesforce.query("SELECT COUNT() FROM Lead")["totalSize"] == 0


def test_rows(salesforce):
    """Rows are created, read, changed, upserted, found by external id and deleted."""
    created = salesforce.Account.create({"Name": "Acme"})
    assert created["success"] is True

    assert salesforce.Account.update(created["id"], {"Phone": "1", "Ext__c": "A/1"}) == 204
    assert salesforce.Account.get(created["id"])["Phone"] == "1"
    assert salesforce.Account.get_by_custom_id("Ext__c", "A/1")["Name"] == "Acme"
    assert salesforce.Account.upsert("Ext__c/A-2", {"Name": "new"}) == 201
    assert salesforce.Account.upsert("Ext__c/A-2", {"Name": "changed"}) == 200
    assert salesforce.Account.delete(created["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        salesforce.Account.get(created["id"])


def test_queries_in_pages(salesforce):
    """Pages are followed to the end, eagerly and lazily."""
    salesforce.bulk2.Contact.insert(records=[{"LastName": f"{n:03}"} for n in range(450)], wait=WAIT)
    soql = "SELECT Id, LastName FROM Contact ORDER BY LastName"
    small = {"Sforce-Query-Options": "batchSize=200"}

    first = salesforce.query(soql, headers={**salesforce.headers, **small})
    assert (first["totalSize"], first["done"], len(first["records"])) == (450, False, 200)
    second = salesforce.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    third = salesforce.query_more(second["nextRecordsUrl"], identifier_is_url=True)
    names = [row["LastName"] for page in (first, second, third) for row in page["records"]]

    assert names == [f"{n:03}" for n in range(450)]
    assert third["done"] is True
    assert [row["LastName"] for row in salesforce.query_all_iter(soql)] == names
    assert salesforce.query_all(soql)["totalSize"] == 450


def test_deleted_rows(salesforce):
    """`include_deleted` reaches the Recycle Bin."""
    salesforce.Account.delete(salesforce.Account.create({"Name": "x"})["id"])

    assert salesforce.query_all("SELECT Id FROM Account")["totalSize"] == 0
    assert salesforce.query_all("SELECT Id FROM Account", include_deleted=True)["totalSize"] == 1


def test_describes_and_limits(salesforce):
    """The library understands describe answers, the limits and the limit header."""
    assert "Account" in {each["name"] for each in salesforce.describe()["sobjects"]}
    assert "Name" in {field["name"] for field in salesforce.Account.describe()["fields"]}
    assert salesforce.Account.metadata()["objectDescribe"]["name"] == "Account"
    limits = salesforce.limits()
    assert limits["DailyApiRequests"]["Max"] == 100_000
    assert salesforce.api_usage["api-usage"].total == 100_000
    assert salesforce.is_sandbox() is False


def test_collections(salesforce):
    """Collections keep order and report each row."""
    records = [{"attributes": {"type": "Contact"}, "LastName": name} for name in ("a", "", "c")]

    results = salesforce.restful("composite/sobjects", method="POST", json={"records": records})

    assert [row["success"] for row in results] == [True, False, True]
    assert results[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"


def results_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_bulk_insert(salesforce):
    """A bulk insert reports its counts, and every row is in exactly one result file."""
    records = [{"LastName": f"name {n}" if n % 3 else "", "Email": f"a{n}@b.example"} for n in range(10)]

    [job] = salesforce.bulk2.Contact.insert(records=records, wait=WAIT)

    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"], job["numberRecordsTotal"]) == (10, 4, 10)
    succeeded = results_of(salesforce.bulk2.Contact.get_successful_records(job["job_id"]))
    failed = results_of(salesforce.bulk2.Contact.get_failed_records(job["job_id"]))
    assert {row["Email"] for row in succeeded + failed} == {row["Email"] for row in records}
    assert (len(succeeded), len(failed)) == (6, 4)
    assert all(row["sf__Error"].startswith("REQUIRED_FIELD_MISSING:") for row in failed)
    assert results_of(salesforce.bulk2.Contact.get_unprocessed_records(job["job_id"])) == []


def test_a_bulk_upsert_and_its_like(salesforce):
    """Upsert, update and delete by bulk arrive, with all results fetched at once."""
    salesforce.Contact.create({"LastName": "old", "Ext__c": "C-1"})
    records = [{"LastName": "one", "Ext__c": "C-1"}, {"LastName": "two", "Ext__c": "C-2"}]

    [upserted] = salesforce.bulk2.Contact.upsert(records=records, external_id_field="Ext__c", wait=WAIT)
    everything = salesforce.bulk2.Contact.get_all_ingest_records(upserted["job_id"])
    created = {row["Ext__c"]: row["sf__Created"] for row in everything["successfulRecords"]}
    assert created == {"C-1": "false", "C-2": "true"}

    ids = [row["sf__Id"] for row in everything["successfulRecords"]]
    salesforce.bulk2.Contact.update(records=[{"Id": each, "Phone": "1"} for each in ids], wait=WAIT)
    assert salesforce.query("SELECT COUNT() FROM Contact WHERE Phone = '1'")["totalSize"] == 2
    salesforce.bulk2.Contact.delete(records=[{"Id": each} for each in ids], wait=WAIT)
    assert salesforce.query("SELECT COUNT() FROM Contact")["totalSize"] == 0


def test_a_bulk_query(salesforce):
    """A bulk query gives all rows in pages of the size asked for."""
    salesforce.bulk2.Contact.insert(records=[{"LastName": f"{n:03}"} for n in range(250)], wait=WAIT)

    pages = list(salesforce.bulk2.Contact.query("SELECT LastName FROM Contact", max_records=100, wait=WAIT))

    assert [len(results_of(page)) for page in pages] == [100, 100, 50]
    assert {row["LastName"] for page in pages for row in results_of(page)} == {f"{n:03}" for n in range(250)}


@pytest.mark.parametrize("delimiter", ["TAB", "PIPE", "SEMICOLON", "CARET", "BACKQUOTE"])
def test_bulk_dialects(salesforce, delimiter):
    """Every column delimiter is understood, with quotes, separators and line feeds inside cells."""
    text = 'a,b;c|d\te^f`g "h"\ni'

    salesforce.bulk2.Contact.insert(
        records=[{"LastName": "x", "Description": text}], column_delimiter=delimiter, line_ending="LF", wait=WAIT
    )

    assert salesforce.query("SELECT Description FROM Contact")["records"][0]["Description"] == text


def test_a_bulk_job_that_fails(salesforce):
    """A job that fails as a whole is an error of the library that names the cause."""
    with pytest.raises(SalesforceOperationError, match="Field name not found : Nope"):
        salesforce.bulk2.Contact.insert(records=[{"LastName": "x", "Nope": "y"}], wait=WAIT)


def test_a_wrong_token(credentials, session):
    """A dead token is an expired session to the library."""
    salesforce = Salesforce(session_id="00D!dead", instance_url=credentials.instance_url, session=session)

    with pytest.raises(SalesforceExpiredSession) as caught:
        salesforce.query("SELECT Id FROM Account")

    assert str(caught.value.content) == str(
        [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    )


def test_refusals(salesforce):
    """Malformed requests and unknown resources are what the library calls them."""
    with pytest.raises(SalesforceMalformedRequest, match="MALFORMED_QUERY"):
        salesforce.query("SELECT FROM")
    with pytest.raises(SalesforceMalformedRequest, match="REQUIRED_FIELD_MISSING"):
        salesforce.Contact.create({})
    with pytest.raises(SalesforceResourceNotFound):
        salesforce.Nope.describe()


def test_an_exhausted_budget(server, session):
    """When the day's calls are used up, the library says that the request was refused."""
    credentials = make_org(server, daily_api_requests=1)
    salesforce = Salesforce(
        session_id=credentials.access_token, instance_url=credentials.instance_url, session=session, version=VERSION
    )
    salesforce.limits()

    with pytest.raises(SalesforceRefusedRequest, match="TotalRequests Limit exceeded"):
        salesforce.limits()


def logged_in(credentials: Credentials, session: requests.Session, **login) -> bool:
    salesforce = Salesforce(session=session, version=VERSION, **login)
    assert salesforce.sf_instance == credentials.instance_url.removeprefix("https://")
    return bool(salesforce.query("SELECT Id FROM User")["totalSize"] == 1)


def test_the_ways_to_log_in(credentials, session):
    """JWT, client credentials, password and SOAP logins of the library all work."""
    key = credentials.private_key_file.read_text()
    app = {"consumer_key": credentials.client_id, "consumer_secret": credentials.client_secret}
    user = {"username": credentials.username, "password": credentials.password}

    assert logged_in(
        credentials, session, username=credentials.username, consumer_key=credentials.client_id, privatekey=key
    )
    assert logged_in(credentials, session, domain="acme.my", **app)
    assert logged_in(credentials, session, **app, **user)
    assert logged_in(credentials, session, **user, security_token=credentials.security_token)


def test_logins_that_are_refused(credentials, session):
    """Refused logins are what the library calls them, with Salesforce's codes."""
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid_client"):
        Salesforce(session=session, domain="acme.my", consumer_key=credentials.client_id, consumer_secret="wrong")
    with pytest.raises(SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
        SalesforceLogin(
            session=session,
            username=credentials.username,
            password="wrong & <unescaped>",
            security_token="",
            sf_version=VERSION,
            scratch_url=credentials.login_url,
        )
