"""Creating and changing rows: every refusal in its order, and what the org fills in."""

import pytest

from service.emulator.faults import MultipleMatches, SalesforceFault
from service.emulator.org import Org, Saved


@pytest.fixture
def org(clock):
    """An org with nothing but its administrator."""
    org = Org(clock=clock)
    yield org
    org.close()


def create(org, sobject, **values):
    return org.create(sobject, values, user_id=org.admin_id)


def update(org, sobject, record_id, **values):
    org.update(sobject, record_id, values, user_id=org.admin_id)


def upsert(org, sobject, key_field, key, **values):
    return org.upsert(sobject, key_field, key, values, user_id=org.admin_id)


def refusal(action, *arguments, **values):
    with pytest.raises(SalesforceFault) as caught:
        action(*arguments, **values)
    return caught.value


def test_created_record_is_dated_and_owned(org, clock):
    """A create fills in who made the record, when, and who owns it."""
    record = org.get("Account", create(org, "Account", Name="Acme"))

    assert record["CreatedDate"] == record["LastModifiedDate"] == record["SystemModstamp"]
    assert record["CreatedDate"] == "2026-03-01T12:00:00.000+0000"
    assert record["CreatedById"] == record["LastModifiedById"] == record["OwnerId"] == org.admin_id
    assert record["IsDeleted"] is False


def test_update_dates_the_record_anew(org, clock):
    """An update moves the modification date and leaves the date of creation."""
    account = create(org, "Account", Name="Acme")
    clock.passed = 60.0

    update(org, "Account", account, Phone="1")

    record = org.get("Account", account, ["CreatedDate", "LastModifiedDate", "Phone", "Name"])
    assert record["CreatedDate"] == "2026-03-01T12:00:00.000+0000"
    assert record["LastModifiedDate"] == "2026-03-01T12:01:00.000+0000"
    assert (record["Phone"], record["Name"]) == ("1", "Acme")


def test_names_come_in_any_case(org):
    """Object and field names are taken in any case and given back in theirs."""
    account = create(org, "ACCOUNT", nAmE="Acme", attributes={"type": "Account"})

    record = org.get("account", account[:15], ["NAME"])
    assert record == {
        "attributes": {"type": "Account", "url": f"/services/data/v66.0/sobjects/Account/{account}"},
        "Name": "Acme",
    }


ORDERED_FAULTS: list[tuple[dict[str, object], str, str | None]] = [
    ({"Nope__c": 1}, "INVALID_FIELD", "No such column 'Nope__c' on sobject of type Lead"),
    ({"Phone": {}}, "JSON_PARSER_ERROR", None),
    ({"CreatedDate": "2026-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE", None),
    ({"LastName": None}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"),
    ({"FirstName": "x" * 41}, "STRING_TOO_LONG", None),
    ({"IndividualId": "nope"}, "MALFORMED_ID", "Individual ID: id value of incorrect type: nope"),
    ({"Ext__c": "L-1"}, "DUPLICATE_VALUE", None),
]


@pytest.mark.parametrize("first", range(len(ORDERED_FAULTS)))
def test_first_fault_in_order_is_the_answer(org, first):
    """A body with several faults is answered with the one that Salesforce finds first."""
    create(org, "Lead", LastName="Doe", Company="Acme", Ext__c="L-1")
    body: dict[str, object] = {"LastName": "Roe", "Company": "Acme"}
    for values, _, _ in reversed(ORDERED_FAULTS[first:]):
        body |= values

    fault = refusal(create, org, "Lead", **body)

    _, code, message = ORDERED_FAULTS[first]
    assert (code, 400) == (fault.error_code, fault.http_status)
    assert message is None or message == fault.message
    assert org.count("Lead") == 1


def test_all_missing_fields_are_named(org):
    """A create without several required fields names them all, in the order of the definition."""
    fault = refusal(create, org, "Opportunity", StageName="Prospecting")

    assert fault.message == "Required fields are missing: [Name, CloseDate]"
    assert fault.fields == ("Name", "CloseDate")


def test_read_only_field_is_named(org):
    """A computed field is refused in Salesforce's words."""
    fault = refusal(create, org, "Contact", LastName="Doe", Name="Jane Doe")

    assert fault.message == (
        "Unable to create/update fields: Name. Please check the security settings of this field and verify that it is "
        "read/write for your profile or permission set."
    )
    assert fault.fields == ("Name",)


def test_unknown_object_is_not_found(org):
    """An sObject the org does not know is a resource that does not exist."""
    assert (refusal(create, org, "Nope__c").http_status, refusal(create, org, "Nope").error_code) == (404, "NOT_FOUND")


def test_create_refuses_an_id(org):
    """A create may not choose its id, but may say that it has none."""
    assert create(org, "Account", Name="Acme", Id=None).startswith("001")
    assert refusal(create, org, "Account", Name="Acme", Id="001000000000001").error_code == (
        "INVALID_FIELD_FOR_INSERT_UPDATE"
    )


def test_explicit_null_takes_the_default(org):
    """Null for a field that is never null leaves the default in a create."""
    lead = create(org, "Lead", LastName="Doe", Company="Acme", Status=None, IsUnreadByOwner=None)

    record = org.get("Lead", lead, ["Status", "IsUnreadByOwner"])
    assert (record["Status"], record["IsUnreadByOwner"]) == ("Open - Not Contacted", False)


def test_explicit_null_takes_the_default_beside_a_lookup(org):
    """A lookup by external id changes nothing about the other fields' defaults."""
    create(org, "Account", Name="Acme", Ext__c="A-1")
    contact = create(org, "Contact", LastName="Doe", OwnerId=None, Account={"Ext__c": "A-1"})

    assert org.admin_id == org.get("Contact", contact)["OwnerId"]


def test_update_may_not_empty_a_required_field(org):
    """Null for a required field is refused in an update, which then changes nothing."""
    account = create(org, "Account", Name="Acme")

    fault = refusal(update, org, "Account", account, Name=None, Phone="1")

    assert (fault.error_code, fault.fields) == ("REQUIRED_FIELD_MISSING", ("Name",))
    assert org.get("Account", account, ["Phone"])["Phone"] is None


@pytest.mark.parametrize(
    ("record_id", "status", "code"),
    [
        ("001000000000009", 404, "NOT_FOUND"),
        ("003000000000001", 400, "MALFORMED_ID"),
        ("junk", 400, "MALFORMED_ID"),
    ],
)
def test_update_of_nothing(org, record_id, status, code):
    """An id without a row is not found; one that cannot be the object's is malformed."""
    fault = refusal(update, org, "Account", record_id, Name="x")

    assert (status, code) == (fault.http_status, fault.error_code)


def test_update_refuses_an_id_in_the_body(org):
    """The id of an update is in its path; the body may not hold one."""
    account = create(org, "Account", Name="Acme")

    assert refusal(update, org, "Account", account, Id=account).error_code == "INVALID_FIELD"


def test_reference_takes_short_ids(org):
    """A lookup takes 15 characters and holds 18."""
    account = create(org, "Account", Name="Acme")
    contact = create(org, "Contact", LastName="Doe", AccountId=account[:15])

    assert account == org.get("Contact", contact)["AccountId"]


def test_reference_has_to_exist(org):
    """A lookup to no record, to a deleted one or to an object the org has not got is a broken reference."""
    gone = create(org, "Account", Name="Gone")
    org.delete("Account", gone, user_id=org.admin_id)

    for values in ({"AccountId": "001000000000009"}, {"AccountId": gone}, {"IndividualId": "0PK000000000001"}):
        fault = refusal(create, org, "Contact", LastName="Doe", **values)
        assert (fault.error_code, fault.message) == ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")


def test_polymorphic_reference_takes_each_target(org):
    """WhoId takes contacts and leads, and refuses accounts."""
    contact = create(org, "Contact", LastName="Doe")
    lead = create(org, "Lead", LastName="Roe", Company="Acme")
    account = create(org, "Account", Name="Acme")

    assert contact == org.get("Task", create(org, "Task", WhoId=contact))["WhoId"]
    assert lead == org.get("Task", create(org, "Task", WhoId=lead))["WhoId"]
    assert refusal(create, org, "Task", WhoId=account).error_code == "MALFORMED_ID"


def test_lookup_by_external_id(org):
    """A lookup may be given by the parent's external id, in any case."""
    account = create(org, "Account", Name="Acme", Ext__c="A-1")
    contact = create(org, "Contact", LastName="Doe", account={"ext__c": "a-1"})
    task = create(org, "Task", What={"type": "Account", "Ext__c": "A-1"})

    assert account == org.get("Contact", contact)["AccountId"]
    assert account == org.get("Task", task)["WhatId"]


@pytest.mark.parametrize(
    ("parent", "message"),
    [
        ({"Ext__c": "A-9"}, "Foreign key external ID: A-9 not found for field Ext__c in entity Account"),
        ({"Phone": "1"}, "The external foreign key reference does not reference a valid entity: Account"),
        ({}, "The external foreign key reference does not reference a valid entity: Account"),
        (
            {"type": "Lead", "Ext__c": "A"},
            "The external foreign key reference does not reference a valid entity: Account",
        ),
        ({"Ext__c": {}}, "Cannot deserialize instance of string from START_OBJECT value {}"),
        ("A-1", "Cannot deserialize instance of reference from VALUE_STRING value A-1"),
    ],
)
def test_lookup_by_external_id_that_fails(org, parent, message):
    """A parent that is not there or not named by an external id is refused."""
    fault = refusal(create, org, "Contact", LastName="Doe", Account=parent)

    assert message in fault.message


def test_lookup_by_external_id_may_be_null(org):
    """A null parent clears the lookup."""
    account = create(org, "Account", Name="Acme")
    contact = create(org, "Contact", LastName="Doe", AccountId=account)

    update(org, "Contact", contact, Account=None)

    assert org.get("Contact", contact)["AccountId"] is None


def test_unique_field_names_the_holder(org):
    """A value another record holds is refused with that record's id, whatever the case of the value."""
    holder = create(org, "Account", Name="Acme", Ext__c="A-1")
    other = create(org, "Account", Name="Other")

    for fault in (
        refusal(create, org, "Account", Name="x", Ext__c="a-1"),
        refusal(update, org, "Account", other, Ext__c="A-1"),
    ):
        assert (fault.error_code, fault.http_status) == ("DUPLICATE_VALUE", 400)
        assert fault.message == f"duplicate value found: Ext__c duplicates value on record with id: {holder}"


def test_unique_value_of_a_deleted_record_is_free(org):
    """Records in the Recycle Bin hold no unique values."""
    old = create(org, "Account", Name="Acme", Ext__c="A-1")
    org.delete("Account", old, user_id=org.admin_id)

    assert upsert(org, "Account", "Ext__c", "A-1", Name="New").created


def test_many_records_may_lack_a_unique_value(org):
    """Null is no value, so it is never a duplicate; neither is empty text."""
    create(org, "Account", Name="One", Ext__c="")
    create(org, "Account", Name="Two", Ext__c=None)

    assert org.count("Account") == 2


def test_upsert_creates_then_updates(org):
    """The first upsert of a key creates the record, the next, in any case, changes it."""
    first = upsert(org, "Account", "ext__C", "A-1", Name="Acme")
    second = upsert(org, "account", "Ext__c", "a-1", Phone="1")

    assert first.created
    assert second == Saved(first.id, created=False)
    record = org.get("Account", first.id)
    assert (record["Ext__c"], record["Name"], record["Phone"]) == ("A-1", "Acme", "1")


def test_upsert_of_several_matches_writes_nothing(org):
    """A key that several records have is answered with their ids."""
    found = [create(org, "Contact", LastName=name, Email="jane@acme.example") for name in ("Doe", "Roe")]

    with pytest.raises(MultipleMatches) as caught:
        upsert(org, "Contact", "Email", "JANE@acme.example", LastName="New")

    assert tuple(found) == caught.value.record_ids
    assert org.get("Contact", found[0])["LastName"] == "Doe"


@pytest.mark.parametrize("key_field", ["Phone", "Nope__c"])
def test_upsert_needs_a_key_field(org, key_field):
    """A field that is no external id, or no field, is a resource that does not exist."""
    fault = refusal(upsert, org, "Account", key_field, "x", Name="Acme")

    assert (fault.http_status, fault.message) == (404, "The requested resource does not exist")


def test_upsert_body_may_repeat_the_key_only_unchanged(org):
    """A body that repeats the key is taken; one with another key is refused."""
    upsert(org, "Account", "Ext__c", "A-1", Name="Acme", ext__c="a-1")

    assert refusal(upsert, org, "Account", "Ext__c", "A-1", Ext__c="A-2").error_code == "INVALID_FIELD"
    assert org.count("Account") == 1


def test_upsert_by_id(org):
    """`Id` as key field creates without a value and changes the record with one."""
    created = upsert(org, "Account", "Id", "", Name="Acme", Id=None)
    changed = upsert(org, "Account", "Id", created.id[:15], Phone="1")

    assert (created.created, changed.created) == (True, False)
    assert created.id == changed.id
    assert refusal(upsert, org, "Account", "Id", created.id, Id=created.id).error_code == "INVALID_FIELD"


def test_upsert_update_only_never_creates(org):
    """With updateOnly a key that no record has is not found."""
    with pytest.raises(SalesforceFault) as caught:
        org.upsert("Account", "Ext__c", "A-1", {"Name": "x"}, user_id=org.admin_id, update_only=True)

    assert (caught.value.http_status, caught.value.error_code) == (404, "NOT_FOUND")
    assert org.count("Account") == 0


def test_savepoint_takes_everything_back(org):
    """Leaving a savepoint by an exception undoes all its rows and keeps those before."""
    create(org, "Account", Name="Before")

    def change():
        with org.savepoint():
            create(org, "Account", Name="During")
            with org.savepoint():
                create(org, "Account", Name="Nested")
            create(org, "Account")

    assert refusal(change).error_code == "REQUIRED_FIELD_MISSING"
    assert org.count("Account") == 1


def test_ids_are_never_given_twice(org):
    """A record that was rolled back does not leave its id to the next."""
    seen = []

    def change():
        with org.savepoint():
            seen.append(create(org, "Account", Name="During"))
            create(org, "Account")

    refusal(change)

    assert create(org, "Account", Name="After") > seen[0]


def test_half_a_surrogate_is_refused(org):
    """Text that is no Unicode is refused instead of breaking the store."""
    assert refusal(create, org, "Account", Name="\ud800").error_code == "JSON_PARSER_ERROR"


def test_hostile_text_is_only_text(org):
    """SQL in a value, a key or a name does nothing but be stored or refused."""
    hostile = '\'; DROP TABLE "Account"; --'
    account = upsert(org, "Account", "Ext__c", hostile, Name=hostile).id

    assert hostile == org.get("Account", account)["Name"]
    assert refusal(create, org, "Account", **{'Name" = 1; --': "x"}).error_code == "INVALID_FIELD"
