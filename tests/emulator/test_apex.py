"""Apex REST and invocable actions over HTTP."""

import httpx
import pytest

from service.emulator.apex import Apex, ApexResponse
from service.emulator.server import Emulator, EmulatorConfig

DOCUMENT = """
endpoints:
  - method: POST
    path: /orders/{number}
    status: 201
    headers: {X-Order: "no ${path.number} of ${query.who}"}
    body: {number: "${path.number}", first: "${body.lines.0}", all: "${body}", text: "<${body.none}>", fixed: [1, null]}
actions:
  - {name: Mail, label: Send Mail, outputs: {to: "${input.to}", sent: true}}
  - {name: Broken, error: "no ${input.what}"}
"""


def code() -> Apex:
    apex = Apex()

    @apex.endpoint("PUT", "/accounts/*")
    def put(request):
        made = request.org.create("Account", request.json(), user_id=request.user_id)
        if request.query.get("fail"):
            raise KeyError(request.query["fail"])
        return {"id": made, "path": request.path, "rest": request.parameters["*"]}

    @apex.endpoint("GET", "/file")
    def file(_request):
        return ApexResponse(202, b"a,b\n", {"X-Kind": "file"}, "text/csv")

    @apex.endpoint("DELETE", "/file")
    def nothing(_request):
        return None

    @apex.endpoint("GET", "/unfit")
    def unfit(_request):
        return {"value": object()}

    @apex.action("Count")
    def count(request, values):
        return {"rows": request.org.count(str(values["of"]))}

    @apex.action("Unfit")
    def unfit_action(_request, values):
        return values.get("what", object())

    return apex


@pytest.fixture
async def emulator(keys, clock, tmp_path):
    """An emulator with code of both kinds."""
    file = tmp_path / "apex.yaml"
    file.write_text(DOCUMENT)
    async with Emulator(EmulatorConfig(directory=keys, apex=(file,)), clock, apex=code()) as emulator:
        yield emulator


@pytest.fixture
async def rest(emulator, client):
    """A client whose paths are relative to Apex REST."""
    base = f"{emulator.url}/services/apexrest"
    async with httpx.AsyncClient(base_url=base, headers=client.headers, trust_env=False, timeout=60) as rest:
        yield rest


async def test_templates_are_filled(rest):
    """An endpoint of a file answers with its status, headers and body, filled from path, query and body."""
    response = await rest.post("/orders/7", params={"who": "a\r\nX-Evil: 1"}, json={"lines": ["x"]})

    assert (response.status_code, response.headers["X-Order"]) == (201, "no 7 of a X-Evil: 1")
    assert response.json() == {
        "number": "7",
        "first": "x",
        "all": {"lines": ["x"]},
        "text": "<>",
        "fixed": [1, None],
    }
    assert response.headers["Sforce-Limit-Info"] == (await rest.post("/orders/7")).headers["Sforce-Limit-Info"].replace(
        "=2/", "=1/"
    )


async def test_functions_work_on_the_org(rest, emulator):
    """A function writes rows as the caller, and what it wrote is undone when it raises."""
    made = await rest.put("/accounts/a%2Fb/c", json={"Name": "x"})
    assert made.json() == {"id": made.json()["id"], "path": "/accounts/a/b/c", "rest": "a/b/c"}

    failed = await rest.put("/accounts/a?fail=boom", json={"Name": "y"})

    assert failed.status_code == 500
    [entry] = failed.json()
    assert entry["errorCode"] == "APEX_ERROR"
    assert entry["message"].startswith("System.KeyError: 'boom'\n\nClass.put: line ")
    assert emulator.org.count("Account") == 1


async def test_a_refused_row_is_an_exception(rest):
    """A fault that the code does not catch is an Apex error; a body that is no JSON is the caller's."""
    failed = await rest.put("/accounts/a", json={})
    assert failed.status_code == 500
    assert failed.json()[0]["message"].startswith(
        "System.DmlException: first error: REQUIRED_FIELD_MISSING, Required fields are missing: [Name]: [Name]"
    )

    failed = await rest.put("/accounts/a", content=b"{")
    assert (failed.status_code, failed.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


async def test_answers_of_other_kinds(rest):
    """Bytes, nothing, and what cannot be written as JSON."""
    file = await rest.get("/file")
    assert (file.status_code, file.text, file.headers["X-Kind"]) == (202, "a,b\n", "file")
    assert file.headers["Content-Type"] == "text/csv"
    nothing = await rest.delete("/file")
    assert (nothing.status_code, nothing.content) == (200, b"")
    assert (await rest.get("/unfit")).json()[0]["errorCode"] == "APEX_ERROR"


async def test_what_is_not_mapped(rest, anonymous):
    """Unknown paths and methods are refused in Salesforce's words, and so is a caller without a session."""
    missing = await rest.get("/nope")
    assert (missing.status_code, missing.json()) == (
        404,
        [{"message": "Could not find a match for URL", "errorCode": "NOT_FOUND"}],
    )
    assert "Sforce-Limit-Info" in missing.headers
    assert (await rest.patch("/file")).status_code == 405
    assert (await rest.get("/")).status_code == 404
    stranger = await anonymous.get("/services/apexrest/file")
    assert (stranger.status_code, stranger.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


async def test_actions_are_listed(client):
    """The list of actions leads to each of them."""
    base = "/services/data/v66.0/actions"
    assert (await client.get("/actions")).json() == {"standard": f"{base}/standard", "custom": f"{base}/custom"}
    assert (await client.get("/actions/standard")).json() == {"actions": []}
    assert (await client.get("/actions/custom")).json() == {"apex": f"{base}/custom/apex"}
    listed = (await client.get("/actions/custom/apex")).json()["actions"]
    assert [action["name"] for action in listed] == ["Broken", "Count", "Mail", "Unfit"]
    assert listed[2] == {"label": "Send Mail", "name": "Mail", "type": "APEX", "url": f"{base}/custom/apex/Mail"}
    assert (await client.get("/actions/custom/apex/Mail")).json()["label"] == "Send Mail"


async def test_actions_are_called(client):
    """Each input of an action has its outcome; one that fails makes the answer 400."""
    body = {"inputs": [{"to": "a"}, {"to": ["b"]}]}
    sent = await client.post("/actions/custom/apex/Mail", json=body)
    assert (sent.status_code, sent.json()) == (
        200,
        [
            {"actionName": "Mail", "errors": None, "isSuccess": True, "outputValues": {"to": to, "sent": True}}
            for to in ("a", ["b"])
        ],
    )
    counted = await client.post("/actions/custom/apex/Count", json={"inputs": [{"of": "Account"}]})
    assert counted.json()[0]["outputValues"] == {"rows": 0}
    failed = await client.post("/actions/custom/apex/Broken", json={"inputs": [{"what": "way"}]})
    assert failed.status_code == 400
    [outcome] = failed.json()
    assert (outcome["isSuccess"], outcome["outputValues"]) == (False, None)
    assert outcome["errors"][0]["message"].startswith("System.RuntimeError: no way")
    for content in (b"", b'{"inputs": [{"what": "text"}]}'):
        assert (await client.post("/actions/custom/apex/Unfit", content=content)).status_code == 400


@pytest.mark.parametrize("content", [b"{", b'{"inputs": {}}', b'{"inputs": [1]}'])
async def test_inputs_that_are_none(client, content):
    """Inputs are a list of objects."""
    response = await client.post("/actions/custom/apex/Mail", content=content)

    assert (response.status_code, response.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


async def test_unknown_actions(client):
    """An action that is not there is a resource that does not exist."""
    for method in ("GET", "POST"):
        response = await client.request(method, "/actions/custom/apex/Nope")
        assert (response.status_code, response.json()[0]["errorCode"]) == (404, "NOT_FOUND")
