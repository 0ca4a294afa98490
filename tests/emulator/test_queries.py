"""What queries over HTTP know of who asks."""

import asyncio
import threading
from datetime import UTC, datetime

from service.emulator.engine import effort
from service.emulator.engine.plans import Plan


async def rows(client, soql):
    """Return the names of the records a query finds."""
    answer = await client.get("/query", params={"q": soql})
    assert answer.status_code == 200, answer.text
    return [record["Name"] for record in answer.json()["records"]]


async def test_the_scope_mine_is_what_the_caller_owns(client, emulator):
    """USING SCOPE mine leaves out what others own, in counts and groups too."""
    org = emulator.org
    profile = org.query("SELECT ProfileId FROM User").rows[0]["ProfileId"]
    other = {"LastName": "Other", "Username": "other@emulator.example", "Email": "o@emulator.example", "Alias": "o"}
    zone = {"TimeZoneSidKey": "GMT", "LocaleSidKey": "en_US", "LanguageLocaleKey": "en_US", "ProfileId": profile}
    stranger = org.create("User", {**other, **zone, "EmailEncodingKey": "UTF-8"}, user_id=org.admin_id)
    org.create("Account", {"Name": "mine"}, user_id=org.admin_id)
    org.create("Account", {"Name": "theirs"}, user_id=stranger)

    counted = await client.get("/query", params={"q": "SELECT COUNT() FROM Account USING SCOPE mine"})

    assert await rows(client, "SELECT Name FROM Account USING SCOPE mine") == ["mine"]
    assert await rows(client, "SELECT Name FROM Account USING SCOPE mine GROUP BY Name") == ["mine"]
    assert await rows(client, "SELECT Name FROM Account USING SCOPE everything ORDER BY Name") == ["mine", "theirs"]
    assert counted.json()["totalSize"] == 1


async def test_today_is_the_callers_day(client, emulator, clock):
    """Date literals are evaluated in the time zone of the user who asks: in Kiribati it is tomorrow at noon."""
    org = emulator.org
    tomorrow = datetime.fromtimestamp(clock.now() + 86_400, UTC).date().isoformat()
    deal = {"Name": "x", "StageName": "Prospecting", "CloseDate": tomorrow}
    org.create("Opportunity", deal, user_id=org.admin_id)

    in_greenwich = await rows(client, "SELECT Name FROM Opportunity WHERE CloseDate = TOMORROW")
    org.update("User", org.admin_id, {"TimeZoneSidKey": "Pacific/Kiritimati"}, user_id=org.admin_id)
    in_kiribati = await rows(client, "SELECT Name FROM Opportunity WHERE CloseDate = TODAY")

    assert (in_greenwich, in_kiribati) == (["x"], ["x"])


async def test_many_children_come_in_pages_of_their_own(client, emulator):
    """A child result beyond a page says where it goes on, and there it has its own total."""
    org = emulator.org
    account = org.create("Account", {"Name": "x"}, user_id=org.admin_id)
    for number in range(450):
        org.create("Contact", {"LastName": f"{number:03d}", "AccountId": account}, user_id=org.admin_id)
    soql = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account"
    small = {"Sforce-Query-Options": "batchSize=200"}

    answer = (await client.get("/query", params={"q": soql}, headers=small)).json()
    [record] = answer["records"]
    children = record["Contacts"]
    names = [each["LastName"] for each in children["records"]]
    while "nextRecordsUrl" in children:
        assert (children["totalSize"], children["done"]) == (450, False)
        children = (await client.get(f"{emulator.url}{children['nextRecordsUrl']}")).json()
        names += [each["LastName"] for each in children["records"]]

    assert (answer["totalSize"], answer["done"], "nextRecordsUrl" in answer) == (1, True, False)
    assert (children["totalSize"], children["done"]) == (450, True)
    assert [f"{number:03d}" for number in range(450)] == names


async def test_a_long_query_holds_up_nobody_else(client, emulator, monkeypatch):
    """A query that takes long runs beside other requests; what is written after it began is not in its answer."""
    monkeypatch.setattr(effort, "_STRIDE", 1_000)
    monkeypatch.setattr(effort, "QUICK", 1_000)
    org = emulator.org
    for number in range(300):
        org.create("Account", {"Name": f"{number:03d}"}, user_id=org.admin_id)
    threads = set()
    build = Plan.build

    def noting(self, *arguments):
        threads.add(threading.get_ident())
        return build(self, *arguments)

    monkeypatch.setattr(Plan, "build", noting)
    condition = " OR ".join(f"Name LIKE '%{number}x'" for number in range(50))
    query = client.get("/query", params={"q": f"SELECT Name FROM Account WHERE Name LIKE '%' OR {condition}"})
    answer, *others = await asyncio.gather(
        query, *(client.post("/sobjects/Account", json={"Name": "new"}) for _ in range(5))
    )
    everything = await client.get("/query", params={"q": "SELECT COUNT() FROM Account"})
    found = await client.get("/search", params={"q": "FIND {new} RETURNING Account(Name)"})

    assert threads
    assert threading.get_ident() not in threads
    assert 300 <= answer.json()["totalSize"] <= 305
    assert [other.status_code for other in others] == [201] * 5
    assert everything.json()["totalSize"] == 305
    assert len(found.json()["searchRecords"]) == 5


async def test_a_query_can_be_explained(client, emulator):
    """The plans come best first, with the query they are for; what is no query is refused as a query is."""
    org = emulator.org
    for number in range(10):
        org.create("Account", {"Name": "x", "Ext__c": f"A-{number}"}, user_id=org.admin_id)
    soql = "SELECT Id FROM Account WHERE Ext__c = 'A-1'"

    answer = (await client.get("/query", params={"explain": soql})).json()
    unknown = await client.get("/query", params={"explain": "SELECT Id FROM Nope"})
    report = await client.get("/query", params={"explain": "00O000000000001AAA"})

    assert answer["sourceQuery"] == soql
    assert [plan["leadingOperationType"] for plan in answer["plans"]] == ["Index", "TableScan"]
    assert (answer["plans"][0]["cardinality"], answer["plans"][0]["sobjectCardinality"]) == (1, 10)
    assert [(each.status_code, each.json()[0]["errorCode"]) for each in (unknown, report)] == [
        (400, "INVALID_TYPE"),
        (404, "NOT_FOUND"),
    ]
