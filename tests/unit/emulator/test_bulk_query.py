"""Query jobs, without a server."""

import csv
import io

import pytest

from service.emulator import query_jobs
from service.emulator.exchange import OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.jobs import KEPT_SECONDS
from service.emulator.routes.bulk_query import QueryJobRoutes
from service.emulator.routing import Router
from tests.support.emulation import call


@pytest.fixture
def send(tenant, clock):
    """Send a call to the query job resources."""
    router: Router[OrgCall] = Router()
    QueryJobRoutes(clock=clock, delay_seconds=0).add_to(router)

    async def send(method, path, body=None, **query):
        return await call(router, tenant, method, path, body=body, query=query)

    return send


@pytest.fixture
def complete(send):
    """Run a query job to its end and return its id."""

    async def complete(soql, **order) -> str:
        made = await send("POST", "jobs/query", {"operation": "query", "query": soql} | order)
        assert (made.status, made.value["state"]) == (200, "UploadComplete")
        seen = [(await send("GET", f"jobs/query/{made.value['id']}")).value["state"] for _ in range(2)]
        assert seen == ["InProgress", "JobComplete"]
        return str(made.value["id"])

    return complete


@pytest.fixture
def contacts(tenant):
    """Seven contacts of one account."""
    org = tenant.org
    account = org.create("Account", {"Name": 'Acme, "Ltd"'}, user_id=org.admin_id)
    for number in range(7):
        org.create("Contact", {"LastName": f"name {number}", "AccountId": account}, user_id=org.admin_id)
    org.create("Contact", {"LastName": "single"}, user_id=org.admin_id)


def rows(answer, **dialect) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(answer.content).decode()), **dialect))


async def refusal(awaitable) -> tuple[int, str]:
    with pytest.raises(SalesforceFault) as caught:
        await awaitable
    return caught.value.http_status, caught.value.error_code


SOQL = "SELECT LastName, Account.Name, IsDeleted FROM Contact ORDER BY LastName"


async def test_the_results(send, complete, contacts):
    """Columns come in the order of the SELECT, parents dotted, null as an empty cell."""
    job = await complete(SOQL)

    answer = await send("GET", f"jobs/query/{job}/results")

    read = rows(answer)
    assert read[0] == ["LastName", "Account.Name", "IsDeleted"]
    assert read[1] == ["name 0", 'Acme, "Ltd"', "false"]
    assert read[8] == ["single", "", "false"]
    assert answer.headers == {"Sforce-NumberOfRecords": "8", "Sforce-Locator": "null"}
    assert (await send("GET", f"jobs/query/{job}")).value["numberRecordsProcessed"] == 8


async def test_pages(send, complete, contacts):
    """Pages follow by locator, each with the header, and end with the word `null`; they may be read again."""
    job = await complete(SOQL)
    seen, locator, sizes = [], "", []
    while locator != "null":
        answer = await send("GET", f"jobs/query/{job}/results", maxRecords="3", locator=locator)
        again = await send("GET", f"jobs/query/{job}/results", maxRecords="3", locator=locator)
        page = rows(answer)
        assert page == rows(again)
        assert page[0][0] == "LastName"
        seen += [row[0] for row in page[1:]]
        sizes.append(answer.headers["Sforce-NumberOfRecords"])
        locator = answer.headers["Sforce-Locator"]

    assert seen == [*(f"name {number}" for number in range(7)), "single"]
    assert sizes == ["3", "3", "2"]


async def test_an_empty_result(send, complete):
    """A query without rows still has its header."""
    job = await complete("SELECT Id FROM Contact")

    answer = await send("GET", f"jobs/query/{job}/results")

    assert rows(answer) == [["Id"]]
    assert answer.headers["Sforce-Locator"] == "null"


async def test_a_dialect(send, complete, contacts):
    """Delimiter and line ending are the job's."""
    job = await complete(SOQL, columnDelimiter="PIPE", lineEnding="CRLF")

    content = b"".join((await send("GET", f"jobs/query/{job}/results")).content)

    assert content.startswith(b'"LastName"|"Account.Name"|"IsDeleted"\r\n')


async def test_page_lists(send, complete, contacts, monkeypatch):
    """Result pages are listed five at a time, and together give every row once."""
    monkeypatch.setattr(query_jobs, "DEFAULT_PAGE_ROWS", 1)
    job = await complete("SELECT LastName FROM Contact")

    first = (await send("GET", f"jobs/query/{job}/resultPages")).value
    locator = first["nextRecordsUrl"].partition("locator=")[2]
    second = (await send("GET", f"jobs/query/{job}/resultPages", locator=locator)).value

    assert (len(first["resultPages"]), first["done"]) == (5, False)
    assert (len(second["resultPages"]), second["done"], second["nextRecordsUrl"]) == (3, True, None)
    urls = [page["resultUrl"] for page in first["resultPages"] + second["resultPages"]]
    assert urls[0] == f"/services/data/v66.0/jobs/query/{job}/results"
    assert len({url.partition("locator=")[2] for url in urls}) == 8


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT COUNT() FROM Contact", "FEATURENOTENABLED"),
        ("SELECT COUNT(Id) FROM Contact", "FEATURENOTENABLED"),
        ("SELECT LastName FROM Contact GROUP BY LastName", "FEATURENOTENABLED"),
        ("SELECT Id FROM Contact LIMIT 5 OFFSET 5", "FEATURENOTENABLED"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "FEATURENOTENABLED"),
        ("SELECT TYPEOF What WHEN Account THEN Name END FROM Task", "FEATURENOTENABLED"),
        ("SELECT BillingAddress FROM Account", "FEATURENOTENABLED"),
        ("SELECT Account.BillingAddress FROM Contact", "FEATURENOTENABLED"),
        ("SELECT Nope FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT", "MALFORMED_QUERY"),
        ("", "INVALIDJOB"),
    ],
)
async def test_queries_that_are_refused(send, soql, code):
    """What bulk queries do not take is refused when the job is created."""
    assert await refusal(send("POST", "jobs/query", {"operation": "query", "query": soql})) == (400, code)


async def test_deleted_rows(send, complete, tenant):
    """`queryAll` finds rows in the Recycle Bin."""
    org = tenant.org
    gone = org.create("Contact", {"LastName": "x"}, user_id=org.admin_id)
    org.delete("Contact", gone, user_id=org.admin_id)

    kept = await complete("SELECT Id FROM Contact")
    everything = await complete("SELECT Id FROM Contact", operation="queryAll")

    assert rows(await send("GET", f"jobs/query/{kept}/results")) == [["Id"]]
    assert rows(await send("GET", f"jobs/query/{everything}/results")) == [["Id"], [gone]]


async def test_results_before_the_end(send):
    """Results of a job that is not complete are refused, and it cannot be deleted."""
    made = await send("POST", "jobs/query", {"operation": "query", "query": "SELECT Id FROM Contact"})
    path = f"jobs/query/{made.value['id']}"

    assert await refusal(send("GET", f"{path}/results")) == (400, "INVALIDJOBSTATE")
    assert await refusal(send("DELETE", path)) == (400, "INVALIDJOBSTATE")


async def test_waiting_before_the_work(tenant, clock):
    """With a delay a job stays in UploadComplete that long, however often it is polled."""
    router: Router[OrgCall] = Router()
    QueryJobRoutes(clock=clock, delay_seconds=30).add_to(router)
    order = {"operation": "query", "query": "SELECT Id FROM Contact"}
    await call(router, tenant, "POST", "jobs/query", body=order)
    [job] = tenant.query_jobs
    path = f"jobs/query/{job.id}"

    clock.passed += 29
    before = []
    for _ in range(3):
        await call(router, tenant, "GET", path)
        before.append(job.state)
    clock.passed += 1
    await call(router, tenant, "GET", path)
    after = job.state

    assert before == ["UploadComplete"] * 3
    assert after == "InProgress"


async def test_abort_and_delete(send, complete):
    """A job may be aborted while it runs and deleted once it has ended."""
    made = await send("POST", "jobs/query", {"operation": "query", "query": "SELECT Id FROM Contact"})
    path = f"jobs/query/{made.value['id']}"

    assert (await send("PATCH", path, {"state": "Aborted"})).value["state"] == "Aborted"
    assert (await send("GET", path)).value["state"] == "Aborted"
    assert await refusal(send("PATCH", path, {"state": "Aborted"})) == (400, "INVALIDJOBSTATE")
    assert await refusal(send("PATCH", path, {"state": "UploadComplete"})) == (400, "INVALIDJOB")
    assert (await send("DELETE", path)).status == 204
    assert await refusal(send("GET", path)) == (404, "NOT_FOUND")


@pytest.mark.parametrize("locator", ["x", "!!", "é", "LTE", "OTk5OQ"])
async def test_bad_locators(send, complete, locator):
    """A locator that no page gave is refused."""
    job = await complete("SELECT Id FROM Contact")

    for resource in ("results", "resultPages"):
        answer = await refusal(send("GET", f"jobs/query/{job}/{resource}", locator=locator))
        assert answer == (400, "INVALID_QUERY_LOCATOR")


async def test_another_version(send, complete, tenant):
    """Results are to be fetched with the API version that made the job."""
    job = tenant.query_jobs.get(await complete("SELECT Id FROM Contact"))
    older = query_jobs.QueryOrder("query", "Contact", "COMMA", "LF", "62.0")
    job.order = older

    assert (await refusal(send("GET", f"jobs/query/{job.id}/results")))[0] == 409


async def test_jobs_vanish_after_seven_days(send, complete, clock, tenant):
    """Jobs are listed newest first and kept for a week; each one counts against the day."""
    first, second = await complete("SELECT Id FROM Contact"), await complete("SELECT Id FROM Account")
    listed = (await send("GET", "jobs/query")).value["records"]
    assert [job["id"] for job in listed] == [second, first]
    assert tenant.allocation.query_jobs.used == 2

    clock.passed += KEPT_SECONDS + 1

    assert (await send("GET", "jobs/query")).value["records"] == []
