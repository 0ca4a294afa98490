"""What is known of a write before it is sent."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import (
    FieldNotWriteable,
    InvalidArgument,
    InvalidFieldValue,
    InvalidRequest,
    RequiredFieldMissing,
    UnknownField,
)
from service.orgs.write_rules import Examined, WriteRules
from service.salesforce.calls.describe import Field, SObject
from service.salesforce.calls.writes import ExternalKey, JsonValue, NodeId, Operation, Write

CREATE, UPDATE, UPSERT, DELETE = Operation.CREATE, Operation.UPDATE, Operation.UPSERT, Operation.DELETE
RECORD = "00Q000000000001AAA"
ACCOUNT = "001D000000IRFmaIAH"
SYSTEM: dict[str, Any] = {"nillable": False, "createable": False, "updateable": False, "defaultedOnCreate": True}
FIELDS = (
    Field("Id", "id", **SYSTEM, idLookup=True, length=18),
    Field("LastName", "string", nillable=False, length=10),
    Field("FirstName", "string", length=10),
    Field("Notes__c", "textarea", length=20, htmlFormatted=True),
    Field("Email", "email", length=10, idLookup=True),
    Field("Revenue__c", "currency", precision=5, scale=2),
    Field("Staff__c", "int", digits=3),
    Field("Active__c", "boolean", nillable=False),
    Field("Born__c", "date"),
    Field("Seen__c", "datetime"),
    Field("At__c", "time"),
    Field("Rating", "picklist", picklist={"hot": "Hot", "heiss": "Hot", "cold": "Cold"}),
    Field("Tags__c", "multipicklist", picklist={"a": "A", "b": "B"}),
    Field("Source", "picklist", length=5),
    Field("Status", "picklist", nillable=False, defaultedOnCreate=True),
    Field("AccountId", "reference", relationshipName="Account", referenceTo=("Account",)),
    Field("WhatId", "reference", relationshipName="What", referenceTo=("Account", "Case")),
    Field("OwnerId", "reference", nillable=False, defaultedOnCreate=True, relationshipName="Owner",
          referenceTo=("Group", "User")),
    Field("Ext__c", "string", externalId=True, idLookup=True, length=20),
    Field("Exact__c", "string", externalId=True, idLookup=True, caseSensitive=True, length=20),
    Field("Number__c", "double", externalId=True, idLookup=True, precision=18),
    Field("JigsawId", "string", relationshipName="Jigsaw"),
    Field("CreatedDate", "datetime", **SYSTEM),
    Field("Score__c", "double", createable=False, updateable=False, calculated=True),
    Field("No__c", "string", createable=False, updateable=False, autoNumber=True),
    Field("Once__c", "string", updateable=False),
    Field("Later__c", "string", createable=False),
    Field("Address", "address", createable=False, updateable=False),
)  # fmt: skip
LEAD = SObject(
    "Lead",
    {field.name.lower(): field for field in FIELDS},
    {field.relationshipName.lower(): field for field in FIELDS if field.relationshipName},
)
RULES = WriteRules(LEAD)
UNKNOWN = WriteRules.unknown("lead")


def create(**values: JsonValue) -> Write:
    """Return a creation of a record that lacks nothing."""
    return Write(CREATE, "lead", {"LastName": "Curie", **values})


def update(**values: JsonValue) -> Write:
    """Return an update by id."""
    return Write(UPDATE, "lead", values, record_id=RECORD)


def upsert(field: str, value: str, **values: JsonValue) -> Write:
    """Return an upsert."""
    return Write(UPSERT, "lead", values, key=ExternalKey(field, value))


def refused(write: Write, rules: WriteRules = RULES) -> InvalidArgument:
    """Return what a write is refused with."""
    with pytest.raises(InvalidArgument) as raised:
        rules.examine(write)
    assert "org" not in raised.value.metadata
    assert "salesforce_error_code" not in raised.value.metadata
    return raised.value


def examined(rules: WriteRules, write: Write) -> Examined | InvalidArgument:
    """Return what is known of a write, or what it is refused with."""
    try:
        return rules.examine(write)
    except InvalidArgument as error:
        return error


def paths(error: InvalidArgument) -> list[str]:
    """Return the paths of an error's violations."""
    return [violation.field for violation in error.violations]


@pytest.mark.parametrize(
    "values",
    [
        {"firstname": "Marie", "FIRSTNAME": None},
        {"FirstName": "x" * 10},
        {"FirstName": "x" * 10 + "  "},
        {"FirstName": 7, "Email": "not checked here, and long"},
        {"Notes__c": "<b>" * 20},
        {"Revenue__c": 999.999, "Staff__c": 999},
        {"Revenue__c": Decimal("-999.99"), "Staff__c": Decimal("7.00")},
        {"Revenue__c": "12.5 ", "Staff__c": "7"},
        {"Revenue__c": "", "Staff__c": None, "Born__c": ""},
        {"Active__c": True},
        {"Active__c": None},
        {"Active__c": "FALSE"},
        {"Born__c": "2024-02-29"},
        {"Born__c": "2024-02-29T00:00:00Z"},
        {"Seen__c": "2026-03-01T12:34:56.789+01:00"},
        {"Seen__c": "2026-03-01"},
        {"Born__c": "1700-01-01", "Seen__c": "1699-12-31T23:30:00-05:00"},
        {"Born__c": "4000-12-31", "Seen__c": "4001-01-01T02:00:00+14:00"},
        {"Born__c": "1699-12-31T23:30:00-05:00"},
        {"At__c": "13:05:00.000Z"},
        {"Rating": "HOT"},
        {"Rating": " Heiß "},
        {"Rating": ""},
        {"Tags__c": "a; B;"},
        {"Tags__c": None},
        {"Source": "anything goes"},
        {"Status": None},
        {"AccountId": ACCOUNT},
        {"AccountId": ACCOUNT[:15]},
        {"AccountId": NodeId("acc")},
        {"AccountId": ""},
        {"Account": {"Ext__c": "A-1"}},
        {"Account": None},
        {"What": {"type": "case", "Ext__c": "A-1"}},
        {"What": {"Ext__c": "A-1"}},
        {"Id": None},
        {"Id": ""},
        {"Once__c": "x"},
    ],
)
def test_what_is_not_refused(values):
    """Whatever Salesforce takes, or may take, is left to it."""
    assert "" == RULES.examine(create(**values)).key


@pytest.mark.parametrize(
    ("values", "kind", "says"),
    [
        ({"FirstName": "x" * 11}, InvalidFieldValue, "FirstName takes at most 10 characters"),
        ({"FirstName": {"Ext__c": "A"}}, InvalidFieldValue, "FirstName takes a value of its own"),
        ({"FirstName": NodeId("acc")}, InvalidFieldValue, "FirstName takes a value of its own"),
        ({"Email": {"Ext__c": "A"}}, InvalidFieldValue, "Email takes a value of its own"),
        ({"Revenue__c": "much"}, InvalidFieldValue, "Revenue__c takes a number"),
        ({"Revenue__c": True}, InvalidFieldValue, "Revenue__c takes a number"),
        ({"Revenue__c": NodeId("acc")}, InvalidFieldValue, "Revenue__c takes a number"),
        ({"Revenue__c": 1000}, InvalidFieldValue, "Revenue__c takes at most 3 digits before the decimal point"),
        ({"Revenue__c": Decimal("1e300")}, InvalidFieldValue, "Revenue__c takes at most 3 digits"),
        ({"Staff__c": 1.5}, InvalidFieldValue, "Staff__c takes a whole number"),
        ({"Staff__c": Decimal("1.5")}, InvalidFieldValue, "Staff__c takes a whole number"),
        ({"Staff__c": "1.5"}, InvalidFieldValue, "Staff__c takes a whole number"),
        ({"Staff__c": -1000}, InvalidFieldValue, "Staff__c takes at most 3 digits"),
        ({"Active__c": "yes"}, InvalidFieldValue, "Active__c takes true or false"),
        ({"Active__c": 1}, InvalidFieldValue, "Active__c takes true or false"),
        ({"Active__c": ""}, InvalidFieldValue, "Active__c takes true or false"),
        ({"Born__c": "soon"}, InvalidFieldValue, "Born__c takes a date"),
        ({"Born__c": "2023-02-29"}, InvalidFieldValue, "Born__c takes a date"),
        ({"Born__c": "20240229"}, InvalidFieldValue, "Born__c takes a date"),
        ({"Born__c": "2024-02-29x"}, InvalidFieldValue, "Born__c takes a date"),
        ({"Born__c": 20240229}, InvalidFieldValue, "Born__c takes a date"),
        ({"Born__c": "1699-12-31"}, InvalidFieldValue, "Born__c takes a date as text, 2026-03-01, of the years 1700"),
        ({"Born__c": "4001-01-01"}, InvalidFieldValue, "Born__c takes a date as text, 2026-03-01, of the years 1700"),
        ({"Seen__c": "1699-12-30T23:59:59Z"}, InvalidFieldValue, "Seen__c takes a dateTime"),
        ({"Seen__c": "4001-01-02T00:00:00Z"}, InvalidFieldValue, "Seen__c takes a dateTime"),
        ({"Seen__c": "2026-03-01T25:00:00Z"}, InvalidFieldValue, "Seen__c takes a dateTime"),
        ({"Seen__c": "12:00"}, InvalidFieldValue, "Seen__c takes a dateTime"),
        ({"At__c": "noon"}, InvalidFieldValue, "At__c takes a time"),
        ({"At__c": "13:60:00"}, InvalidFieldValue, "At__c takes a time"),
        ({"Rating": "Warm"}, InvalidFieldValue, "Rating takes the values of its picklist: Hot, Cold"),
        ({"Tags__c": "A;C"}, InvalidFieldValue, "Tags__c takes the values of its picklist: A, B"),
        ({"AccountId": "A-1"}, InvalidFieldValue, "AccountId takes a record's id"),
        ({"AccountId": 7}, InvalidFieldValue, "AccountId takes a record's id"),
        ({"AccountId": "é" * 15}, InvalidFieldValue, "AccountId takes a record's id"),
        (
            {"AccountId": {"Ext__c": "A"}},
            InvalidFieldValue,
            "AccountId takes an id; to look a record up by external id, name",
        ),
        ({"Account": "A-1"}, InvalidFieldValue, "Account takes a record by external id; to give an id"),
        ({"Account": NodeId("acc")}, InvalidFieldValue, "Account takes a record by external id; to give an id"),
        ({"What": {"type": "Lead", "Ext__c": "A"}}, InvalidFieldValue, "What leads to Account, Case"),
        ({"LastName": None}, RequiredFieldMissing, "LastName is required and cannot be null"),
        ({"LastName": ""}, RequiredFieldMissing, "LastName is required and cannot be null"),
        ({"Id": RECORD}, FieldNotWriteable, "Id is given by Salesforce; leave it out"),
        ({"CreatedDate": "2026-03-01"}, FieldNotWriteable, "CreatedDate cannot be written by the user"),
        ({"Score__c": None}, FieldNotWriteable, "Score__c cannot be written as a formula; leave it out"),
        ({"No__c": "1"}, FieldNotWriteable, "No__c cannot be written as an automatic number; leave it out"),
        ({"Later__c": "x"}, FieldNotWriteable, "Later__c cannot be written when a record is created"),
        ({"Address": {"city": "Paris"}}, FieldNotWriteable, "Address cannot be written"),
        ({"Frstname": "x"}, UnknownField, "Lead has no field 'Frstname'; did you mean 'FirstName'?"),
        ({"attributes": "x"}, UnknownField, "Lead has no field 'attributes'"),
        ({"Jigsaw": {"Ext__c": "A"}}, UnknownField, "Lead has no relationship 'Jigsaw'"),
        ({"Acount": {"Ext__c": "A"}}, UnknownField, "Lead has no relationship 'Acount'; did you mean 'Account'?"),
    ],
)
def test_what_is_refused(values, kind, says):
    """What Salesforce refuses for certain costs no call; the path has the caller's spelling, the text no value."""
    error = refused(create(**values))

    assert kind is type(error)
    assert error.message.startswith(says)
    assert [f"fields.{next(iter(values))}"] == paths(error)
    assert ("lead", next(iter(values))) == (error.metadata["object"], error.metadata["fields"])


def test_a_name_in_any_case():
    """Salesforce tells names apart by more than their case, and so do the rules; paths repeat the caller's."""
    error = refused(create(FIRSTNAME="x" * 11, rAtInG="Warm"))

    assert ["fields.FIRSTNAME", "fields.rAtInG"] == paths(error)


def test_all_faults_are_told_at_once():
    """The class is the one that Salesforce would name, in whatever order the fields come."""
    values = {"Rating": "Warm", "CreatedDate": "now", "Compny": "x", "Staff__c": "many"}
    names = ["Compny", "CreatedDate", "LastName", "Rating", "Staff__c"]

    error = refused(Write(CREATE, "Lead", values))
    reverse = refused(Write(CREATE, "Lead", dict(reversed(values.items()))))

    assert UnknownField is type(error)
    assert [f"fields.{name}" for name in names] == paths(error)
    assert {"object": "Lead", "field": "Compny", "fields": ",".join(names)} == error.metadata
    assert error.violations == reverse.violations


def test_a_new_record_needs_its_required_fields():
    """A field without a default must be there; checkboxes and what has a default need not."""
    error = refused(Write(CREATE, "Lead", {"FirstName": "Marie"}))

    assert RequiredFieldMissing is type(error)
    assert {"object": "Lead", "fields": "LastName"} == error.metadata
    assert ["fields.LastName"] == paths(error)


@pytest.mark.parametrize(
    "write", [update(FirstName="Marie"), upsert("Ext__c", "A-1"), Write(CREATE, "Lead", {"lastNAME": "Curie"})]
)
def test_a_record_that_may_exist_needs_nothing(write):
    """Only what is certainly created lacks what is absent, and a name counts in any case."""
    RULES.examine(write)


def test_a_required_lookup_may_be_given_by_external_id():
    """The relationship stands for the field."""
    link = Field("AccountId", "reference", nillable=False, relationshipName="Account", referenceTo=("Account",))
    rules = WriteRules(SObject("Role__c", {"accountid": link}, {"account": link}))

    for name in ("Account", "ACCOUNT"):
        rules.examine(Write(CREATE, "Role__c", {name: {"Ext__c": "A-1"}}))
    error = refused(Write(CREATE, "Role__c", {"Account": None}), rules)

    assert RequiredFieldMissing is type(error)


def test_an_account_that_is_a_person():
    """Where people are accounts a record has a name or a last name, though both are described as required."""
    names = [Field("Name", "string", nillable=False), Field("LastName", "string", nillable=False)]
    rules = WriteRules(SObject("Account", {field.name.lower(): field for field in names}, {}))

    assert "" == rules.examine(Write(CREATE, "Account", {"LastName": "Curie"})).key
    assert "" == rules.examine(Write(CREATE, "Account", {"Name": "Acme"})).key


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (update(Later__c="x"), None),
        (update(Once__c="x"), FieldNotWriteable),
        (update(Id=None), FieldNotWriteable),
        (update(Status=None), RequiredFieldMissing),
        (update(LastName=None), RequiredFieldMissing),
        (update(OwnerId=None), RequiredFieldMissing),
        (update(Active__c=None), None),
        (upsert("Ext__c", "A", Later__c="x"), None),
        (upsert("Ext__c", "A", Once__c="x"), None),
        (upsert("Ext__c", "A", Id=None), None),
        (upsert("Ext__c", "A", Status=None), None),
        (upsert("Ext__c", "A", LastName=None), RequiredFieldMissing),
        (upsert("Ext__c", "A", CreatedDate="2026-03-01"), FieldNotWriteable),
    ],
)
def test_what_the_operation_decides(write, kind):
    """An upsert is refused only what both a creation and an update would be."""
    if kind is None:
        RULES.examine(write)
    else:
        assert kind is type(refused(write))


def test_only_the_first_unknown_names_are_held_against_those_that_exist():
    """A record may have hundreds, each of which would cost more than all that is known of it."""
    with pytest.raises(UnknownField) as caught:
        WriteRules(LEAD).examine(Write(UPDATE, "Lead", {f"FirstNam{n}": "x" for n in range(800)}, record_id=RECORD))

    assert 800 == len(caught.value.violations)
    assert 8 == sum("did you mean" in item.description for item in caught.value.violations)


def test_each_entry_of_a_text_is_looked_at_once():
    """A million equal entries are as good as one."""
    WriteRules(LEAD).examine(Write(UPDATE, "Lead", {"Tags__c": "A;b;" * 10}, record_id=RECORD))

    with pytest.raises(InvalidFieldValue):
        WriteRules(LEAD).examine(Write(UPDATE, "Lead", {"Tags__c": "A;b;" * 10 + "c"}, record_id=RECORD))


@pytest.mark.parametrize(
    ("field", "nearest"), [("Exd__c", "Ext__c"), ("FirstName", None), ("Nope__c", None), ("Emial", None)]
)
def test_a_field_that_finds_no_record(field, nearest):
    """The external id is refused with those that there are."""
    error = refused(upsert(field, "A-1", LastName="Curie"))

    assert UnknownField is type(error)
    assert ["external_id.field"] == paths(error)
    assert f"{field!r} is no external id of Lead; there are: Id, Ext__c, Exact__c, Number__c" == error.message
    assert ("lead", field, nearest) == (
        error.metadata["object"],
        error.metadata["field"],
        error.metadata.get("nearest"),
    )


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (upsert("Number__c", "A-1"), InvalidFieldValue),
        (Write(DELETE, "lead", key=ExternalKey("Number__c", "A-1")), InvalidFieldValue),
        (upsert("Ext__c", "x" * 21), InvalidFieldValue),
    ],
)
def test_a_key_that_no_record_can_have(write, kind):
    """A value that the field cannot hold finds nothing and cannot be given to a new record."""
    error = refused(write)

    assert kind is type(error)
    assert ["external_id.value"] == paths(error)


@pytest.mark.parametrize(
    ("field", "key", "value"),
    [
        ("Ext__c", "A-1", "A-1"),
        ("Ext__c", "A-1", "a-1 "),
        ("Ext__c", "7", 7),
        ("Exact__c", "A-1", "A-1"),
        ("Number__c", "7", 7),
        ("Number__c", "7.0", Decimal(7)),
        ("Number__c", "7", "07"),
    ],
)
def test_the_key_among_the_values(field, key, value):
    """The external id may be repeated under any spelling of its field."""
    for name in (field, field.upper()):
        RULES.examine(Write(UPSERT, "Lead", {name: value}, key=ExternalKey(field.lower(), key)))


@pytest.mark.parametrize(
    ("field", "key", "value"),
    [
        ("Ext__c", "A-1", "A-2"),
        ("Ext__c", "A-1", None),
        ("Ext__c", "1", True),
        ("Exact__c", "A-1", "a-1"),
        ("Number__c", "7", 8),
        ("Number__c", "7", "x"),
    ],
)
@pytest.mark.parametrize("operation", [UPSERT, UPDATE])
def test_another_key_among_the_values(operation, field, key, value):
    """A record cannot be found by one external id and given another."""
    error = refused(Write(operation, "Lead", {field.upper(): value}, key=ExternalKey(field, key)))

    assert InvalidRequest is type(error)
    assert [f"fields.{field.upper()}"] == paths(error)
    assert "differs from external_id.value" in error.message


@pytest.mark.parametrize(
    ("write", "key", "numeric"),
    [
        (create(), "", False),
        (update(FirstName="x"), RECORD, False),
        (Write(DELETE, "lead", record_id=RECORD), RECORD, False),
        (upsert("EXT__C", " A-1"), "lead.ext__c:a-1", False),
        # No record has it, which of a deletion is no fault.
        (Write(DELETE, "lead", key=ExternalKey("Ext__c", "x" * 21)), f"lead.ext__c:{'x' * 21}", False),
        (Write(DELETE, "LEAD", key=ExternalKey("Ext__c", "a-1")), "lead.ext__c:a-1", False),
        (upsert("Exact__c", "A-1 "), "lead.exact__c:A-1", False),
        (upsert("Number__c", "007.0"), "lead.number__c:7", True),
        (upsert("Email", "Ö@b.eu"), "lead.email:ö@b.eu", False),
    ],
)
def test_the_key_of_a_write(write, key, numeric):
    """Writes of one record have one key, whatever the spelling of the object, the field and the value."""
    found = RULES.examine(write)

    assert (key, numeric) == (found.key, found.numeric_key)


@pytest.mark.parametrize(
    ("values", "parents"),
    [
        ({"FirstName": "Marie"}, ()),
        ({"AccountId": ACCOUNT}, (ACCOUNT,)),
        ({"AccountId": ACCOUNT[:15]}, (ACCOUNT,)),
        ({"AccountId": ACCOUNT.lower()}, (ACCOUNT,)),
        ({"AccountId": None}, ()),
        ({"AccountId": NodeId("acc")}, ()),
        ({"OwnerId": "005D000000IRFma"}, ()),
        ({"Owner": {"Username": "a@b"}}, ()),
        ({"Account": {"Ext__c": " A-1"}}, ("account.ext__c:a-1",)),
        ({"account": {"EXT__C": "007"}}, ("account.ext__c:7",)),
        ({"Account": {"Id": ACCOUNT[:15]}}, (ACCOUNT,)),
        ({"Account": {}}, ()),
        ({"What": {"type": "Case", "Ext__c": "A-1"}}, ("case.ext__c:a-1",)),
        ({"What": {"Ext__c": "A-1"}}, ("what.ext__c:a-1",)),
        ({"AccountId": ACCOUNT, "WhatId": "500D000000IRFma"}, (ACCOUNT, "500D000000IRFmaIAH")),
    ],
)
def test_the_parents_of_a_write(values, parents):
    """Records that lookups lead to are locked with the record; users and queues are not."""
    assert parents == RULES.examine(create(**values)).parents


def test_a_parent_has_the_key_of_its_own_writes():
    """A record that is written and one that is looked up are the same in every spelling."""
    parent = RULES.examine(create(Account={"Ext__c": "ä-1"})).parents
    account = Field("Ext__c", "string", externalId=True)
    accounts = WriteRules(SObject("Account", {"ext__c": account}, {}))

    assert (accounts.examine(Write(UPSERT, "ACCOUNT", key=ExternalKey("ext__c", "Ä-1"))).key,) == parent


def test_the_name_of_the_sobject():
    """What is sent has Salesforce's spelling."""
    assert "Lead" == RULES.name


def test_ever_new_spellings_take_no_memory():
    """A caller who spells one name in every way costs time and not memory."""
    rules = WriteRules(LEAD)
    name = "numberofthings__c"
    long = Field(name, "string", length=5)
    rules = WriteRules(SObject("Lead", {name: long}, {}))
    spellings = [
        "".join(char.upper() if number >> place & 1 else char for place, char in enumerate(name))
        for number in range(600)
    ]

    for spelling in spellings:
        assert [f"fields.{spelling}"] == paths(refused(Write(UPDATE, "Lead", {spelling: "x" * 6}), rules))

    assert 2 == len(rules._spelled[UPDATE])
    assert 1 == len(rules._checks[UPDATE])


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.decimals(allow_nan=False)
    | st.text(max_size=30) | st.just(ACCOUNT) | st.just({"Ext__c": "S3CRET"}) | st.just(NodeId("S3CRET"))
)  # fmt: skip
names = st.sampled_from([*(field.name for field in FIELDS), "Account", "What", "X__c", "attributes"])


@given(st.sampled_from(Operation), st.dictionaries(names, scalars))
def test_anything_is_examined_or_refused(operation, values):
    """Whatever is written, the outcome is what is known of it or a refusal, and the two never mix."""
    key = ExternalKey("Ext__c", "S3CRET") if operation is UPSERT else None
    record_id = RECORD if operation in {UPDATE, DELETE} else ""
    write = Write(operation, "Lead", values, record_id=record_id, key=key)

    for rules in (RULES, UNKNOWN):
        outcome = examined(rules, write)

        if isinstance(outcome, InvalidArgument):
            assert {path.removeprefix("fields.") for path in paths(outcome)} <= {*values, "LastName"}
            assert "S3CRET" not in str((outcome.message, outcome.metadata, outcome.violations))
        else:
            assert all(isinstance(parent, str) for parent in outcome.parents)


@pytest.mark.parametrize(
    ("values", "parents"),
    [
        ({"Anything": 7, "Else__c": None, "Third": NodeId("x")}, ()),
        ({"AccountId": ACCOUNT}, (ACCOUNT,)),
        ({"PARENTID": ACCOUNT.lower()}, (ACCOUNT,)),
        ({"Parent__c": ACCOUNT}, (ACCOUNT,)),
        ({"AccountId": ACCOUNT[:15]}, ()),
        ({"AccountId": ACCOUNT[:-1] + "A"}, ()),
        ({"OwnerId": ACCOUNT, "RecordTypeId": ACCOUNT, "LastModifiedById": ACCOUNT, "Name": ACCOUNT}, ()),
        ({"Account": {"Ext__c": "A-1"}}, ("account.ext__c:a-1",)),
        ({"Parent__r": {"type": "Account", "Ext__c": "A-1"}}, ("parent__r.ext__c:a-1",)),
    ],
)
def test_what_is_known_without_a_description(values, parents):
    """Nothing is held against a description, and whatever may be a parent counts as one."""
    assert parents == UNKNOWN.examine(Write(CREATE, "lead", values)).parents


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (create(Id=RECORD), FieldNotWriteable),
        (update(ID=None), FieldNotWriteable),
        (create(id=None), None),
        (update(attributes=None), UnknownField),
        (upsert("Ext__c", "A-1", EXT__C="A-2"), InvalidRequest),
        (upsert("Ext__c", "A-1", EXT__C="a-1"), None),
        (upsert("Ext__c", "7", Ext__c=7), None),
    ],
)
def test_what_no_sobject_takes(write, kind):
    """Without a description only that is refused which would make another record of it."""
    if kind is None:
        UNKNOWN.examine(write)
    else:
        assert kind is type(refused(write, UNKNOWN))


@pytest.mark.parametrize(
    ("write", "key"),
    [
        (update(FirstName="x"), RECORD),
        (create(), ""),
        (upsert("Ext__c", "A-1"), "lead.ext__c:a-1"),
        (upsert("EXT__C", "007"), "lead.ext__c:7"),
    ],
)
def test_the_key_without_a_description(write, key):
    """Texts and numbers that might be one count as one."""
    assert ("lead", key, False) == (UNKNOWN.name, UNKNOWN.examine(write).key, UNKNOWN.examine(write).numeric_key)


@pytest.mark.parametrize("operation", [UPDATE, DELETE])
def test_an_id_of_another_sobject(operation):
    """It would change a record that the caller did not name: a deletion in a call for several names no sObject."""
    rules = WriteRules(SObject("Lead", {}, {}, key_prefix="00Q"))

    error = refused(Write(operation, "lead", record_id=ACCOUNT), rules)

    assert InvalidFieldValue is type(error)
    assert ["record.id"] == paths(error)
    assert "the id is none of Lead, whose ids begin with 00Q" == error.message
    assert RECORD == rules.examine(Write(operation, "lead", record_id=RECORD)).key


def test_an_sobject_that_tells_no_prefix():
    """Ids of such an sObject are taken as they are."""
    rules = WriteRules(SObject("Lead", {}, {}))

    assert ACCOUNT == rules.examine(Write(DELETE, "lead", record_id=ACCOUNT)).key
