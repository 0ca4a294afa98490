"""What every answer has in common, over a real socket."""

import asyncio
import gc
import gzip
import json
import socket
import ssl
import warnings

import httpx
import pytest

from service.emulator.disturbances import Delay, Drop, Page, Refuse, RevokeSessions
from service.emulator.server import Emulator, EmulatorConfig


def error(response: httpx.Response) -> tuple[int, str, str]:
    [entry] = response.json()
    return response.status_code, entry["errorCode"], entry["message"]


async def test_versions_need_no_session(anonymous, emulator):
    """The list of versions is open to all and costs no API call."""
    response = await anonymous.get("/services/data/")

    assert response.json()[-1] == {"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"}
    assert [entry["version"] for entry in response.json()] == [f"{number}.0" for number in range(59, 67)]
    assert "Sforce-Limit-Info" not in response.headers
    assert response.headers["X-SFDC-Request-Id"]


async def test_resources_of_a_version(client):
    """A version lists its resources by path."""
    assert (await client.get("/")).json()["sobjects"] == "/services/data/v66.0/sobjects"


@pytest.mark.parametrize("path", ["/services/data/v66.0/limits", "/services/data/v66.0/nope", "/services/data/v1.0"])
@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer nonsense", "Bearer 00D100000000001!nonsense"])
async def test_without_a_session(anonymous, path, authorization):
    """Without a live token every data path says the session is invalid, whether or not the path exists."""
    response = await anonymous.get(path, headers={"Authorization": authorization} if authorization else {})

    assert error(response) == (401, "INVALID_SESSION_ID", "Session expired or invalid")
    assert response.headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize(
    ("authorization", "message"), [("Basic eDp5", "INVALID_HEADER_TYPE"), ("Bearer eyJhbGciOi.x", "INVALID_JWT_FORMAT")]
)
async def test_headers_of_another_kind(anonymous, authorization, message):
    """A header of another scheme, or a token that looks like a JWT, is an invalid header."""
    response = await anonymous.get("/services/data/v66.0/limits", headers={"Authorization": authorization})

    assert error(response) == (401, "INVALID_AUTH_HEADER", message)


async def test_an_idle_session_expires(client, clock):
    """A token that was idle for two hours is refused."""
    assert (await client.get("/limits")).status_code == 200
    clock.passed += 7201

    assert (await client.get("/limits")).status_code == 401


@pytest.mark.parametrize("version", ["v58.0", "v67.0", "66.0", "v66", "vx"])
async def test_an_unknown_version(client, emulator, version):
    """A version the emulator does not speak is an unknown resource."""
    response = await client.get(f"{emulator.url}/services/data/{version}/limits")

    assert error(response)[:2] == (404, "NOT_FOUND")


async def test_unknown_resources(client, anonymous):
    """Unknown paths are 404 in Salesforce's array, with and without a session."""
    expected = (404, "NOT_FOUND", "The requested resource does not exist")

    assert error(await client.get("/nothing/here")) == expected
    assert error(await anonymous.get("/nothing/here")) == expected
    assert error(await anonymous.get("/")) == expected


async def test_an_unknown_method(client):
    """A method the resource does not have is 405."""
    assert error(await client.put("/limits"))[:2] == (405, "METHOD_NOT_ALLOWED")


async def test_the_limit_header(client):
    """Every data answer counts, errors too, and tells the count."""
    seen = [(await client.get(path)).headers["Sforce-Limit-Info"] for path in ("/limits", "/nope", "/limits")]

    assert seen == ["api-usage=1/100000", "api-usage=2/100000", "api-usage=3/100000"]


async def test_answers_are_dated_by_the_orgs_clock(client, clock):
    """The date of an answer is of the same clock as those of the rows."""
    clock.passed = 3_600.5

    found = await client.get("/limits")

    assert "Sun, 01 Mar 2026 13:00:00 GMT" == found.headers["Date"]


async def test_an_exhausted_budget(keys, clock):
    """When the day's calls are used up the org refuses, until they come back."""
    async with (
        Emulator(EmulatorConfig(directory=keys, daily_api_requests=1), clock) as emulator,
        httpx.AsyncClient(base_url=f"{emulator.url}/services/data/v66.0", trust_env=False, timeout=60) as client,
    ):
        client.headers["Authorization"] = f"Bearer {emulator.credentials.access_token}"
        await client.get("/limits")

        refused = await client.get("/limits")

        assert error(refused) == (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        assert refused.headers["Sforce-Limit-Info"] == "api-usage=1/1"
        clock.passed += 86_701
        token = emulator.new_org(daily_api_requests=1).access_token
        assert (await client.get("/limits", headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def test_the_limits_resource(client):
    """The limits resource agrees with the header."""
    response = await client.get("/limits")

    assert response.json()["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_999}
    assert response.headers["Sforce-Limit-Info"] == "api-usage=1/100000"


async def test_record_counts(client):
    """Counts are given for the objects asked for, in their order, without those that do not exist."""
    await client.post("/sobjects/Account", json={"Name": "x"})

    response = await client.get("/limits/recordCount", params={"sObjects": "Contact,Nope,account"})

    assert response.json() == {"sObjects": [{"count": 0, "name": "Contact"}, {"count": 1, "name": "Account"}]}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"Name": "\xff"}'])
async def test_bad_json(client, body):
    """A body that is no JSON object is 400 JSON_PARSER_ERROR."""
    response = await client.post("/sobjects/Account", content=body, headers={"Content-Type": "application/json"})

    assert error(response)[:2] == (400, "JSON_PARSER_ERROR")


async def test_a_gzipped_body(client):
    """A request body may come compressed."""
    body = gzip.compress(json.dumps({"Name": "Acme"}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    assert (await client.post("/sobjects/Account", content=body, headers=headers)).status_code == 201


async def test_a_body_that_is_not_gzip(client):
    """A body that claims to be compressed and is not is refused, not a defect."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    response = await client.post("/sobjects/Account", content=b"{}", headers=headers)

    assert response.status_code == 400


async def test_a_small_body_that_becomes_huge(client):
    """A body that decompresses to more than 50 MB is refused without being held."""
    bomb = gzip.compress(bytes(53_000_000), compresslevel=9)

    response = await client.post("/sobjects/Account", content=bomb, headers={"Content-Encoding": "gzip"})

    assert error(response)[:2] == (413, "REQUEST_ENTITY_TOO_LARGE")


async def test_a_body_that_breaks_off(client):
    """A compressed body that ends too early is refused."""
    body = gzip.compress(json.dumps({"Name": "Acme"}).encode())[:-9]

    response = await client.post("/sobjects/Account", content=body, headers={"Content-Encoding": "gzip"})

    assert error(response)[:2] == (400, "JSON_PARSER_ERROR")


async def test_a_caller_that_goes_away(client, emulator, caplog):
    """A connection lost in the middle of a body is no defect, and others are served on."""
    token = emulator.credentials.access_token
    host, port = emulator.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /services/data/v66.0/sobjects/Account HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    await writer.drain()
    while emulator.statistics().open_requests == 0:  # noqa: ASYNC110 - the other end is in this loop too
        await asyncio.sleep(0)

    writer.transport.abort()
    while emulator.statistics().open_requests:  # noqa: ASYNC110
        await asyncio.sleep(0)

    assert (await client.get("/limits")).status_code == 200
    assert "defect" not in caplog.text


async def test_answers_are_compressed_when_asked(client):
    """A large answer comes compressed to those who take it, and plain to others."""
    compressed = await client.get("/sobjects/Account/describe", headers={"Accept-Encoding": "gzip"})
    plain = await client.get("/sobjects/Account/describe", headers={"Accept-Encoding": "identity"})

    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert compressed.json() == plain.json()


async def test_a_pretty_answer(client):
    """With X-PrettyPrint answers are laid out for people."""
    response = await client.get("/limits/recordCount?sObjects=Account", headers={"X-PrettyPrint": "1"})

    assert response.text.startswith('{\n  "sObjects" : [ {\n    "count" : 0,')
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"


async def test_heads_that_are_too_large(client):
    """A URI above 16,384 bytes is 414, headers above it 431."""
    assert (await client.get("/query", params={"q": "x" * 17_000})).status_code == 414
    assert (await client.get("/limits", headers={"X-Large": "x" * 17_000})).status_code == 431


async def test_head(client):
    """HEAD answers as GET does, without a body."""
    response = await client.head("/limits")

    assert (response.status_code, response.content) == (200, b"")
    assert "Sforce-Limit-Info" in response.headers


async def test_an_outage_page(client, emulator):
    """A scripted page stands in Salesforce's stead, costs no call and does nothing."""
    emulator.disturbances.add(Page(503), method="POST")

    response = await client.post("/sobjects/Account", json={"Name": "x"})

    assert response.status_code == 503
    assert "<html>" in response.text
    assert emulator.org.count("Account") == 0
    assert (await client.get("/limits")).headers["Sforce-Limit-Info"] == "api-usage=1/100000"


async def test_a_scripted_refusal(client, emulator):
    """A scripted error array is answered instead of handling the request."""
    emulator.disturbances.add(Refuse(400, "QUERY_TIMEOUT", "Your query request was running for too long."))

    assert error(await client.get("/query", params={"q": "SELECT Id FROM Account"}))[:2] == (400, "QUERY_TIMEOUT")


@pytest.mark.parametrize(("after", "written"), [(False, 0), (True, 1)])
async def test_a_dropped_connection(client, emulator, after, written):
    """A connection cut before the handling writes nothing; one cut after it leaves the row, unanswered."""
    emulator.disturbances.add(Drop(after_handling=after))

    with pytest.raises(httpx.RemoteProtocolError):
        await client.post("/sobjects/Account", json={"Name": "x"})

    assert emulator.org.count("Account") == written
    assert (await client.get("/limits")).status_code == 200


async def test_a_delay(client, emulator, clock):
    """A scripted wait passes on the emulator's clock, and the request is then handled."""
    emulator.disturbances.add(Delay(25))

    assert (await client.get("/limits")).status_code == 200
    assert clock.passed == 25


async def test_revoked_sessions(client, emulator):
    """Revoking ends the caller's sessions at once; a new login works."""
    emulator.disturbances.add(RevokeSessions(), path="/limits")

    assert error(await client.get("/limits"))[:2] == (401, "INVALID_SESSION_ID")
    assert emulator.statistics().sessions == 0


async def test_a_defect_is_an_unexpected_error(client, emulator, monkeypatch, caplog):
    """A defect is answered as Salesforce's own unexpected error, without a word about the code."""

    def explode(*_args, **_kwargs):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(type(emulator.org), "count", explode)

    response = await client.get("/limits/recordCount?sObjects=Account")

    assert error(response)[:2] == (500, "UNKNOWN_EXCEPTION")
    assert "secret" not in response.text
    assert "met a defect" in caplog.text


async def test_orgs_share_nothing(client, emulator):
    """A second org has its own rows, tokens and ids; neither sees the other's."""
    other = {"Authorization": f"Bearer {emulator.new_org().access_token}"}
    mine = (await client.post("/sobjects/Account", json={"Name": "mine"})).json()["id"]
    theirs = (await client.post("/sobjects/Account", json={"Name": "theirs"}, headers=other)).json()["id"]

    assert mine != theirs
    assert (await client.get(f"/sobjects/Account/{mine}", headers=other)).status_code == 404
    assert (await client.get("/limits", headers=other)).headers["Sforce-Limit-Info"] == "api-usage=3/100000"
    assert emulator.statistics().orgs == 2


async def test_closing_lets_requests_finish(keys):
    """A request that is open when the emulator closes gets its moment to finish."""
    emulator = Emulator(EmulatorConfig(directory=keys, shutdown_seconds=5))
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client, asyncio.TaskGroup() as group, emulator:
        emulator.disturbances.add(Delay(0.1))
        headers = {"Authorization": f"Bearer {emulator.credentials.access_token}"}
        request = group.create_task(client.get(f"{emulator.url}/services/data/v66.0/limits", headers=headers))
        while emulator.statistics().open_requests == 0:  # noqa: ASYNC110 - the other end is in this loop too
            await asyncio.sleep(0)

    assert request.result().status_code == 200


def test_closing_leaves_no_socket_open(keys):
    """TLS connections that callers kept open are gone with the emulator, even when the loop ends right after."""

    async def serve_once() -> socket.socket:
        async with Emulator(EmulatorConfig(directory=keys, tls=True)) as emulator:
            return await asyncio.to_thread(connect, emulator)

    def connect(emulator: Emulator) -> socket.socket:
        url = httpx.URL(emulator.url)
        context = ssl.create_default_context(cafile=str(emulator.credentials.certificate_file))
        plain = socket.create_connection((url.host, url.port or 0))
        connection = context.wrap_socket(plain, server_hostname=url.host)
        connection.sendall(b"GET /services/data HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
        return connection

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        connection = asyncio.run(serve_once())
        gc.collect()
    connection.close()

    assert [str(each.message) for each in caught] == []


async def test_rows_in_a_file_outlive_the_emulator(keys, tmp_path, clock):
    """An emulator on a file finds its rows again."""
    config = EmulatorConfig(directory=keys, database=str(tmp_path / "org.db"))
    async with Emulator(config, clock) as emulator:
        emulator.org.create("Account", {"Name": "kept"}, user_id=emulator.org.admin_id)

    async with Emulator(config, clock) as emulator:
        assert emulator.org.count("Account") == 1


async def test_before_entering():
    """An emulator that was not entered says so."""
    with pytest.raises(RuntimeError, match="not been entered"):
        Emulator().credentials  # noqa: B018 - reading it is the test


async def test_secrets_stay_out_of_the_repr(emulator):
    """Credentials that land in a log give nothing away."""
    credentials = emulator.credentials
    text = repr(credentials)

    for secret in (credentials.client_secret, credentials.password, credentials.access_token):
        assert secret not in text
