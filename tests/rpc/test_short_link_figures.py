"""What a service tells of its short links at `/metrics` and in traces, read off real sockets."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sluicegate import Client, RecordRef

from service.app import App
from service.settings import LinkProviderSettings, LinkSettings
from service.settings.links import ShortLinkSettings
from tests.rpc.test_metrics import figures
from tests.support.service import free_ports
from tests.support.short_link_api import KEY, short_link_api

LEAD = RecordRef("Lead", "00Q010000000001EAA")
SIGNING = "what signs the links of this test, 32 bytes or more"
README = Path(__file__).parents[2] / "README.md"
NAMES = {
    "sluicegate_short_links_total",
    "sluicegate_short_link_requests_total",
    "sluicegate_short_link_request_seconds_total",
    "sluicegate_short_link_requests_in_flight",
    "sluicegate_short_link_waiting",
    "sluicegate_short_link_outage_seconds",
}


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Keeps what is exported, also after the service has shut it down."""

    class Keeping(InMemorySpanExporter):
        def shutdown(self) -> None:
            """Keep what was exported."""

    return Keeping()


def of_short_links(found: Mapping[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """Return the figures of short links, those of counters' beginnings left out."""
    return {key: value for key, value in found.items() if key[0] in NAMES}


async def test_short_links_in_figures_and_traces(tmp_path: Path, exporter: InMemorySpanExporter):
    """Each end and each attempt is counted; a trace leads from the call to the API; the key is in neither."""
    key_file = tmp_path / "short-key"
    key_file.write_text(KEY, encoding="ascii")
    async with short_link_api(tmp_path) as api:
        short = ShortLinkSettings(
            kind="branch", key_file=key_file, api=api.url, ca_file=api.certificate, on_failure="long"
        )
        provider = LinkProviderSettings(
            kinds=("branch",),
            account={"branch_host": "acme.app.link"},
            web="https://www.acme.example/{id}",
            short=short,
        )
        settings = free_ports(links=LinkSettings(keys={"k1": SIGNING}, providers={"web": provider}))
        async with App(settings, span_exporter=exporter) as app:
            assert app.addresses is not None
            before = of_short_links(await figures(app))
            async with Client(app.addresses.grpc) as client:
                made = await client.create_deep_link(LEAD, short=True)
                api.script = [web.Response(status=503), web.Response(status=400, text=f"no such key: {KEY}")]
                await client.create_deep_link(LEAD, short=True)
            after = of_short_links(await figures(app))

    seconds = after.pop(("sluicegate_short_link_request_seconds_total", "web"))
    gauges: dict[tuple[str, ...], float] = {
        ("sluicegate_short_link_requests_in_flight", "web"): 0,
        ("sluicegate_short_link_waiting", "web"): 0,
        ("sluicegate_short_link_outage_seconds", "web"): 0,
    }
    assert {**gauges, ("sluicegate_short_link_request_seconds_total", "web"): 0} == before
    assert {
        **gauges,
        ("sluicegate_short_links_total", "made", "web"): 1,
        ("sluicegate_short_links_total", "refused", "web"): 1,
        ("sluicegate_short_link_requests_total", "2xx", "web"): 1,
        ("sluicegate_short_link_requests_total", "4xx", "web"): 1,
        ("sluicegate_short_link_requests_total", "5xx", "web"): 1,
    } == after
    assert seconds > 0
    spans = exporter.get_finished_spans()
    links = [span for span in spans if span.name == "short link"]
    calls = {span.context.span_id for span in spans if span.name.endswith("/CreateDeepLink")}
    attempts = [span for span in spans if span.name == "POST /v1/url"]
    assert calls == {span.parent.span_id for span in links if span.parent}
    assert [links[0].context.span_id, *[links[1].context.span_id] * 2] == [
        span.parent.span_id for span in attempts if span.parent
    ]
    assert [200, 503, 400] == [(span.attributes or {})["http.response.status_code"] for span in attempts]
    told = f"{after} {[span.to_json() for span in spans]}"
    assert all(secret not in told for secret in (KEY, made.url, made.short_url, SIGNING))


async def test_the_readme_names_each_figure():
    """What an operator may watch can be found."""
    told = README.read_text(encoding="utf-8")

    assert [] == [name for name in sorted(NAMES) if f"`{name}`" not in told]
