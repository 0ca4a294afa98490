"""Single rows, describe and queries over HTTP."""

import httpx
import pytest


def error(response: httpx.Response) -> tuple[int, str]:
    [entry] = response.json()
    return response.status_code, entry["errorCode"]


async def test_the_life_of_a_row(client):
    """A row is created, read, changed and deleted; a second delete says that it is deleted."""
    created = await client.post("/sobjects/Account/", json={"Name": "Acme"})
    body = created.json()
    path = f"/sobjects/Account/{body['id']}"
    assert (created.status_code, body) == (201, {"id": body["id"], "success": True, "errors": []})
    assert created.headers["Location"] == f"/services/data/v66.0{path}"

    changed = await client.patch(path, json={"Name": "Acme Ltd", "Phone": "1"})
    assert (changed.status_code, changed.content) == (204, b"")
    read = await client.get(path, params={"fields": "name,PHONE"})
    attributes = {"type": "Account", "url": f"/services/data/v66.0{path}"}
    assert read.json() == {"attributes": attributes, "Name": "Acme Ltd", "Phone": "1"}

    assert (await client.delete(path)).status_code == 204
    again = await client.delete(path)
    assert again.status_code == 404
    assert again.json() == [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}]


async def test_urls_follow_the_version_of_the_call(client, emulator):
    """Locations and record URLs carry the version the caller speaks."""
    base = f"{emulator.url}/services/data/v62.0"
    created = await client.post(f"{base}/sobjects/account", json={"Name": "x"})

    assert created.headers["Location"].startswith("/services/data/v62.0/sobjects/Account/001")
    read = await client.get(f"{base}/sobjects/account/{created.json()['id']}")
    assert read.json()["attributes"]["url"] == created.headers["Location"]


async def test_an_upsert_by_external_id(client):
    """The first upsert creates with 201, the next updates with 200, whatever the key's case."""
    first = await client.patch("/sobjects/Account/Ext__c/A-1", json={"Name": "one"})
    second = await client.patch("/sobjects/account/ext__C/a-1", json={"Name": "two"})

    assert (first.status_code, first.json()["created"]) == (201, True)
    assert first.headers["Location"].endswith(first.json()["id"])
    assert (second.status_code, second.json()) == (200, {**first.json(), "created": False})
    read = await client.get("/sobjects/Account/Ext__c/A-1", params={"fields": "Name"})
    assert read.json()["Name"] == "two"


@pytest.mark.parametrize("key", ["A/1", "A 1", "A+1", "Ä%20", "a.json", "?x=1", "'", "#"])
async def test_keys_that_need_encoding(client, key):
    """Any key survives the path when it is encoded."""
    path = f"/sobjects/Account/Ext__c/{''.join(f'%{byte:02X}' for byte in key.encode())}"

    assert (await client.patch(path, json={"Name": "x"})).status_code == 201

    assert (await client.get(path)).json()["Ext__c"] == key


async def test_update_only(client):
    """With updateOnly a missing key is 404 and nothing is created."""
    response = await client.patch("/sobjects/Account/Ext__c/none?updateOnly=true", json={"Name": "x"})

    assert error(response) == (404, "NOT_FOUND")
    assert (await client.get("/query?q=SELECT+COUNT()+FROM+Account")).json()["totalSize"] == 0


async def test_many_matches(client, emulator, monkeypatch):
    """A key that several rows have is 300 with their URLs, for reads, upserts and deletes."""
    org = emulator.org
    field = org.schema.sobject("Account").field("Ext__c")
    ids = [org.create("Account", {"Name": "x", "Ext__c": key}, user_id=org.admin_id) for key in ("A", "B")]
    org._store.connection.execute('DROP INDEX "Account.Ext__c"')
    org._store.connection.execute('UPDATE "Account" SET "Ext__c" = ?', ("A",))
    assert field is not None

    for method in ("GET", "PATCH", "DELETE"):
        response = await client.request(method, "/sobjects/Account/Ext__c/A", json={"Name": "y"})
        assert response.status_code == 300
        assert response.json() == [f"/services/data/v66.0/sobjects/Account/{each}" for each in ids]
    assert org.get("Account", ids[0], ["Name"])["Name"] == "x"


async def test_other_ways_to_write(client):
    """POST with an override is PATCH, POST to `Id` creates, DELETE by key deletes."""
    overridden = await client.post("/sobjects/Account/Ext__c/K?_HttpMethod=PATCH", json={"Name": "x"})
    assert overridden.status_code == 201
    assert (await client.post("/sobjects/Account/Id", json={"Name": "y"})).status_code == 201

    assert (await client.delete("/sobjects/Account/Ext__c/K")).status_code == 204

    assert error(await client.get("/sobjects/Account/Ext__c/K")) == (404, "NOT_FOUND")
    assert error(await client.post("/sobjects/Account/Ext__c/K", json={})) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/sobjects/Nope", {"Name": "x"}, (404, "NOT_FOUND")),
        ("POST", "/sobjects/Contact", {}, (400, "REQUIRED_FIELD_MISSING")),
        ("POST", "/sobjects/Account", {"Name": "x", "Nope": 1}, (400, "INVALID_FIELD")),
        ("GET", "/sobjects/Account/001100000000009AAA", None, (404, "NOT_FOUND")),
        ("GET", "/sobjects/Account/xyz", None, (400, "MALFORMED_ID")),
        ("PATCH", "/sobjects/Account/Phone/1", {"Name": "x"}, (404, "NOT_FOUND")),
        ("GET", "/sobjects/Nope/describe", None, (404, "NOT_FOUND")),
    ],
)
async def test_refusals(client, method, path, body, expected):
    """A refused row is one entry with Salesforce's code."""
    assert error(await client.request(method, path, json=body)) == expected


async def test_describe(client, emulator):
    """The org, an object in short and an object in full describe themselves."""
    everything = (await client.get("/sobjects")).json()
    short = (await client.get("/sobjects/account")).json()
    full = (await client.get("/sobjects/account/describe")).json()

    assert (everything["encoding"], everything["maxBatchSize"]) == ("UTF-8", 200)
    assert short["objectDescribe"] in everything["sobjects"]
    assert short["recentItems"] == []
    assert full["name"] == "Account"
    assert full["urls"]["uiDetailTemplate"] == f"{emulator.url}/{{ID}}"
    assert {"Id", "Name", "Ext__c"} <= {field["name"] for field in full["fields"]}


@pytest.fixture
def contacts(emulator):
    """450 contacts."""
    org = emulator.org
    with org.savepoint():
        for number in range(450):
            org.create("Contact", {"LastName": f"{number:03}"}, user_id=org.admin_id)
    return org


SOQL = {"q": "SELECT LastName FROM Contact ORDER BY LastName"}


async def test_a_query_in_pages(client, contacts):
    """Pages follow each other by locator, each with the grand total, and the last one says so."""
    page = (await client.get("/query/", params=SOQL, headers={"Sforce-Query-Options": "batchSize=200"})).json()
    assert page["nextRecordsUrl"].startswith("/services/data/v66.0/query/01g")
    assert page["nextRecordsUrl"].endswith("-200")
    names = [row["LastName"] for row in page["records"]]
    sizes = [len(page["records"])]
    while not page["done"]:
        page = (await client.get(str(client.base_url).partition("/services")[0] + page["nextRecordsUrl"])).json()
        assert page["totalSize"] == 450
        names += [row["LastName"] for row in page["records"]]
        sizes.append(len(page["records"]))

    assert names == [f"{number:03}" for number in range(450)]
    assert sizes == [200, 200, 50]
    assert "nextRecordsUrl" not in page


@pytest.mark.parametrize(("option", "first"), [("batchSize=1", 200), ("BATCHSIZE = 300", 300), ("nonsense", 450)])
async def test_page_sizes(client, contacts, option, first):
    """A size out of range moves to the nearest allowed one; nonsense counts as nothing."""
    page = (await client.get("/query", params=SOQL, headers={"Sforce-Query-Options": option})).json()

    assert len(page["records"]) == first


async def test_locators_and_sessions(client, contacts, emulator):
    """A locator works in its own session only; when that has died, Salesforce blames the session."""
    page = (await client.get("/query", params=SOQL, headers={"Sforce-Query-Options": "batchSize=200"})).json()
    path = page["nextRecordsUrl"].removeprefix("/services/data/v66.0")
    form = {
        "grant_type": "client_credentials",
        "client_id": emulator.credentials.client_id,
        "client_secret": emulator.credentials.client_secret,
    }
    token = (await client.post(f"{emulator.url}/services/oauth2/token", data=form)).json()["access_token"]
    other = {"Authorization": f"Bearer {token}"}
    assert error(await client.get(path, headers=other)) == (400, "INVALID_QUERY_LOCATOR")

    await client.post(f"{emulator.url}/services/oauth2/revoke", data={"token": emulator.credentials.access_token})

    assert error(await client.get(path, headers=other)) == (401, "INVALID_SESSION_ID")
    assert error(await client.get("/query/01g000000000000AAA-2000", headers=other)) == (400, "INVALID_QUERY_LOCATOR")


async def test_deleted_rows(client):
    """`queryAll` finds rows in the Recycle Bin, `query` does not."""
    made = (await client.post("/sobjects/Account", json={"Name": "x"})).json()["id"]
    await client.delete(f"/sobjects/Account/{made}")
    soql = {"q": "SELECT Id, IsDeleted FROM Account"}

    assert (await client.get("/query", params=soql)).json() == {"totalSize": 0, "done": True, "records": []}
    [row] = (await client.get("/queryAll", params=soql)).json()["records"]
    assert row["IsDeleted"] is True


@pytest.mark.parametrize("query", ["", "?q=", "?q=SELECT", "?q=DELETE+FROM+Account"])
async def test_malformed_queries(client, query):
    """What is no SOQL is 400 MALFORMED_QUERY."""
    assert error(await client.get(f"/query{query}")) == (400, "MALFORMED_QUERY")


async def test_an_external_id_of_several_lines(client):
    """The last part of a path may hold any character, a line break included."""
    path = "/sobjects/Lead/Ext__c/a%0Ab%0D"

    written = await client.patch(path, json={"LastName": "Curie", "Company": "Radium"})
    found = await client.get(path)

    assert 201 == written.status_code
    assert "a\nb\r" == found.json()["Ext__c"]
