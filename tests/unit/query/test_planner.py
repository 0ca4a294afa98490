"""The columns of a result, planned from the query and the descriptions."""

import keyword
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import soql
from service.errors import MalformedQuery, UnknownField, UnknownObject
from service.query.batches import Columnizer
from service.query.columns import ColumnType, ResultColumn
from service.query.decoding import attributes, row_type
from service.query.planner import expand, plan
from service.salesforce.calls.describe import ChildRelationship, Field, SObject


def sobject(name: str, *fields: Field) -> SObject:
    """Describe an sObject."""
    return SObject(
        name,
        {field.name.lower(): field for field in fields},
        {field.relationshipName.lower(): field for field in fields if field.relationshipName},
    )


SCHEMA: Mapping[str, SObject] = {
    "lead": sobject(
        "Lead",
        Field("Id", "id"),
        Field("Name", "string"),
        Field("Country", "string"),
        Field("IsConverted", "boolean"),
        Field("NumberOfEmployees", "int"),
        Field("Big__c", "long"),
        Field("Rate__c", "percent", precision=15),
        Field("AnnualRevenue", "currency", precision=18),
        Field("Born__c", "date"),
        Field("CreatedDate", "datetime"),
        Field("At__c", "time"),
        Field("Address", "address"),
        Field("City", "string", compoundFieldName="Address"),
        Field("PostalCode", "string", compoundFieldName="Address"),
        Field("Latitude", "double", precision=18, compoundFieldName="Address"),
        Field("Site__c", "location", custom=True),
        Field("Site__Latitude__s", "double", precision=10, compoundFieldName="Site__c", custom=True),
        Field("Site__Longitude__s", "double", precision=10, compoundFieldName="Site__c", custom=True),
        Field("Hidden__c", "location", custom=True),
        Field("Colours__c", "multipicklist", custom=True),
        Field("Body", "base64"),
        Field("Any", "anyType"),
        Field("OwnerId", "reference", relationshipName="Owner", referenceTo=("Group", "User")),
        Field("CreatedById", "reference", relationshipName="CreatedBy", referenceTo=("User",)),
    ),
    "user": sobject(
        "User",
        Field("Name", "string"),
        Field("IsActive", "boolean"),
        Field("ManagerId", "reference", relationshipName="Manager", referenceTo=("User",)),
    ),
    "group": sobject(
        "Group",
        Field("Name", "string"),
        Field("DeveloperName", "string"),
        Field("IsActive", "string"),
        Field("RelatedId", "reference", relationshipName="Related", referenceTo=("User",)),
    ),
    "task": replace(
        sobject(
            "Task",
            Field("Subject", "combobox"),
            Field("WhoId", "reference", relationshipName="Who", referenceTo=("Lead",)),
        ),
        children={"replies": ChildRelationship("Task", "Replies")},
    ),
}
LEAD = replace(SCHEMA["lead"], children={"tasks": ChildRelationship("Task", "Tasks")})


async def planned(text: str, planner: Any = plan) -> Any:
    """Plan the columns of a query, or expand it."""

    async def describe(name: str) -> SObject:
        known = LEAD if name.lower() == "lead" else SCHEMA.get(name.lower())
        if known is None:
            raise UnknownObject(f"the org has no sObject {name!r}", metadata={"object": name})
        return known

    return await planner(soql.parse(text), describe)


async def brief(text: str) -> list[tuple[str, ColumnType]]:
    """Return names and types of a query's columns."""
    return [(column.name, column.type) for column in await planned(text)]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("id", ("Id", ColumnType.STRING)),
        ("isconverted", ("IsConverted", ColumnType.BOOL)),
        ("NUMBEROFEMPLOYEES", ("NumberOfEmployees", ColumnType.INT64)),
        ("Big__c", ("Big__c", ColumnType.INT64)),
        ("Rate__c", ("Rate__c", ColumnType.DOUBLE)),
        ("AnnualRevenue", ("AnnualRevenue", ColumnType.DECIMAL)),
        ("Born__c", ("Born__c", ColumnType.DATE)),
        ("CreatedDate", ("CreatedDate", ColumnType.DATETIME)),
        ("colours__c", ("Colours__c", ColumnType.STRINGS)),
        ("Body", ("Body", ColumnType.BYTES)),
        ("Any", ("Any", ColumnType.STRING)),
        ("toLabel(Colours__c)", ("Colours__c", ColumnType.STRINGS)),
        ("FORMAT(AnnualRevenue)", ("AnnualRevenue", ColumnType.STRING)),
        ("convertCurrency(AnnualRevenue) euros", ("euros", ColumnType.DECIMAL)),
        ("At__c", ("At__c", ColumnType.TIME)),
        ("createdby.NAME", ("CreatedBy.Name", ColumnType.STRING)),
        ("CreatedBy.Manager.IsActive", ("CreatedBy.Manager.IsActive", ColumnType.BOOL)),
        ("Lead.Name", ("Name", ColumnType.STRING)),
    ],
)
async def test_a_field_has_the_name_and_type_of_its_description(field, expected):
    """Names are spelled as Salesforce spells them; numbers of more than 15 digits are decimals."""
    assert [expected] == await brief(f"SELECT {field} FROM Lead")


async def test_a_field_of_a_polymorphic_parent_is_text():
    """No one description holds for every parent, and JSON keys must be met in Salesforce's spelling."""
    (column,) = await planned("SELECT OWNER.isactive FROM Lead")

    assert ("Owner.IsActive", ColumnType.STRING, False) == (column.name, column.type, column.is_described)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Address", {"city": ColumnType.STRING, "latitude": ColumnType.DECIMAL, "postalCode": ColumnType.STRING}),
        ("site__c", {"latitude": ColumnType.DOUBLE, "longitude": ColumnType.DOUBLE}),
        ("Hidden__c", {"latitude": ColumnType.DOUBLE, "longitude": ColumnType.DOUBLE}),
    ],
)
async def test_a_compound_field_has_a_column_for_each_part(field, expected):
    """The parts have the types of their own fields; where none is described they are those of every location."""
    name = {"site__c": "Site__c"}.get(field, field)

    assert [(f"{name}.{key}", kind) for key, kind in expected.items()] == await brief(f"SELECT {field} FROM Lead")
    assert {1} == {column.sure_keys for column in await planned(f"SELECT {field} FROM Lead")}


async def test_typeof_has_the_columns_of_its_branches_once():
    """The same field of two branches is one column; if its types differ, it holds text."""
    columns = await planned(
        "SELECT TYPEOF owner WHEN User THEN Name, IsActive, Manager.Name WHEN Group THEN isactive, DeveloperName "
        "ELSE Email END FROM Lead"
    )

    assert [
        ("Owner.Name", ColumnType.STRING, True),
        ("Owner.IsActive", ColumnType.STRING, False),
        ("Owner.Manager.Name", ColumnType.STRING, True),
        ("Owner.DeveloperName", ColumnType.STRING, True),
        ("Owner.Email", ColumnType.STRING, False),
    ] == [(column.name, column.type, column.is_described) for column in columns]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b'{"Owner": null}', [None, None, None]),
        (b'{"Owner": {"attributes": {}, "Name": "N", "Manager": null}}', ["N", None, None]),
        (b'{"Owner": {"Name": "N", "Manager": {"Name": "M"}}}', ["N", "M", None]),
        (b'{"Owner": {"DeveloperName": "D"}}', [None, None, "D"]),
    ],
)
async def test_a_branch_may_lack_the_columns_of_the_others(document, expected):
    """What another branch would hold is null, whether the parent is null or has no such field."""
    columns = await planned(
        "SELECT TYPEOF Owner WHEN User THEN Name, Manager.Name WHEN Group THEN DeveloperName END FROM Lead"
    )
    row = msgspec.json.decode(document, type=row_type(columns))

    batch = Columnizer(columns).batch([row], 1)

    assert expected == [None if values.null_rows else values.values[0] for values in batch.columns]


async def test_a_child_subquery_is_one_column():
    """It is named as Salesforce spells the relationship, and has the columns of its own SELECT list, at any depth."""
    text = "SELECT Name, (SELECT Subject, Who.City, (SELECT Subject FROM Replies) FROM tasks) FROM Lead"

    name, tasks = await planned(text)

    assert ("Name", "Tasks", ColumnType.BATCHES) == (name.name, tasks.name, tasks.type)
    assert ["Subject", "Replies"] == [tasks.children[0].name, tasks.children[2].name]
    assert ("Subject",) == tuple(column.name for column in tasks.children[2].children)


async def test_fields_are_spelled_out():
    """FIELDS() becomes the fields that it stands for, in every level of the query, and other entries stay."""
    query = await planned("SELECT FIELDS(CUSTOM), Name, (SELECT FIELDS(ALL) FROM Tasks) FROM Lead LIMIT 5", expand)

    assert (
        "SELECT Site__c, Site__Latitude__s, Site__Longitude__s, Hidden__c, Colours__c, Name, "
        "(SELECT Subject, WhoId FROM Tasks) FROM Lead LIMIT 5"
    ) == soql.to_soql(query)


@pytest.mark.parametrize("which", ["ALL", "STANDARD", "CUSTOM"])
async def test_fields_have_the_columns_of_what_they_stand_for(which):
    """The plan of a query is that of the same query spelled out."""
    expanded = await planned(f"SELECT FIELDS({which}) FROM Lead", expand)

    assert await planned(soql.to_soql(expanded)) == await planned(f"SELECT FIELDS({which}) FROM Lead")


@pytest.mark.parametrize(
    ("text", "error", "nearest"),
    [
        ("SELECT (SELECT Id FROM Task) FROM Lead", UnknownField, "Tasks"),
        ("SELECT (SELECT Subjekt FROM Tasks) FROM Lead", UnknownField, "Subject"),
        ("SELECT TYPEOF Owner WHEN Users THEN Name END FROM Lead", UnknownObject, "User"),
        ("SELECT TYPEOF Ownr WHEN User THEN Name END FROM Lead", UnknownField, "Owner"),
        ("SELECT TYPEOF Owner WHEN User THEN Nme END FROM Lead", UnknownField, "Name"),
    ],
)
async def test_unknown_names_within_get_the_nearest(text, error, nearest):
    """Names inside of TYPEOF and of child subqueries are explained like others, with their place."""
    with pytest.raises(error) as raised:
        await planned(text)

    assert nearest == raised.value.metadata["nearest"]
    assert ("1", ["soql"]) == (raised.value.metadata["row"], [found.field for found in raised.value.violations])
    assert int(raised.value.metadata["column"]) > 8


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ("COUNT()", []),
        ("COUNT(Id)", [("expr0", ColumnType.INT64)]),
        ("COUNT(Id), MAX(Born__c) last", [("expr0", ColumnType.INT64), ("last", ColumnType.DATE)]),
        ("MAX(Born__c) last, COUNT(Id)", [("last", ColumnType.DATE), ("expr0", ColumnType.INT64)]),
        ("SUM(AnnualRevenue)", [("expr0", ColumnType.DECIMAL)]),
        ("AVG(NumberOfEmployees)", [("expr0", ColumnType.DOUBLE)]),
        ("FORMAT(MIN(CreatedDate))", [("expr0", ColumnType.STRING)]),
        ("COUNT(Owner.Name), MIN(Owner.Name)", [("expr0", ColumnType.INT64), ("expr1", ColumnType.STRING)]),
        ("MIN(AnnualRevenue), COUNT_DISTINCT(Country)", [("expr0", ColumnType.DECIMAL), ("expr1", ColumnType.INT64)]),
    ],
)
async def test_an_aggregate_has_the_type_of_its_function(selected, expected):
    """Aggregates without an alias are numbered in order; COUNT() alone has no column."""
    assert expected == await brief(f"SELECT {selected} FROM Lead")


async def test_what_is_counted_has_a_type_though_its_field_has_none():
    """A number of owners' names is a number; the least of them is what only the records know."""
    counted, least = await planned("SELECT COUNT(Owner.Name), MIN(Owner.Name) FROM Lead")

    assert (True, False) == (counted.is_described, least.is_described)


@pytest.mark.parametrize(
    ("selected", "group", "expected"),
    [
        ("Country, COUNT(Id)", "Country", [("Country", ColumnType.STRING), ("expr0", ColumnType.INT64)]),
        ("CreatedBy.Name, COUNT(Id)", "CreatedBy.Name", [("Name", ColumnType.STRING), ("expr0", ColumnType.INT64)]),
        ("CreatedBy.Name who", "CreatedBy.Name", [("who", ColumnType.STRING)]),
        ("CALENDAR_YEAR(CreatedDate)", "CALENDAR_YEAR(CreatedDate)", [("expr0", ColumnType.INT64)]),
        ("DAY_ONLY(CreatedDate) d", "DAY_ONLY(CreatedDate)", [("d", ColumnType.DATE)]),
        ("Country, GROUPING(Country) g", "ROLLUP(Country)", [("Country", ColumnType.STRING), ("g", ColumnType.INT64)]),
    ],
)
async def test_a_grouped_field_stands_flat(selected, group, expected):
    """Groups come back without nesting; GROUPING tells 0 or 1 whatever the field's type."""
    assert expected == await brief(f"SELECT {selected} FROM Lead GROUP BY {group}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT FIELDS(SOME) FROM Lead", "FIELDS takes ALL, STANDARD or CUSTOM"),
        ("SELECT COUNT(Address) FROM Lead", "Address is a compound field, which no function takes"),
        ("SELECT toLabel(Country) Owner, Owner.Name FROM Lead", "Owner is selected as a value and as a relationship"),
        ("SELECT Owner.Name, toLabel(Country) Owner FROM Lead", "Owner is selected as a value and as a relationship"),
        ("SELECT Owner.Name, Owner.Name.X FROM Lead", "Owner.Name is selected as a value and as a relationship"),
    ],
)
async def test_what_has_no_column_is_refused(text, message):
    """The refusal says where in the text it stands."""
    with pytest.raises(MalformedQuery) as raised:
        await planned(text)

    assert raised.value.message.startswith(message)
    assert 1 == raised.value.row
    assert raised.value.column > 1


@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        ("SELECT Nmae FROM Lead", {"object": "Lead", "field": "Nmae", "nearest": "Name", "column": "8"}),
        ("SELECT CreatedBy.Nam FROM Lead", {"object": "User", "field": "Nam", "nearest": "Name", "column": "8"}),
        ("SELECT Createdby__r.Name FROM Lead", {"object": "Lead", "field": "Createdby__r", "nearest": "CreatedBy"}),
        ("SELECT Id, Zzzzzz FROM Lead", {"object": "Lead", "field": "Zzzzzz", "column": "12"}),
    ],
)
async def test_an_unknown_field_gets_the_nearest_name(text, metadata):
    """The sObject that lacks the field is named, and what may have been meant."""
    with pytest.raises(UnknownField) as raised:
        await planned(text)

    assert metadata.items() <= raised.value.metadata.items()
    assert ("nearest" in metadata) == ("nearest" in raised.value.metadata)


names = st.text(st.characters(codec="ascii", categories=["Lu", "Ll"]), min_size=1, max_size=3)
keys = st.lists(names | st.sampled_from(keyword.kwlist), min_size=1, max_size=3).map(tuple)


@given(st.dictionaries(keys, st.integers(0, 9) | st.none(), min_size=1, max_size=6))
def test_each_value_is_found_where_its_keys_lead(values):
    """Whatever the fields are called, a row decodes, and each column's attributes lead to its value."""
    leaves = {
        path: value
        for path, value in values.items()
        if not any(path != other and path == other[: len(path)] for other in values)
    }
    columns = [ResultColumn(".".join(path), ColumnType.INT64, path) for path in leaves]
    document: dict[str, object] = {"attributes": {"type": "Lead"}}
    for path, value in leaves.items():
        branch = document
        for key in path[:-1]:
            branch = branch.setdefault(key, {})  # type: ignore[assignment]
        branch[path[-1]] = value

    row = msgspec.json.decode(msgspec.json.encode(document), type=row_type(columns))

    for path, expected in leaves.items():
        found = row
        for depth, key in enumerate(path):
            names = attributes(other[depth] for other in leaves if other[:depth] == path[:depth])
            found = getattr(found, names[key])
        assert expected == found


def test_a_null_parent_decodes():
    """A lookup that is empty comes as null in place of the parent."""
    row = msgspec.json.decode(
        b'{"Account": null}', type=row_type([ResultColumn("Account.Name", ColumnType.STRING, ("Account", "Name"))])
    )

    assert row.f0 is None


def test_decimals_keep_their_digits():
    """A number of 18 digits is not rounded to a double on its way."""
    row = msgspec.json.decode(
        b'{"AnnualRevenue": 1234567890123456.78}',
        type=row_type([ResultColumn("AnnualRevenue", ColumnType.DECIMAL, ("AnnualRevenue",))]),
    )

    assert b"1234567890123456.78" == bytes(row.f0)


def test_a_field_that_is_missing_is_no_null():
    """Salesforce sends every selected field: an answer without one is refused, not read as null."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b"{}", type=row_type([ResultColumn("Id", ColumnType.STRING, ("Id",))]))
