"""Ingest jobs, from the order to the result files, without a server."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.emulator import ingest
from service.emulator.effects import LockParents
from service.emulator.exchange import OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.jobs import KEPT_SECONDS, MAXIMUM_UPLOAD_BYTES
from service.emulator.routes.bulk_ingest import IngestRoutes
from service.emulator.routing import Router
from service.emulator.tenants import Tenant
from tests.support.emulation import ManualClock, call, make_tenant
from tests.support.scale import examples

CSV = {"Content-Type": "text/csv; charset=UTF-8"}


class Loader:
    """Runs whole jobs against one org, in the test's own task."""

    def __init__(self, tenant: Tenant, clock: ManualClock, delay: float = 0.0, **options: Any) -> None:
        self.tenant = tenant
        self.waiting: list[Coroutine[Any, Any, None]] = []
        self.router: Router[OrgCall] = Router()
        IngestRoutes(start=self.waiting.append, clock=clock, delay_seconds=delay, **options).add_to(self.router)

    async def call(self, method: str, path: str, body=None, headers=None):
        return await call(self.router, self.tenant, method, path, body=body, headers=headers)

    async def create(self, **order) -> str:
        body = {"object": "Contact", "operation": "insert", "contentType": "CSV"} | order
        return str((await self.call("POST", "jobs/ingest", body)).value["id"])

    async def uploaded(self, content: str, **order) -> str:
        job = await self.create(**order)
        await self.call("PUT", f"jobs/ingest/{job}/batches", content.encode(), CSV)
        return job

    async def set_state(self, job: str, state: str) -> str:
        return str((await self.call("PATCH", f"jobs/ingest/{job}", {"state": state})).value["state"])

    async def work(self) -> None:
        while self.waiting:
            await self.waiting.pop(0)

    async def poll(self, job: str):
        return (await self.call("GET", f"jobs/ingest/{job}")).value

    async def final(self, job: str):
        seen = await self.poll(job)
        while seen["state"] not in {"JobComplete", "Failed", "Aborted"}:
            seen = await self.poll(job)
        return seen

    async def load(self, content: str, **order):
        job = await self.uploaded(content, **order)
        await self.set_state(job, "UploadComplete")
        await self.work()
        return await self.final(job)

    async def rows(self, job: str, kind: str) -> list[dict[str, str]]:
        answer = await self.call("GET", f"jobs/ingest/{job}/{kind}")
        return list(csv.DictReader(io.StringIO(b"".join(answer.content).decode())))


@pytest.fixture
def loader(tenant, clock) -> Loader:
    """Jobs of one org."""
    return Loader(tenant, clock)


def count(tenant: Tenant, where: str = "", sobject: str = "Contact") -> int:
    return tenant.org.query(f"SELECT COUNT() FROM {sobject} {where}").total_size


async def refusal(awaitable) -> tuple[int, str]:
    with pytest.raises(SalesforceFault) as caught:
        await awaitable
    return caught.value.http_status, caught.value.error_code


async def test_an_insert(loader, tenant):
    """Rows arrive in the org, and the result names every row with its id."""
    info = await loader.load("LastName,Email\nSmith,a@b.example\nJones,\n")

    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("JobComplete", 2, 0)
    results = await loader.rows(info["id"], "successfulResults")
    assert {"Smith", "Jones"} == {row["LastName"] for row in results}
    assert {"true"} == {row["sf__Created"] for row in results}
    stored = {row["sf__Id"]: tenant.org.get("Contact", row["sf__Id"], ["LastName"])["LastName"] for row in results}
    assert stored == {row["sf__Id"]: row["LastName"] for row in results}


async def test_a_poll_skips_no_state(loader):
    """However fast the job is, polls see it in progress before they see it complete."""
    job = await loader.uploaded("LastName\nSmith\n")
    closed = await loader.set_state(job, "UploadComplete")
    await loader.work()

    seen = [closed, *[(await loader.poll(job))["state"] for _ in range(3)]]

    assert seen == ["UploadComplete", "InProgress", "JobComplete", "JobComplete"]


async def test_the_shape_of_a_new_job(loader):
    """A new job is described with the keys and types of the guide."""
    answer = await loader.call("POST", "jobs/ingest", {"object": "contact", "operation": "insert"})

    assert answer.status == 200
    assert {
        "operation": "insert",
        "object": "Contact",
        "state": "Open",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 66.0,
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
        "contentUrl": f"services/data/v66.0/jobs/ingest/{answer.value['id']}/batches",
    }.items() <= answer.value.items()
    assert answer.value["id"].startswith("750")


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"object": "Nope"}, "INVALIDENTITY"),
        ({"object": None}, "INVALIDJOB"),
        ({"object": ["Contact"]}, "INVALIDJOB"),
        ({"operation": "query"}, "INVALIDJOB"),
        ({"operation": ["insert"]}, "INVALIDJOB"),
        ({"operation": "upsert"}, "INVALIDJOB"),
        ({"operation": "upsert", "externalIdFieldName": "Phone"}, "INVALIDJOB"),
        ({"operation": "hardDelete"}, "FEATURENOTENABLED"),
        ({"contentType": "JSON"}, "INVALIDJOB"),
        ({"columnDelimiter": ","}, "INVALIDJOB"),
        ({"lineEnding": "CR"}, "INVALIDJOB"),
        ({"columnDelimeter": "TAB"}, "JSON_PARSER_ERROR"),
    ],
)
async def test_orders_that_are_refused(loader, order, code):
    """An order that makes no sense is refused before anything is uploaded."""
    assert (400, code) == await refusal(loader.create(**order))


async def test_failures_stand_apart(loader, tenant):
    """A job with bad rows completes: good rows are written, bad ones named with their reason."""
    info = await loader.load("LastName,Email\nSmith,\n,\nJones,nonsense\n")

    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("JobComplete", 3, 2)
    failed = {row["sf__Error"]: row for row in await loader.rows(info["id"], "failedResults")}
    assert "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --" in failed
    assert any(error.startswith("INVALID_EMAIL_ADDRESS:") for error in failed)
    assert count(tenant) == 1


async def test_an_upsert(loader, tenant):
    """Known keys are updated, new ones created, whatever their case; empty cells leave fields alone."""
    await loader.load("LastName,Phone,Ext__c\nSmith,1,c-1\n")
    info = await loader.load(
        "LastName,Phone,Ext__c\nBrown,,C-1\nJones,2,c-2\n", operation="upsert", externalIdFieldName="ext__c"
    )

    created = {row["Ext__c"]: row["sf__Created"] for row in await loader.rows(info["id"], "successfulResults")}
    assert created == {"C-1": "false", "c-2": "true"}
    brown = tenant.org.get_by_external_id("Contact", "Ext__c", "c-1", ["LastName", "Phone"])
    assert (brown["LastName"], brown["Phone"]) == ("Brown", "1")


async def test_the_same_key_twice_in_one_upsert(loader, tenant):
    """Both rows of one key fail, their neighbours go through."""
    info = await loader.load(
        "LastName,Ext__c\nSmith,A\nJones,a\nDoe,b\nNone,\n", operation="upsert", externalIdFieldName="Ext__c"
    )

    failed = [row["sf__Error"].split(":")[0] for row in await loader.rows(info["id"], "failedResults")]
    assert sorted(failed) == ["DUPLICATE_VALUE", "DUPLICATE_VALUE", "MISSING_ARGUMENT"]
    assert count(tenant) == 1


async def test_an_update_and_a_delete(loader, tenant):
    """Rows are changed and deleted by id; `#N/A` empties a field, and results carry the given id."""
    user = tenant.org.admin_id
    smith = tenant.org.create("Contact", {"LastName": "Smith", "Phone": "1"}, user_id=user)
    missing = smith[:14] + "Z"

    updated = await loader.load(f"Id,LastName,Phone\n{smith},Brown,#N/A\n{missing},X,\n", operation="update")
    assert {"LastName": "Brown", "Phone": None}.items() <= tenant.org.get("Contact", smith).items()
    [row] = await loader.rows(updated["id"], "successfulResults")
    assert (smith, "false") == (row["sf__Id"], row["sf__Created"])
    [row] = await loader.rows(updated["id"], "failedResults")
    assert row["sf__Id"].startswith(missing)

    deleted = await loader.load(f"Id\n{smith}\n", operation="delete")
    assert deleted["numberRecordsFailed"] == 0
    assert count(tenant) == 0


async def test_parents_by_external_id(loader, tenant):
    """A lookup given by the parent's key is found; a key of nobody fails that row."""
    parent = tenant.org.create("Account", {"Name": "Acme", "Ext__c": "A-1"}, user_id=tenant.org.admin_id)

    info = await loader.load("LastName,Account.Ext__c\nSmith,a-1\nJones,A-2\n")

    assert info["numberRecordsFailed"] == 1
    assert count(tenant, f"WHERE AccountId = '{parent}'") == 1


async def test_booleans(loader, tenant):
    """Checkboxes take true, false, 1 and 0 in any case; empty is false."""
    await loader.load("Name,IsActive\na,TRUE\nb,1\nc,0\nd,\n", object="Campaign")

    assert count(tenant, "WHERE IsActive = TRUE", "Campaign") == 2
    assert count(tenant, "WHERE IsActive = FALSE", "Campaign") == 2


async def test_one_upload_only(loader):
    """A second upload is refused, and the first one counts."""
    job = await loader.uploaded("LastName\nSmith\n")

    with pytest.raises(SalesforceFault) as caught:
        await loader.call("PUT", f"jobs/ingest/{job}/batches", b"LastName\nJones\n", CSV)
    await loader.set_state(job, "UploadComplete")
    await loader.work()

    assert f"Found multiple contents for job: <{job[:15]}>" in caught.value.message
    assert [row["LastName"] for row in await loader.rows(job, "successfulResults")] == ["Smith"]


async def test_an_upload_that_breaks_off_may_be_repeated(loader, tenant):
    """A connection lost during the upload leaves the job open and empty."""
    job = tenant.jobs.get(await loader.create())

    async def broken() -> AsyncIterator[bytes]:
        yield b"LastName\n"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await tenant.jobs.receive(job, broken())

    await loader.call("PUT", f"jobs/ingest/{job.id}/batches", b"LastName\nSmith\n", CSV)
    assert await loader.set_state(job.id, "UploadComplete") == "UploadComplete"
    await loader.work()


async def test_an_upload_that_is_too_large(loader, tenant):
    """An upload is refused once it is above the limit, and not taken further."""
    job = tenant.jobs.get(await loader.create())
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        piece = bytes(8_388_608)
        while True:
            taken += len(piece)
            yield piece

    assert await refusal(tenant.jobs.receive(job, endless())) == (400, "BULK_API_ERROR")
    assert taken < MAXIMUM_UPLOAD_BYTES + 2 * 8_388_608
    assert job.upload is None


async def test_another_content_type(loader):
    """Uploads have to say that they are CSV."""
    job = await loader.create()

    assert (await refusal(loader.call("PUT", f"jobs/ingest/{job}/batches", b"x", {"Content-Type": "a/b"})))[0] == 415


async def test_closing_without_data(loader):
    """A job without data cannot be completed, and neither can one twice."""
    empty, job = await loader.create(), await loader.uploaded("LastName\nSmith\n")
    await loader.set_state(job, "UploadComplete")

    for each in (empty, job):
        assert await refusal(loader.set_state(each, "UploadComplete")) == (400, "INVALIDJOBSTATE")
    assert await refusal(loader.set_state(empty, "Open")) == (400, "INVALIDJOB")
    await loader.work()


async def test_a_failed_job_says_why(loader, tenant):
    """A header with an unknown field fails the job as a whole; nothing is written."""
    info = await loader.load("LastName,Nope\nSmith,x\n")

    assert info["state"] == "Failed"
    assert info["errorMessage"] == "InvalidBatch : Field name not found : Nope"
    assert count(tenant) == 0


async def test_a_job_that_breaks_in_the_middle(loader, tenant):
    """Rows before an unreadable one stay written; it and all after it are unprocessed."""
    info = await loader.load("LastName,Phone\nSmith,1\nJones\nDoe,2\n")

    assert (info["state"], info["numberRecordsProcessed"]) == ("Failed", 1)
    assert [row["LastName"] for row in await loader.rows(info["id"], "successfulResults")] == ["Smith"]
    assert [row["LastName"] for row in await loader.rows(info["id"], "unprocessedrecords")] == ["Jones", "Doe"]
    assert count(tenant) == 1


async def test_aborting_an_open_job(loader, tenant):
    """Aborting before the data is complete writes nothing and gives every row back."""
    job = await loader.uploaded("LastName\nSmith\nJones\n")

    assert await loader.set_state(job, "Aborted") == "Aborted"
    await loader.work()

    assert [row["LastName"] for row in await loader.rows(job, "unprocessedRecords")] == ["Smith", "Jones"]
    assert await loader.rows(job, "successfulResults") == []
    assert count(tenant) == 0
    assert await refusal(loader.set_state(job, "Aborted")) == (400, "INVALIDJOBSTATE")


async def test_aborting_a_job_at_work(loader, tenant):
    """An abort takes hold at the next chunk: rows so far stay, the rest is unprocessed, none is lost."""
    content = "LastName\n" + "".join(f"name {number}\n" for number in range(1000))
    job = await loader.uploaded(content)
    await loader.set_state(job, "UploadComplete")

    async def abort() -> None:
        for _ in range(3):
            await asyncio.sleep(0)  # a chunk is written whenever the loop comes around
        await loader.set_state(job, "Aborted")

    await asyncio.gather(loader.work(), abort())

    info = await loader.final(job)
    assert ("Aborted", count(tenant)) == (info["state"], info["numberRecordsProcessed"])
    succeeded = await loader.rows(job, "successfulResults")
    unprocessed = await loader.rows(job, "unprocessedrecords")
    assert 0 < len(succeeded) < 1000
    assert {f"name {number}" for number in range(1000)} == {row["LastName"] for row in succeeded + unprocessed}
    assert len(succeeded) + len(unprocessed) == 1000


async def test_results_before_the_end(loader):
    """Results of a job that has not ended are refused."""
    job = await loader.uploaded("LastName\nSmith\n")

    for kind in ("successfulResults", "failedResults", "unprocessedrecords"):
        answer = await refusal(loader.call("GET", f"jobs/ingest/{job}/{kind}"))
        assert answer == (400, "INVALIDJOBSTATE")


async def test_deleting_jobs(loader):
    """Only a job that has ended can be deleted, and then it is gone."""
    job = await loader.uploaded("LastName\nSmith\n")
    assert await refusal(loader.call("DELETE", f"jobs/ingest/{job}")) == (400, "INVALIDJOBSTATE")
    await loader.set_state(job, "UploadComplete")
    await loader.work()

    assert (await loader.call("DELETE", f"jobs/ingest/{job}")).status == 204

    assert await refusal(loader.poll(job)) == (404, "NOT_FOUND")


async def test_jobs_vanish_after_seven_days(loader, clock):
    """An ended job and its results are kept for a week; an id of 15 characters finds it too."""
    info = await loader.load("LastName\nSmith\n")
    clock.passed += KEPT_SECONDS - 60
    assert (await loader.poll(info["id"][:15]))["state"] == "JobComplete"

    clock.passed += 120

    assert await refusal(loader.poll(info["id"])) == (404, "NOT_FOUND")


async def test_the_list(loader):
    """Jobs are listed newest first, without making a poll of it."""
    first, second = await loader.create(), await loader.create(operation="delete")

    listed = (await loader.call("GET", "jobs/ingest")).value

    assert [second, first] == [job["id"] for job in listed["records"]]
    assert (listed["done"], listed["nextRecordsUrl"]) == (True, None)


async def test_waiting_before_the_work(tenant, clock):
    """With a delay a job stays in UploadComplete that long."""
    loader = Loader(tenant, clock, delay=30)
    job = await loader.uploaded("LastName\nSmith\n")
    await loader.set_state(job, "UploadComplete")
    assert (await loader.poll(job))["state"] == "UploadComplete"

    before = clock.passed
    await loader.work()

    assert clock.passed - before == 30


async def test_locked_rows(loader, tenant):
    """A scripted row lock fails the row it is meant for."""
    tenant.writer.disturbances.lock_rows(1, skip=1)

    info = await loader.load("LastName\na\nb\nc\n")

    [row] = await loader.rows(info["id"], "failedResults")
    assert row["LastName"] == "b"
    assert row["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:")


async def test_batches_cost(loader, tenant):
    """Every 10,000 rows begun take one bulk batch of the day."""
    await loader.load("LastName\n" + "x\n" * 10_001)

    assert tenant.allocation.bulk_batches.used == 2


async def test_without_batches_left(clock):
    """A job that no batch is left for fails and writes nothing."""
    tenant = make_tenant(clock, daily_bulk_batches=0)

    info = await Loader(tenant, clock).load("LastName\nSmith\n")

    assert (info["state"], count(tenant)) == ("Failed", 0)
    assert info["errorMessage"].startswith("ExceededQuota : ")
    tenant.jobs.close()
    tenant.org.close()


async def test_rows_above_the_allocation_leave_no_results(clock):
    """Rows of batches the day has no room for are in none of the files; those before them stay written."""
    tenant = make_tenant(clock, daily_bulk_batches=1)
    loader = Loader(tenant, clock)

    info = await loader.load("LastName\n" + "x\n" * 10_300)

    kinds = ("successfulResults", "failedResults", "unprocessedrecords")
    assert (info["state"], count(tenant)) == ("Failed", 10_000)
    assert [10_000, 0, 0] == [len(await loader.rows(info["id"], kind)) for kind in kinds]
    tenant.jobs.close()
    tenant.org.close()


async def test_too_many_locks_fail_the_job(tenant, clock):
    """Where asked for, more lock failures in a batch than allowed fail the job; rows not tried are unprocessed."""
    loader = Loader(tenant, clock, lock_failures=3)
    tenant.writer.disturbances.lock_rows(2, in_trigger=True)
    tenant.writer.disturbances.lock_rows(2)

    info = await loader.load("LastName\n" + "x\n" * 500)

    assert (info["state"], count(tenant)) == ("Failed", 196)
    assert info["errorMessage"].startswith("TooManyLockFailure : ")
    assert len(await loader.rows(info["id"], "failedResults")) == 4
    assert len(await loader.rows(info["id"], "unprocessedrecords")) == 300


async def test_a_few_locks_do_not(tenant, clock):
    """As many lock failures as allowed leave the job alone."""
    loader = Loader(tenant, clock, lock_failures=3)
    tenant.writer.disturbances.lock_rows(3)

    info = await loader.load("LastName\n" + "x\n" * 500)

    assert (info["state"], info["numberRecordsFailed"], count(tenant)) == ("JobComplete", 3, 497)


async def test_hard_delete(tenant, clock):
    """With the permission rows and what goes with them are gone for good, and queries for deleted rows miss them."""
    loader = Loader(tenant, clock, hard_delete=True)
    account = tenant.org.create("Account", {"Name": "x"}, user_id=tenant.org.admin_id)
    tenant.org.create("Contact", {"LastName": "x", "AccountId": account}, user_id=tenant.org.admin_id)
    other = tenant.org.create("Account", {"Name": "y"}, user_id=tenant.org.admin_id)

    info = await loader.load(f"Id\n{account}\n001000000000000AAA\n", object="Account", operation="hardDelete")

    kept = tenant.org.query("SELECT Id FROM Account", include_deleted=True).rows
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (2, 1)
    assert [other] == [row["Id"] for row in kept]
    assert tenant.org.query("SELECT COUNT() FROM Contact", include_deleted=True).total_size == 0


async def test_hard_delete_takes_only_ids(tenant, clock):
    """A hardDelete job's file holds ids and nothing else, as a delete job's."""
    info = await Loader(tenant, clock, hard_delete=True).load("Id,LastName\na,b\n", operation="hardDelete")

    assert (info["state"], "only ids" in info["errorMessage"]) == ("Failed", True)


def multipart(job: str, content: str, boundary: str = "BOUNDARY") -> bytes:
    named = "Content-Disposition: form-data; name="
    parts = (
        f'--{boundary}\r\nContent-Type: application/json\r\n{named}"job"\r\n\r\n{job}\r\n',
        f'--{boundary}\r\nContent-Type: text/csv\r\n{named}"content"; filename="content"\r\n\r\n{content}\r\n',
        f"--{boundary}--\r\n",
    )
    return "".join(parts).encode()


MULTIPART = {"Content-Type": 'multipart/form-data; boundary="BOUNDARY"'}
ORDER = '{"object": "Contact", "operation": "insert", "contentType": "CSV", "lineEnding": "%s"}'


@pytest.mark.parametrize(("name", "ending"), [("LF", "\n"), ("CRLF", "\r\n")])
async def test_one_request_for_all(loader, tenant, name, ending):
    """Order and data may come in one multipart request, which closes the job; line endings arrive as they are."""
    content = ending.join(["LastName", "Smith", "Jones", ""])

    made = await loader.call("POST", "jobs/ingest", multipart(ORDER % name, content), MULTIPART)
    await loader.work()
    info = await loader.final(made.value["id"])

    assert (made.status, made.value["state"]) == (200, "UploadComplete")
    assert (info["state"], info["numberRecordsProcessed"], count(tenant)) == ("JobComplete", 2, 2)


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        (MULTIPART, multipart(ORDER % "LF", "LastName\n" + "x\n" * 50_000), "BULK_API_ERROR"),
        (MULTIPART, multipart("{", "LastName\nx\n"), "JSON_PARSER_ERROR"),
        (MULTIPART, multipart(ORDER % "LF", "x", "OTHER"), "JSON_PARSER_ERROR"),
        (MULTIPART, multipart(ORDER % "LF", "x")[:-10], "JSON_PARSER_ERROR"),
        (MULTIPART, b"--BOUNDARY\r\n\r\nx\r\n--BOUNDARY--", "JSON_PARSER_ERROR"),
        (MULTIPART, b"", "JSON_PARSER_ERROR"),
        ({"Content-Type": "multipart/form-data"}, b"x", "JSON_PARSER_ERROR"),
    ],
)
async def test_refused_multipart_requests(loader, tenant, headers, body, code):
    """Parts that are too large, missing or no parts are refused, and no job is made."""
    with pytest.raises(SalesforceFault) as caught:
        await loader.call("POST", "jobs/ingest", body, headers)

    assert (caught.value.http_status, caught.value.error_code) == (400, code)
    assert list(tenant.jobs) == []


async def test_jobs_are_listed_in_pages(loader, tenant):
    """1,000 jobs are named at a time, newest first, and the address of the next page leads on."""
    ids = [await loader.create() for _ in range(1001)]

    first: Any = (await loader.call("GET", "jobs/ingest")).value
    rest: Any = (await call(loader.router, tenant, "GET", "jobs/ingest", query={"queryLocator": "1000"})).value
    other = (await call(loader.router, tenant, "GET", "jobs/ingest", query={"jobType": "V2Query"})).value

    assert (first["done"], first["nextRecordsUrl"]) == (False, "/services/data/v66.0/jobs/ingest?queryLocator=1000")
    assert ids[::-1] == [job["id"] for job in first["records"] + rest["records"]]
    assert {"done": True, "records": [], "nextRecordsUrl": None} == other
    assert first["records"][0]["jobType"] == "V2Ingest"


async def test_an_open_job_expires(loader, clock):
    """A job nobody closed vanishes after seven days, too."""
    job = await loader.uploaded("LastName\nSmith\n")
    clock.passed += KEPT_SECONDS + 1

    with pytest.raises(SalesforceFault, match="NOT_FOUND"):
        await loader.poll(job)


async def test_a_defect_ends_only_its_job(loader, tenant, monkeypatch, caplog):
    """An error nobody foresaw fails the job with Salesforce's vague text and is logged."""

    def explode(*_args, **_kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(type(tenant.org), "create", explode)

    info = await loader.load("LastName\nSmith\n")

    assert (info["state"], info["errorMessage"]) == ("Failed", "InternalServerError : Unknown error")
    assert "ended by a defect" in caplog.text


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(st.sampled_from(["good", "", "bad"]), max_size=450))
async def test_every_row_has_exactly_one_result(kinds):
    """Whatever the mixture, each uploaded row is in one of the files, once, and the counts agree."""
    clock = ManualClock()
    tenant = make_tenant(clock)
    lines = [
        f"{'' if kind == '' else 'x'},{number},{'nonsense' if kind == 'bad' else ''}"
        for number, kind in enumerate(kinds)
    ]
    loader = Loader(tenant, clock)

    info = await loader.load("\n".join(["LastName,Phone,Email", *lines]) + "\n")

    succeeded = await loader.rows(info["id"], "successfulResults")
    failed = await loader.rows(info["id"], "failedResults")
    assert sorted(str(n) for n in range(len(kinds))) == sorted(row["Phone"] for row in succeeded + failed)
    assert {str(n) for n, kind in enumerate(kinds) if kind == "good"} == {row["Phone"] for row in succeeded}
    assert (len(kinds), len(failed)) == (info["numberRecordsProcessed"], info["numberRecordsFailed"])
    assert len(succeeded) == count(tenant)
    tenant.jobs.close()
    tenant.org.close()


@pytest.mark.parametrize("by_parent", [False, True])
async def test_batches_at_the_same_time_lock_each_others_parents(tenant, clock, monkeypatch, by_parent):
    """Rows of one parent that are scattered over batches meet in locks, and those that stand together do not."""
    monkeypatch.setattr(ingest, "BATCH_ROWS", 400)
    loader = Loader(tenant, clock)
    accounts = "Ext__c,Name\n" + "".join(f"A-{number},Acme\n" for number in range(8))
    await loader.load(accounts, object="Account", operation="upsert", externalIdFieldName="Ext__c")
    tenant.writer.disturbances.add(LockParents(0.1), times=None)
    parents = [number // 200 if by_parent else number % 8 for number in range(1600)]
    rows = "".join(f"C-{number},Curie,A-{parent}\n" for number, parent in enumerate(parents))

    seen = await loader.load(
        f"Ext__c,LastName,Account.Ext__c\n{rows}", operation="upsert", externalIdFieldName="Ext__c"
    )

    assert ("JobComplete", 1600) == (seen["state"], seen["numberRecordsProcessed"])
    assert by_parent == (seen["numberRecordsFailed"] == 0)


async def test_batches_at_the_same_time_leave_the_rest_when_one_gives_up(tenant, clock, monkeypatch):
    """Every row is written, failed or never tried when too many locks end the job, also of the other batches."""
    monkeypatch.setattr(ingest, "BATCH_ROWS", 400)
    loader = Loader(tenant, clock, lock_failures=0)
    account = tenant.org.create("Account", {"Name": "Acme"}, user_id=tenant.org.admin_id)
    tenant.writer.disturbances.add(LockParents(0.1), times=None)
    rows = "".join(f"N{number},{account}\n" for number in range(2500))

    job = await loader.uploaded(f"LastName,AccountId\n{rows}")
    await loader.set_state(job, "UploadComplete")
    await loader.work()

    seen = await loader.final(job)
    kinds = ("successfulResults", "failedResults", "unprocessedrecords")
    told = [row["LastName"] for kind in kinds for row in await loader.rows(job, kind)]
    assert "Failed" == seen["state"]
    assert sorted(f"N{number}" for number in range(2500)) == sorted(told)
