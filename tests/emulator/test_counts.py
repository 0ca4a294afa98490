"""What the control endpoint counts: rows that were really written, and requests as they came."""

from typing import Any

import httpx
import pytest

from service.emulator.disturbances import Drop, Page
from service.emulator.server import OrgSource


@pytest.fixture
async def control(emulator):
    """A client of the control endpoint on this machine."""
    async with httpx.AsyncClient(base_url=f"{emulator.url}/__control", trust_env=False, timeout=60) as client:
        yield client


async def counted(control: httpx.AsyncClient, path: str, **query: str | int) -> dict[str, Any]:
    answer = await control.get(path, params=query)
    assert answer.status_code == 200, answer.text
    (value,) = answer.json().values()
    assert isinstance(value, dict)
    return value


def accounts(*keys: str) -> list[dict[str, object]]:
    return [{"attributes": {"type": "Account"}, "Ext__c": key, "Name": key} for key in keys]


async def upsert(client: httpx.AsyncClient, *keys: str, **more: object) -> None:
    await client.patch("/composite/sobjects/Account/Ext__c", json={"records": accounts(*keys), **more})


async def test_rows_are_counted_by_what_was_done(client, control):
    """Rows count by object and operation, each record by its key; the counts can begin anew."""
    await upsert(client, "A", "B")
    await upsert(client, "A", "C")
    await client.delete("/sobjects/Account/Ext__c/B")

    totals = await counted(control, "/writes")
    by_key = await counted(control, "/writes/account", field="ext__c")
    often = await counted(control, "/writes/Account", field="Ext__c", least=2)
    await control.delete("/writes")
    await upsert(client, "A")

    assert {"Account": {"inserted": 3, "updated": 1, "deleted": 1}} == totals
    assert {"A": 2, "B": 2, "C": 1} == by_key
    assert {"A": 2, "B": 2} == often
    assert {"Account": {"inserted": 0, "updated": 1, "deleted": 0}} == await counted(control, "/writes")
    assert {"A": 1} == await counted(control, "/writes/Account", field="Ext__c")


async def test_what_was_rolled_back_does_not_count(client, control):
    """A row of an all-or-none call, of a composite call or of a tree that failed was never written."""
    bad = {"attributes": {"type": "Account"}, "Ext__c": "bad", "Name": "x" * 256}
    records = [*accounts("A", "B"), bad]
    await client.patch("/composite/sobjects/Account/Ext__c", json={"records": records, "allOrNone": True})
    body = {"method": "POST", "url": "/services/data/v66.0/sobjects/Account", "body": {"Name": "x"}}
    nodes = [{**body, "referenceId": "a"}, {**body, "referenceId": "b", "body": {}}]
    await client.post("/composite", json={"allOrNone": True, "compositeRequest": nodes})

    assert {} == await counted(control, "/writes/Account")
    assert 0 == sum((await counted(control, "/writes")).get("Account", {}).values())


async def test_refused_rows_do_not_count(client, control):
    """A row that was refused was not written, its neighbours in the call were."""
    bad = {"attributes": {"type": "Account"}, "Ext__c": "A", "Name": "x" * 256}

    await upsert(client, "A")
    await client.patch("/composite/sobjects/Account/Ext__c", json={"records": [bad, *accounts("B")]})

    assert {"A": 1, "B": 1} == await counted(control, "/writes/Account", field="Ext__c")


async def test_a_write_whose_answer_was_lost_counts(client, control, emulator):
    """A row written before the connection was cut is counted, so a test sees when it was written again."""
    emulator.disturbances.add(Drop(after_handling=True, reset=True), method="PATCH")
    with pytest.raises(httpx.TransportError):
        await upsert(client, "A")
    await upsert(client, "A")

    assert {"A": 2} == await counted(control, "/writes/Account", field="Ext__c")


async def test_records_with_one_value_add_up(client, control):
    """Two records with one value of a field count together, those in the Recycle Bin too."""
    made = [await client.post("/sobjects/Account", json={"Name": "x", "Phone": "1"}) for _ in range(2)]
    await client.delete(f"/sobjects/Account/{made[0].json()['id']}")

    assert {"1": 3} == await counted(control, "/writes/Account", field="Phone")


async def test_what_goes_with_a_deleted_row_is_deleted(client, control):
    """A cascade counts every row that went to the Recycle Bin."""
    account = (await client.post("/sobjects/Account", json={"Name": "x"})).json()["id"]
    await client.post("/sobjects/Contact", json={"LastName": "y", "AccountId": account})

    await client.delete(f"/sobjects/Account/{account}")

    totals = await counted(control, "/writes")
    assert [1, 1] == [totals["Account"]["deleted"], totals["Contact"]["deleted"]]


async def test_what_an_org_starts_with_was_not_written(emulator, control, tmp_path):
    """A new org has no writes, whatever its files hold; the orgs are told apart by name."""
    seed = tmp_path / "Account.csv"
    seed.write_text("Name\nAcme\n", encoding="utf-8")
    emulator.new_org(OrgSource("other", seed=(seed,)))

    assert {} == await counted(control, "/writes", org="other")
    assert {} == await counted(control, "/writes/Account", org="other")
    assert {} == await counted(control, "/writes")


async def test_requests_are_counted_by_resource(client, control, emulator):
    """Requests count by method and resource whatever became of them; those inside a composite call do not."""
    emulator.disturbances.add(Page(503), method="PATCH")
    other = {"Authorization": f"Bearer {emulator.new_org(OrgSource('other')).access_token}"}
    node = {"method": "GET", "url": "/services/data/v66.0/limits", "referenceId": "a"}

    await upsert(client, "A")
    await upsert(client, "A")
    await client.post("/composite", json={"compositeRequest": [node]})
    await client.get("/limits", headers=other)
    await client.get(f"{emulator.url}/services/data")
    await client.post(f"{emulator.url}/services/oauth2/token")
    await client.get("/nothing/of/the/kind")
    await client.get(f"{emulator.url}/services/data/v66.0")
    await client.get(f"{emulator.url}/services/apexrest/x")

    calls = await counted(control, "/calls")
    theirs = await counted(control, "/calls", org="other")
    await control.delete("/calls")
    expected = {
        "GET limits": 1,
        "GET services/apexrest": 1,
        "GET services/data": 1,
        "GET services/data/{version}": 1,
        "GET unknown": 1,
        "PATCH composite/sobjects/{sobject}/{field}": 2,
        "POST composite": 1,
        "POST services/oauth2/token": 1,
    }
    assert expected == calls
    assert {"GET limits": 1} == theirs
    assert {} == await counted(control, "/calls")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/writes?org=nobody", "there is no org 'nobody'"),
        ("/calls?org=nobody", "there is no org 'nobody'"),
        ("/writes/Nope", "Nope: The requested resource does not exist"),
        ("/writes/Account?field=Nope", "No such column 'Nope'"),
        ("/writes/Account?field=BillingAddress", "No such column 'BillingAddress'"),
        ("/writes/Account?least=many", "least has to be a whole number"),
    ],
)
async def test_counts_that_are_not_there(control, path, text):
    """What cannot be counted is refused in words."""
    answer = await control.get(path)

    assert 400 == answer.status_code
    assert text in answer.json()["error"]


async def test_methods_of_the_counts(control):
    """Counts are read or forgotten, nothing else."""
    answers = [await control.request(*each) for each in (("PUT", "/writes"), ("DELETE", "/writes/Account"))]

    assert [404, 404] == [answer.status_code for answer in answers]
