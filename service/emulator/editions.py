"""What an org may use by its edition.

Source: Salesforce, "API Request Limits and Allocations" and "Platform Event Allocations"; storage is unverified.
"""

from dataclasses import dataclass
from typing import Literal

EditionName = Literal["developer", "enterprise", "unlimited"]


@dataclass(frozen=True, slots=True)
class Edition:
    """The figures of one edition."""

    organization_type: str
    """As the Organization record has it."""
    daily_api_requests: int
    """In any 24 hours, before user licences are counted."""
    daily_api_requests_per_licence: int
    long_requests: int
    """Requests that may be open for more than 20 seconds."""
    delivered_events: int
    """Platform events delivered in any 24 hours."""
    published_events: int
    """Platform events published in an hour."""
    streaming_clients: int
    data_storage_mb: int
    file_storage_mb: int

    def api_requests(self, licences: int) -> int:
        """Return the daily API allocation of an org with a number of user licences."""
        return self.daily_api_requests + licences * self.daily_api_requests_per_licence


EDITIONS: dict[EditionName, Edition] = {
    "developer": Edition("Developer Edition", 15_000, 0, 5, 10_000, 50_000, 20, 5, 20),
    "enterprise": Edition("Enterprise Edition", 100_000, 1_000, 25, 25_000, 250_000, 1_000, 10_240, 10_240),
    "unlimited": Edition("Unlimited Edition", 100_000, 5_000, 25, 50_000, 250_000, 2_000, 10_240, 10_240),
}
