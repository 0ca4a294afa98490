"""BulkService over a real channel."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest
from grpc import aio
from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb
from sluicegate.v1.bulk_service_pb2_grpc import BulkServiceStub
from sluicegate.v1.error_reason_pb2 import ERROR_REASON_REQUIRED_FIELD_MISSING

from service.emulator.disturbances import Page
from tests.support.rich_status import Failure, failure


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


async def messages(head: pb.BulkLoadHeader, chunks: Iterable[bytes]) -> AsyncIterator[pb.BulkLoadRequest]:
    """Yield a load's messages."""
    yield pb.BulkLoadRequest(header=head)
    for chunk in chunks:
        yield pb.BulkLoadRequest(data=chunk)


async def load(channel: aio.Channel, head: pb.BulkLoadHeader, *chunks: bytes) -> list[pb.BulkLoadResponse]:
    """Run a load and return every response."""
    return [response async for response in BulkServiceStub(channel).BulkLoad(messages(head, chunks))]


async def refused(channel: aio.Channel, requests: AsyncIterator[pb.BulkLoadRequest]) -> Failure:
    """Run a load and return how it failed."""
    with pytest.raises(aio.AioRpcError) as raised:
        async for _ in BulkServiceStub(channel).BulkLoad(requests):
            pass
    return failure(raised.value)


def rows(responses: list[pb.BulkLoadResponse]) -> dict[int, nouns.BulkRowResult]:
    """Return the row results by row number."""
    return {row.row: row for response in responses for row in response.results.rows}


def counts(finished: pb.BulkLoadFinished) -> tuple[int, int, int, int, int, int]:
    """Return received, created, updated, deleted, failed, not processed."""
    return (
        finished.rows_received,
        finished.rows_created,
        finished.rows_updated,
        finished.rows_deleted,
        finished.rows_failed,
        finished.rows_not_processed,
    )


async def test_each_row_has_one_answer_with_its_number(channel, unique):
    """Created, updated and failed rows come back under the caller's numbers, although Salesforce shuffles them."""
    key = unique("B")
    csv = f'Ext__c,LastName,Company\n{key}-1,"Müller, ""Max""\nJr",Acme\n{key}-2,,Acme\n{key}-3,Ünal 😀,Acme\n'.encode()

    first = await load(channel, header(), csv[:20], csv[20:21], csv[21:])
    second = await load(channel, header(), csv)

    assert counts(first[-1].finished) == (3, 2, 0, 0, 1, 0)
    assert counts(second[-1].finished) == (3, 0, 2, 0, 1, 0)
    found = rows(first)
    assert {1, 2, 3} == set(found)
    assert list(found[2].error.fields) == ["LastName"]
    assert found[2].error.reason == ERROR_REASON_REQUIRED_FIELD_MISSING
    assert rows(second)[3].record_id == found[3].record_id


async def test_the_order_of_events(channel, unique):
    """Accepted first, finished last, each with a token that names the job."""
    responses = await load(channel, header(), f"Ext__c,LastName,Company\n{unique('B')},C,R\n".encode())

    kinds = [response.WhichOneof("event") for response in responses]
    assert kinds[0] == "accepted"
    assert kinds[-1] == "finished"
    assert 1 == kinds.count("accepted") == kinds.count("finished")
    assert responses[-1].finished.load.state == nouns.BULK_LOAD_STATE_COMPLETE


async def test_a_token_finds_the_load(channel, unique):
    """GetBulkLoad tells of a load that is over."""
    responses = await load(channel, header(), f"Ext__c,LastName,Company\n{unique('B')},C,R\n".encode())
    finished = responses[-1].finished.load

    found = await BulkServiceStub(channel).GetBulkLoad(pb.GetBulkLoadRequest(resume_token=finished.resume_token))

    # Tokens do not say why a part went its way.
    finished.parts[0].ClearField("way_reason")
    assert finished == found.load
    assert responses[0].accepted.load.create_time == found.load.create_time
    assert (
        found.load.state,
        found.load.rows_processed,
        found.load.rows_failed,
    ) == (nouns.BULK_LOAD_STATE_COMPLETE, 1, 0)


async def test_an_altered_token_is_refused(channel, unique):
    """A token is signed."""
    responses = await load(channel, header(), f"Ext__c,LastName,Company\n{unique('B')},C,R\n".encode())
    token = responses[0].accepted.load.resume_token

    with pytest.raises(aio.AioRpcError) as raised:
        await BulkServiceStub(channel).GetBulkLoad(pb.GetBulkLoadRequest(resume_token=token[:-2] + "xx"))

    assert failure(raised.value).reason == "INVALID_TOKEN"


async def test_json_lines_are_loaded(channel, unique):
    """One object a line, with a null, a number and a lookup."""
    key = unique("J")
    lines = (
        f'{{"Ext__c": "{key}-1", "LastName": "C", "Company": "R", "NumberOfEmployees": 5}}\n'
        f'{{"Ext__c": "{key}-2", "LastName": "D", "Company": "R", "Title": null}}\n'
    )

    responses = await load(channel, header(format=pb.BULK_FORMAT_JSON_LINES), lines.encode())

    assert counts(responses[-1].finished) == (2, 2, 0, 0, 0, 0)


async def test_only_failures_come_back_by_default(channel, unique):
    """A caller that asks for nothing special gets the rows it must look at."""
    key = unique("B")
    csv = f"Ext__c,LastName,Company\n{key}-1,C,R\n{key}-2,,R\n".encode()

    responses = await load(channel, header(results=pb.BULK_RESULTS_UNSPECIFIED), csv)

    assert {2} == set(rows(responses))


@pytest.mark.parametrize(
    ("head", "data", "reason", "row"),
    [
        ({}, b'Ext__c,LastName,Company\na,b,c\nd,"e', "INVALID_DATA", "2"),
        ({}, b"Ext__c,LastName,Company\na,b,c\nd,e\n", "INVALID_DATA", "2"),
        ({}, b"Ext__c,LastName,LastName\na,b,c\n", "INVALID_DATA", "0"),
        ({}, b"LastName,Company\nb,c\n", "INVALID_DATA", "0"),
        ({}, b"Ext__c,LastName,Company\na,\xff\xfe,c\n", "INVALID_DATA", "1"),
        ({}, b"Ext__c,LastName,Company\n", "INVALID_DATA", "0"),
        ({}, b"", "INVALID_DATA", "0"),
        ({"format": pb.BULK_FORMAT_JSON_LINES}, b'{"Ext__c": "a"}\n[1]\n', "INVALID_DATA", "2"),
        ({"object": "Leed"}, b"Ext__c,LastName\na,b\n", "UNKNOWN_OBJECT", None),
    ],
)
async def test_bad_data_is_refused_with_its_row(channel, head, data, reason, row):
    """Data that cannot be read names its row, and nothing is written."""
    failed = await refused(channel, messages(header(**head), [data]))

    assert ("INVALID_ARGUMENT", reason) == (failed.code, failed.reason)
    assert row == failed.metadata.get("row")


async def test_the_first_message_must_be_the_header(channel):
    """A stream without a header is refused by name."""

    async def headless() -> AsyncIterator[pb.BulkLoadRequest]:
        yield pb.BulkLoadRequest(data=b"x")

    failed = await refused(channel, headless())

    assert (failed.reason, list(failed.violations)) == ("INVALID_REQUEST", ["header"])


@pytest.mark.parametrize(
    "head",
    [{"external_id_field": ""}, {"operation": nouns.BULK_OPERATION_INSERT}, {"operation": 0}, {"object": "a b"}],
)
async def test_a_bad_header_is_refused(channel, head):
    """The header's rules are checked before anything is sent."""
    failed = await refused(channel, messages(header(**head), [b"Ext__c\n1\n"]))

    assert (failed.code, failed.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")


async def begun_in_time(
    channel: aio.Channel, requests: Callable[[], AsyncIterator[pb.BulkLoadRequest]]
) -> tuple[Any, pb.BulkLoadResponse]:
    """Return a load that is accepted within its deadline, which a slow machine takes longer for, and its answer."""
    seconds = 2.0
    while True:
        stream: Any = BulkServiceStub(channel).BulkLoad(requests(), timeout=seconds)
        try:
            return stream, await stream.read()
        except aio.AioRpcError as error:
            if error.code().name != "DEADLINE_EXCEEDED":
                raise
            seconds *= 4


@pytest.mark.parametrize("ending", ["cancel", "deadline"])
async def test_a_caller_that_leaves_before_the_end_writes_nothing(channel, app, unique, ending):
    """Cancelling before the data is complete, or running out of time, aborts the job."""
    assert app.emulator is not None
    key = unique("B")
    accepted = asyncio.Event()

    async def unfinished() -> AsyncIterator[pb.BulkLoadRequest]:
        yield pb.BulkLoadRequest(header=header())
        rows = "".join(f"{key}-{number},C,R\n" for number in range(50_000))
        yield pb.BulkLoadRequest(data=f"Ext__c,LastName,Company\n{rows}".encode())
        await accepted.wait()

    if ending == "cancel":
        stream = BulkServiceStub(channel).BulkLoad(unfinished())
        first = await stream.read()
        stream.cancel()
    else:
        stream, first = await begun_in_time(channel, unfinished)

    job_id = first.accepted.load.job_id
    token = first.accepted.load.resume_token
    async with asyncio.timeout(60):
        while True:
            found = await BulkServiceStub(channel).GetBulkLoad(pb.GetBulkLoadRequest(resume_token=token))
            if found.load.state == nouns.BULK_LOAD_STATE_ABORTED:
                break
    accepted.set()
    assert job_id == found.load.job_id
    assert app.emulator.org.query(f"SELECT COUNT() FROM Lead WHERE Ext__c LIKE '{key}-%'").total_size == 0


async def test_an_outage_while_polling_does_not_fail_the_load(channel, app, unique):
    """After the commit the load goes on, however often Salesforce does not answer."""
    assert app.emulator is not None
    app.emulator.disturbances.add(Page(503), method="GET", path="/jobs/ingest/", times=4)

    responses = await load(channel, header(), f"Ext__c,LastName,Company\n{unique('B')},C,R\n".encode())

    app.emulator.disturbances.clear()
    assert counts(responses[-1].finished) == (1, 1, 0, 0, 0, 0)
