"""The demo holds against a real service, and notices when something is not as it says."""

import io
import sys

import pytest
from rich.console import Console
from sluicegate import Client

from service.app import App
from service.cli.demo import process, run
from service.cli.demo.process import ServiceFailed, running_service
from service.settings import AdminSettings, EmulatorSettings, GrpcSettings, LinkServerSettings, Settings


async def test_tour():
    """Every check holds on an empty org; on one that holds the leads already, the checks that must fail do."""
    settings = Settings(
        grpc=GrpcSettings(port=0, drain_seconds=0.5),
        admin=AdminSettings(port=0),
        emulator=EmulatorSettings(port=0),
        link_server=LinkServerSettings(port=0),
    )
    text = io.StringIO()

    async with App(settings) as app:
        assert app.addresses is not None
        assert app.addresses.links is not None
        grpc, links = app.addresses.grpc, app.addresses.links
        first = await run(grpc, Console(file=text, width=80), link_server=links, bulk_rows=600)
        second = await run(grpc, Console(file=io.StringIO(), width=80), link_server=links, bulk_rows=600)

    assert first.broken == []
    assert {
        "a key that comes twice makes one record",
        "and its later rows update it",
        "the leads of Côte d'Ivoire are the file's",
        "created, updated, deleted and failed are as planned",
    } == {check.claim for check in second.broken}
    assert "\x1b" not in text.getvalue()
    assert [step.name for step in first.steps] == ["Upsert", "Query", "Together", "Bulk load", "Deep links", "Limits"]


async def test_process(monkeypatch):
    """The service that the demo starts takes calls, and ends with status 0 when it is told to."""
    monkeypatch.setattr(process, "_SECONDS_TO_START", 100)
    async with running_service() as service, Client(service.grpc) as client:
        limits = await client.get_limits()

    assert limits.org == "emulator"
    assert service.exit_status == 0


async def test_service_that_does_not_start(monkeypatch):
    """A service that cannot start is reported with the end of what it said."""
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(ServiceFailed, match="the service stopped with status 1"):
        async with running_service():
            pass
