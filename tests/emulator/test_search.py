"""Search over HTTP: SOSL and parameters."""

import httpx
import pytest


@pytest.fixture
async def people(emulator):
    """Some records that have words in common."""
    org = emulator.org
    account = org.create("Account", {"Name": "Acme Rockets", "Phone": "(555) 123-4567"}, user_id=org.admin_id)
    smith = {"LastName": "Smith", "Email": "smith@acme.example", "AccountId": account}
    contact = org.create("Contact", smith, user_id=org.admin_id)
    gone = org.create("Contact", {"LastName": "Acme"}, user_id=org.admin_id)
    org.delete("Contact", gone, user_id=org.admin_id)
    return account, contact


async def found(client: httpx.AsyncClient, sosl: str) -> list[dict[str, object]]:
    answer = await client.get("/search", params={"q": sosl})
    assert answer.status_code == 200, answer.text
    records: list[dict[str, object]] = answer.json()["searchRecords"]
    return records


def error(response: httpx.Response) -> tuple[int, str]:
    [entry] = response.json()
    return response.status_code, entry["errorCode"]


async def test_a_search_spans_sobjects(client, people):
    """Records come sObject by sObject with the fields asked for; without RETURNING everything found has its id."""
    account, contact = people

    records = await found(client, "FIND {acme} RETURNING Contact(LastName, Account.Name), Account(Id, Name), Lead")

    base = "/services/data/v66.0/sobjects"
    parent = {"attributes": {"type": "Account", "url": f"{base}/Account/{account}"}, "Name": "Acme Rockets"}
    assert records == [
        {
            "attributes": {"type": "Contact", "url": f"{base}/Contact/{contact}"},
            "LastName": "Smith",
            "Account": parent,
        },
        {"attributes": {"type": "Account", "url": f"{base}/Account/{account}"}, "Id": account, "Name": "Acme Rockets"},
    ]
    assert {account, contact} == {record["Id"] for record in await found(client, "FIND {acme}")}


async def test_groups_of_fields_and_clauses_narrow_a_search(client, people):
    """IN … FIELDS, WHERE and LIMIT leave records out; a phone number is found however it is written."""
    account, _ = people

    assert await found(client, "FIND {acme} IN NAME FIELDS RETURNING Contact") == []
    assert len(await found(client, "FIND {acme} IN EMAIL FIELDS RETURNING Account, Contact")) == 1
    assert [account] == [each["Id"] for each in await found(client, "FIND {5551234567} IN PHONE FIELDS")]
    assert await found(client, "FIND {acme} RETURNING Account(Id WHERE Name LIKE 'B%')") == []
    assert len(await found(client, "FIND {acme} LIMIT 1")) == 1


async def test_refused_searches(client, people):
    """Searches that cannot be understood are refused in the words of SOSL and SOQL."""
    unknown = await client.get("/search", params={"q": "FIND {acme} RETURNING Account(Nope)"})

    assert error(await client.get("/search")) == (400, "MALFORMED_SEARCH")
    assert error(await client.get("/search", params={"q": "FIND acme"})) == (400, "MALFORMED_SEARCH")
    assert error(await client.get("/search", params={"q": "FIND {acme} RETURNING Nope"})) == (400, "INVALID_TYPE")
    assert error(unknown) == (400, "INVALID_FIELD")
    assert "\nERROR at Row:1:Column:31\nNo such column 'Nope' on entity 'Account'." in unknown.json()[0]["message"]


async def test_a_search_by_parameters(client, people):
    """Parameters say the same as SOSL, in the URL or as JSON."""
    account, contact = people
    url = "/parameterizedSearch?q=acme&sobject=Account&Account.fields=id,name&sobject=Contact&fields=LastName"
    body = {
        "q": "acme",
        "in": "ALL",
        "fields": ["Id"],
        "sobjects": [{"name": "Contact", "where": "LastName = 'Smith'"}, {"name": "Account", "limit": 5}],
        "overallLimit": 2,
    }

    by_url = (await client.get(url)).json()["searchRecords"]
    by_body = (await client.post("/parameterizedSearch", json=body)).json()["searchRecords"]

    assert [sorted(record) for record in by_url] == [["Id", "Name", "attributes"], ["LastName", "attributes"]]
    assert [contact, account] == [record["Id"] for record in by_body]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"q": ""},
        {"q": "a"},
        {"q": "acme", "in": "SOME"},
        {"q": "acme", "sobjects": [1]},
        {"q": "acme", "fields": "Id"},
        {"q": "acme", "overallLimit": "many"},
        {"q": "acme", "sobjects": [{"name": "Account", "where": "("}]},
    ],
)
async def test_refused_parameters(client, body):
    """Parameters that make no search are refused."""
    assert error(await client.post("/parameterizedSearch", json=body)) == (400, "MALFORMED_SEARCH")
