"""Deep links: what they are made of, what they open, and what an app that was installed from one learns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias, TypedDict

from sluicegate.records import Record, RecordRef, decode_record, decode_ref, encode_ref
from sluicegate.v1 import deep_link_pb2, error_reason_pb2
from sluicegate.v1 import deep_link_service_pb2 as service_pb2
from sluicegate.words import to_number, to_word

Platform: TypeAlias = Literal["ios", "android", "web"]
"""The platform of a device."""
RecordLookup: TypeAlias = Literal["never", "always"]
"""Whether Salesforce is asked for a link's record, where that is not left to the service."""

_TARGET_KINDS = deep_link_pb2.DeepLinkTargetKind.DESCRIPTOR
_PLATFORMS = deep_link_pb2.Platform.DESCRIPTOR
_LOOKUPS = deep_link_pb2.RecordLookup.DESCRIPTOR
_STATES = deep_link_pb2.LinkedRecordState.DESCRIPTOR
_REASONS = error_reason_pb2.ErrorReason.DESCRIPTOR


class ResolveOptions(TypedDict, total=False):
    """What else is known of who follows a link, and wanted of the answer: keyword arguments."""

    app_version: str
    """The app's version, for example `4.12.0`, where the app asks for itself."""
    locale: str
    """The person's language, for example `de-CH`."""
    fields: Sequence[str]
    """API names of fields of the record to return, by the one call to Salesforce that finds it."""
    lookup: RecordLookup | None
    """Whether Salesforce is asked for the record: `never`, `always`, or None for where it must be."""
    provider: str
    """Name of a configured provider to use instead of the link's own."""


@dataclass(frozen=True, slots=True)
class DeepLinkDraft:
    """A link to make, one of several."""

    record: RecordRef
    """The record that the link opens; it need not exist yet."""
    provider: str = ""
    """Name of a configured link provider. Empty means the org's default."""
    ttl: timedelta | None = None
    """How long the link is valid, from a minute to ten years. None means the org's default."""
    action: str = ""
    """What the app should do with the record. Empty means `view`."""
    campaign: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Campaign fields that travel with the link, for example `utm_source`. Signed, not secret."""
    short: bool = False
    """Whether the link's provider is asked for a short link too."""


@dataclass(frozen=True, slots=True)
class DeepLink:
    """A signed link to a record."""

    url: str
    expire_time: datetime
    """When the link stops working, in UTC."""
    short_url: str = ""
    """The provider's own short link, which leads to `url`; empty where none was asked for, or there is none."""
    short_error: "DeepLinkError | None" = None
    """Why there is no short link though one was asked for, where the service is configured to do without."""


@dataclass(frozen=True, slots=True)
class DeepLinkError:
    """Why one link of several, or a link's short form, was not made, as a value: it is not raised."""

    reason: str
    """The documented reason, as in `SluicegateError.reason`."""
    message: str
    """One sentence for a person."""
    fields: tuple[str, ...] = ()
    """Paths of the fields at fault within the request for the one link, for example `record.id`."""


@dataclass(frozen=True, slots=True)
class DeepLinkTarget:
    """One thing to open."""

    kind: str
    """One of `app_link`, `provider_link`, `app_scheme`, `store`, `salesforce_mobile`, `lightning`, `web`."""
    uri: str
    """What to hand to the platform."""
    explanation: str
    """Why it stands at this place of the list, for a person."""


@dataclass(frozen=True, slots=True)
class LeftOutTarget:
    """One thing that the provider could open and that is not among the targets."""

    kind: str
    """As in `DeepLinkTarget`."""
    explanation: str
    """Why it was left out, for a person."""


@dataclass(frozen=True, slots=True)
class ResolvedDeepLink:
    """What to open."""

    record: RecordRef
    """The record, by Salesforce id where it is known."""
    targets: tuple[DeepLinkTarget, ...]
    """What to try, in this order. The last one works without any app."""
    fallback_uri: str
    """The uri of the target that works without any app."""
    action: str
    """What the app should do with the record."""
    record_state: str = ""
    """One of `found`, `missing`, `deleted`; empty where Salesforce was not asked, or could not be."""
    read_record: Record | None = None
    """The record with the fields that were asked for; None if none were, or if it is not there."""
    left_out: tuple[LeftOutTarget, ...] = ()
    """What the provider could open and what is not among the targets, with the reasons."""
    deferred_token: str = ""
    """For an app that must first be installed: it gives it to `claim_deep_link` at its first start. Empty where the app
    is there, where it cannot be installed, or where the platform is not known."""
    deferred_token_expire_time: datetime | None = None
    """When the token stops working, in UTC."""
    provider: str = ""
    """Name of the provider whose targets these are."""
    campaign: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The campaign fields that travelled with the link."""
    renewed_url: str = ""
    """The same link in today's form, if an old one was given."""


@dataclass(frozen=True, slots=True)
class ClaimedDeepLink:
    """What an app that was installed from a link should show."""

    record: RecordRef
    """The record, as the link names it."""
    action: str
    """What the app should do with the record."""
    campaign: Mapping[str, str] = field(hash=False)
    """The campaign fields that travelled with the link."""
    create_time: datetime
    """When the link was followed, in UTC."""


def encode_draft(org: str, draft: DeepLinkDraft) -> service_pb2.CreateDeepLinkRequest:
    """Make the message that asks for a link."""
    request = service_pb2.CreateDeepLinkRequest(
        org=org,
        record=encode_ref(draft.record),
        provider=draft.provider,
        action=draft.action,
        campaign=draft.campaign,
        short=draft.short,
    )
    if draft.ttl is not None:
        request.ttl.FromTimedelta(draft.ttl)
    return request


def decode_link(response: service_pb2.CreateDeepLinkResponse) -> DeepLink:
    """Read a link from its message."""
    error = _decode_error(response.short_error) if response.HasField("short_error") else None
    return DeepLink(response.url, response.expire_time.ToDatetime(tzinfo=UTC), response.short_url, error)


def _decode_error(error: deep_link_pb2.DeepLinkError) -> DeepLinkError:
    return DeepLinkError(to_word(_REASONS, error.reason).upper(), error.message, tuple(error.fields))


def decode_results(results: Sequence[service_pb2.CreateDeepLinkResult]) -> list[DeepLink | DeepLinkError]:
    """Read what became of several drafts, in their order."""
    return [decode_link(result.link) if result.HasField("link") else _decode_error(result.error) for result in results]


def encode_device(platform: Platform | None, *, app_installed: bool | None = None) -> deep_link_pb2.DeviceContext:
    """Make the message that describes a device; None is what is not known.

    Raises:
        ValueError: The platform is none of the words.

    """
    device = deep_link_pb2.DeviceContext()
    if platform is not None:
        device.platform = deep_link_pb2.Platform.ValueType(to_number(_PLATFORMS, "platform", platform))
    if app_installed is not None:
        device.app = deep_link_pb2.APP_PRESENCE_INSTALLED if app_installed else deep_link_pb2.APP_PRESENCE_MISSING
    return device


def encode_wishes(
    request: service_pb2.ResolveDeepLinkRequest,
    *,
    app_version: str = "",
    locale: str = "",
    fields: Sequence[str] = (),
    lookup: RecordLookup | None = None,
    provider: str = "",
) -> None:
    """Put into a request what else is known and wanted, as `ResolveOptions` tells it.

    Raises:
        TypeError: The fields are one text instead of several.
        ValueError: The lookup is none of the words.

    """
    if isinstance(fields, str):
        raise TypeError(f"fields is one text; give a list: [{fields!r}]")
    request.device.app_version, request.device.locale, request.provider = app_version, locale, provider
    request.fields.extend(fields)
    if lookup is not None:
        request.lookup = deep_link_pb2.RecordLookup.ValueType(to_number(_LOOKUPS, "lookup", lookup))


def decode_resolved(response: service_pb2.ResolveDeepLinkResponse) -> ResolvedDeepLink:
    """Read what a link opens from its message.

    Raises:
        ValueError: A field's value is not what the contract says.

    """
    has_token = response.HasField("deferred_token_expire_time")
    return ResolvedDeepLink(
        record=decode_ref(response.record),
        targets=tuple(
            DeepLinkTarget(to_word(_TARGET_KINDS, target.kind), target.uri, target.explanation)
            for target in response.targets
        ),
        fallback_uri=response.fallback_uri,
        action=response.action,
        record_state=to_word(_STATES, response.record_state),
        read_record=decode_record(response.read_record) if response.HasField("read_record") else None,
        left_out=tuple(
            LeftOutTarget(to_word(_TARGET_KINDS, item.kind), item.explanation) for item in response.left_out
        ),
        deferred_token=response.deferred_token,
        deferred_token_expire_time=response.deferred_token_expire_time.ToDatetime(tzinfo=UTC) if has_token else None,
        provider=response.provider,
        campaign=dict(response.campaign),
        renewed_url=response.renewed_url,
    )


def decode_claimed(response: service_pb2.ClaimDeepLinkResponse) -> ClaimedDeepLink:
    """Read what an app was installed for from its message."""
    return ClaimedDeepLink(
        decode_ref(response.record),
        response.action,
        dict(response.campaign),
        response.create_time.ToDatetime(tzinfo=UTC),
    )
