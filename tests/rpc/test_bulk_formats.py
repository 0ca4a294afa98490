"""What a bulk load takes, over a real channel: any delimiter, mapped columns, rows of a query, and names that exist."""

from collections.abc import AsyncIterator

import pytest
from grpc import aio
from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb
from sluicegate.v1.bulk_service_pb2_grpc import BulkServiceStub
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub

from tests.support.rich_status import failure


def header(**overrides: object) -> pb.BulkLoadHeader:
    """Return the header of an upsert of leads by a job that wants every result."""
    values = {
        "object": "Lead",
        "operation": nouns.BULK_OPERATION_UPSERT,
        "external_id_field": "Ext__c",
        "results": pb.BULK_RESULTS_ALL,
        "keep_results": True,
        **overrides,
    }
    return pb.BulkLoadHeader(**values)  # type: ignore[arg-type]


async def load(channel: aio.Channel, head: pb.BulkLoadHeader, *data: pb.BulkLoadRequest) -> list[pb.BulkLoadResponse]:
    """Run a load and return every response."""

    async def messages() -> AsyncIterator[pb.BulkLoadRequest]:
        yield pb.BulkLoadRequest(header=head)
        for message in data:
            yield message

    return [response async for response in BulkServiceStub(channel).BulkLoad(messages())]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "`"])
async def test_every_delimiter_of_salesforce_is_found(channel, unique, delimiter):
    """Rows and results come back right whatever stands between the cells, also with line ends in them."""
    key = unique("F")
    table = f'Ext__c,LastName,Company\r\n{key}-1,"Cu\r\nrie",R\r\n{key}-2,,R\r\n'.replace(",", delimiter).encode()

    responses = await load(channel, header(), pb.BulkLoadRequest(data=table))

    found = {row.row: row.outcome for response in responses for row in response.results.rows}
    assert {1: nouns.BULK_ROW_OUTCOME_CREATED, 2: nouns.BULK_ROW_OUTCOME_FAILED} == found


async def test_columns_are_mapped_left_out_and_added(channel, unique):
    """The caller's own names, a column of no use, a constant and a text for null make records as they were meant."""
    key = unique("F")
    head = header(
        mapping=[
            pb.BulkColumn(name="Key", field="Ext__c"),
            pb.BulkColumn(name="Family name", field="LastName"),
            pb.BulkColumn(name="junk"),
        ],
        constants=[pb.BulkConstant(field="Company", value='ACME, "Inc"')],
        null_text="none",
        key_column="Key",
    )
    table = f"Key,Family name,junk,LeadSource\n{key}-1,Curie,x,Web\n{key}-2,Meitner,y,none\n".encode()

    responses = await load(channel, head, pb.BulkLoadRequest(data=table))

    assert 2 == responses[-1].finished.rows_created
    assert {f"{key}-1", f"{key}-2"} == {row.key for response in responses for row in response.results.rows}
    records = [
        row
        async for message in QueryServiceStub(channel).Query(
            QueryRequest(
                soql=f"SELECT LastName, Company, LeadSource FROM Lead WHERE Ext__c LIKE '{key}%' ORDER BY Ext__c"
            )
        )
        for row in zip(*(column.string_values for column in message.batch.columns), strict=True)
    ]
    assert [("Curie", 'ACME, "Inc"', "Web"), ("Meitner", 'ACME, "Inc"', "")] == records


async def test_rows_that_came_out_of_a_query_go_in_again(channel, unique):
    """The batches of a query are the data of a load as they are, nulls and numbers among them."""
    key = unique("F")
    table = f"Ext__c,LastName,Company,NumberOfEmployees,LeadSource\n{key}-1,Curie,R,7,Web\n{key}-2,Hahn,R,,\n".encode()
    await load(channel, header(), pb.BulkLoadRequest(data=table))
    soql = (
        "SELECT Ext__c, LastName, Company, NumberOfEmployees, LeadSource, IsConverted, CreatedDate FROM Lead "
        f"WHERE Ext__c LIKE '{key}%' ORDER BY Ext__c"
    )
    batches = [message.batch async for message in QueryServiceStub(channel).Query(QueryRequest(soql=soql))]
    ignored = [pb.BulkColumn(name="IsConverted"), pb.BulkColumn(name="CreatedDate")]

    responses = await load(
        channel,
        header(format=pb.BULK_FORMAT_RECORD_BATCH, mapping=ignored),
        *(pb.BulkLoadRequest(batch=batch) for batch in batches),
    )

    assert 2 == responses[-1].finished.rows_updated
    assert [message.batch async for message in QueryServiceStub(channel).Query(QueryRequest(soql=soql))] == batches


@pytest.mark.parametrize(
    ("overrides", "table", "reason", "field", "words"),
    [
        ({}, b"Ext__c,LastNam\na,b\n", "UNKNOWN_FIELD", "data", "did you mean 'LastName'?"),
        ({}, b"Ext__c,Id\na,b\n", "FIELD_NOT_WRITEABLE", "data", "leave it out"),
        ({}, b"LastName\na\n", "INVALID_DATA", "data", "no column Ext__c"),
        ({"external_id_field": "Company"}, b"Company\na\n", "UNKNOWN_FIELD", "header.external_id_field", "Ext__c"),
        ({"object": "Leed"}, b"Ext__c\na\n", "UNKNOWN_OBJECT", "header.object", "did you mean 'Lead'?"),
        (
            {"mapping": [pb.BulkColumn(name="Nmae", field="LastName")]},
            b"Ext__c,Name\na,b\n",
            "INVALID_DATA",
            "data",
            "did you mean 'Name'?",
        ),
        (
            {"line_end": pb.BULK_LINE_END_CRLF},
            b"Ext__c,LastName\r\na,b\n",
            "INVALID_DATA",
            "data",
            "row 1 (line 2) does not end",
        ),
    ],
)
async def test_columns_are_refused_before_the_first_job(channel, app, overrides, table, reason, field, words):
    """A column that no row could be loaded with costs no job, and the refusal says what was meant."""
    jobs = app.emulator.statistics().bulk_jobs

    with pytest.raises(aio.AioRpcError) as raised:
        await load(channel, header(**overrides), pb.BulkLoadRequest(data=table))

    found = failure(raised.value)
    assert (reason, [field]) == (found.reason, list(found.violations))
    assert words in found.violations[field]
    assert jobs == app.emulator.statistics().bulk_jobs
