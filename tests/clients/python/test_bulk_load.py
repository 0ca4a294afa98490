"""Loads over a real socket: what goes up, what comes down, and what failures look like."""

import asyncio
from contextlib import aclosing

import pytest
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from sluicegate import Accepted, Event, Finished, Progress, Results, SluicegateError
from sluicegate.v1 import bulk_load_pb2 as loads
from sluicegate.v1 import bulk_service_pb2 as pb
from sluicegate.v1.error_reason_pb2 import ERROR_REASON_REQUIRED_FIELD_MISSING
from sluicegate.v1.record_pb2 import RecordError

LOAD = loads.BulkLoad(resume_token="t", object="Lead", state=loads.BULK_LOAD_STATE_OPEN)
ACCEPTED = pb.BulkLoadResponse(accepted=pb.BulkLoadAccepted(load=LOAD))
FINISHED = pb.BulkLoadResponse(finished=pb.BulkLoadFinished(load=LOAD, rows_received=3, rows_created=2, rows_failed=1))


async def collect(events) -> list[Event]:
    """Read all events."""
    return [event async for event in events]


def sent(script) -> bytes:
    """Join what came after the header."""
    return b"".join(request.data for request in script.requests[1:-1])


async def test_events(client, script):
    """Events come down in order, as their own types."""
    failure = RecordError(
        reason=ERROR_REASON_REQUIRED_FIELD_MISSING,
        message="no",
        fields=["LastName"],
        salesforce_code="REQUIRED_FIELD_MISSING",
    )
    script.answers = [
        ACCEPTED,
        pb.BulkLoadResponse(progress=pb.BulkLoadProgress(load=LOAD, rows_received=3, bytes_received=30)),
        pb.BulkLoadResponse(
            results=pb.BulkLoadResults(
                rows=[
                    loads.BulkRowResult(row=2, outcome=loads.BULK_ROW_OUTCOME_FAILED, error=failure),
                    loads.BulkRowResult(row=1, outcome=loads.BULK_ROW_OUTCOME_CREATED, record_id="00Q"),
                ],
            ),
        ),
        FINISHED,
    ]

    accepted, progress, results, finished = await collect(client.bulk_load("Lead", "insert", b"LastName\na\n"))

    assert isinstance(accepted, Accepted)
    assert (accepted.load.resume_token, accepted.load.state) == ("t", "open")
    assert isinstance(progress, Progress)
    assert (progress.rows_received, progress.bytes_received) == (3, 30)
    assert isinstance(results, Results)
    failed, created = results.rows
    assert (
        failed.row,
        failed.outcome,
        failed.reason,
        failed.fields,
    ) == (2, "failed", "REQUIRED_FIELD_MISSING", ("LastName",))
    assert (created.row, created.outcome, created.record_id, created.reason) == (1, "created", "00Q", "")
    assert isinstance(finished, Finished)
    assert (finished.rows_received, finished.rows_created, finished.rows_failed) == (3, 2, 1)


async def test_unknown_event(client, script):
    """An event of a newer service is passed over."""
    script.answers = [ACCEPTED, pb.BulkLoadResponse(), FINISHED]

    events = await collect(client.bulk_load("Lead", "insert", b""))

    assert [Accepted, Finished] == [type(event) for event in events]


async def test_header(client, script):
    """The header is the first message and says what the arguments say."""
    script.answers = [FINISHED]

    await collect(
        client.bulk_load("Lead", "upsert", b"{}", external_id_field="Ext__c", data_format="json_lines", results="all"),
    )

    expected = pb.BulkLoadHeader(
        org="sandbox",
        object="Lead",
        operation=loads.BULK_OPERATION_UPSERT,
        external_id_field="Ext__c",
        format=pb.BULK_FORMAT_JSON_LINES,
        results=pb.BULK_RESULTS_ALL,
        commit=pb.BULK_COMMIT_BY_PART,
    )
    assert expected == script.requests[0].header


@pytest.mark.parametrize("kind", ["bytes", "file", "iterable"])
async def test_data(client, script, tmp_path, kind):
    """Data arrives whole and in order, whatever it came from, in messages of a bounded size."""
    data = bytes(range(256)) * 8_000
    path = tmp_path / "data.csv"
    path.write_bytes(data)

    async def cut():
        yield data[:1]
        yield b""
        yield memoryview(data)[1:]

    script.answers = [FINISHED]

    await collect(client.bulk_load("Lead", "insert", {"bytes": data, "file": path, "iterable": cut()}[kind]))

    assert data == sent(script)
    assert all(0 < len(request.data) <= 1024 * 1024 for request in script.requests[1:-1])
    assert script.requests[-1].HasField("end")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("merge", b""), "operation is 'merge'; it must be one of insert, update, upsert, delete"),
        (("", b""), "operation is ''; it must be one of"),
    ],
)
async def test_refused_arguments(client, arguments, text):
    """A word that does not exist is refused with those that do."""
    with pytest.raises(ValueError, match=text):
        await collect(client.bulk_load("Lead", *arguments))


@pytest.mark.parametrize("data", ["LastName\n", 5])
async def test_refused_data(client, script, data):
    """Data that is not bytes is refused, and the load is not committed."""
    script.answers = [FINISHED]

    with pytest.raises(TypeError, match=r"it must be bytes, a pathlib\.Path or an async iterable of bytes"):
        await collect(client.bulk_load("Lead", "insert", data))


async def test_missing_file(client, script, tmp_path):
    """A file that cannot be read fails with its own error."""
    script.answers = [FINISHED]

    with pytest.raises(FileNotFoundError):
        await collect(client.bulk_load("Lead", "insert", tmp_path / "absent.csv"))


async def test_failing_data(client, script):
    """Data that fails half-way is what the caller sees, and the service sees that the call is cancelled."""

    async def broken():
        await script.load_began.wait()
        yield b"LastName\n"
        raise LookupError("source went away")

    script.answers = [asyncio.Event()]

    with pytest.raises(LookupError, match="source went away"):
        await collect(client.bulk_load("Lead", "insert", broken()))

    await asyncio.wait_for(script.load_was_cancelled.wait(), 60)


async def test_refused_while_sending(client, script):
    """A load that is refused early ends with the service's words while its data would go on for ever."""
    closed = asyncio.Event()

    async def endless():
        try:
            while True:
                yield b"x" * 100_000
        finally:
            closed.set()

    script.answers_before_data = True
    script.answers = [Status(code=StatusCode.INVALID_ARGUMENT.value[0], message="no such object")]

    with pytest.raises(SluicegateError, match="INVALID_ARGUMENT: no such object"):
        await collect(client.bulk_load("Leed", "insert", endless()))

    await asyncio.wait_for(closed.wait(), 60)


async def test_refused_while_data_waits(client, script):
    """A load that is refused early ends even if its data never comes."""

    async def stuck():
        yield b"LastName\n"
        await asyncio.Event().wait()

    script.answers_before_data = True
    script.answers = [Status(code=StatusCode.NOT_FOUND.value[0], message="no such org")]

    with pytest.raises(SluicegateError, match="NOT_FOUND: no such org"):
        await asyncio.wait_for(collect(client.bulk_load("Lead", "insert", stuck())), 60)


async def test_closed_early(client, script):
    """Closing the iterator before the data is complete cancels the call."""
    waiting = asyncio.Event()

    async def stuck():
        yield b"LastName\n"
        waiting.set()
        await asyncio.Event().wait()

    script.answers = [asyncio.Event()]

    async with aclosing(client.bulk_load("Lead", "insert", stuck())) as events:
        reading = asyncio.ensure_future(anext(events))
        await waiting.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    await asyncio.wait_for(script.load_was_cancelled.wait(), 60)


async def test_left_after_commit(client, script):
    """Leaving a load whose data is complete cancels the call, so that the service stops telling."""
    script.answers = [ACCEPTED, asyncio.Event()]

    async with aclosing(client.bulk_load("Lead", "insert", b"LastName\na\n")) as events:
        assert isinstance(await anext(events), Accepted)

    await asyncio.wait_for(script.load_was_cancelled.wait(), 60)


def watched(state: loads.BulkLoadState.ValueType) -> pb.WatchBulkLoadResponse:
    """Return one look at a load."""
    return pb.WatchBulkLoadResponse(load=loads.BulkLoad(resume_token="t", state=state))


async def test_a_watch_goes_on(client, script):
    """A replica that is lost is no end of a watch, and no state comes twice for it."""
    script.answers = [
        watched(loads.BULK_LOAD_STATE_PROCESSING),
        Status(code=StatusCode.UNAVAILABLE.value[0], message="it drains"),
        watched(loads.BULK_LOAD_STATE_PROCESSING),
        watched(loads.BULK_LOAD_STATE_COMPLETE),
    ]

    states = [load.state async for load in client.watch_bulk_load("t")]

    assert ["processing", "complete"] == states
    assert ["t", "t"] == [request.resume_token for request in script.requests]


@pytest.mark.parametrize(("code", "seconds"), [(StatusCode.NOT_FOUND, 300.0), (StatusCode.UNAVAILABLE, 0.0)])
async def test_a_watch_that_does_not_go_on(client, script, code, seconds):
    """What another call would not mend is told, as is a loss where that was asked for."""
    script.answers = [watched(loads.BULK_LOAD_STATE_PROCESSING), Status(code=code.value[0], message="no")]

    with pytest.raises(SluicegateError, match="no"):
        _ = [load async for load in client.watch_bulk_load("t", reconnect_seconds=seconds)]

    assert 1 == len(script.requests)


async def test_a_part_has_its_place_in_the_data(client, script):
    """Whoever keeps the data finds the bytes of a part."""
    part = loads.BulkLoadPart(number=2, first_row=11, row_count=13, first_byte=17, end_byte=99)
    script.answers = [pb.GetBulkLoadResponse(load=loads.BulkLoad(parts=[part]))]

    (told,) = (await client.get_bulk_load("t")).parts

    assert (17, 99) == (told.first_byte, told.end_byte)
