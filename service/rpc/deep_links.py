"""DeepLinkService."""

import asyncio
from functools import partial

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
from sluicegate.v1.field_value_pb2 import ExternalId as FieldAndValue
from sluicegate.v1.record_pb2 import RecordRef

from service.clock import Turns
from service.context import CallContext
from service.deep_links.device import AppPresence, Device, Platform
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.plan import TargetKind
from service.deep_links.resolver import RecordState
from service.errors import FieldViolation, InvalidRequest, SluicegateError
from service.orgs.links import Lookup, Resolved, Wanted
from service.orgs.org import Org
from service.orgs.registry import OrgRegistry
from service.rpc.record_errors import relocating
from service.rpc.records import to_record
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


_LOOKUPS = {
    pb.RECORD_LOOKUP_UNSPECIFIED: Lookup.AS_NEEDED,
    pb.RECORD_LOOKUP_NEVER: Lookup.NEVER,
    pb.RECORD_LOOKUP_ALWAYS: Lookup.ALWAYS,
}
_STATES = {
    RecordState.UNKNOWN: pb.LINKED_RECORD_STATE_UNSPECIFIED,
    RecordState.FOUND: pb.LINKED_RECORD_STATE_FOUND,
    RecordState.MISSING: pb.LINKED_RECORD_STATE_MISSING,
    RecordState.DELETED: pb.LINKED_RECORD_STATE_DELETED,
}
_KINDS = {kind: pb.DeepLinkTargetKind.Value(f"DEEP_LINK_TARGET_KIND_{kind.name}") for kind in TargetKind}


class DeepLinkService:
    """Makes links to records, and tells what a link opens.

    Args:
        orgs: The configured orgs.

    """

    def __init__(self, orgs: OrgRegistry) -> None:
        self._orgs = orgs

    async def create_deep_link(self, request: CreateDeepLinkRequest, call: CallContext) -> CreateDeepLinkResponse:
        """Make a signed link, and its short form if it is asked for."""
        return await _created(self._orgs.get(request.org), request, call)

    async def create_deep_links(self, request: CreateDeepLinksRequest, call: CallContext) -> CreateDeepLinksResponse:
        """Make signed links, each on its own; short ones all at once, as far as their providers are asked at a time."""
        org = self._orgs.get(request.org)
        results: list[CreateDeepLinkResult | asyncio.Task[CreateDeepLinkResult]] = []
        turns = Turns(call.clock)
        async with asyncio.TaskGroup() as tasks:
            for each in request.requests:
                await turns.give()
                attempt = _attempted(org, each, call)
                results.append(tasks.create_task(attempt) if each.short else await attempt)
        return CreateDeepLinksResponse(
            results=[item.result() if isinstance(item, asyncio.Task) else item for item in results]
        )

    async def resolve_deep_link(self, request: ResolveDeepLinkRequest, call: CallContext) -> ResolveDeepLinkResponse:
        """Tell what to open for a link or a record."""
        org = self._orgs.get(request.org)
        url = request.url
        link = org.links.read(url, call) if url else Link(org.name, _record(request.record), provider="", expires_at=0)
        wanted = Wanted(request.fields, _LOOKUPS[request.lookup], request.provider)
        try:
            resolved = await org.links.resolve(link, _device(request.device), call, wanted)
        except SluicegateError:
            with relocating(partial(_in_request, is_link=bool(url))):
                raise
        response = _response(resolved)
        if url and org.links.is_old(url):
            response.renewed_url = org.links.renewed(link, call)
        return response

    async def claim_deep_link(self, request: ClaimDeepLinkRequest, call: CallContext) -> ClaimDeepLinkResponse:
        """Tell an app what it was installed for, once."""
        org = self._orgs.get(request.org)
        claim = await org.links.claim(
            token=request.token,
            install_referrer=request.install_referrer,
            platform=_PLATFORMS[request.device.platform],
            claimant=request.request_id,
            context=call,
        )
        return ClaimDeepLinkResponse(
            record=_record_ref(claim.link.record),
            action=claim.link.action,
            campaign=claim.link.campaign,
            create_time=Timestamp(seconds=claim.created_at),
        )


def _in_request(path: str, *, is_link: bool) -> str:
    """Return the path in a request to resolve of what reading a record calls otherwise."""
    if path.partition("[")[0] in {"fields", "provider", "lookup"}:
        return path
    if is_link:
        return "url"
    return path if path.startswith("record") else f"record.{path}"


async def _attempted(org: Org, request: CreateDeepLinkRequest, call: CallContext) -> CreateDeepLinkResult:
    """Return the link, or why it cannot be made: its neighbours go on."""
    try:
        if request.org not in {"", org.name}:
            problem = f"must be empty or {org.name!r}, as the whole request names it"
            raise InvalidRequest(f"org {problem}", violations=[FieldViolation("org", problem)])
        return CreateDeepLinkResult(link=await _created(org, request, call))
    except SluicegateError as error:
        return CreateDeepLinkResult(error=_why_not(error))


def _why_not(error: SluicegateError) -> pb.DeepLinkError:
    return pb.DeepLinkError(
        reason=ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
        message=cut(error.message, _LONGEST_MESSAGE),
        fields=[violation.field for violation in error.violations],
    )


async def _created(org: Org, request: CreateDeepLinkRequest, call: CallContext) -> CreateDeepLinkResponse:
    link = Link(
        org=org.name,
        record=_record(request.record),
        provider=request.provider,
        expires_at=0,
        action=request.action or "view",
        campaign=dict(request.campaign),
    )
    ttl = request.ttl.seconds if request.HasField("ttl") else None
    url, expires_at = org.links.create(link, ttl, call)
    response = CreateDeepLinkResponse(url=url, expire_time=Timestamp(seconds=expires_at))
    if request.short:
        org.links.check_short(request.provider)
        short = await org.links.shorten(link, url, expires_at, call)
        response.short_url = short.url
        if short.error is not None:
            response.short_error.CopyFrom(_why_not(short.error))
    return response


def _record(record: RecordRef) -> LinkedRecord:
    if record.WhichOneof("key") == "id":
        return LinkedRecord(record.object, record.id)
    return LinkedRecord(record.object, ExternalId(record.external_id.field, record.external_id.value))


def _device(device: pb.DeviceContext) -> Device:
    return Device(_PLATFORMS[device.platform], _APPS[device.app], device.app_version, device.locale)


def _record_ref(record: LinkedRecord) -> RecordRef:
    if isinstance(record.key, str):
        return RecordRef(object=record.object, id=record.key)
    return RecordRef(object=record.object, external_id=FieldAndValue(field=record.key.field, value=record.key.value))


def _response(resolved: Resolved) -> ResolveDeepLinkResponse:
    resolution, link = resolved.resolution, resolved.link
    response = ResolveDeepLinkResponse(
        record=_record_ref(link.record),
        targets=[
            pb.DeepLinkTarget(kind=_KINDS[target.kind], uri=target.uri, explanation=target.explanation)
            for target in resolution.targets
        ],
        fallback_uri=resolution.fallback_uri,
        action=link.action,
        record_state=_STATES[resolved.state],
        provider=resolution.provider,
    )
    # Most answers have none of these, and to say so of each would cost as much as all else.
    if resolution.left_out:
        response.left_out.extend(
            [pb.LeftOutTarget(kind=_KINDS[item.kind], explanation=item.explanation) for item in resolution.left_out]
        )
    if link.campaign:
        response.campaign.update(link.campaign)
    if resolved.deferred_token:
        response.deferred_token = resolved.deferred_token
        response.deferred_token_expire_time.seconds = resolved.token_expires_at
    if resolved.record is not None:
        response.read_record.CopyFrom(to_record(resolved.record))
    return response
