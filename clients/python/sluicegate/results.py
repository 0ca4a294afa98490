"""What the client answers about limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sluicegate.governor import Governor, decode_governor
from sluicegate.v1 import org_pb2


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


def decode_limits(limits: org_pb2.OrgLimits) -> OrgLimits:
    """Read an org's limits from their message."""
    return OrgLimits(
        org=limits.org,
        api_requests=Limit(limits.api_requests.maximum, limits.api_requests.remaining),
        limits={limit.name: Limit(limit.maximum, limit.remaining) for limit in limits.limits},
        observe_time=limits.observe_time.ToDatetime(tzinfo=UTC),
        governor=decode_governor(limits.governor),
    )
