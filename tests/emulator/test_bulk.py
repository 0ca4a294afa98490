"""Bulk 2.0 over HTTP: what only a real server shows."""

import asyncio

import httpx

from service.emulator.server import Emulator, EmulatorConfig


async def load(client, content: bytes, **order) -> str:
    body = {"object": "Lead", "operation": "insert", "contentType": "CSV", "lineEnding": "LF"} | order
    job = (await client.post("/jobs/ingest", json=body)).json()
    url = f"{str(client.base_url).partition('/services')[0]}/{job['contentUrl']}"
    uploaded = await client.put(url, content=content, headers={"Content-Type": "text/csv"})
    assert (uploaded.status_code, uploaded.content) == (201, b"")
    await client.patch(f"/jobs/ingest/{job['id']}", json={"state": "UploadComplete"})
    return str(job["id"])


async def finished(client, job: str) -> dict[str, object]:
    while True:
        info: dict[str, object] = (await client.get(f"/jobs/ingest/{job}")).json()
        if info["state"] in {"JobComplete", "Failed", "Aborted"}:
            return info


async def test_a_job(client, emulator):
    """The content URL takes the upload, the job ends, and results are CSV."""
    job = await load(client, b"LastName,Company\nSmith,Acme\n,Acme\n")

    info = await finished(client, job)

    assert (info["jobType"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("V2Ingest", 2, 1)
    results = await client.get(f"/jobs/ingest/{job}/successfulResults")
    assert results.headers["Content-Type"].startswith("text/csv")
    assert results.text.splitlines()[0] == '"sf__Id","sf__Created","LastName","Company"'
    assert emulator.org.count("Lead") == 1
    assert emulator.statistics().bulk_jobs == 1


async def test_large_results_are_streamed(client):
    """Results above one piece arrive whole, plain and compressed."""
    job = await load(client, b"LastName,Company\n" + b"Smith,Acme\n" * 5000)
    await finished(client, job)

    plain = await client.get(f"/jobs/ingest/{job}/successfulResults", headers={"Accept-Encoding": "identity"})
    compressed = await client.get(f"/jobs/ingest/{job}/successfulResults", headers={"Accept-Encoding": "gzip"})

    assert len(plain.text.splitlines()) == 5001
    assert plain.text == compressed.text
    assert compressed.headers["Content-Encoding"] == "gzip"


async def test_the_server_answers_while_a_job_runs(client, emulator):
    """Other requests are answered between the chunks of a job, long before it ends."""
    job = await load(client, b"LastName,Company\n" + b"Smith,Acme\n" * 10_000)

    await client.get("/limits")

    done = emulator.org.count("Lead")
    await finished(client, job)
    assert done < 10_000


async def test_closing_in_the_middle_of_a_job(keys, clock):
    """An emulator that closes ends its jobs where they are, without waiting for the rest."""
    async with Emulator(EmulatorConfig(directory=keys), clock) as emulator:
        async with httpx.AsyncClient(
            base_url=f"{emulator.url}/services/data/v66.0", trust_env=False, timeout=60
        ) as client:
            client.headers["Authorization"] = f"Bearer {emulator.credentials.access_token}"
            await load(client, b"LastName,Company\n" + b"Smith,Acme\n" * 40_000)
        written = emulator.org.count("Lead")

    assert written < 40_000
    assert asyncio.all_tasks() == {asyncio.current_task()}
