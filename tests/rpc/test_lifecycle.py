"""Starting, being found, and stopping without losing a call."""

import asyncio
import socket
import urllib.error
import urllib.request
from types import SimpleNamespace
from typing import Any

import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from sluicegate.v1.bulk_load_pb2 import BULK_OPERATION_INSERT
from sluicegate.v1.bulk_service_pb2 import BulkLoadHeader, BulkLoadRequest
from sluicegate.v1.bulk_service_pb2_grpc import BulkServiceStub
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.app import App
from service.emulator.disturbances import Delay
from service.rpc import server
from service.settings import AdminSettings, EmulatorSettings, GrpcSettings
from tests.support.ports import listener
from tests.support.rich_status import failure
from tests.support.service import free_ports

SERVICES = {
    "sluicegate.v1.RecordService",
    "sluicegate.v1.QueryService",
    "sluicegate.v1.BulkService",
    "sluicegate.v1.DeepLinkService",
    "sluicegate.v1.OrgService",
}


def status(url: str) -> int:
    """Return the HTTP status of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


async def test_every_service_is_healthy(channel):
    """The server as a whole and each service say SERVING."""
    stub: Any = health_pb2_grpc.HealthStub(channel)

    found = [await stub.Check(health_pb2.HealthCheckRequest(service=name)) for name in ["", *SERVICES]]

    assert {health_pb2.HealthCheckResponse.SERVING} == {answer.status for answer in found}


async def test_reflection_lists_every_service(channel):
    """Tools without the protos find the services."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")

    stream = stub.ServerReflectionInfo(iter([request]))
    answer = await stream.read()

    assert {service.name for service in answer.list_services_response.service} >= SERVICES


async def test_reflection_can_be_switched_off():
    """Production surfaces need not describe themselves."""
    settings = free_ports(grpc=GrpcSettings(port=0, drain_seconds=0, reflection=False))
    async with App(settings) as app:
        assert app.addresses is not None
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]
            stream = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))

            with pytest.raises(aio.AioRpcError) as raised:
                await stream.read()

    assert raised.value.code().name == "UNIMPLEMENTED"


async def test_the_admin_listener_tells_health(app):
    """Probes of Kubernetes get their two answers."""
    assert app.addresses is not None

    found = [await asyncio.to_thread(status, f"{app.addresses.admin}/healthz/{probe}") for probe in ("live", "ready")]

    assert found == [200, 200]


async def test_an_open_call_is_finished_before_the_end():
    """Leaving the app lets a call in flight have its answer."""
    settings = free_ports(grpc=GrpcSettings(port=0, drain_seconds=60))
    app = App(settings)
    await app.__aenter__()
    assert app.addresses is not None
    assert app.emulator is not None
    fields = {"LastName": FieldValue(string_value="C"), "Company": FieldValue(string_value="R")}
    request = UpsertRecordRequest(object="Lead", external_id=ExternalId(field="Ext__c", value="1"), fields=fields)
    rule = app.emulator.disturbances.add(Delay(0.5), path="/sobjects/", times=1)
    async with aio.insecure_channel(app.addresses.grpc) as channel:
        call = asyncio.ensure_future(RecordServiceStub(channel).UpsertRecord(request))
        while rule.times:  # noqa: ASYNC110 - nothing outside the service tells
            await asyncio.sleep(0)

        await app.__aexit__(None, None, None)

        assert (await call).created


@pytest.mark.parametrize(
    ("section", "kind"), [("grpc", GrpcSettings), ("admin", AdminSettings), ("emulator", EmulatorSettings)]
)
async def test_a_taken_port_is_an_error_and_leaves_nothing_open(section, kind):
    """A start that fails names the setting, and closes what it had opened: it works once the port is free."""
    with listener() as taken:
        port = taken.getsockname()[1]
        app = App(free_ports(**{section: kind(port=port)}))
        with pytest.raises(OSError, match=f"{section}: cannot listen on 127.0.0.1:{port}: Address already in use"):
            await app.__aenter__()

    async with app:
        assert app.addresses is not None
        assert str(port) in repr(app.addresses)


@pytest.mark.parametrize(("section", "kind"), [("grpc", GrpcSettings), ("admin", AdminSettings)])
async def test_a_host_of_another_machine_is_an_error(section, kind):
    """A host that this machine does not have is refused at once, and the setting named."""
    with pytest.raises(OSError, match=f"{section}: cannot listen on 192.0.2.1:0: .*; set {section}.host"):
        await App(free_ports(**{section: kind(host="192.0.2.1", port=0)})).__aenter__()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_ipv6_addresses_are_written_in_brackets():
    """What a service prints can be called."""
    async with App(free_ports(grpc=GrpcSettings(host="::1", port=0), admin=AdminSettings(host="::1", port=0))) as app:
        assert app.addresses is not None
        assert 200 == await asyncio.to_thread(status, app.addresses.admin + "/healthz/ready")
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            answer = await health.Check(health_pb2.HealthCheckRequest())

    assert health_pb2.HealthCheckResponse.SERVING == answer.status


async def test_a_draining_replica_begins_no_bulk_load(monkeypatch):
    """A load that the end would cut off is sent to another replica; short calls are still answered."""
    seen = asyncio.Event()
    app = App(free_ports(grpc=GrpcSettings(port=0, drain_seconds=20)))
    await app.__aenter__()
    assert app.addresses is not None
    header = BulkLoadHeader(object="Lead", operation=BULK_OPERATION_INSERT)
    async with aio.insecure_channel(app.addresses.grpc) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        await health.Check(health_pb2.HealthCheckRequest())
        # Balancers get as long to see it as this test does.
        monkeypatch.setattr(server, "asyncio", SimpleNamespace(sleep=lambda _seconds: seen.wait()))
        end = asyncio.ensure_future(app.__aexit__(None, None, None))
        while (await health.Check(health_pb2.HealthCheckRequest())).status == health_pb2.HealthCheckResponse.SERVING:
            pass

        with pytest.raises(aio.AioRpcError) as raised:
            await BulkServiceStub(channel).BulkLoad(iter([BulkLoadRequest(header=header)])).read()

        assert "SHUTTING_DOWN" == failure(raised.value).reason
        seen.set()
    await end
