"""The composite family over HTTP."""

import json
from pathlib import Path

import pytest

RECORDING = Path(__file__).parents[3] / "shared" / "recordings" / "rest" / "composite_parallel.json"
BASE = "/services/data/v66.0"


def shape(value):
    """Return JSON with each scalar replaced by its type."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value]
    return type(value).__name__


@pytest.mark.skipif(not RECORDING.exists(), reason="the recordings are not here")
async def test_recorded(client):
    """Recorded requests get answers of the recorded statuses, keys and types."""
    for exchange in json.loads(RECORDING.read_text()):
        request, recorded = exchange["request"], exchange["response"]
        path = request["uri"].partition("/services/data/vxx.0/")[2]

        answer = await client.request(
            request["method"], path, content=request["body"].replace("vxx.0", "v66.0").encode()
        )

        assert recorded["status"] == answer.status_code
        assert shape(json.loads(recorded["body"])) == shape(answer.json())


async def test_one_call(client, emulator):
    """A composite call counts once however many subrequests it has; a batch counts each."""
    get = {"method": "GET", "url": f"{BASE}/sobjects/Account"}
    nodes = [{**get, "referenceId": f"r{number}"} for number in range(10)]
    batch = [{"method": "GET", "url": "v66.0/limits"}] * 10

    first = await client.post("/composite", json={"compositeRequest": nodes})
    second = await client.post("/composite/batch", json={"batchRequests": batch})

    used = [int(answer.headers["Sforce-Limit-Info"].split("=")[1].split("/")[0]) for answer in (first, second)]
    assert used == [1, 11]


async def test_each_resource_answers(client):
    """Graph and tree are reached by their paths, and a malformed body is Salesforce's own refusal."""
    node = {"method": "POST", "url": f"{BASE}/sobjects/Account", "referenceId": "a", "body": {"Name": "x"}}
    graph = {"graphs": [{"graphId": "1", "compositeRequest": [node]}]}
    tree = {"records": [{"attributes": {"type": "Account", "referenceId": "a"}, "Name": "x"}]}

    made = await client.post("/composite/graph", json=graph), await client.post("/composite/tree/Account", json=tree)
    refusals = [
        await client.post(f"/composite{path}", content=b"{") for path in ("", "/graph", "/batch", "/tree/Account")
    ]

    assert [200, 201] == [answer.status_code for answer in made]
    assert [(400, "JSON_PARSER_ERROR")] * 4 == [
        (refusal.status_code, refusal.json()[0]["errorCode"]) for refusal in refusals
    ]
    assert (await client.get("/composite/graph")).status_code == 405


async def test_a_body_without_bottom(client):
    """JSON nested without end is refused and not a defect."""
    row = {"method": "POST", "url": f"{BASE}/sobjects/Account", "referenceId": "a", "body": "DEEP"}
    record = {"attributes": {"type": "Account", "referenceId": "a"}, "Name": "DEEP"}
    bodies = {
        "": {"compositeRequest": [row]},
        "?": {"compositeRequest": [row], "allOrNone": True},
        "/graph": {"graphs": [{"graphId": "1", "compositeRequest": [row]}]},
        "/batch": {"batchRequests": [{"method": "POST", "url": "v66.0/sobjects/Account", "richInput": "DEEP"}]},
        "/tree/Account": {"records": [record]},
    }

    answers = {}
    for path, body in bodies.items():
        content = json.dumps(body).replace('"DEEP"', "[" * 900 + "]" * 900)
        answers[path] = await client.post(f"/composite{path}", content=content)

    assert dict.fromkeys(bodies, True) == {path: "JSON_PARSER_ERROR" in answer.text for path, answer in answers.items()}
