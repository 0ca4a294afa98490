"""The first Bulk API over HTTP."""

import asyncio
import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from simple_salesforce.api import Salesforce

from service.emulator.server import Emulator, EmulatorConfig
from tests.support.emulation import ManualClock

RECORDING = Path(__file__).parents[3] / "shared" / "recordings" / "rest" / "select_and_insert_bulk_v1.json"
XMLNS = "http://www.force.com/2009/06/asyncapi/dataload"
XML = {"Content-Type": "application/xml"}
JSON = {"Content-Type": "application/json"}
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
async def v1(emulator):
    """A client of the first org's first Bulk API."""
    headers = {"X-SFDC-Session": emulator.credentials.access_token}
    base = f"{emulator.url}/services/async/66.0"
    async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=60) as client:
        yield client


def job_info(**members) -> str:
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in members.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><jobInfo xmlns="{XMLNS}">{inner}</jobInfo>'


def of(name: str, answer) -> str:
    found = re.search(f"<{name}>([^<]*)</{name}>", answer.text)
    return found[1] if found else ""


async def make(v1, **members) -> str:
    order = {"operation": "insert", "object": "Contact", "contentType": "CSV"} | members
    answer = await v1.post("/job", content=job_info(**order), headers=XML)
    assert (answer.status_code, of("state", answer)) == (201, "Open"), answer.text
    return of("id", answer)


async def run(v1, job, content, headers=CSV) -> str:
    """Add a batch and wait until it has ended."""
    answer = await v1.post(f"/job/{job}/batch", content=content, headers=headers)
    assert answer.status_code == 201, answer.text
    batch = of("id", answer) or answer.json()["id"]
    ended = re.compile("Completed|Failed|NotProcessed")
    assert any([ended.search((await v1.get(f"/job/{job}/batch/{batch}")).text) for _ in range(20)])
    return batch


def names(emulator) -> set[str]:
    return {row["LastName"] for row in emulator.org.query("SELECT LastName FROM Contact").rows}


async def test_insert(v1, emulator):
    """A serial CSV job: results stand in the order of the rows, refused ones among them."""
    job = await make(v1, concurrencyMode="Serial")

    batch = await run(v1, job, "LastName,Email\r\nSmith,\r\nJones,nope\r\nDoe,\r\n")

    rows = list(csv.reader(io.StringIO((await v1.get(f"/job/{job}/batch/{batch}/result")).text)))
    closed = await v1.post(f"/job/{job}", content=job_info(state="Closed"), headers=XML)
    assert rows[0] == ["Id", "Success", "Created", "Error"]
    assert [["true", "true"], ["false", "false"], ["true", "true"]] == [row[1:3] for row in rows[1:]]
    assert rows[2][3].startswith("INVALID_EMAIL_ADDRESS:")
    assert {"Smith", "Doe"} == names(emulator)
    counts = [of(f"number{name}", closed) for name in ("BatchesCompleted", "RecordsProcessed", "RecordsFailed")]
    assert (of("state", closed), of("concurrencyMode", closed), counts) == ("Closed", "Serial", ["1", "3", "1"])


async def test_upsert_update_and_delete(v1, emulator):
    """The other operations find their rows by key."""
    new = emulator.org.create("Contact", {"LastName": "old"}, user_id=emulator.org.admin_id)

    await run(v1, await make(v1, operation="upsert", externalIdFieldName="Id"), f"Id,LastName\n{new},upserted\n")
    upserted = names(emulator)
    await run(v1, await make(v1, operation="update"), f"Id,LastName\n{new},updated\n")
    updated = names(emulator)
    await run(v1, await make(v1, operation="delete"), f"Id\n{new}\n")

    assert ({"upserted"}, {"updated"}, set()) == (upserted, updated, names(emulator))


async def test_query(v1, emulator):
    """A query's result is named in a list and fetched by that name, as CSV."""
    emulator.org.create("Contact", {"LastName": "Smith"}, user_id=emulator.org.admin_id)
    job = await make(v1, operation="query")

    batch = await run(v1, job, "SELECT LastName FROM Contact")
    listed = await v1.get(f"/job/{job}/batch/{batch}/result")
    result = await v1.get(f"/job/{job}/batch/{batch}/result/{of('result', listed)}")
    wrong = await v1.get(f"/job/{job}/batch/{batch}/result/752000000000000")

    assert result.text == '"LastName"\n"Smith"\n'
    assert (wrong.status_code, of("exceptionCode", wrong)) == (400, "InvalidBatch")


async def test_a_query_that_takes_long_leaves_others_alone(v1, client, emulator):
    """A query of a job runs beside the event loop; a job that is aborted meanwhile stays aborted."""
    org = emulator.org
    with org.savepoint():
        for number in range(3000):
            org.create("Contact", {"LastName": f"{number}"}, user_id=org.admin_id)
    soql = "SELECT LastName FROM Contact WHERE " + " OR ".join(f"LastName LIKE '%{number}z%'" for number in range(600))
    job = await make(v1, operation="query")
    batch = of("id", await v1.post(f"/job/{job}/batch", content=soql, headers=CSV))

    await v1.post(f"/job/{job}", content=job_info(state="Aborted"), headers=XML)
    await client.get("/query", params={"q": "SELECT COUNT() FROM Contact"})  # waits for the query before it
    info = await v1.get(f"/job/{job}/batch/{batch}")

    assert "NotProcessed" == of("state", info)


async def test_a_bad_query_fails_its_batch(v1):
    """The batch says what was wrong."""
    job = await make(v1, operation="query")

    batch = await run(v1, job, "SELECT Nope FROM Contact")

    info = await v1.get(f"/job/{job}/batch/{batch}")
    assert (of("state", info), "INVALID_FIELD" in of("stateMessage", info)) == ("Failed", True)


async def test_batches_are_listed(v1):
    """All batches of a job are told at once."""
    job = await make(v1)
    ids = [await run(v1, job, f"LastName\nname {number}\n") for number in range(3)]

    answer = await v1.get(f"/job/{job}/batch")

    assert ids == re.findall("<id>([^<]*)</id>", answer.text)
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?><batchInfoList')


@pytest.mark.parametrize("token", ["", "00D000000000001!x", "nonsense"])
async def test_an_expired_session_is_400(v1, token):
    """Unlike everywhere else; the body is an object of two members, or its XML."""
    headers = {"X-SFDC-Session": token}

    as_json = await v1.get("/job/750000000000000", headers=headers | JSON)
    as_xml = await v1.get("/job/750000000000000", headers=headers)

    expected = {"exceptionCode": "InvalidSessionId", "exceptionMessage": "Invalid session id"}
    assert (400, expected) == (as_json.status_code, as_json.json())
    assert (400, "InvalidSessionId") == (as_xml.status_code, of("exceptionCode", as_xml))


BOMB = f'<!DOCTYPE x [<!ENTITY a "aaaa">]><jobInfo xmlns="{XMLNS}"><operation>&a;</operation></jobInfo>'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (BOMB, "InvalidXML"),
        ("<jobInfo>", "InvalidXML"),
        ("<jobInfo/>", "InvalidXML"),
        ("", "InvalidXML"),
        (b"\xff\xfe<\x00", "InvalidXML"),
        ("{", "InvalidJob"),
        ("{}", "InvalidJob"),
        (job_info(operation="nope", object="Contact", contentType="CSV"), "InvalidJob"),
        (job_info(operation="insert", object="Nope", contentType="CSV"), "InvalidJob"),
        (job_info(operation="insert", object="Contact", contentType="ZIP_CSV"), "InvalidJob"),
        (job_info(operation="insert", object="Contact", contentType="CSV", concurrencyMode="x"), "InvalidJob"),
        (job_info(operation="upsert", object="Contact", contentType="CSV"), "InvalidJob"),
        (job_info(operation="hardDelete", object="Contact", contentType="CSV"), "FeatureNotEnabled"),
    ],
)
async def test_refused_orders(v1, body, code):
    """What is no order is refused with the API's own codes."""
    answer = await v1.post("/job", content=body, headers=XML)

    assert (400, code) == (answer.status_code, of("exceptionCode", answer))


@pytest.mark.parametrize(
    ("content", "code"),
    [("", "InvalidBatch"), ("LastName\n" + "x\n" * 10_001, "ClientInputError"), ("x" * 10_000_001, "ClientInputError")],
)
async def test_refused_batches(v1, emulator, content, code):
    """A batch has to hold something, and at most 10,000 rows and 10 MB."""
    answer = await v1.post(f"/job/{await make(v1)}/batch", content=content, headers=CSV)

    assert (400, code, set()) == (answer.status_code, of("exceptionCode", answer), names(emulator))


async def test_a_closed_job_takes_no_batch(v1):
    """A job that is closed stays so; unknown jobs, batches and versions are told apart."""
    job = await make(v1)
    await v1.post(f"/job/{job}", content=job_info(state="Closed"), headers=XML)

    late = await v1.post(f"/job/{job}/batch", content="LastName\nx\n", headers=CSV)
    again = await v1.post(f"/job/{job}", content=job_info(state="Aborted"), headers=XML)
    unknown = [await v1.get("/job/x"), await v1.get(f"/job/{job}/batch/x")]
    version = await v1.get(f"{str(v1.base_url).replace('66.0', '1.0')}job/{job}")

    codes = [of("exceptionCode", answer) for answer in (late, again, *unknown, version)]
    assert ["InvalidJobState", "InvalidJobState", "InvalidJob", "InvalidBatch", "InvalidUrl"] == codes


async def test_aborted_batches_are_not_processed(keys):
    """Batches that still wait when their job is aborted never run."""
    config = EmulatorConfig(directory=keys, bulk_delay_seconds=3600)
    clock = _PatientClock()
    async with Emulator(config, clock) as emulator:
        headers = {"X-SFDC-Session": emulator.credentials.access_token}
        async with httpx.AsyncClient(
            base_url=f"{emulator.url}/services/async/66.0", headers=headers, trust_env=False, timeout=60
        ) as v1:
            job = await make(v1)
            batch = of("id", await v1.post(f"/job/{job}/batch", content="LastName\nx\n", headers=CSV))
            waiting = await v1.get(f"/job/{job}/batch/{batch}")
            early = await v1.get(f"/job/{job}/batch/{batch}/result")
            await v1.post(f"/job/{job}", content=job_info(state="Aborted"), headers=XML)
            clock.hold.set()
            aborted = await v1.get(f"/job/{job}/batch/{batch}")

        assert ("Queued", "NotProcessed") == (of("state", waiting), of("state", aborted))
        assert of("exceptionCode", early) == "InvalidBatch"
        assert names(emulator) == set()


class _PatientClock(ManualClock):
    """A clock whose sleepers wait until a test lets them go."""

    def __init__(self) -> None:
        super().__init__()
        self.hold = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        del seconds
        await self.hold.wait()


async def test_simple_salesforce(emulator):
    """A client that is not ours, unchanged: its bulk handler speaks JSON throughout."""
    credentials = emulator.credentials

    def scenario() -> list[Any]:
        client: Any = Salesforce(
            instance_url=credentials.instance_url, session_id=credentials.access_token, version="66.0"
        )
        client.bulk_url = f"{credentials.instance_url}/services/async/66.0/"
        contacts = client.bulk.Contact
        made = contacts.insert([{"LastName": "Smith", "Phone": None}, {"FirstName": "x"}], use_serial=True)
        found = contacts.query("SELECT LastName, CreatedDate FROM Contact")
        return [made, found]

    made, found = await asyncio.to_thread(scenario)

    assert [(True, True), (False, False)] == [(row["success"], row["created"]) for row in made]
    assert made[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert [("Smith", 1_772_366_400_000)] == [(row["LastName"], row["CreatedDate"]) for row in found]


@pytest.mark.skipif(not RECORDING.exists(), reason="the recordings are not here")
async def test_recorded(emulator, v1):
    """The recorded query job gets answers of the recorded statuses and members."""
    emulator.org.create(
        "Event", {"DurationInMinutes": 5, "ActivityDateTime": "2026-03-01T12:00:00Z"}, user_id=(emulator.org.admin_id)
    )
    exchanges = [each for each in json.loads(RECORDING.read_text()) if "/services/async/" in each["request"]["uri"]]
    made: dict[str, str] = {}
    seen = 0
    for exchange in exchanges:
        request, recorded = exchange["request"], exchange["response"]
        path = request["uri"].partition("/services/async/62.0")[2]
        for old, new in made.items():
            path = path.replace(old, new)

        answer = await v1.request(request["method"], path, content=(request["body"] or "").encode(), headers=JSON)

        # Recorded repetitions of a creation were answered 200 by the recorder's own copy.
        assert answer.status_code == (201 if request["method"] == "POST" else recorded["status"])
        if recorded["body"].startswith("<?xml"):
            if of("operation", answer) == "query":
                made["7509H0000016GUXQA2"] = of("id", answer)
            assert re.findall("<([a-zA-Z]+)>", recorded["body"]) == re.findall("<([a-zA-Z]+)>", answer.text)
        elif recorded["body"].startswith("{"):
            made["7519H000001XiCzQAK"] = answer.json()["id"]
            assert set(json.loads(recorded["body"])) == set(answer.json())
        elif recorded["body"].startswith('["'):
            made["7529H000000xO6L"] = answer.json()[0]
        else:
            assert list(json.loads(recorded["body"])[0]) == list(answer.json()[0])
        seen += 1
    assert seen == len(exchanges) > 0
