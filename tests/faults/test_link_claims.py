"""Claims of deep links on two replicas, while they race and while the store that they share is away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from grpc import aio
from pydantic import SecretStr
from redis.asyncio import Redis
from sluicegate.v1 import deep_link_pb2 as pb
from sluicegate.v1.deep_link_service_pb2 import (
    ClaimDeepLinkRequest,
    ClaimDeepLinkResponse,
    CreateDeepLinkRequest,
    ResolveDeepLinkRequest,
)
from sluicegate.v1.deep_link_service_pb2_grpc import DeepLinkServiceStub
from sluicegate.v1.record_pb2 import RecordRef

from service.app import App
from service.clock import SystemClock
from service.emulator.server import Emulator, EmulatorConfig
from service.settings import LinkProviderSettings, LinkSettings, SharedStoreSettings
from tests.support.rich_status import failure
from tests.support.service import free_ports
from tests.support.stage import org_settings
from tests.support.valkey import ValkeyProcess, valkey_process

IPHONE = pb.DeviceContext(platform=pb.PLATFORM_IOS, app=pb.APP_PRESENCE_MISSING)
LEAD = RecordRef(object="Lead", id="00Q010000000001EAA")
LINKS = LinkSettings(
    keys={"k1": SecretStr("a secret of at least thirty-two bytes")},
    providers={
        "web": LinkProviderSettings(web="https://www.acme.com/{key}", store_ios="https://apps.apple.com/app/id1")
    },
)


@pytest.fixture
async def store() -> AsyncIterator[ValkeyProcess]:
    """A store for replicas to share."""
    async with valkey_process() as server:
        yield server


@pytest.fixture
async def replicas(keys: Path, tmp_path: Path, store) -> AsyncIterator[Sequence[Any]]:
    """Two replicas of the service, called over sockets."""
    async with AsyncExitStack() as stack:
        org = await stack.enter_async_context(Emulator(EmulatorConfig(directory=keys), SystemClock()))
        settings = free_ports(
            orgs={"prod": org_settings(org, tmp_path)}, shared_store=SharedStoreSettings(url=store.url), links=LINKS
        )
        yield [await started(stack, settings) for _ in range(2)]


async def started(stack: AsyncExitStack, settings: Any) -> Any:
    """Start a replica and return the stub that calls it."""
    app = await stack.enter_async_context(App(settings))
    assert app.addresses is not None
    return DeepLinkServiceStub(await stack.enter_async_context(aio.insecure_channel(app.addresses.grpc)))


async def token_from(replica: Any) -> str:
    """Make a link, follow it on a phone without the app, and return what the app will claim."""
    url = (await replica.CreateDeepLink(CreateDeepLinkRequest(record=LEAD))).url
    found = await replica.ResolveDeepLink(ResolveDeepLinkRequest(url=url, device=IPHONE))
    return str(found.deferred_token)


async def outcome(call: Any) -> str:
    """Return the reason a call failed with; empty if it did not."""
    try:
        answer = await call
    except aio.AioRpcError as error:
        return failure(error).reason
    assert isinstance(answer, ClaimDeepLinkResponse)
    assert LEAD == answer.record
    return ""


async def test_of_two_claims_at_once_one_wins(replicas):
    """On two replicas, at the same moment, for many tokens: exactly one of each pair gets the record."""
    for _ in range(10):
        request = ClaimDeepLinkRequest(token=await token_from(replicas[0]), device=IPHONE)

        outcomes = await asyncio.gather(*(outcome(replica.ClaimDeepLink(request)) for replica in replicas * 4))

        assert ["", *["CLAIM_USED"] * 7] == sorted(outcomes)


async def test_a_repeat_is_answered_by_the_other_replica(replicas):
    """With a request id the answer that got lost is given again, wherever it is asked for."""
    token = await token_from(replicas[0])
    request = ClaimDeepLinkRequest(token=token, device=IPHONE, request_id="start-1")

    answers = [await replica.ClaimDeepLink(request) for replica in replicas]

    assert answers[0] == answers[1]
    other = ClaimDeepLinkRequest(token=token, device=IPHONE, request_id="start-2")
    assert "CLAIM_USED" == await outcome(replicas[1].ClaimDeepLink(other))


async def test_without_the_store_nothing_is_claimed(replicas, store):
    """While it is away claims fail with a reason that says so, and links still open; when it is back they work."""
    token = await token_from(replicas[0])
    request = ClaimDeepLinkRequest(token=token, device=IPHONE)
    await store.kill()

    away = await outcome(replicas[0].ClaimDeepLink(request))
    still = await token_from(replicas[1])
    await store.restart()
    back = await outcome(replicas[1].ClaimDeepLink(request))

    assert ("SHARED_STORE_UNAVAILABLE", "") == (away, back)
    assert still


async def test_a_store_that_hangs_holds_up_no_claim_for_long(replicas, store):
    """It is given up after a second."""
    request = ClaimDeepLinkRequest(token=await token_from(replicas[0]), device=IPHONE)

    with store.frozen():
        hanging = await outcome(replicas[0].ClaimDeepLink(request, timeout=20))

    assert "SHARED_STORE_UNAVAILABLE" == hanging


async def test_what_is_remembered_goes_away(replicas, store):
    """A token leaves one key, which holds nothing of the link and outlives the token by an hour."""
    token = await token_from(replicas[0])
    await replicas[0].ClaimDeepLink(ClaimDeepLinkRequest(token=token, device=IPHONE, request_id="start-1"))

    async with Redis(port=store.port) as client:
        [name] = [key async for key in client.scan_iter("sluicegate:claim:*")]
        value, left = await client.get(name), await client.pttl(name)

    assert not any(part in name + value for part in (b"00Q", b"Lead", b"start-1"))
    assert 604_800 < left / 1000 <= 604_800 + 3600


async def test_no_store_and_no_permission(keys, tmp_path):
    """A service on real orgs that shares nothing refuses claims, unless it is told that it is alone."""
    reasons = []
    async with AsyncExitStack() as stack:
        org = await stack.enter_async_context(Emulator(EmulatorConfig(directory=keys), SystemClock()))
        for policy in ("refuse", "memory"):
            links = LINKS.model_copy(update={"claims_without_store": policy})
            settings = free_ports(orgs={"prod": org_settings(org, tmp_path)}, links=links)
            alone = await started(stack, settings)
            request = ClaimDeepLinkRequest(token=await token_from(alone), device=IPHONE)
            reasons.append([await outcome(alone.ClaimDeepLink(request)) for _ in range(2)])

    assert [["CLAIMS_REFUSED"] * 2, ["", "CLAIM_USED"]] == reasons
