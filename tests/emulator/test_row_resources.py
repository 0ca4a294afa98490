"""Rows over HTTP beyond their life: conditions, what was deleted and changed, recent items, the rules of an org."""

from urllib.parse import quote

import pytest

from service.emulator.record_types import RecordType
from service.emulator.validation import ValidationRule

BEFORE, AT, AFTER = (f"Sun, 01 Mar 2026 {moment} GMT" for moment in ("11:59:59", "12:00:00", "12:00:01"))


async def made(client, **values) -> str:
    response = await client.post("/sobjects/Account", json={"Name": "Acme", **values})
    assert response.status_code == 201
    return str(response.json()["id"])


@pytest.mark.parametrize("path", ["/sobjects/Account/Ext__c/K", "/sobjects/Account/describe", "/sobjects"])
async def test_what_has_not_changed_is_not_sent(client, path):
    """A read is 304 without a body when the caller has the newest state, and 412 when it is newer than allowed."""
    await made(client, Ext__c="K")

    fresh = await client.get(path, headers={"If-Modified-Since": BEFORE})
    assert (fresh.status_code, fresh.headers["Last-Modified"]) == (200, AT)
    same = await client.get(path, headers={"If-Modified-Since": AT})
    assert (same.status_code, same.content, same.headers["Last-Modified"]) == (304, b"", AT)
    assert "Sforce-Limit-Info" in same.headers
    assert (await client.get(path, headers={"If-Modified-Since": "yesterday"})).status_code == 200
    newer = await client.get(path, headers={"If-Unmodified-Since": BEFORE})
    assert (newer.status_code, newer.json()[0]["errorCode"]) == (412, "PRECONDITION_FAILED")


async def test_writes_under_a_condition(client, clock):
    """A write of a record that changed after the caller saw it is 412 and changes nothing."""
    path = f"/sobjects/Account/{await made(client, Ext__c='K')}"
    clock.passed = 60

    for method, target in [("PATCH", path), ("DELETE", path), ("DELETE", "/sobjects/Account/Ext__c/K")]:
        refused = await client.request(method, target, json={"Phone": "1"}, headers={"If-Unmodified-Since": BEFORE})
        assert (method, target, refused.status_code) == (method, target, 412)
    upsert = "/sobjects/Account/Ext__c/K"
    refused = await client.patch(upsert, json={"Phone": "1"}, headers={"If-Unmodified-Since": BEFORE})
    assert refused.status_code == 412
    assert (await client.get(path, params={"fields": "Phone"})).json()["Phone"] is None

    allowed = {"If-Unmodified-Since": AT}
    assert (await client.patch(upsert, json={"Phone": "2"}, headers=allowed)).status_code == 200
    assert (await client.patch(path, json={"Phone": "3"}, headers=allowed)).status_code == 412
    created = await client.patch("/sobjects/Account/Ext__c/new", json={"Name": "x"}, headers=allowed)
    assert created.status_code == 201


async def test_head(client):
    """HEAD tells what GET would, without the body, for a record by id, by key and for describe."""
    path = f"/sobjects/Account/{await made(client, Ext__c='K')}"

    for target in (path, "/sobjects/Account/Ext__c/K", "/sobjects/Account/describe"):
        response = await client.head(target)
        assert (target, response.status_code, response.content) == (target, 200, b"")
        assert response.headers["Last-Modified"] == AT
    assert (await client.head("/sobjects/Account/Ext__c/none")).status_code == 404


def window(start: str, end: str) -> str:
    return f"?start={quote(start)}&end={quote(end)}"


async def test_what_was_deleted_and_changed(client, clock):
    """Deleted rows are listed with their moment, created and changed ones by id; seconds do not count."""
    kept, gone = await made(client), await made(client)
    clock.passed = 90
    await client.delete(f"/sobjects/Account/{gone}")
    clock.passed = 600
    span = window("2026-03-01T12:00:30+00:00", "2026-03-01T12:05:00Z")

    deleted = (await client.get(f"/sobjects/Account/deleted/{span}")).json()
    updated = (await client.get(f"/sobjects/Account/updated/{span}")).json()

    assert deleted == {
        "deletedRecords": [{"id": gone, "deletedDate": "2026-03-01T12:01:30.000+0000"}],
        "earliestDateAvailable": "2026-02-14T12:10:00.000+0000",
        "latestDateCovered": "2026-03-01T12:05:00.000+0000",
    }
    assert updated == {"ids": [kept], "latestDateCovered": "2026-03-01T12:05:00.000+0000"}
    early = window("2026-03-01T11:00:00Z", "2026-03-01T12:00:59Z")
    assert (await client.get(f"/sobjects/account/updated{early}")).json()["ids"] == []
    late = (
        await client.get(f"/sobjects/Account/updated{window('2026-03-01T12:00:00Z', '2026-03-01T18:00:00Z')}")
    ).json()
    assert late["latestDateCovered"] == "2026-03-01T12:10:00.000+0000"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/sobjects/Account/deleted", 400, "MISSING_ARGUMENT"),
        ("/sobjects/Account/updated?start=2026-03-01T12:00:00Z", 400, "MISSING_ARGUMENT"),
        ("/sobjects/Account/deleted?start=x&end=y", 400, "INVALID_REPLICATION_DATE"),
        ("/sobjects/Account/deleted?start=2026-03-01&end=2026-03-02", 400, "INVALID_REPLICATION_DATE"),
        ("/sobjects/Account/deleted?start=0001-01-01T00:00:00%2B23:00&end=y", 400, "INVALID_REPLICATION_DATE"),
        (f"/sobjects/Account/deleted{window('2026-03-01T12:00:00Z', '2026-03-01T12:00:59Z')}", 400, None),
        (f"/sobjects/Account/deleted{window('2026-02-01T12:00:00Z', '2026-03-01T12:00:00Z')}", 400, None),
        (f"/sobjects/Account/updated{window('2026-01-01T12:00:00Z', '2026-03-01T12:00:00Z')}", 400, None),
        (f"/sobjects/Nope/deleted{window('2026-03-01T12:00:00Z', '2026-03-01T13:00:00Z')}", 404, "NOT_FOUND"),
    ],
)
async def test_windows_that_cannot_be_answered(client, path, status, code):
    """A window that is missing, malformed, empty or too far back is refused."""
    response = await client.get(path)

    [entry] = response.json()
    assert (response.status_code, entry["errorCode"]) == (status, code or "INVALID_REPLICATION_DATE")


async def test_recent_items(client):
    """Records become recent when the call says so, the latest first, and go when they are deleted."""
    header = {"Sforce-Mru": "updateMru=true"}
    ids = [(await client.post("/sobjects/Account", json={"Name": name}, headers=header)).json()["id"] for name in "abc"]
    await made(client)
    await client.patch(f"/sobjects/Account/{ids[0]}", json={"Phone": "1"}, headers=header)
    await client.delete(f"/sobjects/Account/{ids[1]}")

    recent = (await client.get("/sobjects/Account")).json()["recentItems"]

    url = f"/services/data/v66.0/sobjects/Account/{ids[0]}"
    assert recent[0] == {"attributes": {"type": "Account", "url": url}, "Id": ids[0], "Name": "a"}
    assert [item["Id"] for item in recent] == [ids[0], ids[2]]
    viewed = await client.get(f"/sobjects/Account/{ids[0]}", params={"fields": "LastViewedDate"})
    assert viewed.json()["LastViewedDate"] == "2026-03-01T12:00:00.000+0000"


async def test_duplicates_over_http(client, emulator):
    """A duplicate is 400 with the records that match, and passes when the header allows it."""
    emulator.org.duplicate_rules.enable("Account")
    first = await made(client, Phone="1")
    body = {"Name": "ACME", "Phone": "1"}

    refused = await client.post("/sobjects/Account", json=body)
    assert refused.status_code == 400
    [entry] = refused.json()
    assert (entry["errorCode"], entry["message"]) == ("DUPLICATES_DETECTED", "Use one of these records?")
    [match] = entry["duplicateResult"]["matchResults"]
    assert match["matchRecords"][0]["record"]["Id"] == first
    allowed = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert (await client.post("/sobjects/Account", json=body, headers=allowed)).status_code == 201
    records = {"records": [{"attributes": {"type": "Account"}, **body}]}
    [row] = (await client.post("/composite/sobjects", json=records)).json()
    assert row["errors"][0]["statusCode"] == "DUPLICATES_DETECTED"
    [row] = (await client.post("/composite/sobjects", json=records, headers=allowed)).json()
    assert row["success"]


async def test_validation_rules_over_http(client, emulator):
    """Every broken rule is an entry of its own, in single rows and in collections."""
    for field in ("Phone", "Site"):
        rule = ValidationRule("Account", f"{field}_Needed", f"ISBLANK({field})", f"{field}!", field)
        emulator.org.validation_rules.add(rule)

    refused = await client.post("/sobjects/Account", json={"Name": "x"})
    assert refused.status_code == 400
    assert refused.json() == [
        {"message": f"{field}!", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": [field]}
        for field in ("Phone", "Site")
    ]
    records = {"records": [{"attributes": {"type": "Account"}, "Name": "x", "Site": "y"}]}
    [row] = (await client.post("/composite/sobjects", json=records)).json()
    assert row == {
        "success": False,
        "errors": [{"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "Phone!", "fields": ["Phone"]}],
    }


async def test_describe_changes_with_record_types(client, emulator, clock):
    """A new record type is in describe, and makes it newer."""
    clock.passed = 60
    emulator.org.add_record_type(RecordType("Account", "Retail", "Retail", default=True))

    response = await client.get("/sobjects/Account/describe", headers={"If-Modified-Since": AT})

    assert response.status_code == 200
    assert [info["name"] for info in response.json()["recordTypeInfos"]] == ["Retail", "Master"]


async def test_headers_without_effect_are_taken(client):
    """Assignment and call options are accepted, and pretty printing lays the answer out."""
    headers = {
        "Sforce-Auto-Assign": "FALSE",
        "Sforce-Call-Options": "client=x, defaultNamespace=y",
        "X-PrettyPrint": "1",
    }

    response = await client.post("/sobjects/Case", json={"Subject": "x"}, headers=headers)

    assert response.status_code == 201
    assert response.text.startswith('{\n  "id" : "500')
