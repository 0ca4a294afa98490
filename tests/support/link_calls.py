"""DeepLinkService as the tests call it."""

import pytest
from grpc import aio
from sluicegate.v1.deep_link_service_pb2 import (
    ClaimDeepLinkRequest,
    ClaimDeepLinkResponse,
    CreateDeepLinkRequest,
    CreateDeepLinkResponse,
    ResolveDeepLinkRequest,
    ResolveDeepLinkResponse,
)
from sluicegate.v1.deep_link_service_pb2_grpc import DeepLinkServiceStub
from sluicegate.v1.record_pb2 import RecordRef

from tests.support.rich_status import Failure, failure


async def create(channel: aio.Channel, record: RecordRef, **more) -> CreateDeepLinkResponse:
    """Make a link."""
    return await DeepLinkServiceStub(channel).CreateDeepLink(CreateDeepLinkRequest(record=record, **more))


async def resolve(channel: aio.Channel, **what) -> ResolveDeepLinkResponse:
    """Ask what a link or a record opens."""
    return await DeepLinkServiceStub(channel).ResolveDeepLink(ResolveDeepLinkRequest(**what))


async def refused(call) -> Failure:
    """Return how a call failed."""
    with pytest.raises(aio.AioRpcError) as raised:
        await call
    return failure(raised.value)


async def claim(channel: aio.Channel, **what) -> ClaimDeepLinkResponse:
    """Claim a link."""
    return await DeepLinkServiceStub(channel).ClaimDeepLink(ClaimDeepLinkRequest(**what))
