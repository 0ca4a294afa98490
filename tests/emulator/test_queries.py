"""What queries over HTTP know of who asks."""

from datetime import UTC, datetime


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
