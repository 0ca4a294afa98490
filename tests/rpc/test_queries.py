"""QueryService over a real channel."""

from collections.abc import Callable, Mapping
from datetime import datetime

import pytest
from grpc import aio
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList
from sluicegate.v1.query_service_pb2 import QueryRequest, QueryResponse
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub
from sluicegate.v1.record_batch_pb2 import (
    COLUMN_TYPE_BOOL,
    COLUMN_TYPE_DATETIME,
    COLUMN_TYPE_DECIMAL,
    COLUMN_TYPE_INT64,
    COLUMN_TYPE_STRING,
)
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.app import App
from tests.support.rich_status import Failure, failure


def text(value: str) -> FieldValue:
    """Return a text value."""
    return FieldValue(string_value=value)


async def query(
    channel: aio.Channel, soql: str, *, batch_size: int = 0, parameters: Mapping[str, FieldValue] | None = None
) -> list[QueryResponse]:
    """Return every response of a query."""
    request = QueryRequest(soql=soql, parameters=parameters, batch_size=batch_size)
    return [message async for message in QueryServiceStub(channel).Query(request)]


async def refused(channel: aio.Channel, soql: str, parameters: Mapping[str, FieldValue] | None = None) -> Failure:
    """Run a query and return how it failed."""
    with pytest.raises(aio.AioRpcError) as raised:
        await query(channel, soql, parameters=parameters)
    return failure(raised.value)


@pytest.fixture
def leads(app: App, unique) -> Callable[[int], str]:
    """Create leads in the embedded org and return the company that they share."""

    def create(count: int) -> str:
        assert app.emulator is not None
        org = app.emulator.org
        company: str = unique("Company")
        for number in range(count):
            values = {
                "LastName": f"N{number:05}",
                "Company": company,
                "Ext__c": unique(f"Q{number}"),
                "AnnualRevenue": number if number % 2 else None,
                "NumberOfEmployees": number,
            }
            org.create("Lead", values, user_id=org.admin_id)
        return company

    return create


async def test_values_come_as_typed_columns(channel, leads):
    """Each column has the type that the field's description says, and nulls are marked."""
    company = leads(3)
    soql = (
        "select lastname, AnnualRevenue, NumberOfEmployees, IsConverted, CreatedDate, Owner.Name "
        "from Lead where Company = :company order by LastName"
    )

    (response,) = await query(channel, soql, parameters={"company": text(company)})

    columns = {column.name: column for column in response.batch.columns}
    assert list(columns) == [
        "LastName",
        "AnnualRevenue",
        "NumberOfEmployees",
        "IsConverted",
        "CreatedDate",
        "Owner.Name",
    ]
    assert list(columns["LastName"].string_values) == ["N00000", "N00001", "N00002"]
    assert list(columns["NumberOfEmployees"].int64_values) == [0, 1, 2]
    assert list(columns["AnnualRevenue"].null_rows) == [0, 2]
    assert columns["AnnualRevenue"].string_values[1].removesuffix(".0") == "1"
    assert list(columns["IsConverted"].bool_values) == [False] * 3
    assert datetime.fromisoformat(columns["CreatedDate"].string_values[0]).tzinfo is not None
    assert {name: column.type for name, column in columns.items()} == {
        "LastName": COLUMN_TYPE_STRING,
        "AnnualRevenue": COLUMN_TYPE_DECIMAL,
        "NumberOfEmployees": COLUMN_TYPE_INT64,
        "IsConverted": COLUMN_TYPE_BOOL,
        "CreatedDate": COLUMN_TYPE_DATETIME,
        "Owner.Name": COLUMN_TYPE_STRING,
    }


async def test_every_page_is_streamed_in_order(channel, leads):
    """A result of several pages arrives whole, in order, with the grand total on each response."""
    company = leads(4500)

    responses = await query(
        channel,
        "SELECT LastName FROM Lead WHERE Company = :company ORDER BY LastName",
        parameters={"company": text(company)},
    )

    names = [name for response in responses for name in response.batch.columns[0].string_values]
    assert [f"N{number:05}" for number in range(4500)] == names
    assert [response.batch.row_count for response in responses] == [2000, 2000, 500]
    assert {4500} == {response.total_size for response in responses}


async def test_a_batch_size_below_a_page_cuts_the_page(channel, leads):
    """Batches are as small as the caller asks, and none is empty."""
    company = leads(25)

    responses = await query(
        channel, "SELECT Id FROM Lead WHERE Company = :company", batch_size=10, parameters={"company": text(company)}
    )

    assert [response.batch.row_count for response in responses] == [10, 10, 5]


async def test_a_result_without_rows_is_one_empty_batch(channel):
    """The columns are told even when nothing was found."""
    (response,) = await query(channel, "SELECT Id, LastName FROM Lead WHERE Company = 'nobody has this one'")

    assert (response.batch.row_count, response.total_size) == (0, 0)
    assert [column.name for column in response.batch.columns] == ["Id", "LastName"]


async def test_count_is_the_total_size(channel, leads):
    """COUNT() has no columns; its number is the total."""
    company = leads(7)

    (response,) = await query(
        channel, "SELECT COUNT() FROM Lead WHERE Company = :company", parameters={"company": text(company)}
    )

    assert (response.total_size, len(response.batch.columns)) == (7, 0)


async def test_a_list_parameter_binds_in(channel, leads):
    """A list stands where IN takes one."""
    company = leads(5)
    names = FieldValue(list_value=FieldValueList(values=[text("N00001"), text("N00003")]))

    (response,) = await query(
        channel,
        "SELECT LastName FROM Lead WHERE Company = :company AND LastName IN :names ORDER BY LastName",
        parameters={"company": text(company), "names": names},
    )

    assert list(response.batch.columns[0].string_values) == ["N00001", "N00003"]


@pytest.mark.parametrize("hostile", ["' OR LastName != '", "\\' OR Id != null --", "a'b\\c\"d\n%_"])
async def test_a_parameter_is_never_syntax(channel, leads, unique, hostile):
    """Quotes and backslashes in a value compare as themselves: only the row that holds them is found."""
    company = leads(3)
    lead = ExternalId(field="Ext__c", value=unique("hostile"))
    fields = {"LastName": text(hostile), "Company": text(company)}
    await RecordServiceStub(channel).UpsertRecord(UpsertRecordRequest(object="Lead", external_id=lead, fields=fields))

    (response,) = await query(
        channel,
        "SELECT LastName FROM Lead WHERE Company = :company AND LastName = :name",
        parameters={"company": text(company), "name": text(hostile)},
    )

    assert [hostile] == list(response.batch.columns[0].string_values)


@pytest.mark.parametrize(
    ("soql", "reason", "row", "column"),
    [
        ("SELECT Id FRM Lead", "MALFORMED_QUERY", "1", "11"),
        ("SELECT Id FROM Lead\nWHERE LastName ==", "MALFORMED_QUERY", "2", "17"),
        ("SELECT Id FROM Lead WHERE LastName = 'x\\q'", "MALFORMED_QUERY", "1", None),
        ("SELECT Nope FROM Lead", "UNKNOWN_FIELD", "1", "8"),
        ("SELECT ConvertedAccount.Nope FROM Lead", "UNKNOWN_FIELD", "1", "8"),
        ("SELECT Id FROM Lead WHERE Nope = 1", "UNKNOWN_FIELD", "1", "27"),
        ("SELECT Id FROM Lead\nWHERE Name = 'x' ORDER BY Nope", "UNKNOWN_FIELD", "2", "27"),
        ("SELECT Id FROM Lead WHERE Description = 'x'", "MALFORMED_QUERY", "1", None),
    ],
)
async def test_a_fault_in_the_text_has_its_place(channel, soql, reason, row, column):
    """The error names row and column, whoever found it."""
    failed = await refused(channel, soql)

    assert ("INVALID_ARGUMENT", reason) == (failed.code, failed.reason)
    assert row == failed.metadata["row"]
    assert column is None or column == failed.metadata["column"]
    assert "soql" in failed.violations


async def test_syntax_errors_cost_no_api_call(channel, app):
    """Salesforce is not asked about text that does not parse."""
    assert app.emulator is not None
    before = sum(app.emulator.statistics().answers.values())

    await refused(channel, "SELECT Id FRM Lead")

    assert before == sum(app.emulator.statistics().answers.values())


@pytest.mark.parametrize(
    ("soql", "parameters", "name"),
    [
        ("SELECT Id FROM Lead WHERE LastName = :missing", {}, "missing"),
        ("SELECT Id FROM Lead", {"extra": text("x")}, "extra"),
        (
            "SELECT Id FROM Lead WHERE LastName = :many",
            {"many": FieldValue(list_value=FieldValueList(values=[text("a")]))},
            "many",
        ),
        ("SELECT Id FROM Lead WHERE LastName = :raw", {"raw": FieldValue(bytes_value=b"x")}, "raw"),
        ("SELECT Id FROM Lead WHERE CreatedDate > :day", {"day": FieldValue(date_value="2026-02-30")}, "day"),
        ("SELECT Id FROM Lead WHERE LastName = :nul", {"nul": text("a\0b")}, "nul"),
    ],
)
async def test_a_bad_parameter_is_named(channel, soql, parameters, name):
    """A parameter that is missing, unused or of the wrong kind is refused by name."""
    failed = await refused(channel, soql, parameters)

    assert (failed.code, failed.reason) == ("INVALID_ARGUMENT", "INVALID_PARAMETER")
    assert name == failed.metadata["parameter"]


async def test_an_unknown_object_is_named(channel):
    """FROM must name an sObject of the org."""
    failed = await refused(channel, "SELECT Id FROM Leed")

    assert (failed.reason, failed.metadata["object"]) == ("UNKNOWN_OBJECT", "Leed")


async def test_aggregates_have_columns(channel, leads):
    """Grouped fields, aliases and unnamed aggregates come as typed columns."""
    company = leads(4)
    soql = "SELECT Company, COUNT(Id), MAX(NumberOfEmployees) most FROM Lead WHERE Company = :company GROUP BY Company"

    (response,) = await query(channel, soql, parameters={"company": text(company)})

    columns = {column.name: column for column in response.batch.columns}
    assert ["Company", "expr0", "most"] == list(columns)
    assert [company] == list(columns["Company"].string_values)
    assert [4] == list(columns["expr0"].int64_values)
    assert [3] == list(columns["most"].int64_values)


async def test_a_polymorphic_parent_is_text(channel, leads):
    """The fields of an owner are read in any case, and what is no text is written as JSON."""
    company = leads(1)
    soql = "SELECT owner.NAME, Owner.Type, Owner.IsActive FROM Lead WHERE Company = :company"

    (response,) = await query(channel, soql, parameters={"company": text(company)})

    found = {column.name: list(column.string_values) for column in response.batch.columns}
    assert ["User"] == found["Owner.Type"]
    assert ["true"] == found["Owner.IsActive"]
    assert found["Owner.Name"][0]


async def test_a_long_query_is_like_any_other(channel, leads):
    """A query that is parsed beside the event loop binds, answers and fails as a short one does."""
    company = leads(2)
    ids = ", ".join(f"'{number:015}'" for number in range(500))
    soql = f"SELECT Id FROM Lead WHERE Company = :company AND Id NOT IN ({ids})"

    (response,) = await query(channel, soql, parameters={"company": text(company)})
    failed = await refused(channel, soql + " AND", parameters={"company": text(company)})

    assert len(soql) > 8_192
    assert response.batch.row_count == 2
    assert ("MALFORMED_QUERY", str(len(soql) + 5)) == (failed.reason, failed.metadata["column"])
