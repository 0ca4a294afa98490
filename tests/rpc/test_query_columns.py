"""What a SELECT can hold, as typed columns over a real channel."""

from collections.abc import Callable

import pytest
from grpc import aio
from sluicegate.v1 import record_batch_pb2 as pb
from sluicegate.v1.field_value_pb2 import FieldValue
from sluicegate.v1.query_service_pb2 import QueryRequest, QueryResponse
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub

from service.emulator.org import Org
from tests.support.rich_status import failure

ADDRESS = ["city", "country", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state", "street"]


async def query(channel: aio.Channel, soql: str, *, name: str = "", batch_size: int = 0) -> list[QueryResponse]:
    """Return every response of a query that may name `:name`."""
    parameters = {"name": FieldValue(string_value=name)} if name else {}
    request = QueryRequest(soql=soql, parameters=parameters, batch_size=batch_size)
    return [message async for message in QueryServiceStub(channel).Query(request)]


async def columns_of(channel: aio.Channel, soql: str, name: str = "") -> dict[str, pb.Column]:
    """Return the columns of a result of one batch."""
    (response,) = await query(channel, soql, name=name)
    return {column.name: column for column in response.batch.columns}


def texts(column: pb.Column) -> list[str | None]:
    """Return the values of a column of texts with its nulls."""
    return [None if row in set(column.null_rows) else text for row, text in enumerate(column.string_values)]


@pytest.fixture
def account(org: Org, unique) -> Callable[..., tuple[str, str]]:
    """Create an account with so many contacts, and return its id and name."""

    def create(contacts: int = 0, **values: object) -> tuple[str, str]:
        name: str = unique("Account")
        account_id = org.create("Account", {"Name": name, **values}, user_id=org.admin_id)
        for number in range(contacts):
            contact = {"LastName": f"N{number:05}", "AccountId": account_id}
            org.create("Contact", contact, user_id=org.admin_id)
        return account_id, name

    return create


async def test_an_address_comes_as_its_parts(channel, account):
    """Each part is a column of its own type; all are null where there is no address, and above that no parent."""
    _, name = account(BillingCity="Köln", BillingLatitude=50.9375)
    soql = "SELECT BillingAddress, ShippingAddress, Parent.BillingAddress FROM Account WHERE Name = :name"

    columns = await columns_of(channel, soql, name)

    prefixes = ("BillingAddress", "ShippingAddress", "Parent.BillingAddress")
    assert [f"{prefix}.{part}" for prefix in prefixes for part in ADDRESS] == list(columns)
    assert ["Köln"] == texts(columns["BillingAddress.city"])
    assert ["50.9375"] == [text.rstrip("0") for text in columns["BillingAddress.latitude"].string_values]
    assert pb.COLUMN_TYPE_DECIMAL == columns["BillingAddress.latitude"].type
    assert [None] == texts(columns["BillingAddress.street"])
    assert [None] == texts(columns["ShippingAddress.city"])
    assert [None] == texts(columns["Parent.BillingAddress.city"])


async def test_children_come_as_batches(channel, account):
    """Each row has its own children, in their order; a row without any has none, and that is no null."""
    ids = {account(contacts)[0]: contacts for contacts in (2, 0, 3)}
    listed = ", ".join(f"'{account_id}'" for account_id in ids)
    children = "(SELECT LastName, Account.Name FROM Contacts ORDER BY LastName)"

    columns = await columns_of(channel, f"SELECT Id, {children} FROM Account WHERE Id IN ({listed})")

    found = columns["Contacts"]
    ends = list(found.child_ends)
    assert (pb.COLUMN_TYPE_BATCHES, 5) == (found.type, found.children.row_count)
    assert [ids[account_id] for account_id in columns["Id"].string_values] == [
        end - start for start, end in zip([0, *ends], ends, strict=False)
    ]
    assert ["LastName", "Account.Name"] == [column.name for column in found.children.columns]
    assert [] == list(found.null_rows)
    assert {"N00000", "N00001", "N00002"} == set(found.children.columns[0].string_values)


async def test_children_beyond_a_page_are_read_too(channel, account):
    """Salesforce sends at most a page of children with their parent; the others are fetched, each once, in order."""
    _, name = account(contacts=4100)
    soql = "SELECT (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account WHERE Name = :name"

    columns = await columns_of(channel, soql, name)

    children = columns["Contacts"]
    assert [4100] == list(children.child_ends)
    assert [f"N{number:05}" for number in range(4100)] == list(children.children.columns[0].string_values)


async def test_typeof_has_the_columns_of_all_branches(channel, org, account, unique):
    """A row has the values of its own parent's branch; those of the others are null."""
    account_id, name = account(Phone="0221")
    subject = unique("Task")
    opportunity = {"Name": name, "StageName": "Prospecting", "CloseDate": "2026-03-01", "Amount": 12}
    opportunity_id = org.create("Opportunity", opportunity, user_id=org.admin_id)
    for number, what in enumerate((account_id, opportunity_id, None)):
        values = {"Subject": f"{subject}-{number}", "WhatId": what}
        org.create("Task", values, user_id=org.admin_id)
    soql = (
        "SELECT Subject, TYPEOF what WHEN Account THEN Phone, Name WHEN Opportunity THEN Amount, name END "
        "FROM Task WHERE Subject LIKE :name ORDER BY Subject"
    )

    columns = await columns_of(channel, soql, f"{subject}-%")

    assert ["Subject", "What.Phone", "What.Name", "What.Amount"] == list(columns)
    assert ["0221", None, None] == texts(columns["What.Phone"])
    assert [name, name, None] == texts(columns["What.Name"])
    assert [0, 2] == list(columns["What.Amount"].null_rows)
    assert pb.COLUMN_TYPE_DECIMAL == columns["What.Amount"].type


async def test_fields_stand_for_every_field(channel, account):
    """FIELDS(ALL) needs no LIMIT and has each field of the description, compound ones as their parts."""
    _, name = account(BillingCity="Bonn")

    columns = await columns_of(channel, "SELECT FIELDS(ALL) FROM Account WHERE Name = :name", name)
    standard = await columns_of(channel, "SELECT FIELDS(STANDARD) FROM Account WHERE Name = :name", name)
    custom = await columns_of(channel, "SELECT FIELDS(CUSTOM) FROM Account WHERE Name = :name", name)

    assert [name] == texts(columns["Name"])
    assert ["Bonn"] == texts(columns["BillingAddress.city"]) == texts(columns["BillingCity"])
    assert set(columns) == {*standard, *custom}
    assert custom
    assert all(column.endswith("__c") for column in custom)


async def test_subtotals_are_null_where_they_are_for_all(channel, org, unique):
    """GROUP BY ROLLUP gives a row for each group and one for all, which GROUPING() tells from a group of null."""
    company = unique("Company")
    for country in ("DE", "DE", None):
        values = {"LastName": "N", "Company": company, "Country": country, "NumberOfEmployees": 5}
        org.create("Lead", values, user_id=org.admin_id)
    soql = (
        "SELECT Country, GROUPING(Country) g, COUNT(Id) n, SUM(NumberOfEmployees) FROM Lead WHERE Company = :name "
        "GROUP BY ROLLUP(Country)"
    )

    columns = await columns_of(channel, soql, company)

    rows = zip(texts(columns["Country"]), columns["g"].int64_values, columns["n"].int64_values, strict=True)
    assert {(None, 0, 1), (None, 1, 3), ("DE", 0, 2)} == set(rows)
    assert [5.0, 10.0, 15.0] == sorted(columns["expr0"].double_values)


@pytest.mark.parametrize(
    ("soql", "reason", "metadata"),
    [
        (
            "SELECT Id, (SELECT Id FROM Contcts) FROM Account",
            "UNKNOWN_FIELD",
            {"object": "Account", "nearest": "Contacts", "column": "28"},
        ),
        (
            "SELECT Id, (SELECT Lastnam FROM Contacts) FROM Account",
            "UNKNOWN_FIELD",
            {"object": "Contact", "nearest": "LastName", "column": "20"},
        ),
        (
            "SELECT TYPEOF What WHEN Acount THEN Phone END FROM Task",
            "UNKNOWN_OBJECT",
            {"object": "Acount", "nearest": "Account", "column": "25"},
        ),
        (
            "SELECT TYPEOF What WHEN Account THEN Fone END FROM Task",
            "UNKNOWN_FIELD",
            {"object": "Account", "nearest": "Phone", "column": "38"},
        ),
        ("SELECT FIELDS(SOME) FROM Account", "MALFORMED_QUERY", {"row": "1", "column": "8"}),
    ],
)
async def test_a_misspelled_name_gets_the_nearest(channel, soql, reason, metadata):
    """Wherever in the SELECT list it stands, the error names what was probably meant, and the place."""
    with pytest.raises(aio.AioRpcError) as raised:
        await query(channel, soql)

    found = failure(raised.value)
    assert reason == found.reason
    assert metadata.items() <= found.metadata.items()
