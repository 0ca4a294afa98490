"""The columns of a result, planned from the query and the descriptions."""

import keyword
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import soql
from service.errors import MalformedQuery, UnknownField
from service.query.columns import ColumnType, ResultColumn
from service.query.decoding import extractors, row_type
from service.query.planner import plan
from service.salesforce.calls.describe import Field, SObject


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
        Field("OwnerId", "reference", relationshipName="Owner", referenceTo=("Group", "User")),
        Field("CreatedById", "reference", relationshipName="CreatedBy", referenceTo=("User",)),
    ),
    "user": sobject(
        "User",
        Field("Name", "string"),
        Field("IsActive", "boolean"),
        Field("ManagerId", "reference", relationshipName="Manager", referenceTo=("User",)),
    ),
}


async def planned(text: str) -> tuple[ResultColumn, ...]:
    """Plan the columns of a query."""

    async def describe(name: str) -> SObject:
        return SCHEMA[name.lower()]

    return await plan(soql.parse(text), describe)


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
    ("selected", "expected"),
    [
        ("COUNT()", []),
        ("COUNT(Id)", [("expr0", ColumnType.INT64)]),
        ("COUNT(Id), MAX(Born__c) last", [("expr0", ColumnType.INT64), ("last", ColumnType.DATE)]),
        ("MAX(Born__c) last, COUNT(Id)", [("last", ColumnType.DATE), ("expr0", ColumnType.INT64)]),
        ("SUM(AnnualRevenue)", [("expr0", ColumnType.DECIMAL)]),
        ("AVG(NumberOfEmployees)", [("expr0", ColumnType.DOUBLE)]),
        ("MIN(AnnualRevenue), COUNT_DISTINCT(Country)", [("expr0", ColumnType.DECIMAL), ("expr1", ColumnType.INT64)]),
    ],
)
async def test_an_aggregate_has_the_type_of_its_function(selected, expected):
    """Aggregates without an alias are numbered in order; COUNT() alone has no column."""
    assert expected == await brief(f"SELECT {selected} FROM Lead")


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

    for attributes, expected in zip(extractors(columns), leaves.values(), strict=True):
        found = row
        for attribute in attributes:
            found = getattr(found, attribute)
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
