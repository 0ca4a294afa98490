"""A trace of a thousand writes: who rode in which call, and how long each waited for it."""

import asyncio
from collections import Counter

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest

from service.salesforce.client import SalesforceClient
from service.settings import WriteSettings
from tests.support.record_messages import key, text
from tests.support.stage import SAVED, Stage, StageFactory, told, until

CALLERS = 1000
FIELDS = {"LastName": text("Curie"), "Company": text("Radium")}
UPSERTS = "PATCH /services/data/v66.0/composite/sobjects/{sobject}/{field}"


class Keeping(InMemorySpanExporter):
    """Keeps what was exported when the service has shut it down."""

    def shutdown(self) -> None:
        """Keep everything."""


async def upserted(stage: Stage, names: range) -> list[str]:
    """Write records, each by a caller of its own, and return what they hear."""
    requests = [UpsertRecordRequest(object="Lead", external_id=key(f"L-{n}"), fields=FIELDS) for n in names]
    return await asyncio.gather(*(told(stage.records.UpsertRecord(request, timeout=60)) for request in requests))


def span_id(span: ReadableSpan) -> int:
    """Return a span's id."""
    assert span.context is not None
    return int(span.context.span_id)


def parent_id(span: ReadableSpan) -> int:
    """Return the id of a span's parent; 0 if it has none."""
    return span.parent.span_id if span.parent is not None else 0


async def test_without_gathering_each_write_is_a_call(stage: StageFactory, monkeypatch):
    """What lanes spare: a call of the org's daily allocation for each record."""
    monkeypatch.setattr(SalesforceClient, "most_rows", lambda _client, _operation, *, by_key: 1)
    async with stage() as running:
        heard = await upserted(running, range(100))

        assert [SAVED] * 100 == heard
        assert 100 == (await running.calls())["PATCH composite/sobjects/{sobject}/{field}"]


async def test_a_thousand_writes_are_five_to_seven_calls_that_name_every_caller(stage: StageFactory):
    """Each HTTP call stands under the span of its batch, which is linked to each rider, whose wait is linked to it.

    The org answers nothing before all have arrived, so that calls are as full as they can be.
    """
    exporter = Keeping()
    async with stage(span_exporter=exporter, writes=WriteSettings(gather_seconds=60)) as running:
        await upserted(running, range(1))
        running.hold("/composite")
        calls = asyncio.ensure_future(upserted(running, range(1, CALLERS + 1)))
        await until(lambda: running.coalescer.statistics().held_records == CALLERS)
        running.go_on()

        heard = await calls

    assert [SAVED] * CALLERS == heard
    spans = exporter.get_finished_spans()
    servers = {span_id(span) for span in spans if span.kind is SpanKind.SERVER}
    batches = {span_id(span): span for span in spans if span.name == "batch upsert.lead.ext__c"}
    attempts = [span for span in spans if span.name == UPSERTS and span.kind is SpanKind.CLIENT]
    waits = [span for span in spans if span.name == "wait for a batch"]
    # The first record, before all others, had a call of its own.
    assert 5 <= len(attempts) - 1 <= 7
    assert sorted(batches) == sorted(parent_id(span) for span in attempts)
    riders = {batch: [link.context.span_id for link in span.links] for batch, span in batches.items()}
    assert Counter(servers) == Counter(rider for linked in riders.values() for rider in linked)
    assert {batch: sorted(linked) for batch, linked in riders.items()} == {
        batch: sorted(parent_id(span) for span in waits if [batch] == [link.context.span_id for link in span.links])
        for batch in batches
    }
    assert [len(linked) for linked in riders.values()] == [
        (span.attributes or {})["sluicegate.batch.records"] for span in batches.values()
    ]
