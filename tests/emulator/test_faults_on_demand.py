"""Faults scripted by a file and by the control endpoint, as clients meet them."""

import asyncio
import itertools
from typing import Any

import httpx
import pytest

from service.emulator.effects import LockParents
from service.emulator.fault_rules import RuleError
from service.emulator.server import Emulator, EmulatorConfig, OrgSource

QUERY = {"q": "SELECT Id FROM Account"}


@pytest.fixture
async def control(emulator):
    """A client of the control endpoint on this machine."""
    async with httpx.AsyncClient(base_url=f"{emulator.url}/__control", trust_env=False, timeout=60) as client:
        yield client


async def script(control: httpx.AsyncClient, *rules: dict[str, Any], seed: int = 0) -> None:
    answer = await control.put("/faults", json={"seed": seed, "rules": list(rules)})
    assert answer.status_code == 200, answer.text


async def test_a_page_of_the_edge(client, control):
    """A scripted page is HTML, hits as often as told, and the rule counts it."""
    await script(control, {"id": "edge", "effect": {"page": 420}, "match": {"path": "/query"}, "skip": 1, "times": 1})

    answers = [await client.get("/query", params=QUERY) for _ in range(3)]

    assert [200, 420, 200] == [answer.status_code for answer in answers]
    assert answers[1].headers["Content-Type"].startswith("text/html")
    rule = (await control.get("/faults/edge")).json()
    assert (2, 1, 0) == (rule["matched"], rule["hits"], rule["times_left"])


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("QUERY_TIMEOUT", 400, "QUERY_TIMEOUT"),
        ("CONCURRENT_LIMIT", 403, "REQUEST_LIMIT_EXCEEDED"),
        ({"status": 418, "code": "TEAPOT", "message": "no", "fields": ["Name"]}, 418, "TEAPOT"),
    ],
)
async def test_error_arrays(client, control, error, status, code):
    """A scripted error is Salesforce's array."""
    await script(control, {"effect": {"error": error}})

    answer = await client.get("/query", params=QUERY)

    assert status == answer.status_code
    assert code == answer.json()[0]["errorCode"]


async def test_the_quota_used_up(client, control):
    """Until the rule goes, calls are refused as above the allocation, and the header says so."""
    await script(control, {"id": "quota", "effect": "quota_used_up"})
    refused = await client.get("/query", params=QUERY)
    await control.delete("/faults/quota")
    passed = await client.get("/query", params=QUERY)

    used, _, maximum = refused.headers["Sforce-Limit-Info"].partition("=")[2].partition("/")
    assert [403, "TotalRequests Limit exceeded."] == [refused.status_code, refused.json()[0]["message"]]
    assert used == maximum
    assert passed.status_code == 200


@pytest.mark.parametrize(("kind", "written"), [("before", 0), ("mid-request", 0), ("after", 1), ("mid-body", 1)])
async def test_resets(client, control, emulator, kind, written):
    """A reset leaves the caller without an answer, and the row written or not as its kind says."""
    await script(control, {"effect": {"reset": kind}, "match": {"method": "POST"}})

    with pytest.raises(httpx.TransportError):
        await client.post("/sobjects/Account", json={"Name": "Acme"})

    assert written == emulator.org.count("Account")


async def test_latency_is_drawn_from_its_distribution(client, control, clock):
    """Delays differ, stay within their bounds, and are the same for the same seed."""
    rules = {"effect": {"latency": {"uniform": {"low": 1, "high": 2}}}}
    rounds = []
    for _ in range(2):
        await script(control, rules, seed=7)
        started = [clock.passed]
        for _ in range(5):
            await client.get("/query", params=QUERY)
            started.append(clock.passed)
        rounds.append([round(after - before, 9) for before, after in itertools.pairwise(started)])

    assert rounds[0] == rounds[1]
    assert len(set(rounds[0])) == 5
    assert all(1 <= delay <= 2 for delay in rounds[0])


async def test_probability_is_repeatable(client, control):
    """With one seed the same matches are hit, about as many as the probability says."""
    rounds = []
    for _ in range(2):
        await script(control, {"effect": {"page": 503}, "probability": 0.5}, seed=3)
        rounds.append([(await client.get("/query", params=QUERY)).status_code for _ in range(40)])

    assert rounds[0] == rounds[1]
    assert 10 <= rounds[0].count(503) <= 30


async def test_revoked_tokens(client, control):
    """The token is gone when the request is handled."""
    await script(control, {"effect": {"revoke_tokens": True}, "times": 1})

    answer = await client.get("/query", params=QUERY)

    assert [401, "INVALID_SESSION_ID"] == [answer.status_code, answer.json()[0]["errorCode"]]


async def test_locked_rows_of_one_object(client, control):
    """Row locks concern the object they name, and may stand in a trigger's text."""
    await script(control, {"effect": {"row_lock": {"sobject": "account", "in_trigger": True}}, "times": 1})

    contact = await client.post("/sobjects/Contact", json={"LastName": "x"})
    locked = await client.post("/sobjects/Account", json={"Name": "x"})
    retried = await client.post("/sobjects/Account", json={"Name": "x"})

    assert [201, 400, 201] == [contact.status_code, locked.status_code, retried.status_code]
    assert "UNABLE_TO_LOCK_ROW" in locked.json()[0]["message"]


async def test_slow_bulk_jobs(client, control, clock):
    """A slow job passes the time it is told to take."""
    await script(control, {"effect": {"slow_jobs": {"wait": 30, "chunk": 5}}})
    job = (await client.post("/jobs/ingest", json={"object": "Account", "operation": "insert"})).json()["id"]
    await client.put(f"/jobs/ingest/{job}/batches", content=b"Name\nx\n", headers={"Content-Type": "text/csv"})

    await client.patch(f"/jobs/ingest/{job}", json={"state": "UploadComplete"})
    state = ""
    for _ in range(10):
        state = (await client.get(f"/jobs/ingest/{job}")).json()["state"]

    assert state == "JobComplete"
    assert clock.passed == 35


async def test_writes_under_one_parent_conflict(keys):
    """Two requests that write children of one parent at the same time conflict; one after the other they do not."""
    async with Emulator(EmulatorConfig(directory=keys)) as emulator:
        org = emulator.org
        accounts = [org.create("Account", {"Name": name}, user_id=org.admin_id) for name in "AB"]
        emulator.disturbances.add(LockParents(0.3), times=None)
        headers = {"Authorization": f"Bearer {emulator.credentials.access_token}"}
        base = f"{emulator.url}/services/data/v66.0"
        async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=60) as client:

            async def add(account: str) -> httpx.Response:
                return await client.post("/sobjects/Contact", json={"LastName": "x", "AccountId": account})

            same = await asyncio.gather(add(accounts[0]), add(accounts[0]))
            different = await asyncio.gather(add(accounts[0]), add(accounts[1]))
            later = await add(accounts[0])

        assert [201, 400] == sorted(answer.status_code for answer in same)
        (locked,) = [answer.json()[0] for answer in same if answer.status_code == 400]
        assert ["UNABLE_TO_LOCK_ROW", True] == [locked["errorCode"], accounts[0] in locked["message"]]
        assert [201, 201, 201] == [answer.status_code for answer in (*different, later)]
        assert org.count("Contact") == 4


async def test_rules_of_one_org(emulator, client, control):
    """A rule that names an org leaves the others alone."""
    other = emulator.new_org(OrgSource("other"))
    await script(control, {"effect": {"page": 503}, "match": {"org": "other"}})

    mine = await client.get("/query", params=QUERY)
    headers = {"Authorization": f"Bearer {other.access_token}"}
    theirs = await client.get("/query", params=QUERY, headers=headers)

    assert [200, 503] == [mine.status_code, theirs.status_code]


async def test_who_may_control(emulator, control):
    """Pages in browsers, proxies, foreign host names and wrong tokens are refused; the token opens from anywhere."""
    token = {"Authorization": f"Bearer {emulator.control_token}"}
    headers: list[dict[str, str]] = [
        {},
        {"Origin": "https://evil.example"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"Host": "evil.example"},
        {"Authorization": "Bearer wrong"},
        {**token, "Host": "emulator.example", "X-Forwarded-For": "10.0.0.1"},
    ]

    answers = [await control.get("/faults", headers=each) for each in headers]

    assert [200, 403, 403, 403, 403, 200] == [answer.status_code for answer in answers]


async def test_the_resources_of_control(control):
    """Rules are added, listed, replaced and taken back one by one or all; statistics count."""
    added = await control.post("/faults", content="effect: {page: 502}\nmatch: {path: /none}\n")
    put = await control.put("/faults/mine", json={"effect": {"page": 503}, "times": 2})
    listed = (await control.get("/faults")).json()["rules"]
    gone = await control.delete(f"/faults/{added.json()['id']}")
    missing = await control.get(f"/faults/{added.json()['id']}")
    cleared = await control.delete("/faults")
    left = (await control.get("/faults")).json()["rules"]
    counts = (await control.get("/statistics")).json()
    others = [(await control.request(*each)).status_code for each in (("GET", "/x"), ("PATCH", "/faults"))]

    assert [201, 200, 204, 404, 204] == [each.status_code for each in (added, put, gone, missing, cleared)]
    assert [added.json()["id"], "mine"] == [rule["id"] for rule in listed]
    assert left == []
    assert counts["orgs"] == 1
    assert [404, 405] == others


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({}, "effect has to be one of"),
        ({"effect": {"earthquake": 1}}, "effect 'earthquake' is not known"),
        ({"effect": {"latency": {"uniform": {"low": 2, "high": 1}}}}, "low has to be at most high"),
        ({"effect": {"latency": "long"}}, "latency: has to be a mapping"),
        ({"effect": {"latency": float("inf")}}, "seconds: has to be a number"),
        ({"effect": {"page": 200}}, "status: has to be a whole number from 300"),
        ({"effect": {"reset": "never"}}, "has to be one of accept, before, mid-request, after, mid-body"),
        ({"effect": {"error": "NOPE"}}, "'NOPE' is not known"),
        ({"effect": {"error": {"status": 400}}}, "code: has to be text"),
        ({"effect": "quota_used_up", "match": {"path": "("}}, "path: is no regular expression"),
        ({"effect": "quota_used_up", "match": {"org": "nobody"}}, "there is no org 'nobody'"),
        ({"effect": "quota_used_up", "probability": 2}, "probability: has to be a number from 0 to 1"),
        ({"effect": "quota_used_up", "often": 1}, "often is not known"),
        ({"effect": {"reset": "accept"}, "match": {"path": "/x"}}, "has neither method, path nor org"),
        ({"effect": "parent_locks", "match": {"path": "/x"}}, "method and path do not apply to parent_locks"),
        ({"effect": {"row_latency": {"rows": 1}}}, "rows is not known"),
        ({"effect": "quota_used_up", "id": "a b"}, "id has to be"),
        ([], "has to be a mapping"),
    ],
)
async def test_rules_that_are_no_good(control, rule, text):
    """A rule that cannot be understood is refused with the place, and the rules stay as they were."""
    await script(control, {"id": "kept", "effect": {"page": 503}, "match": {"path": "/none"}})

    content = str(rule).replace("inf", ".inf")
    answer = await control.put("/faults", content=f"rules: [{content}]")

    assert answer.status_code == 400
    assert text in answer.json()["error"]
    assert ["kept"] == [each["id"] for each in (await control.get("/faults")).json()["rules"]]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"rules: [", b"{}{}", b"- &a [*a]", b"1", b"a" * 1_000_001])
async def test_bodies_that_are_no_rules(control, content):
    """Any body is rules or a told error."""
    answer = await control.put("/faults", content=content)

    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_control_can_be_off(keys):
    """Without control the path is one Salesforce does not know."""
    async with (
        Emulator(EmulatorConfig(directory=keys, control=False)) as emulator,
        httpx.AsyncClient(base_url=emulator.url, trust_env=False, timeout=60) as client,
    ):
        answer = await client.get("/__control/faults")

    assert [404, "NOT_FOUND"] == [answer.status_code, answer.json()[0]["errorCode"]]


async def test_faults_of_a_file(keys, tmp_path):
    """Rules of a file play from the start; a file that is no good is told by name."""
    file, bad = tmp_path / "faults.yaml", tmp_path / "bad.yaml"
    file.write_text("seed: 1\nrules:\n  - {match: {org: mine}, effect: {page: 503}, times: 1}\n", encoding="utf-8")
    bad.write_text("- effect: nothing\n", encoding="utf-8")

    config = EmulatorConfig(directory=keys, source=OrgSource("mine"), faults=file)
    async with Emulator(config) as emulator:
        headers = {"Authorization": f"Bearer {emulator.credentials.access_token}"}
        async with httpx.AsyncClient(base_url=emulator.url, headers=headers, trust_env=False, timeout=60) as client:
            statuses = [(await client.get("/services/data/v66.0/limits")).status_code for _ in range(2)]
    with pytest.raises(RuleError, match=r"bad\.yaml: rule 1: effect 'nothing' is not known"):
        async with Emulator(EmulatorConfig(directory=keys, faults=bad)):
            pass

    assert [503, 200] == statuses
