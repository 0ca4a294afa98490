"""Cells of CSV become what JSON surely means the same by, or are left to a job."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bulk.request import LoadRequest, Operation
from service.orgs.load_cells import UnsureCellError, cells_of
from service.salesforce.calls.describe import Field, SObject

REQUEST = LoadRequest("Thing__c", Operation.UPSERT, "Ext__c")
TYPES = [
    "string",
    "boolean",
    "int",
    "double",
    "currency",
    "percent",
    "date",
    "datetime",
    "time",
    "picklist",
    "reference",
]


def sobject(*fields: Field, name: str = "Thing__c") -> SObject:
    """Return a description."""
    return SObject(
        name,
        {field.name.lower(): field for field in fields},
        {field.relationshipName.lower(): field for field in fields if field.relationshipName},
    )


KEY = Field("Ext__c", "string", externalId=True, length=255)
THING = sobject(
    KEY,
    *(Field(f"{kind}__c", kind) for kind in TYPES),
    Field("Set__c", "boolean", set_on_create=True),
    Field("Body", "base64"),
    Field("AccountId", "reference", relationshipName="Account", referenceTo=("Account",)),
    Field("OwnerId", "reference", relationshipName="Owner", referenceTo=("User", "Group")),
)
ACCOUNT = sobject(KEY, Field("Number__c", "double", externalId=True), name="Account")
PARENTS = {"account": ACCOUNT}


def read(column: str, cell: str) -> object:
    """Return what a row of a key and a cell sets."""
    return cells_of(REQUEST, ["Ext__c", column], THING, PARENTS).values(["E-1", cell])


@pytest.mark.parametrize(
    ("column", "cell", "values"),
    [
        ("string__c", "", {}),
        ("string__c", "#N/A", {"string__c": None}),
        ("STRING__C", " x ", {"string__c": " x "}),
        ("boolean__c", "TRUE", {"boolean__c": True}),
        ("boolean__c", "false", {"boolean__c": False}),
        ("int__c", "-12", {"int__c": -12}),
        ("double__c", "12.50", {"double__c": Decimal("12.50")}),
        ("currency__c", "123456789012345678.12", {"currency__c": Decimal("123456789012345678.12")}),
        ("percent__c", "0", {"percent__c": Decimal(0)}),
        ("date__c", "2028-02-29", {"date__c": "2028-02-29"}),
        ("datetime__c", "2026-03-01T12:34:56Z", {"datetime__c": "2026-03-01T12:34:56Z"}),
        ("datetime__c", "2026-03-01T12:34:56.000+02:00", {"datetime__c": "2026-03-01T12:34:56.000+02:00"}),
        ("time__c", "13:05:00Z", {"time__c": "13:05:00Z"}),
        ("picklist__c", "Hot; not", {"picklist__c": "Hot; not"}),
        ("Account.Ext__c", "A-1", {"Account": {"Ext__c": "A-1"}}),
        ("account.ext__C", "A-1", {"Account": {"Ext__c": "A-1"}}),
        ("Account.Ext__c", "", {}),
    ],
)
def test_a_cell_is_what_its_field_is(column, cell, values):
    """The name is Salesforce's own, whatever the header's case."""
    assert values == read(column, cell)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("string__c", "  "),
        ("string__c", "#n/a"),
        ("string__c", " #N/A"),
        ("string__c", "a\0b"),
        ("boolean__c", "1"),
        ("boolean__c", "yes"),
        ("boolean__c", "#N/A"),
        ("int__c", "1.0"),
        ("int__c", "1,000"),
        ("int__c", "٣"),
        ("double__c", "1e3"),
        ("double__c", "NaN"),
        ("double__c", "1.500,25"),
        ("currency__c", "$5"),
        ("percent__c", "12%"),
        ("percent__c", "007"),
        ("date__c", "03/01/2026"),
        ("date__c", "2026-02-30"),
        ("date__c", "2026-03-01T00:00:00Z"),
        ("datetime__c", "2026-03-01"),
        ("datetime__c", "2026-03-01T12:34:56"),
        ("datetime__c", "2026-03-01T25:00:00Z"),
        ("time__c", "13:05"),
        ("time__c", "13:05:00"),
        ("Set__c", ""),
        ("Account.Ext__c", "#N/A"),
        ("Account.Number__c", "5"),
        ("Owner.Username", "x"),
        ("User:Owner.Username", "x"),
        ("Body", "eA=="),
    ],
)
def test_what_may_mean_something_else_is_for_a_job(column, cell):
    """The reason names the column and no value."""
    with pytest.raises(UnsureCellError) as raised:
        read(column, cell)

    assert column.partition(".")[0].partition(":")[0].lower() in str(raised.value).lower()
    assert len(cell) < 3 or "#N" in cell.upper() or cell not in str(raised.value)


def test_an_empty_checkbox_of_a_record_that_exists_is_left_alone():
    """Only a record that is created has it cleared, and an update creates none."""
    update = LoadRequest("Thing__c", Operation.UPDATE)
    cells = cells_of(update, ["Id", "Set__c"], sobject(Field("Id", "id"), *THING.fields.values()), {})

    assert {} == cells.values(["a00000000000001", ""])
    assert {"Set__c": True} == cells.values(["a00000000000001", "true"])


@pytest.mark.parametrize(
    "columns", [["Ext__c", "AccountId", "Account.Ext__c"], ["Account.Ext__c", "Ext__c", "AccountId"]]
)
def test_two_columns_of_one_field_are_for_a_job(columns):
    """Which of them wins is a job's to say."""
    with pytest.raises(UnsureCellError, match="two columns set AccountId"):
        cells_of(REQUEST, columns, THING, PARENTS)


@pytest.mark.parametrize("cell", ["", "  ", "#N/A", "#n/a", "a\0"])
def test_a_row_without_key_is_for_a_job(cell):
    """Nothing surely finds its record."""
    cells = cells_of(REQUEST, ["EXT__C", "string__c"], THING, PARENTS)

    with pytest.raises(UnsureCellError):
        cells.key_of([cell, "x"])


def test_deletions_read_nothing_but_the_id():
    """Whatever else the rows hold, a job reads nothing else either."""
    delete = LoadRequest("Thing__c", Operation.DELETE)
    cells = cells_of(delete, ["Body", "Id"], sobject(Field("Id", "id"), *THING.fields.values()), {})

    assert {} == cells.values(["eA==", "a00000000000001"])
    assert "a00000000000001" == cells.key_of(["eA==", "a00000000000001"])


@given(st.sampled_from(TYPES), st.text(max_size=30))
def test_any_cell_is_read_or_left_to_a_job(kind, cell):
    """Nothing else ever happens, and what is read is written as JSON the way it stood in the cell."""
    try:
        values = read(f"{kind}__c", cell)
    except UnsureCellError:
        return

    assert cell in {"", "#N/A"} or cell.lower() == str(values[f"{kind}__c"]).lower()  # type: ignore[index]
