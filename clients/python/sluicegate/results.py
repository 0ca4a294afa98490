"""What the client's single calls take and answer: records, deep links and limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from sluicegate.v1 import deep_link_pb2, deep_link_service_pb2, org_pb2, record_pb2
from sluicegate.v1.field_value_pb2 import ExternalId
from sluicegate.words import to_number, to_word

Platform: TypeAlias = Literal["ios", "android", "web"]
"""The platform of a device."""

_TARGET_KINDS = deep_link_pb2.DeepLinkTargetKind.DESCRIPTOR
_PLATFORMS = deep_link_pb2.Platform.DESCRIPTOR


@dataclass(frozen=True, slots=True)
class UpsertResult:
    """A record that was written."""

    record_id: str
    """The record's Salesforce id, 18 characters."""
    created: bool
    """True if the record was created, false if it was updated."""


@dataclass(frozen=True, slots=True)
class RecordRef:
    """Names one record: by its Salesforce id, or by a field that identifies it and its value."""

    object: str
    """API name of the sObject, for example `Lead`."""
    id: str = ""
    """The Salesforce id, 15 or 18 characters."""
    external_id_field: str = ""
    """API name of the external-id field, where the record is known by it."""
    external_id: str = ""
    """The external id."""

    def __post_init__(self) -> None:
        if not isinstance(self.external_id, str):
            raise TypeError(f"external_id is {type(self.external_id).__name__}; it must be text: str(...) makes it so")
        if bool(self.id) == bool(self.external_id_field and self.external_id):
            raise ValueError("a record is named by its id, or by external_id_field and external_id, and not by both")


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
    """The limits of an org as Salesforce last told them."""

    org: str
    """Name of the configured org."""
    api_requests: Limit
    """The API calls of the org's rolling 24 hours, by all of its clients."""
    limits: Mapping[str, Limit]
    """Every limit by Salesforce's name, for example `DailyApiRequests`."""
    observe_time: datetime
    """When Salesforce told them, in UTC."""


def encode_record(record: RecordRef) -> record_pb2.RecordRef:
    """Make the message that names a record."""
    if record.id:
        return record_pb2.RecordRef(object=record.object, id=record.id)
    external_id = ExternalId(field=record.external_id_field, value=record.external_id)
    return record_pb2.RecordRef(object=record.object, external_id=external_id)


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
    record = response.record
    return ResolvedDeepLink(
        record=RecordRef(record.object, record.id, record.external_id.field, record.external_id.value),
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
    )
