"""Which name a refusal of Salesforce is about."""

from typing import Any

import pytest

from service import soql
from service.errors import MalformedQuery, UnknownObject
from service.query.unknown_names import unknown_name
from service.salesforce.calls.describe import ChildRelationship, Field, SObject

OWNER = Field("OwnerId", "reference", relationshipName="Owner", referenceTo=("User", "Group"))
PARENT = Field("ParentId", "reference", relationshipName="Parent", referenceTo=("Account",))
ACCOUNT = SObject(
    "Account",
    {"name": Field("Name", "string"), "ownerid": OWNER, "parentid": PARENT},
    {"owner": OWNER, "parent": PARENT},
    children={"childaccounts": ChildRelationship("Account", "ChildAccounts")},
)


async def describe(name: str) -> SObject:
    """Describe the one sObject that there is."""
    if name.lower() != "account":
        raise UnknownObject(f"the org has no sObject {name!r}")
    return ACCOUNT


async def found(text: str, told: str) -> Any:
    """Return what a refusal is about."""
    return await unknown_name(soql.parse(text), MalformedQuery(told, row=1, column=99), describe)


@pytest.mark.parametrize(
    ("text", "name", "nearest", "column"),
    [
        ("SELECT Name FROM Account WHERE Nam = 'x'", "Nam", "Name", "32"),
        ("SELECT Name FROM Account ORDER BY Parent.Nmae", "Nmae", "Name", "35"),
        ("SELECT Name FROM Account WHERE Parnt.Name = 'x'", "Parnt", "Parent", "32"),
        ("SELECT Name, (SELECT Name FROM ChildAccounts WHERE Nmae = 'x') FROM Account", "Nmae", "Name", "52"),
        ("SELECT Name FROM Account WHERE ParentId IN (SELECT Idd FROM Account WHERE Nmae = 'x')", "Nmae", "Name", "75"),
        ("SELECT COUNT(Id) FROM Account GROUP BY Nmae", "Nmae", "Name", "40"),
    ],
)
async def test_the_name_has_its_place_in_the_text(text, name, nearest, column):
    """The place is that of the caller's query, wherever it stands, and the nearest name is told."""
    error = await found(text, f"No such column '{name}' on entity 'Account'.")

    assert (name, nearest, "1", column) == tuple(error.metadata[key] for key in ("field", "nearest", "row", "column"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT Name FROM Account WHERE Name = 'x'", "field 'Name' can not be filtered in a query call"),
        ("SELECT Name FROM Account WHERE Nmae = 'x'", "unexpected token: 'x'"),
        ("SELECT Name FROM Account WHERE Owner.Nmae = 'x'", "No such column 'Nmae' on entity 'Name'."),
        ("SELECT Name FROM Contact WHERE Nmae = 'x'", "No such column 'Nmae' on entity 'Contact'."),
        ("SELECT (SELECT Nmae FROM Others) FROM Account", "No such column 'Nmae'"),
    ],
)
async def test_another_refusal_is_not_explained(text, told):
    """Names that are known, that the refusal does not name or that nothing describes are not blamed."""
    assert await found(text, told) is None
