"""DeepLinkService."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from sluicegate.v1 import deep_link_pb2 as pb
from sluicegate.v1.deep_link_service_pb2 import (
    CreateDeepLinkRequest,
    CreateDeepLinkResponse,
    ResolveDeepLinkRequest,
    ResolveDeepLinkResponse,
)
from sluicegate.v1.record_pb2 import RecordRef

from service.context import CallContext
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.resolver import AppPresence, Device, Platform, Resolution
from service.orgs.registry import OrgRegistry

_PLATFORMS = {
    pb.PLATFORM_UNSPECIFIED: Platform.UNKNOWN,
    pb.PLATFORM_IOS: Platform.IOS,
    pb.PLATFORM_ANDROID: Platform.ANDROID,
    pb.PLATFORM_WEB: Platform.WEB,
}
_APPS = {
    pb.APP_PRESENCE_UNSPECIFIED: AppPresence.UNKNOWN,
    pb.APP_PRESENCE_INSTALLED: AppPresence.INSTALLED,
    pb.APP_PRESENCE_MISSING: AppPresence.MISSING,
}


class DeepLinkService:
    """Makes links to records, and tells what a link opens.

    Args:
        orgs: The configured orgs.

    """

    def __init__(self, orgs: OrgRegistry) -> None:
        self._orgs = orgs

    async def create_deep_link(self, request: CreateDeepLinkRequest, call: CallContext) -> CreateDeepLinkResponse:
        """Make a signed link."""
        org = self._orgs.get(request.org)
        link = Link(
            org=org.name,
            record=_record(request.record),
            provider=request.provider,
            expires_at=0,
            action=request.action or "view",
            campaign=dict(request.campaign),
        )
        ttl = request.ttl.seconds if request.HasField("ttl") else None
        url, expires_at = org.create_link(link, ttl, call)
        expire_time = Timestamp()
        expire_time.FromDatetime(datetime.fromtimestamp(expires_at, UTC))
        return CreateDeepLinkResponse(url=url, expire_time=expire_time)

    async def resolve_deep_link(self, request: ResolveDeepLinkRequest, call: CallContext) -> ResolveDeepLinkResponse:
        """Tell what to open for a link or a record."""
        org = self._orgs.get(request.org)
        if request.WhichOneof("source") == "url":
            link = org.read_link(request.url, call)
        else:
            link = Link(org=org.name, record=_record(request.record), provider="", expires_at=0)
        device = Device(_PLATFORMS[request.device.platform], _APPS[request.device.app])
        resolution, found = await org.resolve_link(link, device, call)
        return _response(resolution, found)


def _record(record: RecordRef) -> LinkedRecord:
    if record.WhichOneof("key") == "id":
        return LinkedRecord(record.object, record.id)
    return LinkedRecord(record.object, ExternalId(record.external_id.field, record.external_id.value))


def _response(resolution: Resolution, link: Link) -> ResolveDeepLinkResponse:
    targets = [
        pb.DeepLinkTarget(
            kind=pb.DeepLinkTargetKind.Value(f"DEEP_LINK_TARGET_KIND_{target.kind.name}"),
            uri=target.uri,
            explanation=target.explanation,
        )
        for target in resolution.targets
    ]
    record = RecordRef(object=link.record.object)
    if isinstance(link.record.key, str):
        record.id = link.record.key
    return ResolveDeepLinkResponse(
        record=record, targets=targets, fallback_uri=resolution.fallback_uri, action=link.action
    )
