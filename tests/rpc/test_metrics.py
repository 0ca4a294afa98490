"""The figures of `/metrics`, read off a real service as Prometheus reads them."""

import asyncio
import urllib.request
from collections.abc import Mapping

from grpc import aio
from prometheus_client.parser import text_string_to_metric_families
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.app import App
from service.settings.governor import CallerSettings, CallerShareSettings, GovernorSettings
from tests.support.service import free_ports, jwt_bearer, org_process

Figures = Mapping[tuple[str, ...], float]
"""By name and values of labels, in the order of the labels' names."""
FIELDS = {"LastName": FieldValue(string_value="Curie"), "Company": FieldValue(string_value="Radium")}
REQUEST = UpsertRecordRequest(object="Lead", external_id=ExternalId(field="Ext__c", value="figures"), fields=FIELDS)


async def figures(app: App) -> Figures:
    """Return what a service tells."""
    assert app.addresses is not None
    url = f"{app.addresses.admin}/metrics"

    def read() -> str:
        with urllib.request.urlopen(url) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return str(answer.read(), "utf-8")

    families = text_string_to_metric_families(await asyncio.to_thread(read))
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, *(sample.labels[key] for key in sorted(sample.labels))): sample.value for sample in samples}


async def test_an_org_appears_once_it_is_called():
    """Its figures are those of its governor and of its lanes; the process tells of itself from the start."""
    async with App(free_ports()) as app:
        before = await figures(app)
        assert app.addresses is not None
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            await RecordServiceStub(channel).UpsertRecord(REQUEST, metadata=(("sluicegate-caller", "capped"),))
        after = await figures(app)

    assert {"spool"} == {name.split("_")[1] for name, *_ in before if name.startswith("sluicegate_")}
    assert before["process_resident_memory_bytes",] > 0
    assert 1 == after["sluicegate_batch_calls_total", "emulator"]
    assert 1 == after["sluicegate_batch_records_total", "emulator"]
    assert 0 == after["sluicegate_records_waiting", "emulator"]
    assert 100_000 == after["sluicegate_api_calls_maximum", "emulator"]
    assert after["sluicegate_requests_total", "emulator"] == after["sluicegate_own_calls", "emulator"] >= 1
    assert after["sluicegate_class_calls_used", "standard", "emulator"] >= 1
    assert 0 == after["sluicegate_class_refused_total", "batch", "emulator"]
    assert 0 == after["sluicegate_degraded", "emulator"]


async def test_callers_that_anyone_could_invent_have_no_figures():
    """Only those with a bound of their own appear, or names would fill the memory of whoever keeps the figures."""
    shares = {"capped": CallerShareSettings(daily_calls=1000), "weighty": CallerShareSettings()}
    async with org_process() as process:
        settings = free_ports(
            callers={"capped": CallerSettings(), "weighty": CallerSettings(weight=3)},
            orgs={"prod": jwt_bearer(process).model_copy(update={"governor": GovernorSettings(callers=shares)})},
        )
        async with App(settings) as app:
            assert app.addresses is not None
            async with aio.insecure_channel(app.addresses.grpc) as channel:
                for caller in ("capped", "weighty", "invented"):
                    await RecordServiceStub(channel).UpsertRecord(REQUEST, metadata=(("sluicegate-caller", caller),))
            found = await figures(app)

    assert {"capped"} == {labels[0] for name, *labels in found if name == "sluicegate_caller_calls_used"}
    assert found["sluicegate_caller_calls_used", "capped", "prod"] >= 1
    assert 1000 == found["sluicegate_caller_calls_maximum", "capped", "prod"]
