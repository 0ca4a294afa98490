"""What a deep link says: the record it opens, and what travels with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class ExternalId:
    """A record's external id."""

    field: str
    """API name of the external-id field."""
    value: str
    """The value, of any characters."""


@dataclass(frozen=True, slots=True)
class LinkedRecord:
    """The record a link opens, by one of two keys."""

    object: str
    """API name of the sObject."""
    key: str | ExternalId
    """The Salesforce id (15 or 18 characters) or the external id."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says."""

    org: str
    """Name of the org the link was made for."""
    record: LinkedRecord
    """The record."""
    provider: str
    """Name of the provider; it may no longer be configured."""
    expires_at: int
    """Seconds since the Unix epoch; from then on the link is refused."""
    action: str = "view"
    """What the app should do with the record."""
    campaign: Mapping[str, str] = field(default_factory=dict)
    """`utm_…` fields that travel with the link."""

    def on(self, provider: str) -> "Link":
        """Return the same link with another provider."""
        return replace(self, provider=provider)


def campaign_query(campaign: Mapping[str, str]) -> str:
    """Write campaign fields as a query: `utm_source=mail&utm_medium=…`, sorted by name."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(campaign.items()))
