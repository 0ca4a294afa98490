"""Loads that refer to each other are planned by what the org's sObjects are."""

from typing import Any, cast

import pytest

from service.bulk.request import Operation
from service.errors import InvalidRequest, RequiredFieldMissing, UnknownField, UnknownObject
from service.orgs.descriptions import Descriptions
from service.orgs.load_plans import LoadDraft, plan_loads
from service.salesforce.calls.describe import Field, SObject
from tests.support.clock import FakeClock
from tests.support.transport import call

ID = Field("Id", "id", nillable=False, createable=False, updateable=False, idLookup=True)
EXT = Field("Ext__c", "string", externalId=True, idLookup=True)


def sobject(name: str, *fields: Field) -> SObject:
    """Describe an sObject."""
    all_fields = (ID, EXT, *fields)
    return SObject(
        name,
        {field.name.lower(): field for field in all_fields},
        {field.relationshipName.lower(): field for field in all_fields if field.relationshipName},
    )


def lookup(name: str, relationship: str, *targets: str, **more: Any) -> Field:
    """Describe a lookup."""
    return Field(name, "reference", relationshipName=relationship, referenceTo=targets, **more)


OBJECTS = {
    each.name.lower(): each
    for each in (
        sobject("Account", lookup("ParentId", "Parent", "Account"), lookup("Main__c", "Main__r", "Contact")),
        sobject(
            "Contact",
            Field("LastName", "string", nillable=False),
            lookup("AccountId", "Account", "Account"),
            lookup("OwnerId", "Owner", "Group", "User"),
        ),
        sobject("Task", lookup("WhoId", "Who", "Contact", "Lead")),
        sobject("Seat__c", lookup("Contact__c", "Contact__r", "Contact", nillable=False, updateable=False)),
        sobject("Node__c", lookup("Up__c", "Up__r", "Node__c", nillable=False, updateable=False)),
        sobject("User", Field("Username", "string", idLookup=True)),
        sobject("Lead"),
    )
}


class Described:
    """Descriptions that are known."""

    async def get(self, name: str, _context: object) -> SObject:
        if name.lower() not in OBJECTS:
            raise UnknownObject(f"there is no object {name!r}")
        return OBJECTS[name.lower()]

    async def refreshed(self, _name: str, _context: object) -> None:
        return None


def upsert(name: str, *columns: str) -> LoadDraft:
    """Return a draft of an upsert."""
    return LoadDraft(name, Operation.UPSERT, "Ext__c", ("Ext__c", *columns))


async def plan(*drafts: LoadDraft):
    """Plan loads."""
    return await plan_loads(drafts, cast("Descriptions", Described()), call(FakeClock()))


async def test_children_come_after_their_parents():
    """The step of the children says by which column, whom it finds and by what, and what keeps their rows together."""
    steps = await plan(upsert("Task", "Contact:Who.ext__C"), upsert("contact", "account.Ext__c"), upsert("Account"))

    assert [(2, ""), (1, "account.Ext__c"), (0, "Contact:Who.ext__C")] == [
        (step.load, step.parent_column) for step in steps
    ]
    (reference,) = steps[2].references
    assert ("WhoId", ("Contact",), "ext__C", (1,)) == (
        reference.field,
        reference.parent_objects,
        reference.external_id_field,
        reference.parent_loads,
    )


async def test_references_within_a_load_and_in_a_circle_get_a_second_pass():
    """Of either load the columns that cannot be set at once are left out, and come later with what finds the rows."""
    steps = await plan(
        upsert("Contact", "LastName", "Account.Ext__c"), upsert("Account", "Parent.Ext__c", "Main__r.Ext__c")
    )

    assert [
        (0, False, ("Ext__c", "LastName")),
        (1, False, ("Ext__c", "Main__r.Ext__c")),
        (0, True, ("Ext__c", "Account.Ext__c")),
        (1, True, ("Ext__c", "Parent.Ext__c")),
    ] == [(step.load, step.is_second, step.columns) for step in steps]
    assert [True, False] == [each.is_deferred for each in steps[1].references]


async def test_what_no_load_writes_is_waited_for_by_nobody():
    """A parent that is found by a field which its load does not have, or by an id, is in the org already."""
    contact = LoadDraft("Contact", Operation.INSERT, "", ("LastName", "Account.Ext__c", "User:Owner.Username"))
    account = LoadDraft("Account", Operation.UPDATE, "", ("Id", "ParentId"))

    steps = await plan(contact, account)

    assert [(0, ()), (1, ())] == [(step.load, step.references) for step in steps]
    assert ["Account.Ext__c", "ParentId"] == [step.parent_column for step in steps]


async def test_several_loads_of_one_object_are_all_waited_for():
    """Children come after each file of parents; parents that refer to each other are set at last."""
    steps = await plan(
        upsert("Contact", "Account.Ext__c"), upsert("Account", "Parent.Ext__c"), upsert("Account", "ParentId")
    )

    assert [(1, False), (2, False), (0, False), (1, True)] == [(step.load, step.is_second) for step in steps]


@pytest.mark.parametrize(
    ("drafts", "kind", "field", "words"),
    [
        ([upsert("Account"), upsert("Contact", "Emial")], UnknownField, "loads[1].columns[1]", "no field 'Emial'"),
        ([upsert("Contact", "Account.Exd__c")], UnknownField, "loads[0].columns[1]", "did you mean 'Ext__c'"),
        ([upsert("Nobody")], UnknownObject, "loads[0].object", "there is no object 'Nobody'"),
        ([upsert("Account", "ext__C")], InvalidRequest, "loads[0].columns", "names Ext__c twice"),
        (
            [LoadDraft("Account", Operation.UPSERT, "Ext__c", ("ParentId",))],
            RequiredFieldMissing,
            "loads[0].columns",
            "the columns lack Ext__c, which every upsert needs",
        ),
        (
            [LoadDraft("Account", Operation.UPSERT, "ParentId", ("ParentId",))],
            UnknownField,
            "loads[0].external_id_field",
            "is no external id of Account",
        ),
        ([upsert("Node__c", "Up__r.Ext__c")], InvalidRequest, "loads[0].columns[1]", "no record is created without it"),
        (
            [LoadDraft("Account", Operation.INSERT, "", ("Ext__c", "Parent.Ext__c"))],
            InvalidRequest,
            "loads[0].columns[1]",
            "load them by an upsert",
        ),
    ],
)
async def test_what_cannot_be_planned_is_named(drafts, kind, field, words):
    """The violation says which load and which column."""
    with pytest.raises(kind, match=words) as caught:
        await plan(*drafts)

    assert field in [violation.field for violation in caught.value.violations]


async def test_a_needed_lookup_is_what_rows_are_kept_together_by():
    """A parent that every row has counts more than one that comes before it."""
    steps = await plan(upsert("Seat__c", "Contact__r.Ext__c"), upsert("Contact", "Account.Ext__c", "OwnerId"))

    assert [(1, "Account.Ext__c"), (0, "Contact__r.Ext__c")] == [(step.load, step.parent_column) for step in steps]


async def test_all_faults_are_told_at_once():
    """Every load's violations are there."""
    with pytest.raises(UnknownField) as caught:
        await plan(upsert("Contact", "Emial"), upsert("Account", "Nmae"))

    assert ["loads[0].columns[1]", "loads[1].columns[1]"] == [each.field for each in caught.value.violations]
