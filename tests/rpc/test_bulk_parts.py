"""BulkService over a real channel: loads by part, by calls, watched, listed and cancelled."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from grpc import aio
from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb
from sluicegate.v1 import record_batch_pb2 as batches
from sluicegate.v1.bulk_service_pb2_grpc import BulkServiceStub
from structlog.testing import capture_logs

from service.emulator.disturbances import Page
from service.emulator.effects import Refuse
from tests.support.loading import FileCaller
from tests.support.rich_status import Failure, failure

CREATED, FAILED = nouns.BULK_ROW_OUTCOME_CREATED, nouns.BULK_ROW_OUTCOME_FAILED


def header(**overrides: object) -> pb.BulkLoadHeader:
    """Return the header of an insert of leads by part that wants every result."""
    values = {
        "object": "Lead",
        "operation": nouns.BULK_OPERATION_INSERT,
        "results": pb.BULK_RESULTS_ALL,
        "commit": pb.BULK_COMMIT_BY_PART,
        "key_column": "LastName",
        **overrides,
    }
    return pb.BulkLoadHeader(**values)  # type: ignore[arg-type]


def rows_of(name: str, count: int = 10) -> bytes:
    """Return leads whose names begin alike; every fifth has no company."""
    lines = (f"{name}-{number},{'' if number % 5 == 4 else 'Radium'}\n" for number in range(count))
    return ("LastName,Company\n" + "".join(lines)).encode()


def in_org(app, name: str) -> int:
    """Count the leads whose names begin so."""
    return int(app.emulator.org.query(f"SELECT COUNT() FROM Lead WHERE LastName LIKE '{name}-%'").total_size)


async def refused(call) -> Failure:
    """Return how a call failed."""
    with pytest.raises(aio.AioRpcError) as raised:
        await call
    return failure(raised.value)


async def started(loads, name: str, head: pb.BulkLoadHeader) -> nouns.BulkLoad:
    """Begin a load by calls and upload two parts of it."""
    load: nouns.BulkLoad = (await loads.StartBulkLoad(pb.StartBulkLoadRequest(header=head))).load
    for part in ("a", "b"):
        request = pb.UploadBulkLoadPartRequest(
            header=head, resume_token=load.resume_token, data=rows_of(f"{name}-{part}")
        )
        load = (await loads.UploadBulkLoadPart(request)).load
    return load


async def ended(loads, token: str) -> nouns.BulkLoad:
    """Watch a load to its end."""
    watched = loads.WatchBulkLoad(pb.WatchBulkLoadRequest(resume_token=token))
    seen: list[nouns.BulkLoad] = [answer.load async for answer in watched]
    return seen[-1]


async def test_a_load_by_part_tells_its_rows_and_keys(channel, app, unique, tmp_path: Path):
    """Every message carries the token, and every result its row, part and key."""
    name = unique("P")
    caller = FileCaller(header(), rows_of(name), tmp_path / "token")
    seen: list[pb.BulkLoadResponse] = []
    caller.on_message = seen.append

    await caller.call(BulkServiceStub(channel))

    assert caller.finished is not None
    assert (10, 8, 2) == (caller.finished.rows_received, caller.finished.rows_created, caller.finished.rows_failed)
    assert all(response.resume_token for response in seen)
    results = {row.row: row for response in seen for row in response.results.rows}
    assert {row: f"{name}-{row - 1}" for row in range(1, 11)} == {row: result.key for row, result in results.items()}
    assert {1} == {result.part for result in results.values()}
    (done,) = [response.part_done.part for response in seen if response.HasField("part_done")]
    assert (8, 2) == (done.counts.rows_created, done.counts.rows_failed)
    assert nouns.BULK_PART_STATE_DONE == done.state
    assert 8 == in_org(app, name)


async def test_a_load_goes_on_by_its_token(channel, app, unique, tmp_path: Path):
    """A caller that leaves when its part is prepared, and comes back, commits what is prepared."""
    name = unique("P")
    first = FileCaller(header(), rows_of(name), tmp_path / "token")

    def leave(_response: pb.BulkLoadResponse) -> None:
        raise ConnectionResetError

    first.before_commit = leave
    with pytest.raises(ConnectionResetError):
        await first.call(BulkServiceStub(channel))
    second = FileCaller(header(), rows_of(name), tmp_path / "token")

    await second.call(BulkServiceStub(channel))

    assert second.finished is not None
    assert 8 == second.finished.rows_created == in_org(app, name)


async def test_another_header_is_refused(channel, unique, tmp_path: Path):
    """A token goes on with the load that it was made for."""
    caller = FileCaller(header(), rows_of(unique("P")), tmp_path / "token")
    await caller.call(BulkServiceStub(channel))
    caller.header = header(operation=nouns.BULK_OPERATION_DELETE)

    failed = await refused(caller.call(BulkServiceStub(channel)))

    assert "INVALID_TOKEN" == failed.reason


async def test_a_load_that_its_end_commits_cannot_be_gone_on_with(channel, unique):
    """The refusal says what tells of it."""
    loads = BulkServiceStub(channel)
    head = header(commit=pb.BULK_COMMIT_AT_END)

    async def messages() -> AsyncIterator[pb.BulkLoadRequest]:
        yield pb.BulkLoadRequest(header=head)
        yield pb.BulkLoadRequest(data=rows_of(unique("P")))

    async for response in loads.BulkLoad(messages()):
        head.resume_token = response.resume_token
    failed = await refused(_read(loads.BulkLoad(messages())))

    assert "INVALID_TOKEN" == failed.reason


async def _read(call) -> None:
    async for _ in call:
        pass


async def test_a_load_by_calls(channel, app, unique):
    """Start, upload, commit, watch and list: nothing is written before the commit, which may be repeated."""
    loads, name, head = BulkServiceStub(channel), unique("U"), header()

    load = await started(loads, name, head)
    before = in_org(app, name)
    request = pb.CommitBulkLoadRequest(resume_token=load.resume_token)
    await loads.CommitBulkLoad(request)
    await loads.CommitBulkLoad(request)
    last = await ended(loads, load.resume_token)

    assert 0 == before
    assert [1, 11] == [part.first_row for part in load.parts]
    assert nouns.BULK_LOAD_STATE_COMPLETE == last.state
    assert (20, 4) == (last.rows_processed, last.rows_failed)
    assert 16 == in_org(app, name)


async def test_an_upload_that_is_repeated_counts_once(channel, app, unique):
    """Of two uploads with one token, the part is that whose token is gone on with."""
    loads, name, head = BulkServiceStub(channel), unique("U"), header()
    load = (await loads.StartBulkLoad(pb.StartBulkLoadRequest(header=head))).load
    request = pb.UploadBulkLoadPartRequest(header=head, resume_token=load.resume_token, data=rows_of(name))

    await loads.UploadBulkLoadPart(request)
    uploaded = await loads.UploadBulkLoadPart(request)
    await loads.CommitBulkLoad(pb.CommitBulkLoadRequest(resume_token=uploaded.load.resume_token))
    await ended(loads, uploaded.load.resume_token)

    assert (1, 10) == (uploaded.part.number, uploaded.part.row_count)
    assert 8 == in_org(app, name)


async def test_of_an_upload_that_is_repeated_one_is_written(channel, app, unique):
    """Two uploads with one token, of an insert, and both of them committed: both commits tell of the same rows."""
    loads, name, head = BulkServiceStub(channel), unique("V"), header()
    load = (await loads.StartBulkLoad(pb.StartBulkLoadRequest(header=head))).load
    request = pb.UploadBulkLoadPartRequest(header=head, resume_token=load.resume_token, data=rows_of(name))

    uploaded = [(await loads.UploadBulkLoadPart(request)).load.resume_token for _ in range(2)]
    commits = [pb.CommitBulkLoadRequest(resume_token=token) for token in uploaded]
    committed = [(await loads.CommitBulkLoad(commit)).load for commit in commits]
    last = [await ended(loads, load.resume_token) for load in committed]

    assert uploaded[0] != uploaded[1]
    assert uploaded[0] == committed[0].resume_token
    assert last[0].parts[0].job_ids == last[1].parts[0].job_ids
    assert [(10, 2), (10, 2)] == [(each.rows_processed, each.rows_failed) for each in last]
    assert 8 == in_org(app, name)


@pytest.mark.parametrize(
    ("outcomes", "part", "keys"),
    [
        ((), 0, {f"{part}-{number}" for part in "ab" for number in range(10)}),
        ((FAILED,), 0, {"a-4", "a-9", "b-4", "b-9"}),
        ((CREATED,), 2, {f"b-{number}" for number in range(10) if number % 5 != 4}),
    ],
)
async def test_results_are_listed_by_key(channel, unique, outcomes, part, keys):
    """A token is enough to list the rows that are of interest, by the caller's own key."""
    loads, name = BulkServiceStub(channel), unique("U")
    load = await started(loads, name, header())
    await loads.CommitBulkLoad(pb.CommitBulkLoadRequest(resume_token=load.resume_token))
    await ended(loads, load.resume_token)
    request = pb.ListBulkLoadResultsRequest(resume_token=load.resume_token, outcomes=outcomes, part=part)

    found = [row async for answer in loads.ListBulkLoadResults(request) for row in answer.rows]

    assert {f"{name}-{key}" for key in keys} == {row.key for row in found}
    assert len(keys) == len(found)
    assert all(bool(row.record_id) == (row.outcome == CREATED) for row in found)


async def test_a_load_that_is_cancelled_writes_nothing_more(channel, app, unique):
    """Jobs that are open are aborted, and a commit that comes later changes nothing."""
    loads, name = BulkServiceStub(channel), unique("U")
    load = await started(loads, name, header())

    cancelled = await loads.CancelBulkLoad(pb.CancelBulkLoadRequest(resume_token=load.resume_token))
    await loads.CommitBulkLoad(pb.CommitBulkLoadRequest(resume_token=load.resume_token))

    assert nouns.BULK_LOAD_STATE_ABORTED == cancelled.load.state
    assert 0 == in_org(app, name)


async def test_a_load_that_is_over_cannot_be_cancelled(channel, unique):
    """What is written stays written, and the answer says how the load stands."""
    loads = BulkServiceStub(channel)
    load = await started(loads, unique("U"), header())
    await loads.CommitBulkLoad(pb.CommitBulkLoadRequest(resume_token=load.resume_token))
    await ended(loads, load.resume_token)

    cancelled = await loads.CancelBulkLoad(pb.CancelBulkLoadRequest(resume_token=load.resume_token))

    assert nouns.BULK_LOAD_STATE_COMPLETE == cancelled.load.state


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "INVALID_DATA"),
        (b"LastName\n", "INVALID_DATA"),
        (b'LastName\n"cut', "INVALID_DATA"),
        (None, "INVALID_REQUEST"),
    ],
)
async def test_bad_parts_are_refused(channel, data, reason):
    """A part that cannot be read, and a call without header, tell what is wrong."""
    loads, head = BulkServiceStub(channel), header(key_column="")
    load = (await loads.StartBulkLoad(pb.StartBulkLoadRequest(header=head))).load
    request = pb.UploadBulkLoadPartRequest(resume_token=load.resume_token, data=data or b"")
    if data is not None:
        request.header.CopyFrom(head)

    failed = await refused(loads.UploadBulkLoadPart(request))

    assert (failed.code, failed.reason) == ("INVALID_ARGUMENT", reason)


@pytest.mark.parametrize(
    ("overrides", "reason", "field"),
    [
        ({"object": "Leed"}, "UNKNOWN_OBJECT", "header.object"),
        (
            {"operation": nouns.BULK_OPERATION_UPSERT, "external_id_field": "Company"},
            "UNKNOWN_FIELD",
            "header.external_id_field",
        ),
        ({"mapping": [pb.BulkColumn(name="Firm", field="Compny")]}, "UNKNOWN_FIELD", "header.mapping"),
        ({"constants": [pb.BulkConstant(field="CreatedDate", value="x")]}, "FIELD_NOT_WRITEABLE", "header.constants"),
        ({"format": pb.BULK_FORMAT_RECORD_BATCH}, "INVALID_REQUEST", "header.format"),
    ],
)
async def test_a_header_that_no_part_can_follow_begins_nothing(channel, overrides, reason, field):
    """Its names are held against the org, but for required fields: the data may have their columns."""
    request = pb.StartBulkLoadRequest(header=header(**overrides))

    failed = await refused(BulkServiceStub(channel).StartBulkLoad(request))

    assert (failed.reason, list(failed.violations)) == (reason, [field])


async def test_parts_by_calls_stand_one_behind_the_other(channel, unique):
    """Their places are those of one header row and all rows behind it, and stay so from token to token."""
    name = unique("P")
    rows, head = len(rows_of(f"{name}-a")), len(b"LastName,Company\n")
    load = await started(BulkServiceStub(channel), name, header())

    places = [(part.first_byte, part.end_byte) for part in load.parts]

    assert [(head, rows), (rows, 2 * rows - head)] == places


async def test_a_stream_s_token_cannot_be_committed_by_a_call(channel, unique, tmp_path: Path):
    """Each kind of load has its own way to be committed."""
    caller = FileCaller(header(), rows_of(unique("P")), tmp_path / "token")
    await caller.call(BulkServiceStub(channel))
    request = pb.CommitBulkLoadRequest(resume_token=caller.token_file.read_text())

    failed = await refused(BulkServiceStub(channel).CommitBulkLoad(request))

    assert (failed.reason, list(failed.violations)) == ("INVALID_REQUEST", ["resume_token"])


async def test_watching_outlasts_an_outage(channel, app, unique, disturbances):
    """A poll that fails is asked again."""
    loads, name = BulkServiceStub(channel), unique("U")
    load = await started(loads, name, header())
    await loads.CommitBulkLoad(pb.CommitBulkLoadRequest(resume_token=load.resume_token))
    watch = aiter(loads.WatchBulkLoad(pb.WatchBulkLoadRequest(resume_token=load.resume_token)))
    seen = [(await anext(watch)).load]
    disturbances.add(Page(503), method="GET", path="/jobs/ingest/", times=4)

    seen += [answer.load async for answer in watch]

    assert nouns.BULK_LOAD_STATE_COMPLETE == seen[-1].state


async def test_columns_are_mapped(channel, app, unique):
    """The caller's own names, a constant, a column that stays out, and a text that means null."""
    name = unique("M")
    head = header(
        key_column="no",
        mapping=[
            pb.BulkColumn(name="name", field="LastName"),
            pb.BulkColumn(name="no", field="Ext__c"),
            pb.BulkColumn(name="note"),
            pb.BulkColumn(name="title", field="Title"),
        ],
        constants=[pb.BulkConstant(field="Company", value="Radium")],
        null_text="-",
    )
    data = f"no;name;note;title\n{name}-1;{name}-A;x;-\n{name}-2;{name}-B;y;Dr\n".encode()
    loads = BulkServiceStub(channel)
    load = (await loads.StartBulkLoad(pb.StartBulkLoadRequest(header=head))).load
    request = pb.UploadBulkLoadPartRequest(header=head, resume_token=load.resume_token, data=data)
    load = (await loads.UploadBulkLoadPart(request)).load
    await loads.CommitBulkLoad(pb.CommitBulkLoadRequest(resume_token=load.resume_token))
    await ended(loads, load.resume_token)

    found = app.emulator.org.query(
        f"SELECT LastName, Company, Title FROM Lead WHERE Ext__c LIKE '{name}-%' ORDER BY Ext__c"
    ).rows
    listed = loads.ListBulkLoadResults(pb.ListBulkLoadResultsRequest(resume_token=load.resume_token))
    keys = {row.key async for answer in listed for row in answer.rows}

    assert [(f"{name}-A", "Radium", None), (f"{name}-B", "Radium", "Dr")] == [
        (row["LastName"], row["Company"], row["Title"]) for row in found
    ]
    assert {f"{name}-1", f"{name}-2"} == keys


async def test_batches_are_loaded(channel, app, unique):
    """Rows come as a query sends them, with a null, and go on by their number."""
    name = unique("R")
    batch = batches.RecordBatch(
        row_count=2,
        columns=[
            batches.Column(name="LastName", type=batches.COLUMN_TYPE_STRING, string_values=[f"{name}-1", f"{name}-2"]),
            batches.Column(name="Company", type=batches.COLUMN_TYPE_STRING, string_values=["A", "B"]),
            batches.Column(
                name="NumberOfEmployees", type=batches.COLUMN_TYPE_INT64, int64_values=[5, 0], null_rows=[1]
            ),
        ],
    )
    outgoing: asyncio.Queue[pb.BulkLoadRequest | None] = asyncio.Queue()
    for message in (
        pb.BulkLoadRequest(header=header(format=pb.BULK_FORMAT_RECORD_BATCH)),
        pb.BulkLoadRequest(batch=batch),
        pb.BulkLoadRequest(end=pb.BulkLoadEnd()),
    ):
        outgoing.put_nowait(message)

    async def messages() -> AsyncIterator[pb.BulkLoadRequest]:
        while (message := await outgoing.get()) is not None:
            yield message

    async for response in BulkServiceStub(channel).BulkLoad(messages()):
        if response.HasField("prepared"):
            commit = pb.BulkLoadCommit(part=1, resume_token=response.resume_token)
            outgoing.put_nowait(pb.BulkLoadRequest(commit=commit))
    outgoing.put_nowait(None)

    found = app.emulator.org.query(
        f"SELECT NumberOfEmployees FROM Lead WHERE LastName LIKE '{name}-%' ORDER BY LastName"
    ).rows
    assert 2 == response.finished.rows_created
    assert [5, None] == [row["NumberOfEmployees"] for row in found]


async def test_a_session_that_expires_changes_nothing(channel, app, unique, tmp_path: Path, disturbances):
    """The login is renewed in the middle of a load."""
    name = unique("P")
    caller = FileCaller(header(), rows_of(name), tmp_path / "token")

    def expire(_response: pb.BulkLoadResponse) -> None:
        disturbances.add(Refuse(401, "INVALID_SESSION_ID", "Session expired or invalid"))

    caller.before_commit = expire

    await caller.call(BulkServiceStub(channel))

    assert caller.finished is not None
    assert 8 == caller.finished.rows_created == in_org(app, name)


async def test_a_load_is_logged_by_its_name(channel, unique, tmp_path: Path):
    """An operator finds when a load began and what became of it, and nothing of its data."""
    name = unique("P")
    caller = FileCaller(header(), rows_of(name), tmp_path / "token")

    with capture_logs() as lines:
        await caller.call(BulkServiceStub(channel))

    assert caller.finished is not None
    told = [line for line in lines if line.get("load_id") == caller.finished.load.load_id]
    events = ["bulk load accepted", "bulk load part done", "bulk load finished"]
    assert events == [line["event"] for line in told]
    assert ("JobComplete", 8, 2) == tuple(told[-1][fact] for fact in ("state", "created", "failed"))
    assert name not in str(told)
