"""Callers with a cap of their own, over a real channel."""

from pathlib import Path

import pytest
from grpc import aio
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub

from service.app import App
from service.emulator.server import Emulator, EmulatorConfig
from service.settings import CallerSettings, CallerShareSettings, GovernorSettings
from tests.support.rich_status import failure
from tests.support.service import free_ports
from tests.support.stage import OrgClock, org_settings

QUERY = QueryRequest(soql="SELECT COUNT() FROM Lead")


async def rows(channel: aio.Channel, caller: str) -> int:
    """Run a query as a caller and return its number of answers."""
    stream = QueryServiceStub(channel).Query(QUERY, metadata=(("sluicegate-caller", caller),))
    return len([message async for message in stream])


async def test_a_caller_is_stopped_at_its_cap_and_others_go_on(keys: Path, tmp_path: Path):
    """The refusal names the caller and its cap, and tells gRPC not to come back within the minute."""
    async with Emulator(EmulatorConfig(directory=keys), OrgClock()) as org:
        governor = GovernorSettings(callers={"greedy": CallerShareSettings(daily_calls=3)})
        settings = free_ports(
            orgs={"prod": org_settings(org, tmp_path, governor=governor)}, callers={"greedy": CallerSettings()}
        )
        async with App(settings) as app:
            assert app.addresses is not None
            async with aio.insecure_channel(app.addresses.grpc) as channel:
                for _ in range(2):
                    await rows(channel, "greedy")
                with pytest.raises(aio.AioRpcError) as raised:
                    await rows(channel, "greedy")
                others = [await rows(channel, "modest") for _ in range(5)]

    failed = failure(raised.value)
    told = {name: failed.metadata[name] for name in ("caller", "used", "maximum", "org")}
    trailers = dict(raised.value.trailing_metadata() or ())
    assert ("RESOURCE_EXHAUSTED", "CALLER_QUOTA_EXCEEDED") == (failed.code, failed.reason)
    assert {"caller": "greedy", "used": "3", "maximum": "3", "org": "prod"} == told
    assert failed.retry_after_seconds is not None
    assert "-1" == trailers["grpc-retry-pushback-ms"]
    assert [1] * 5 == others
