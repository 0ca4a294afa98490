"""The columns of a bulk load are refused before the first job where no row could be loaded with them."""

from dataclasses import replace
from typing import Any, cast

import pytest

from service.bulk.data.mapping import FieldMapping
from service.bulk.request import LoadRequest, Operation
from service.errors import FieldNotWriteable, InvalidFieldValue, RequiredFieldMissing, UnknownField, UnknownObject
from service.orgs.descriptions import Descriptions
from service.orgs.load_columns import check_columns, column_faults
from service.salesforce.calls.describe import Field, SObject
from tests.support.clock import FakeClock
from tests.support.transport import call


def sobject(name, *fields):
    return SObject(
        name,
        {field.name.lower(): field for field in fields},
        {field.relationshipName.lower(): field for field in fields if field.relationshipName},
    )


ID = Field("Id", "id", nillable=False, createable=False, updateable=False, idLookup=True)
ACCOUNT = sobject("Account", ID, Field("Ext__c", "string", externalId=True, idLookup=True), Field("Rating", "picklist"))
USER = sobject("User", ID, Field("Username", "string", idLookup=True))
CONTACT = sobject(
    "Contact",
    ID,
    Field("LastName", "string", nillable=False),
    Field("Email", "email", idLookup=True),
    Field("Ext__c", "string", externalId=True, idLookup=True),
    Field("Number__c", "string", externalId=True, createable=False, updateable=False, autoNumber=True),
    Field("Sum__c", "double", createable=False, updateable=False, calculated=True),
    Field("Born__c", "date", updateable=False),
    Field("AccountId", "reference", relationshipName="Account", referenceTo=("Account",)),
    Field("OwnerId", "reference", relationshipName="Owner", referenceTo=("Group", "User"), defaultedOnCreate=True),
    Field("CreatedById", "reference", 0, "CreatedBy", ("User",), createable=False, updateable=False),
)
PARENTS = {"account": ACCOUNT, "user": USER}
UPSERT = LoadRequest("Contact", Operation.UPSERT, "Ext__c")
UPDATE = LoadRequest("Contact", Operation.UPDATE)
INSERT = LoadRequest("Contact", Operation.INSERT)


@pytest.mark.parametrize(
    ("request_", "columns"),
    [
        (UPSERT, ["ext__C", "LASTNAME", "Account.Ext__c", "User:Owner.Username", "Born__c"]),
        (UPSERT, ["Ext__c"]),
        (LoadRequest("Contact", Operation.UPSERT, "Number__c"), ["Number__c", "LastName"]),
        (LoadRequest("Contact", Operation.UPSERT, "Id"), ["Id", "LastName"]),
        (LoadRequest("Contact", Operation.UPSERT, "Email"), ["Email", "LastName"]),
        (UPDATE, ["Id", "LastName", "Account.Id"]),
        (INSERT, ["LastName", "AccountId", "OwnerId"]),
        (INSERT, ["LastName", "User:Owner.Username"]),
        (LoadRequest("Contact", Operation.DELETE), ["Id", "Whatever"]),
        (LoadRequest("Contact", Operation.HARD_DELETE), ["Id"]),
    ],
)
def test_columns_that_can_be_loaded_have_no_fault(request_, columns):
    """Case does not matter, what finds the record need not be writeable, and deletions read the id alone."""
    assert [] == column_faults(request_, columns, CONTACT, PARENTS)


@pytest.mark.parametrize(
    ("request_", "column", "kind", "says"),
    [
        (UPSERT, "Emial", UnknownField, "Contact has no field 'Emial'; did you mean 'Email'?"),
        (UPSERT, "Zzz__c", UnknownField, "Contact has no field 'Zzz__c'"),
        (UPSERT, "Sum__c", FieldNotWriteable, "Sum__c cannot be written as a formula; leave it out"),
        (UPSERT, "Id", FieldNotWriteable, "Id is given by Salesforce; leave it out"),
        (INSERT, "Id", FieldNotWriteable, "Id is given by Salesforce; leave it out"),
        (UPDATE, "Born__c", FieldNotWriteable, "Born__c cannot be written once the record exists; leave it out"),
        (UPSERT, "Acount.Ext__c", UnknownField, "Contact has no relationship 'Acount'; did you mean 'Account'?"),
        (UPSERT, "CreatedBy.Username", FieldNotWriteable, "CreatedById cannot be written"),
        (UPSERT, "Account.Exd__c", UnknownField, "Account has no field 'Exd__c'; did you mean 'Ext__c'?"),
        (UPSERT, "Account.Rating", UnknownField, "'Rating' is no external id of Account; there are: Id, Ext__c"),
        (UPSERT, "Lead:Owner.Ext__c", InvalidFieldValue, "Owner leads to Group, User and to no other object"),
        (
            UPSERT,
            "Owner.Username",
            InvalidFieldValue,
            "Owner leads to Group and User; name the one that is meant: Group:Owner.Username or User:Owner.Username",
        ),
        (UPSERT, "User:Owner.Name", UnknownField, "User has no field 'Name'"),
        (UPSERT, "Owner:User.Username", UnknownField, "Contact has no relationship 'User'; did you mean 'User:Owner'?"),
        (UPSERT, "Account:Account.Ext__c", InvalidFieldValue, "Account leads to Account alone; leave 'Account:' out"),
    ],
)
def test_a_column_that_cannot_be_loaded_is_named(request_, column, kind, says):
    """Each fault names the column and what would be right."""
    columns = ["LastName", column]

    ((path, fault),) = column_faults(request_, columns, CONTACT, PARENTS)

    assert (f"fields.{column}", kind) == (path, fault.kind)
    assert fault.problem.startswith(says)


def test_the_external_id_field_must_find_records():
    """An upsert by a field that is no external id is refused at the header's field, with those that there are."""
    request = LoadRequest("Contact", Operation.UPSERT, "LastName")

    ((path, fault),) = column_faults(request, ["LastName"], CONTACT, PARENTS)

    assert "header.external_id_field" == path
    assert "'LastName' is no external id of Contact; there are: Id, Ext__c, Number__c" == fault.problem


def test_an_insert_needs_its_required_fields():
    """A required field without a column would fail every row; a lookup by external id is as good as its field."""
    required = sobject(
        "Line__c",
        Field("Parent__c", "reference", 0, "Parent__r", ("Account",), nillable=False),
        Field("A__c", "string"),
    )
    request = LoadRequest("Line__c", Operation.INSERT)

    assert [] == column_faults(request, ["Parent__r.Ext__c"], required, PARENTS)
    ((path, fault),) = column_faults(request, ["A__c"], required, PARENTS)
    assert ("fields.Parent__c", RequiredFieldMissing) == (path, fault.kind)


def test_a_parent_that_nobody_described_is_left_to_salesforce():
    """A lookup to an object that the user may not see is not refused for its field."""
    assert [] == column_faults(UPSERT, ["Account.Whatever__c"], CONTACT, {})


def test_thousands_of_unknown_columns_are_few_faults():
    """A table of another object is refused without looking for the name that each column was meant to be."""
    assert 50 == len(column_faults(UPSERT, [f"Wrong{number}__c" for number in range(5000)], CONTACT, PARENTS))


class Describing:
    """A client that describes what it is given, and counts."""

    org = "prod"

    def __init__(self, *sobjects):
        self.sobjects = {each.name: each for each in sobjects}
        self.asked: list[str] = []

    async def describe(self, name, _context, _known=None):
        """Describe an sObject."""
        self.asked.append(name)
        if name not in self.sobjects:
            raise UnknownObject(f"no {name}", metadata={"object": name})
        return self.sobjects[name]

    async def sobject_names(self, _context):
        """List the sObjects."""
        return list(self.sobjects)


async def test_a_field_that_was_added_since_is_found():
    """A column is refused by a description that is not a minute old, never by one that has aged."""
    clock = FakeClock()
    client: Any = Describing(sobject("Contact", ID))
    descriptions = Descriptions(client)
    await descriptions.get("Contact", call(clock))
    client.sobjects = {"Contact": CONTACT, "Account": ACCOUNT}

    with pytest.raises(UnknownField):
        await check_columns(UPDATE, ["Id", "Email"], descriptions, call(clock))
    clock.advance(61)
    await check_columns(UPDATE, ["Id", "Email", "Account.Ext__c"], descriptions, call(clock))

    assert ["Contact", "Contact", "Account"] == client.asked


async def test_an_unknown_object_is_told_of_the_header():
    """A load of an sObject that is not there is refused before anything else, at the header's field."""
    descriptions = Descriptions(cast("Any", Describing(CONTACT)))

    with pytest.raises(UnknownObject) as caught:
        await check_columns(LoadRequest("Contcat", Operation.UPDATE), ["Id"], descriptions, call(FakeClock()))

    assert ["header.object"] == [violation.field for violation in caught.value.violations]
    assert "Contact" == caught.value.metadata["nearest"]


async def test_a_parent_that_the_user_may_not_see_refuses_nothing():
    """What cannot be described is left to Salesforce."""
    descriptions = Descriptions(cast("Any", Describing(CONTACT)))

    await check_columns(UPSERT, ["Ext__c", "Account.Ext__c"], descriptions, call(FakeClock()))


async def test_all_faults_come_at_once():
    """The error names every column at fault, the gravest first, and none twice."""
    descriptions = Descriptions(cast("Any", Describing(CONTACT)))

    with pytest.raises(UnknownField) as caught:
        await check_columns(UPSERT, ["Sum__c", "Emial", "Ext__c"], descriptions, call(FakeClock()))

    assert ["data", "data"] == [violation.field for violation in caught.value.violations]
    assert {"object": "Contact", "fields": "Emial,Sum__c", "field": "Emial", "nearest": "Email"} == (
        caught.value.metadata
    )


async def test_a_column_is_named_as_the_caller_gave_it():
    """What is wrong with a field is told at the mapping, the constants or the data, whichever brought it."""
    descriptions = Descriptions(cast("Any", Describing(CONTACT)))
    mapping = FieldMapping({"E-mail": "Emial", "Key": "Ext__c"}, {"Sum__c": "1"})
    columns = ["Emial", "Ext__c", "Id", "Sum__c"]

    with pytest.raises(UnknownField) as caught:
        await check_columns(replace(UPSERT, mapping=mapping), columns, descriptions, call(FakeClock()))

    problem = "column 'E-mail' goes to Emial: Contact has no field 'Emial'; did you mean 'Email'?"
    violations = {violation.field: violation.description for violation in caught.value.violations}
    assert ["header.mapping", "data", "header.constants"] == list(violations)
    assert problem == violations["header.mapping"]
    assert f"{problem}; also at fault: Id, Sum__c" == caught.value.message
    assert "a constant: Sum__c cannot be written as a formula; leave it out" == violations["header.constants"]
    assert "Emial,Id,Sum__c" == caught.value.metadata["fields"]


async def test_a_lookup_to_a_great_many_is_told_in_a_line():
    """Of hundreds of sObjects the first ones are choices enough."""
    names = tuple(f"Object{number}__c" for number in range(300))
    lookup = Field("WhatId", "reference", relationshipName="What", referenceTo=names)

    ((_, fault),) = column_faults(UPDATE, ["Id", "What.Ext__c"], sobject("Task", ID, lookup), {})

    assert "Object4__c and 295 more; name the one that is meant: Object0__c:What.Ext__c or " in fault.problem
    assert 300 > len(fault.problem)
