"""What the client answers about deep links and limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from sluicegate.governor import Governor, decode_governor
from sluicegate.records import RecordRef, decode_ref
from sluicegate.v1 import deep_link_pb2, deep_link_service_pb2, org_pb2
from sluicegate.words import to_number, to_word

Platform: TypeAlias = Literal["ios", "android", "web"]
"""The platform of a device."""

_TARGET_KINDS = deep_link_pb2.DeepLinkTargetKind.DESCRIPTOR
_PLATFORMS = deep_link_pb2.Platform.DESCRIPTOR


@dataclass(frozen=True, slots=True)
class DeepLink:
    """A signed link to a record."""

    url: str
    expire_time: datetime
    """When the link stops working, in UTC."""


@dataclass(frozen=True, slots=True)
class DeepLinkTarget:
    """One thing to open."""

    kind: str
    """One of `app_link`, `app_scheme`, `store`, `salesforce_mobile`, `lightning`, `web`."""
    uri: str
    """What to hand to the platform."""
    explanation: str
    """Why it stands at this place of the list, for a person."""


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


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of an org."""

    maximum: int
    """The most that may be used."""
    remaining: int
    """What is left."""

    @property
    def used(self) -> int:
        """What is used already."""
        return self.maximum - self.remaining


@dataclass(frozen=True, slots=True)
class OrgLimits:
    """The limits of an org, and how the service keeps to them."""

    org: str
    """Name of the configured org."""
    api_requests: Limit
    """The API calls of the org's rolling 24 hours, by all of its clients. Where Salesforce was not asked, as its last
    answer told them; both figures are 0 if there was none."""
    limits: Mapping[str, Limit]
    """Every limit by Salesforce's name, for example `DailyApiRequests`; empty where Salesforce was not asked."""
    observe_time: datetime
    """When this was so, in UTC."""
    governor: Governor
    """How the service governs its calls to the org."""


def encode_device(platform: Platform | None, *, app_installed: bool | None) -> deep_link_pb2.DeviceContext:
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


def decode_resolved(response: deep_link_service_pb2.ResolveDeepLinkResponse) -> ResolvedDeepLink:
    """Read what a link opens from its message."""
    return ResolvedDeepLink(
        record=decode_ref(response.record),
        targets=tuple(
            DeepLinkTarget(to_word(_TARGET_KINDS, target.kind), target.uri, target.explanation)
            for target in response.targets
        ),
        fallback_uri=response.fallback_uri,
        action=response.action,
    )


def decode_limits(limits: org_pb2.OrgLimits) -> OrgLimits:
    """Read an org's limits from their message."""
    return OrgLimits(
        org=limits.org,
        api_requests=Limit(limits.api_requests.maximum, limits.api_requests.remaining),
        limits={limit.name: Limit(limit.maximum, limit.remaining) for limit in limits.limits},
        observe_time=limits.observe_time.ToDatetime(tzinfo=UTC),
        governor=decode_governor(limits.governor),
    )
