"""What a governor is to keep to: reserves of the allocation, bounds on open attempts, and callers' shares."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.context import Priority


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """What one caller may use."""

    weight: float = 1.0
    """Its share of what is scarce, relative to the other callers'; above 0."""
    daily_calls: int | None = None
    """Most API calls of 24 hours; None without a bound of its own."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one org's governor. Salesforce REST API, "API Request Limits and Allocations"."""

    stop_batch_at: float = 0.70
    """Share of the org's API calls of 24 hours from which BATCH calls are refused."""
    stop_standard_at: float = 0.85
    """The same for STANDARD calls."""
    stop_interactive_at: float = 0.97
    """The same for INTERACTIVE calls."""
    daily_calls: int | None = None
    """Most API calls that this service makes in 24 hours, whatever the org allows; None for no such bound."""
    long_running_limit: int = 25
    """Requests of 20 seconds or more that the org lets be open at a time; 5 in Developer Edition and trials."""
    long_running_headroom: int = 5
    """How many of them are left to INTERACTIVE calls and to the org's other clients."""
    max_in_flight: int = 64
    """Most attempts open at a time."""
    longest_hold_seconds: float = 5.0
    """How long calls that are not full are held back when calls are dearest."""
    max_waiting: int = 5_000
    """Most attempts that wait for a permit."""
    max_waiting_per_caller: int = 1_000
    """Most of them of one caller; and no more than there is room for others'."""
    max_callers: int = 1_000
    """Most callers that are told apart beside those in `callers`; further ones share one account."""
    max_replicas: int = 10
    """Most replicas of the service that run at a time; it sizes what each may use while it cannot ask the others."""
    shadow: bool = False
    """Count what would be refused, refuse nothing and hold nothing back."""
    callers: Mapping[str, CallerLimits] = field(default_factory=dict)
    """Callers that have a weight or bound of their own."""

    def stop_at(self) -> tuple[float, float, float]:
        """Return from which share of the allocation each class is refused, by the number of its priority."""
        return self.stop_interactive_at, self.stop_standard_at, self.stop_batch_at

    def slots(self, priority: Priority) -> int:
        """Return how many long-running requests may be open for a class to get a further permit."""
        if priority is Priority.INTERACTIVE:
            return self.long_running_limit
        return max(1, self.long_running_limit - self.long_running_headroom)
