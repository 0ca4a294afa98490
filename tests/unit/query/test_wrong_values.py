"""Which parameter a refusal of Salesforce is about."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from service import soql
from service.errors import MalformedQuery, UnknownObject
from service.query.wrong_values import wrong_value
from service.salesforce.calls.describe import ChildRelationship, Field, SObject

PARENT = Field("ParentId", "reference", relationshipName="Parent", referenceTo=("Account",))
FIELDS = (
    PARENT,
    Field("Name", "string"),
    Field("Employees", "int"),
    Field("Revenue", "currency"),
    Field("Active", "boolean"),
    Field("Since", "date"),
    Field("CreatedDate", "datetime"),
    Field("Opens", "time"),
    Field("Anything", "anyType"),
)
ACCOUNT = SObject(
    "Account",
    {field.name.lower(): field for field in FIELDS},
    {"parent": PARENT},
    children={"childaccounts": ChildRelationship("Account", "ChildAccounts")},
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def describe(name: str) -> SObject:
    """Describe the one sObject that there is."""
    if name.lower() != "account":
        raise UnknownObject(f"the org has no sObject {name!r}")
    return ACCOUNT


async def found(text: str, told: str, **parameters: Any) -> Any:
    """Return what a refusal is about."""
    refusal = MalformedQuery(f"a value of '{told}' is wrong", row=9, column=99, metadata={"org": "prod"})
    return await wrong_value(soql.parse(text), parameters, refusal, describe)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("Employees", "10", "holds text, and Account.Employees is compared with a number"),
        ("Revenue", True, "holds true or false, and Account.Revenue is compared with a number"),
        ("Active", "true", "holds text, and Account.Active is compared with true or false"),
        ("Active", 1, "holds a number, and Account.Active is compared with true or false"),
        ("Since", NOON, "holds a date with a time, and Account.Since is compared with a date"),
        ("CreatedDate", NOON.date(), "holds a date, and Account.CreatedDate is compared with a date with a time"),
        ("Opens", "13:05", "holds text, and Account.Opens is compared with a time of day"),
        ("Name", 7, "holds a number, and Account.Name is compared with text"),
        ("Parent.Name", 7, "holds a number, and Account.Name is compared with text"),
        ("Name", date(2026, 3, 1), "holds a date, and Account.Name is compared with text"),
        ("Name", time(13, 5), "holds a time of day, and Account.Name is compared with text"),
    ],
)
async def test_a_value_that_does_not_fit_its_field(field, value, problem):
    """The parameter is named, with its place and what its field is compared with."""
    error = await found(f"SELECT Name FROM Account WHERE {field} = :v", field.rpartition(".")[2], v=value)

    column = 35 + len(field)
    assert f":v {problem} (row 1, column {column})" == error.message
    assert {"org": "prod", "parameter": "v", "row": "1", "column": str(column)} == error.metadata
    assert ["parameters.v"] == [violation.field for violation in error.violations]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT Name FROM Account WHERE Name = 'x' AND Employees IN :v",
        "SELECT Name FROM Account WHERE Name = 'x' AND NOT (Employees IN (1, :v))",
        "SELECT Name, (SELECT Name FROM ChildAccounts WHERE Employees IN :v) FROM Account",
        "SELECT Name FROM Account WHERE Id IN (SELECT ParentId FROM Account WHERE Employees IN :v)",
    ],
)
async def test_wherever_it_stands(text):
    """In lists, behind other conditions and in inner queries."""
    error = await found(text, "Employees", v=[1, None, "ten"])

    assert error.message.startswith(":v holds text, and Account.Employees")


@pytest.mark.parametrize(
    ("text", "told", "values"),
    [
        ("SELECT Name FROM Account WHERE Employees = :v", "Name", {"v": "ten"}),
        ("SELECT Name FROM Account WHERE Employees = 'ten'", "Employees", {}),
        ("SELECT Name FROM Account WHERE Employees = :v", "Employees", {"v": 10}),
        ("SELECT Name FROM Account WHERE Employees = :v", "Employees", {"v": None}),
        ("SELECT Name FROM Account WHERE Anything = :v", "Anything", {"v": 10}),
        ("SELECT Name FROM Account WHERE Nothing = :v", "Nothing", {"v": 10}),
        ("SELECT Name FROM Nothing WHERE Employees = :v", "Employees", {"v": "ten"}),
        ("SELECT Name FROM Account WHERE CALENDAR_YEAR(CreatedDate) = :v", "CreatedDate", {"v": "x"}),
    ],
)
async def test_what_is_not_about_a_parameter(text, told, values):
    """Salesforce's own words stand where no value stands out."""
    assert await found(text, told, **values) is None
