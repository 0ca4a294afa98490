"""DeepLinkService."""

from google.protobuf.timestamp_pb2 import Timestamp
from sluicegate.v1 import deep_link_pb2 as pb
from sluicegate.v1.deep_link_service_pb2 import (
    ClaimDeepLinkRequest,
    ClaimDeepLinkResponse,
    CreateDeepLinkRequest,
    CreateDeepLinkResponse,
    CreateDeepLinkResult,
    CreateDeepLinksRequest,
    CreateDeepLinksResponse,
    ResolveDeepLinkRequest,
    ResolveDeepLinkResponse,
)
from sluicegate.v1.error_reason_pb2 import ErrorReason
from sluicegate.v1.record_pb2 import RecordRef

from service.clock import Turns
from service.context import CallContext
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.resolver import AppPresence, Device, Platform, Resolution
from service.errors import ClaimsRefused, FieldViolation, InvalidRequest, SluicegateError
from service.orgs.org import Org
from service.orgs.registry import OrgRegistry
from service.rpc.status import cut

_LONGEST_MESSAGE = 768
"""Bytes of UTF-8."""
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
        return _create(self._orgs.get(request.org), request, call)

    async def create_deep_links(self, request: CreateDeepLinksRequest, call: CallContext) -> CreateDeepLinksResponse:
        """Make signed links, each on its own."""
        org = self._orgs.get(request.org)
        results, turns = [], Turns(call.clock)
        for each in request.requests:
            await turns.give()
            results.append(_attempted(org, each, call))
        return CreateDeepLinksResponse(results=results)

    async def claim_deep_link(self, request: ClaimDeepLinkRequest, call: CallContext) -> ClaimDeepLinkResponse:  # noqa: ARG002 - comes with the claims
        """Take a deferred link, once."""
        self._orgs.get(request.org)
        raise ClaimsRefused("deep links cannot be claimed yet", metadata={"setting": "shared_store.url"})

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


def _attempted(org: Org, request: CreateDeepLinkRequest, call: CallContext) -> CreateDeepLinkResult:
    """Return the link, or why it cannot be made: its neighbours go on."""
    try:
        if request.org not in {"", org.name}:
            problem = f"must be empty or {org.name!r}, as the whole request names it"
            raise InvalidRequest(f"org {problem}", violations=[FieldViolation("org", problem)])
        return CreateDeepLinkResult(link=_create(org, request, call))
    except SluicegateError as error:
        return CreateDeepLinkResult(
            error=pb.DeepLinkError(
                reason=ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
                message=cut(error.message, _LONGEST_MESSAGE),
                fields=[violation.field for violation in error.violations],
            )
        )


def _create(org: Org, request: CreateDeepLinkRequest, call: CallContext) -> CreateDeepLinkResponse:
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
    return CreateDeepLinkResponse(url=url, expire_time=Timestamp(seconds=expires_at))


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
