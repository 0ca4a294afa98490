"""The README's table of resources is true, and no request, however malformed, meets a defect."""

import gzip
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

README = Path(__file__).parents[2] / "service" / "emulator" / "README.md"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
UNKNOWN = "The requested resource does not exist"
BODIES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"[1, [2]]",
    b"\xff\xfe\x00",
    b"[" * 3000,
    b'{"a": ' * 3000,
    b'{"records": [null, 1, "x", {}, {"attributes": null}, {"attributes": {"type": 1}}]}',
    b'{"allOrNone": "maybe", "records": {"a": 1}, "compositeRequest": 1, "batchRequests": {}, "graphs": [[]]}',
    b'{"compositeRequest": [{"method": 1, "url": [], "referenceId": {}}], "graphs": [{"compositeRequest": null}]}',
    b'{"operation": "query", "query": "SELECT ((", "object": 1, "contentType": [], "state": {}}',
    b'{"Name": {"Name": {"Name": null}}, "Id": 1, "attributes": [], "NumberOfEmployees": 1e999}',
    b'{"NumberOfEmployees": ' + b"9" * 5000 + b"}",
    b'{"Name": "\\ud800"}',
    b"<jobInfo><operation>x</operation>",
    b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    b'"a""b\n"c,d\n\x00',
    b"grant_type=%ff&assertion=a.b.c&token=%00",
)
KINDS = (
    "application/json",
    "text/csv",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=b",
    "?",
)
WORDS = ("'", "%00", "..%2F", "%FF", "a" * 300, "001000000000001AAA", "Account", "Ext__c", "1.0", "%E2%80%AE")


def table() -> Iterator[tuple[str, str, str]]:
    """Yield method, pattern and state of each resource of the table."""
    for line in README.read_text("utf-8").split("## Resources")[1].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) < 2 or cells[1] not in {"faithful", "approximate", "absent"}:
            continue
        for methods, path in re.findall(r"`([A-Z, ]+) ([/…][^`]*)`", cells[0]):
            for method in methods.split(", "):
                yield method, path.replace("…", "/services/data/v{version}").strip("/"), cells[1]


def nameless(pattern: str) -> str:
    return re.sub(r"\{\w+\}", "{}", pattern.partition("?")[0])


def routes(emulator) -> set[tuple[str, str]]:
    """Return method and pattern of everything that the emulator routes."""
    gateway = emulator._gateway
    inside = {(method, f"services/data/v{{version}}/{pattern}".strip("/")) for method, pattern in gateway._org_routes}
    return {("GET", "services/data"), *inside, *gateway._open_routes}


async def test_each_route_is_in_the_table(emulator):
    """Nothing is answered that the table does not tell, and nothing told to be there is without a route."""
    routed = {(method, nameless(pattern)) for method, pattern in routes(emulator)}
    told = {(method, nameless(pattern)) for method, pattern, state in table() if state != "absent"}

    assert (set(), set()) == (routed - told, told - routed)


async def filled(client, emulator, pattern: str) -> str:
    """Return a path of a pattern that leads to something that is there."""
    org = emulator.org
    saved = org.upsert("Account", "Ext__c", "A-1", {"Name": "Acme"}, user_id=org.admin_id)
    names = {
        "version": "66.0",
        "org": org.id,
        "user": org.admin_id,
        "dialect": "u",
        "sobject": "Account",
        "id": saved.id,
        "field": "Ext__c",
        "value": "A-1",
    }
    if "jobs/ingest/{job}" in pattern:
        job = await client.post("/jobs/ingest", json={"object": "Account", "operation": "insert", "contentType": "CSV"})
        names["job"] = job.json()["id"]
    if "jobs/query/{job}" in pattern:
        job = await client.post("/jobs/query", json={"operation": "query", "query": "SELECT Id FROM Account"})
        names["job"] = job.json()["id"]
    return "/" + re.sub(r"\{(\w+)\}", lambda match: names.get(match[1], "x"), pattern)


@pytest.mark.parametrize(("method", "pattern", "state"), sorted(table()))
async def test_the_table_is_true(client, emulator, method, pattern, state):
    """What is told to be there is a known resource; what is told to be absent is answered with 404."""
    path = await filled(client, emulator, pattern)

    answer = await client.request(method, f"{emulator.url}{path}", follow_redirects=False)

    if state == "absent":
        assert 404 == answer.status_code
    else:
        assert 405 != answer.status_code
        assert "{" in pattern.removeprefix("services/data/v{version}") or UNKNOWN not in answer.text


def is_salesforces(answer: httpx.Response) -> bool:
    """Tell whether a refusal has one of the shapes that Salesforce gives it."""
    kind = answer.headers.get("Content-Type", "")
    if "/services/Soap/" in answer.request.url.path and answer.status_code == 500:
        return "<soapenv:Fault>" in str(answer.text)  # what SOAP asks for
    if answer.status_code >= 500:
        return False
    if answer.request.method == "HEAD" or not answer.content:
        return True
    if not kind.startswith("application/json"):
        return bool(kind.startswith(("text/", "application/xml")))
    told = answer.json()
    if isinstance(told, list):
        return all({"message", "errorCode"} <= set(each) for each in told)
    return any(key in told for key in ("error", "exceptionCode", "hasErrors"))


async def sweep(client, emulator, caplog, requests) -> None:
    wrong = []
    for method, path, body, kind in requests:
        headers = {"Content-Type": kind, "X-SFDC-Session": emulator.credentials.access_token}
        answer = await client.request(method, f"{emulator.url}{path}", content=body, headers=headers)
        if answer.status_code >= 400 and not is_salesforces(answer):
            wrong.append((method, path, body[:60], kind, answer.status_code, answer.text[:120]))
    defects = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert ([], []) == (wrong[:20], defects[:9])


async def test_hostile_bodies(client, emulator, caplog):
    """Each resource that takes a body refuses a malformed one as Salesforce does, whatever it says it is."""
    taking = sorted(each for each in routes(emulator) if each[0] in {"POST", "PUT", "PATCH"})
    paths = {pattern: await filled(client, emulator, pattern) for _, pattern in taking}
    kinds = itertools.cycle(KINDS)

    await sweep(
        client, emulator, caplog, [(m, paths[p], body, next(kinds)) for m, p in taking for body in BODIES for _ in "ab"]
    )


async def test_hostile_paths_and_methods(client, emulator, caplog):
    """Each resource refuses strange methods, names and versions as Salesforce does."""
    patterns = sorted({pattern for _, pattern in routes(emulator)})
    words = itertools.cycle(WORDS)
    paths = ["/" + re.sub(r"\{\w+\}", lambda _: next(words), pattern) for pattern in patterns for _ in WORDS]
    known = [await filled(client, emulator, pattern) for pattern in patterns]
    suffixes = ("/x", "//", "?q=%FF&locator=%00&maxRecords=x&batchSize=-1&fields=%27&start=x&end=y", ";a=b")

    await sweep(client, emulator, caplog, [("GET", path, b"", "?") for path in paths])
    await sweep(client, emulator, caplog, [(method, path, b"", "?") for path in known for method in METHODS])
    await sweep(client, emulator, caplog, [("GET", path + suffix, b"", "?") for path in known for suffix in suffixes])


async def test_an_oversize_body(client, emulator, caplog):
    """A JSON body above 50 MB is refused, and so is one that grows to that when it is unpacked."""
    for content, encoding in ((b" " * 52_428_801, "identity"), (gzip.compress(b" " * 52_428_801, 1), "gzip")):
        for path in ("/composite", "/sobjects/Account", "/jobs/ingest"):
            answer = await client.post(path, content=content, headers={"Content-Encoding": encoding})
            assert (413, "REQUEST_ENTITY_TOO_LARGE") == (answer.status_code, answer.json()[0]["errorCode"])
