"""The client's methods over a real socket."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from sluicegate import (
    ApiUsage,
    CallerShare,
    ClassShare,
    Client,
    ColumnDescription,
    Governor,
    JsonLines,
    Limit,
    QueryExplanation,
    QueryPlan,
    RecordRef,
    SluicegateError,
    UpsertResult,
)
from sluicegate.v1 import governor_pb2
from sluicegate.v1.bulk_load_pb2 import BULK_LOAD_STATE_PROCESSING, BULK_OPERATION_UPSERT, BulkLoad
from sluicegate.v1.bulk_service_pb2 import GetBulkLoadResponse
from sluicegate.v1.org_pb2 import Limit as LimitMessage
from sluicegate.v1.org_pb2 import OrgLimits
from sluicegate.v1.org_service_pb2 import GetLimitsResponse, WatchLimitsResponse
from sluicegate.v1.query_service_pb2 import (
    QUERY_ROUTE_BULK,
    QUERY_ROUTE_REST,
    ROW_FORMAT_JSON_LINES,
    ExplainQueryResponse,
    QueryResponse,
)
from sluicegate.v1.query_service_pb2 import QueryPlan as QueryPlanMessage
from sluicegate.v1.record_batch_pb2 import (
    COLUMN_TYPE_BATCHES,
    COLUMN_TYPE_INT64,
    COLUMN_TYPE_STRING,
    Column,
    RecordBatch,
)
from sluicegate.v1.record_batch_pb2 import ColumnDescription as ColumnDescriptionMessage
from sluicegate.v1.record_service_pb2 import UpsertRecordResponse

INSTANT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEAD_ID = "00Q000000000001AAA"


def failed(code: StatusCode, reason: str) -> Status:
    """Make a rich status."""
    detail = Any()
    detail.Pack(ErrorInfo(reason=reason, domain="sluicegate"))
    return Status(code=code.value[0], message="no", details=[detail])


def timestamp() -> Timestamp:
    """Make the instant that answers carry."""
    return Timestamp(seconds=int(INSTANT.timestamp()))


def numbers(*values: int, total: int) -> QueryResponse:
    """Make a batch of one column."""
    column = Column(name="n", type=COLUMN_TYPE_INT64, int64_values=values)
    return QueryResponse(batch=RecordBatch(row_count=len(values), columns=[column]), total_size=total)


async def test_upsert(client, script):
    """An upsert sends org, external id and typed fields, and answers the record's id."""
    script.answers = [UpsertRecordResponse(record_id=LEAD_ID, created=True)]

    result = await client.upsert_record("Lead", "Ext__c", "L-1", {"LastName": "Curie", "Fax": None})

    (request,) = script.requests
    assert UpsertResult(LEAD_ID, created=True) == result
    assert (request.org, request.object) == ("sandbox", "Lead")
    assert (request.external_id.field, request.external_id.value) == ("Ext__c", "L-1")
    assert request.fields["LastName"].string_value == "Curie"
    assert request.fields["Fax"].WhichOneof("kind") == "null_value"


async def test_failure(client, script):
    """A failed call raises the one exception, and grpc's own stays behind it as the cause."""
    script.answers = [failed(StatusCode.ABORTED, "ROW_LOCKED")]

    with pytest.raises(SluicegateError) as caught:
        await client.upsert_record("Lead", "Ext__c", "L-1", {})

    assert caught.value.code == "ABORTED"
    assert caught.value.reason == "ROW_LOCKED"
    assert len(script.requests) == 1


async def test_repeats_when_unavailable(client, script):
    """A call that may be repeated is repeated while the service is unavailable."""
    unavailable = failed(StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    script.answers = [unavailable, unavailable, UpsertRecordResponse(record_id=LEAD_ID)]

    result = await client.upsert_record("Lead", "Ext__c", "L-1", {})

    assert result.record_id == LEAD_ID
    assert len(script.requests) == 3


async def test_gives_up_when_unavailable(client, script):
    """After three attempts the service's own words are the answer."""
    script.answers = [failed(StatusCode.UNAVAILABLE, "SHUTTING_DOWN")] * 4

    with pytest.raises(SluicegateError, match="SHUTTING_DOWN: no"):
        await client.get_limits()

    assert len(script.requests) == 3


async def test_nobody_there(unused_tcp_port):
    """A service that is not there is UNAVAILABLE, without a reason."""
    async with Client(f"127.0.0.1:{unused_tcp_port}", timeout_seconds=60) as client:
        with pytest.raises(SluicegateError) as caught:
            await client.get_limits()

    assert caught.value.code == "UNAVAILABLE"
    assert caught.value.reason == ""


async def test_query(client, script):
    """A query yields the rows of all batches in order."""
    script.answers = [numbers(1, 2, total=3), numbers(3, total=3)]

    rows = [row async for row in client.query("SELECT n FROM N WHERE a = :a", {"a": "x"}, batch_size=2)]

    (request,) = script.requests
    assert rows == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert request.parameters["a"].string_value == "x"
    assert (request.org, request.batch_size, request.include_deleted) == ("sandbox", 2, False)


def numbered(first_row: int, *values: int, total: int) -> QueryResponse:
    """Make a batch that tells its place."""
    response = numbers(*values, total=total)
    response.first_row = first_row
    response.resume_token = f"behind {first_row + len(values)}"
    response.route = QUERY_ROUTE_REST
    return response


async def test_a_lost_query_goes_on(client, script):
    """It is asked again with the last token, as often as it is lost, and no row comes twice."""
    lost = failed(StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    script.answers = [numbered(0, 1, 2, total=4), lost, numbered(2, 3, total=4), lost, numbered(3, 4, total=4), lost,
                      numbered(4, total=4)]  # fmt: skip

    batches = [batch async for batch in client.query_batches("SELECT n FROM N", max_rows=9, route="rest")]

    assert [[1, 2], [3], [4]] == [batch.columns["n"] for batch in batches]
    assert [0, 2, 3] == [batch.first_row for batch in batches]
    assert ["rest"] * 3 == [batch.route for batch in batches]
    assert ["", "behind 2", "behind 3", "behind 4"] == [request.resume_token for request in script.requests]
    assert {("SELECT n FROM N", 9, QUERY_ROUTE_REST)} == {(r.soql, r.max_rows, r.route) for r in script.requests}


@pytest.mark.parametrize(
    ("code", "reason", "options"),
    [
        (StatusCode.FAILED_PRECONDITION, "QUERY_NOT_RESUMABLE", {}),
        (StatusCode.INTERNAL, "INTERNAL_ERROR", {}),
        (StatusCode.UNAVAILABLE, "SHUTTING_DOWN", {"reconnect": False}),
    ],
)
async def test_other_failures_end_a_query(client, script, code, reason, options):
    """What another call would not mend is raised, and a loss as well if asked for; the rows before it stand."""
    script.answers = [numbered(0, 1, total=2), failed(code, reason), numbered(1, 2, total=2)]
    rows = client.query("SELECT n FROM N", **options)

    assert {"n": 1} == await anext(rows)
    with pytest.raises(SluicegateError, match=reason):
        await anext(rows)

    assert len(script.requests) == 1


async def test_query_json_lines(client, script):
    """Lines come as the service wrote them."""
    script.answers = [QueryResponse(json_lines=b'{"n":1}\n', total_size=1, resume_token="t", route=QUERY_ROUTE_BULK)]

    parts = [part async for part in client.query_json_lines("SELECT n FROM N", resume_token="s", page_size=200)]

    (request,) = script.requests
    assert [JsonLines(b'{"n":1}\n', 1, 0, "t", "bulk")] == parts
    assert (request.row_format, request.resume_token, request.page_size) == (ROW_FORMAT_JSON_LINES, "s", 200)


async def test_explain_query(client, script):
    """An explanation carries everything that the service tells; what nobody knows is None."""
    child = ColumnDescriptionMessage(name="Id", type=COLUMN_TYPE_STRING)
    script.answers = [
        ExplainQueryResponse(
            route=QUERY_ROUTE_REST,
            reason="It is small.",
            bulk_obstacles=["It has a child subquery."],
            estimated_rows=0,
            plans=[QueryPlanMessage(leading_operation="Index", cardinality=2, relative_cost=0.5, fields=["Id"])],
            objects=["Account"],
            fields=["Account.Name"],
            restartable=True,
            columns=[ColumnDescriptionMessage(name="Contacts", type=COLUMN_TYPE_BATCHES, children=[child])],
        )
    ]

    explanation = await client.explain_query("SELECT Name FROM Account WHERE Name = :n", {"n": "x"}, route="bulk")

    (request,) = script.requests
    assert (request.org, request.parameters["n"].string_value, request.route) == ("sandbox", "x", QUERY_ROUTE_BULK)
    assert explanation == QueryExplanation(
        route="rest",
        reason="It is small.",
        bulk_obstacles=("It has a child subquery.",),
        estimated_rows=0,
        estimated_api_calls=None,
        plans=(QueryPlan("Index", 2, 0, 0.5, ("Id",), ()),),
        objects=("Account",),
        fields=("Account.Name",),
        restartable=True,
        columns=(ColumnDescription("Contacts", "batches", (ColumnDescription("Id", "string"),)),),
    )


async def test_query_batches(client, script):
    """Batches carry the total of the whole result, also without rows."""
    script.answers = [numbers(total=42)]

    (batch,) = [batch async for batch in client.query_batches("SELECT COUNT() FROM N", include_deleted=True)]

    assert batch.total_size == 42
    assert script.requests[0].include_deleted


async def test_query_fails_late(client, script):
    """Rows before a failure are yielded, then the failure is raised."""
    script.answers = [numbers(1, total=2), failed(StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE")]
    rows = client.query("SELECT n FROM N")

    assert [await anext(rows)] == [{"n": 1}]
    with pytest.raises(SluicegateError, match="UPSTREAM_UNAVAILABLE"):
        await anext(rows)
    assert len(script.requests) == 1


async def test_query_left_early(client, script):
    """A query that is left early ends without a failure, and the client goes on."""
    script.answers = [numbers(*range(1000), total=100_000)] * 100

    async with aclosing(client.query("SELECT n FROM N")) as rows:
        async for row in rows:
            assert row == {"n": 0}
            break

    script.answers = [UpsertRecordResponse(record_id=LEAD_ID)]
    assert (await client.upsert_record("Lead", "Ext__c", "L-1", {})).record_id == LEAD_ID


async def test_get_bulk_load(client, script):
    """A load's standing is told in words."""
    load = BulkLoad(
        resume_token="t",
        object="Lead",
        operation=BULK_OPERATION_UPSERT,
        state=BULK_LOAD_STATE_PROCESSING,
        rows_processed=5,
        create_time=timestamp(),
    )
    script.answers = [GetBulkLoadResponse(load=load)]

    told = await client.get_bulk_load("t")

    assert (told.operation, told.state, told.rows_processed, told.create_time) == ("upsert", "processing", 5, INSTANT)
    assert (script.requests[0].org, script.requests[0].resume_token) == ("sandbox", "t")


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"id": LEAD_ID, "external_id_field": "E", "external_id": "1"},
        {"id": LEAD_ID, "external_id": "1"},
        {"external_id": "1"},
        {"external_id_field": "E"},
    ],
)
def test_ambiguous_record(names):
    """A record is named in exactly one way."""
    with pytest.raises(ValueError, match="not by both"):
        RecordRef("Lead", **names)


async def test_get_limits(client, script):
    """Limits tell what is used and left."""
    api = LimitMessage(name="DailyApiRequests", maximum=100, remaining=58)
    script.answers = [
        GetLimitsResponse(limits=OrgLimits(org="sandbox", api_requests=api, limits=[api], observe_time=timestamp())),
    ]

    limits = await client.get_limits()

    assert script.requests[0].org == "sandbox"
    assert (limits.org, limits.api_requests.used, limits.observe_time) == ("sandbox", 42, INSTANT)
    assert {"DailyApiRequests": Limit(100, 58)} == limits.limits


async def test_get_limits_that_are_known(client, script):
    """What the service knows is told without a call to Salesforce; what it does not know is none."""
    script.answers = [GetLimitsResponse(limits=OrgLimits(org="sandbox"))]

    limits = await client.get_limits(known_only=True)

    governor = limits.governor
    assert script.requests[0].known_only
    assert (Limit(0, 0), {}) == (limits.api_requests, limits.limits)
    assert (None, None, None) == (governor.usage, governor.exhausted_in_seconds, governor.concurrency_limit)
    assert (0, 0, {}, {}) == (governor.hold_seconds, governor.closed_seconds, governor.classes, governor.callers)


async def test_governor(client, script):
    """Each figure of the governor arrives under its own name."""
    message = governor_pb2.Governor(
        usage=governor_pb2.ApiUsage(used=1, maximum=2),
        own_calls=3.5,
        others_per_second=4.5,
        exhausted_in=Duration(seconds=5),
        hold=Duration(nanos=250_000_000),
        closed_for=Duration(seconds=7),
        classes=[
            governor_pb2.ClassShare(
                priority=governor_pb2.PRIORITY_BATCH, used_calls=8, stops_at_calls=9, waiting=10, refused=11
            )
        ],
        callers=[
            governor_pb2.CallerShare(caller="billing", used_calls=12, maximum_calls=13, waiting=14, refused=15),
            governor_pb2.CallerShare(used_calls=1.5),
        ],
        more_callers=16,
        in_flight=17,
        concurrency_limit=18,
        waiting=19,
        long_running=20,
        permits=21,
        shadow=True,
        degraded=True,
        out_of_order_for=Duration(seconds=8),
    )
    script.answers = [GetLimitsResponse(limits=OrgLimits(org="sandbox", governor=message))]

    limits = await client.get_limits()

    expected = Governor(
        usage=ApiUsage(1, 2),
        own_calls=3.5,
        others_per_second=4.5,
        exhausted_in_seconds=5,
        hold_seconds=0.25,
        closed_seconds=7,
        classes={"batch": ClassShare(8, 9, 10, 11)},
        callers={"billing": CallerShare(12, 13, 14, 15), "": CallerShare(1.5, None, 0, 0)},
        more_callers=16,
        in_flight=17,
        concurrency_limit=18,
        waiting=19,
        long_running=20,
        permits=21,
        shadow=True,
        degraded=True,
        out_of_order_seconds=8,
        login_out_of_order_seconds=None,
    )
    assert expected == limits.governor


async def test_watch_limits(client, script):
    """A watch yields each answer until it fails."""
    limits = [OrgLimits(org="sandbox", governor=governor_pb2.Governor(permits=number)) for number in (1, 2)]
    script.answers = [
        *(WatchLimitsResponse(limits=each) for each in limits),
        failed(StatusCode.UNAVAILABLE, "SHUTTING_DOWN"),
    ]
    answers = client.watch_limits(timedelta(seconds=1.5), ask_salesforce=True)

    told = [(await anext(answers)).governor.permits, (await anext(answers)).governor.permits]
    with pytest.raises(SluicegateError, match="SHUTTING_DOWN"):
        await anext(answers)

    (request,) = script.requests
    assert [1, 2] == told
    assert (request.org, request.interval.ToMilliseconds(), request.ask_salesforce) == ("sandbox", 1500, True)


@pytest.mark.parametrize("interval", [float("nan"), float("inf"), 1e300])
async def test_an_interval_that_is_none(client, interval):
    """What is no length of time is refused in words."""
    with pytest.raises(ValueError, match=r"interval is .*; it must be a timedelta, or seconds from 1 to 60"):
        await anext(client.watch_limits(interval))


async def test_not_connected():
    """A client that was not entered says how to use it."""
    with pytest.raises(RuntimeError, match="async with Client"):
        await Client("127.0.0.1:1").get_limits()


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.upsert_record("Lead", "Ext__c", "L-1", {}),
        lambda client: client.get_bulk_load("t"),
        lambda client: client.create_deep_link(RecordRef("Lead", id=LEAD_ID)),
        lambda client: client.resolve_deep_link("https://links.example/l"),
        lambda client: client.get_limits(),
    ],
    ids=["upsert_record", "get_bulk_load", "create_deep_link", "resolve_deep_link", "get_limits"],
)
async def test_timeout(target, script, call):
    """Every call that answers once ends as DEADLINE_EXCEEDED when it takes longer than allowed."""
    script.answers = [asyncio.Event()]

    async with Client(target, timeout_seconds=0.2) as client:
        with pytest.raises(SluicegateError) as caught:
            await call(client)

    assert caught.value.code == "DEADLINE_EXCEEDED"


async def test_external_ids_that_are_no_text(client):
    """A number for an external id is refused in words, before protobuf would refuse it in its own."""
    with pytest.raises(TypeError, match=r"external_id is int; it must be text: str\(\.\.\.\) makes it so"):
        await client.upsert_record("Lead", "Ext__c", 4711, {})
    with pytest.raises(TypeError, match="external_id is int"):
        RecordRef("Lead", external_id_field="Ext__c", external_id=4711)  # type: ignore[arg-type]
