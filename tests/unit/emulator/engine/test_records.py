"""The shape of records: attributes, order, types, parents, children."""

from zoneinfo import ZoneInfo

from tests.unit.emulator.engine.conftest import World


def test_a_record_has_attributes_first_and_fields_as_selected(world: World) -> None:
    """Keys come in SELECT order and canonical case, after attributes; the URL carries the version and the id."""
    account = world.add("Account", Name="Acme", AnnualRevenue=100000.0, NumberOfEmployees=7)

    result = world.run(
        "select annualrevenue, NAME, id, NumberOfEmployees, Phone, isdeleted from ACCOUNT", api_version="64.0"
    )

    assert result.total_size == 1
    expected = {
        "attributes": {"type": "Account", "url": f"/services/data/v64.0/sobjects/Account/{account}"},
        "AnnualRevenue": 100000.0,
        "Name": "Acme",
        "Id": account,
        "NumberOfEmployees": 7,
        "Phone": None,
        "IsDeleted": False,
    }
    assert expected == result.rows[0]
    assert list(expected) == list(result.rows[0])
    assert result.rows[0]["IsDeleted"] is False
    assert result.header == ("AnnualRevenue", "Name", "Id", "NumberOfEmployees", "Phone", "IsDeleted")


def test_parents_nest_once_and_missing_ones_are_null(world: World) -> None:
    """Fields of one parent share one object, where its first field stands; a missing parent is null."""
    user = world.add("User", Name="Ann")
    account = world.add("Account", Name="Acme", OwnerId=user)
    world.add("Contact", LastName="One", AccountId=account)
    world.add("Contact", LastName="Two")

    result = world.run("SELECT Account.Owner.Name, LastName, account.Id FROM Contact ORDER BY LastName")

    owner = {"attributes": {"type": "User", "url": f"/services/data/v66.0/sobjects/User/{user}"}, "Name": "Ann"}
    parent = {"type": "Account", "url": f"/services/data/v66.0/sobjects/Account/{account}"}
    assert [
        ("Account", {"attributes": parent, "Owner": owner, "Id": account}),
        ("LastName", "One"),
    ] == list(result.rows[0].items())[1:]
    assert result.rows[1]["Account"] is None


def test_polymorphic_parents_read_as_names(world: World) -> None:
    """Through a reference to several sObjects, Name, Type and Id are readable and filterable."""
    account = world.add("Account", Name="Acme")
    case = world.add("Case", CaseNumber="00001000")
    world.add("Task", Subject="a", WhatId=account)
    world.add("Task", Subject="b", WhatId=case)
    world.add("Task", Subject="c")

    result = world.run("SELECT What.Name, What.Type, What.Id FROM Task ORDER BY Subject")

    assert ["Acme", "Account", account] == list(result.rows[0]["What"].values())[1:]
    assert ["00001000", "Case", case] == list(result.rows[1]["What"].values())[1:]
    assert {"type": "Name", "url": f"/services/data/v66.0/sobjects/Case/{case}"} == result.rows[1]["What"]["attributes"]
    assert result.rows[2]["What"] is None
    assert world.column("SELECT Subject FROM Task WHERE What.Type = 'account'") == ["a"]
    assert world.column("SELECT Subject FROM Task WHERE What.Name LIKE 'ac%'") == ["a"]


def test_typeof_chooses_fields_by_the_parents_type(world: World) -> None:
    """Each parent shows the fields of its branch under its real type; ELSE serves the rest, or they are null."""
    contact = world.add("Contact", LastName="Doe", Email="d@x.org")
    lead = world.add("Lead", LastName="Roe", Company="Roe Ltd")
    world.add("Event", Subject="a", WhoId=contact)
    world.add("Event", Subject="b", WhoId=lead)
    world.add("Event", Subject="c")

    result = world.run("SELECT TYPEOF Who WHEN Contact THEN LastName, Email ELSE Id END FROM Event ORDER BY Subject")
    without = world.run("SELECT TYPEOF Who WHEN Contact THEN LastName END FROM Event ORDER BY Subject")

    base = "/services/data/v66.0/sobjects"
    assert [
        {"attributes": {"type": "Contact", "url": f"{base}/Contact/{contact}"}, "LastName": "Doe", "Email": "d@x.org"},
        {"attributes": {"type": "Lead", "url": f"{base}/Lead/{lead}"}, "Id": lead},
        None,
    ] == [row["Who"] for row in result.rows]
    assert [row["Who"] is not None for row in without.rows] == [True, False, False]


def test_children_nest_with_their_own_conditions_and_limits(world: World) -> None:
    """A child subquery filters, sorts and limits for each parent; a parent without matches has null."""
    one, two = world.add("Account", Name="One"), world.add("Account", Name="Two")
    for name in ("c", "a", "b"):
        world.add("Contact", LastName=name, AccountId=one)
    world.add("Contact", LastName="gone", AccountId=two, IsDeleted=1)
    world.add("Contact", LastName="orphan")

    rows = world.rows(
        "SELECT Name, (SELECT LastName, Account.Name FROM contacts ORDER BY LastName LIMIT 2) FROM Account"
    )

    children = [{"LastName": "a", "Account": {"Name": "One"}}, {"LastName": "b", "Account": {"Name": "One"}}]
    assert [
        {"Name": "One", "Contacts": {"totalSize": 2, "done": True, "records": children}},
        {"Name": "Two", "Contacts": None},
    ] == rows


def test_children_of_children_nest(world: World) -> None:
    """Subqueries go further down than one level."""
    top = world.add("Account", Name="Top")
    world.add("Contact", LastName="Sub", AccountId=world.add("Account", Name="Middle", ParentId=top))

    rows = world.rows(
        "SELECT (SELECT (SELECT LastName FROM Contacts) FROM ChildAccounts) FROM Account WHERE ParentId = null"
    )

    contacts = {"totalSize": 1, "done": True, "records": [{"LastName": "Sub"}]}
    assert [{"ChildAccounts": {"totalSize": 1, "done": True, "records": [{"Contacts": contacts}]}}] == rows


def test_addresses_are_built_from_their_parts(world: World) -> None:
    """A compound field is an object of its parts, and null when all of them are."""
    world.add("Account", Name="a", BillingCity="Rome", BillingLatitude=41.9)
    world.add("Account", Name="b")

    first, second = world.rows("SELECT BillingAddress FROM Account ORDER BY Name")

    assert tuple(first["BillingAddress"][key] for key in ("city", "latitude", "street")) == ("Rome", 41.9, None)
    assert second == {"BillingAddress": None}


def test_fields_functions_spell_out_the_object(world: World) -> None:
    """FIELDS(STANDARD) and FIELDS(CUSTOM) divide FIELDS(ALL); the unbounded ones need a small LIMIT."""
    world.add("Account", Name="a")

    everything, standard, custom = (
        set(world.rows(f"SELECT FIELDS({which}) FROM Account LIMIT 200")[0]) for which in ("ALL", "STANDARD", "CUSTOM")
    )

    assert {"Ext__c"} <= custom
    assert "Name" in standard
    assert everything == standard | custom
    assert "LIMIT of at most 200" in world.fault("SELECT FIELDS(ALL) FROM Account").message
    assert "LIMIT of at most 200" in world.fault("SELECT FIELDS(CUSTOM) FROM Account LIMIT 201").message


def test_naming_ids_bounds_the_fields_functions(world: World) -> None:
    """FIELDS(ALL) needs no LIMIT where the ids of at most 200 rows are named; FIELDS(CUSTOM) needs custom fields."""
    key = world.add("Account", Name="a")
    many = ", ".join([f"'{key}'"] * 201)

    assert len(world.rows(f"SELECT FIELDS(ALL) FROM Account WHERE Id = '{key}' AND Name = 'a'")) == 1
    assert len(world.rows(f"SELECT FIELDS(ALL) FROM Account WHERE Id IN ('{key}')")) == 1
    assert "LIMIT" in world.fault(f"SELECT FIELDS(ALL) FROM Account WHERE Id = '{key}' OR Name = 'a'").message
    assert "LIMIT" in world.fault(f"SELECT FIELDS(ALL) FROM Account WHERE Id IN ({many})").message
    assert "no custom fields" in world.fault("SELECT FIELDS(CUSTOM) FROM RecordType LIMIT 1").message


def test_format_gives_text_for_people(world: World) -> None:
    """FORMAT writes numbers, dates and times as people in the United States do, in the user's time zone."""
    world.now = world.now.astimezone(ZoneInfo("Europe/Berlin"))
    world.add(
        "Opportunity", Name="x", Amount=-1234.5, CloseDate="2026-03-05", CreatedDate="2026-07-01T22:05:00.000+0000"
    )

    rows = world.rows(
        "SELECT FORMAT(Amount), FORMAT(CloseDate) day, FORMAT(CreatedDate), FORMAT(Name) FROM Opportunity"
    )

    assert rows == [
        {"Amount": "-$1,234.50", "day": "3/5/2026", "CreatedDate": "7/2/2026, 12:05 AM", "Name": "x"},
    ]


def test_date_functions_see_utc_unless_told_otherwise(world: World) -> None:
    """Date functions look at UTC; convertTimezone moves the instant to the user's time zone, summer time included."""
    world.now = world.now.astimezone(ZoneInfo("America/Los_Angeles"))
    world.add("Account", Name="x", CreatedDate="2026-07-01T05:00:00.000+0000")
    world.add("Account", Name="y", CreatedDate="2026-01-01T07:59:59.000+0000")

    def names(condition: str) -> list[str]:
        return world.column(f"SELECT Name FROM Account WHERE {condition}")

    assert names("HOUR_IN_DAY(CreatedDate) = 5") == ["x"]
    assert names("HOUR_IN_DAY(convertTimezone(CreatedDate)) = 22") == ["x"]
    assert names("CALENDAR_YEAR(convertTimezone(CreatedDate)) = 2025") == ["y"]
    assert names("DAY_ONLY(convertTimezone(CreatedDate)) = 2026-06-30") == ["x"]
    assert "only in date functions" in world.fault("SELECT convertTimezone(CreatedDate) FROM Account").message


def test_security_may_be_asked_for_and_all_rows_not(world: World) -> None:
    """WITH SECURITY_ENFORCED changes nothing for an administrator; ALL ROWS belongs to Apex."""
    world.add("Account", Name="x")

    assert world.column("SELECT Name FROM Account WHERE Name = 'x' WITH SECURITY_ENFORCED LIMIT 1") == ["x"]
    assert "ALL ROWS not allowed in this context" in world.fault("SELECT Id FROM Account ALL ROWS").message


def test_count_answers_a_number_without_rows(world: World) -> None:
    """COUNT() has a total and no records, and respects conditions and LIMIT."""
    for name in "abc":
        world.add("Account", Name=name)

    assert [
        world.run(f"SELECT COUNT() FROM Account {rest}").total_size for rest in ("", "LIMIT 2", "WHERE Name = 'a'")
    ] == [3, 2, 1]
    assert len(world.run("SELECT COUNT() FROM Account").rows) == 0


def test_deleted_rows_show_only_when_asked_for(world: World) -> None:
    """Rows in the Recycle Bin match only with include_deleted."""
    world.add("Account", Name="here")
    world.add("Account", Name="gone", IsDeleted=1)

    assert world.column("SELECT Name FROM Account") == ["here"]
    assert world.column("SELECT Name FROM Account", include_deleted=True) == ["here", "gone"]
    assert world.column("SELECT Name FROM Account WHERE IsDeleted = TRUE", include_deleted=True) == ["gone"]


def test_large_results_are_built_as_they_are_looked_at(world: World) -> None:
    """Beyond one page, indexing and slicing give the same records as building them all."""
    with world.store.savepoint():
        for number in range(4_100):
            world.add("Account", Name=f"{number:05d}")

    rows = world.run("SELECT Name FROM Account ORDER BY Name").rows

    assert len(rows) == 4_100
    assert [rows[2_000]["Name"], rows[-1]["Name"], rows[0]["Name"]] == ["02000", "04099", "00000"]
    assert [f"{number:05d}" for number in range(1_990, 2_010)] == [row["Name"] for row in rows[1_990:2_010]]
    assert [f"{number:05d}" for number in range(2_000)] == [row["Name"] for row in rows[:2_000]]
    assert len(list(rows)) == 4_100
