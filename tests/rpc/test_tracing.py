"""One trace from the caller's span through the service to each HTTP attempt."""

import asyncio
from concurrent import futures

import grpc
import pytest
from grpc import aio
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as otlp_grpc
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.app import App
from service.batching.item import Item
from service.batching.lane import Lane
from service.emulator.disturbances import Delay, Page
from service.settings import TelemetrySettings
from tests.support.service import free_ports
from tests.support.stage import OrgClock, until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SAMPLED = (("traceparent", f"00-{TRACE}-{PARENT}-01"),)
UNSAMPLED = (("traceparent", f"00-{TRACE}-{PARENT}-00"),)

UPSERT = "PATCH /services/data/v66.0/composite/sobjects/{sobject}/{field}"


def lead(name: str = "Curie", ext: str = "canary-id") -> UpsertRecordRequest:
    """Return a request with recognizable values."""
    fields = {"LastName": FieldValue(string_value=name), "Company": FieldValue(string_value="canary-company")}
    return UpsertRecordRequest(object="Lead", external_id=ExternalId(field="Ext__c", value=ext), fields=fields)


async def traced(exporter: InMemorySpanExporter, metadata: tuple[tuple[str, str], ...], *, outages: int = 0) -> None:
    """Run a service, upsert once, query once, and let it export."""
    async with App(free_ports(), span_exporter=exporter) as app:
        assert app.addresses is not None
        assert app.emulator is not None
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            if outages:
                app.emulator.disturbances.add(Page(503), path="/composite/", times=outages)
            await RecordServiceStub(channel).UpsertRecord(lead(), metadata=metadata)
            request = QueryRequest(soql="SELECT Id FROM Lead WHERE Company = 'canary-company'")
            async for _ in QueryServiceStub(channel).Query(request, metadata=metadata):
                pass


def named(spans: tuple[ReadableSpan, ...], name: str) -> list[ReadableSpan]:
    """Return the spans of a name, oldest first."""
    return sorted((span for span in spans if span.name == name), key=lambda span: span.start_time or 0)


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Keeps what is exported, also after the service has shut it down."""

    class Keeping(InMemorySpanExporter):
        def shutdown(self) -> None:
            """Keep what was exported."""

    return Keeping()


async def test_the_callers_trace_reaches_salesforce(exporter):
    """Server span under the caller's span, then the batch that the record rode in, then the HTTP call: one trace."""
    await traced(exporter, SAMPLED)

    spans = exporter.get_finished_spans()
    (server,) = named(spans, "sluicegate.v1.RecordService/UpsertRecord")
    (batch,) = named(spans, "batch upsert.lead.ext__c")
    (attempt,) = named(spans, UPSERT)
    assert (SpanKind.SERVER, SpanKind.INTERNAL, SpanKind.CLIENT) == (server.kind, batch.kind, attempt.kind)
    assert {int(TRACE, 16)} == {span.context.trace_id for span in (server, batch, attempt)}
    assert [int(PARENT, 16), server.context.span_id, batch.context.span_id] == [
        span.parent.span_id if span.parent else None for span in (server, batch, attempt)
    ]
    assert attempt.attributes is not None
    assert server.attributes is not None
    assert "OK" == server.attributes["rpc.response.status_code"]
    assert attempt.attributes["http.response.status_code"] == 200
    assert attempt.attributes["salesforce.request_id"]
    assert attempt.attributes["salesforce.api_requests.maximum"] == 100_000


async def test_each_caller_of_a_batch_finds_it(exporter, monkeypatch):
    """The batch is linked to every caller's span, and each caller's trace says how long it waited for which batch."""
    arrived: list[Item] = []
    put = Lane.put

    def noted(lane: Lane, item: Item) -> None:
        arrived.append(item)
        put(lane, item)

    monkeypatch.setattr(Lane, "put", noted)
    clock = OrgClock()
    async with App(free_ports(), clock=clock, span_exporter=exporter) as app:
        assert app.addresses is not None
        assert app.emulator is not None
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            stub = RecordServiceStub(channel)
            # What is known of the sObject is known then, and those that follow do not wait for it one by one.
            await stub.UpsertRecord(lead())
            app.emulator.disturbances.add(Delay(1), path="/composite/", times=1)
            clock.goes_on.clear()
            calls = [stub.UpsertRecord(lead(ext=f"K{number}"), metadata=SAMPLED) for number in range(5)]
            await until(lambda: len(arrived) == 6)
            clock.goes_on.set()
            for call in calls:
                await call

    spans = exporter.get_finished_spans()
    batches = {span.context.span_id: span for span in named(spans, "batch upsert.lead.ext__c")}
    servers = {span.context.span_id for span in named(spans, "sluicegate.v1.RecordService/UpsertRecord")}
    waits = named(spans, "wait for a batch")
    assert len(batches) < len(servers)
    assert servers == {link.context.span_id for batch in batches.values() for link in batch.links}
    assert servers == {span.parent.span_id for span in waits if span.parent}
    for wait in waits:
        (link,) = wait.links
        assert wait.parent is not None
        assert wait.parent.span_id in {each.context.span_id for each in batches[link.context.span_id].links}


async def test_each_attempt_has_its_span(exporter):
    """A retry is a second span, and the failed one says so."""
    await traced(exporter, SAMPLED, outages=1)

    attempts = named(exporter.get_finished_spans(), UPSERT)

    assert [(span.attributes or {})["http.response.status_code"] for span in attempts] == [503, 200]
    assert [span.status.is_ok or span.status.is_unset for span in attempts] == [False, True]


async def test_no_span_holds_a_value(exporter):
    """Neither field values, external ids, SOQL nor tokens are in a span."""
    await traced(exporter, SAMPLED)

    text = "".join(span.to_json() for span in exporter.get_finished_spans())

    assert "canary" not in text
    assert "SELECT" not in text
    assert "Bearer" not in text


async def test_an_unsampled_caller_gets_no_spans(exporter):
    """The caller's decision holds."""
    await traced(exporter, UNSAMPLED)

    assert exporter.get_finished_spans() == ()


async def test_spans_leave_by_otlp():
    """With an endpoint configured, a collector receives the spans."""
    received: list[str] = []

    class Collector(otlp_grpc.TraceServiceServicer):
        def Export(self, request, context):  # noqa: N802 - gRPC's spelling
            """Remember the names."""
            for resource in request.resource_spans:
                received.extend(span.name for scope in resource.scope_spans for span in scope.spans)
            return otlp.ExportTraceServiceResponse()

    collector = grpc.server(futures.ThreadPoolExecutor(2))
    otlp_grpc.add_TraceServiceServicer_to_server(Collector(), collector)
    port = collector.add_insecure_port("127.0.0.1:0")
    collector.start()
    telemetry = TelemetrySettings(otlp_endpoint=f"http://127.0.0.1:{port}", sample_ratio=1.0)
    try:
        app = App(free_ports(telemetry=telemetry))
        async with app:
            assert app.addresses is not None
            async with aio.insecure_channel(app.addresses.grpc) as channel:
                await RecordServiceStub(channel).UpsertRecord(lead())
    finally:
        await asyncio.to_thread(collector.stop(0).wait)

    assert "sluicegate.v1.RecordService/UpsertRecord" in received


async def test_a_refusal_is_in_the_span_and_is_not_the_servers_error(exporter):
    """Code and reason are told; what the caller did wrong does not count as an error of the server."""
    async with App(free_ports(), span_exporter=exporter) as app:
        assert app.addresses is not None
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            with pytest.raises(aio.AioRpcError):
                await RecordServiceStub(channel).UpsertRecord(UpsertRecordRequest(object="Lead"), metadata=SAMPLED)

    (server,) = exporter.get_finished_spans()
    assert server.attributes is not None
    assert "INVALID_ARGUMENT" == server.attributes["rpc.response.status_code"]
    assert "INVALID_REQUEST" == server.attributes["sluicegate.error.reason"]
    assert server.status.is_unset
