"""What the replicas of the service tell each other of an org through the store that they share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

BUDGET = ""
"""The purse of the org's calls. The others have the names of the callers whose calls are capped."""

Counts = Mapping[int, float]
"""Calls by the minute in which they were told, in minutes since the Unix epoch by the store's clock."""


@dataclass(frozen=True, slots=True)
class ToldUsage:
    """What Salesforce told one replica of the org's usage."""

    others: float
    """Calls of the last 24 hours that no replica is known to have made."""
    maximum: int
    seconds_ago: float
    """When it was told."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a replica tells, and what it means to spend until it tells more."""

    replica: str
    """Names the replica; no other has the name, now or later."""
    sequence: int
    """Number of what was spent; the same when it is told again because no answer came."""
    lease_seconds: float
    """How long its leases last; 0 when it leaves."""
    epoch: str = ""
    """The store's, as it was told last; empty if none was."""
    serial: int = 0
    """The same."""
    generation: int = 0
    """The same."""
    since: int = 0
    """The minute of the last standing."""
    long_running: int = 0
    """Its requests that are long-running."""
    usage: ToldUsage | None = None
    """What it learned since; None if nothing."""
    spent: Mapping[str, float] = field(default_factory=dict)
    """Calls made and not told yet, by purse."""
    leases: Mapping[str, float] = field(default_factory=dict)
    """Calls that it may make from now on, by purse, in place of those of its last report."""
    memory: Mapping[str, Counts] | None = None
    """All that it was ever told of the last 24 hours, for a store that lost it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a replica is told."""

    epoch: str
    """Names what the store remembers: another one if it has lost everything."""
    serial: int
    """Number of the report; one that is not above the last is that of a store that went back in time."""
    generation: int
    """Changes when minutes before the last standing changed."""
    minute: int
    """The present one."""
    replicas: int
    """Replicas that hold leases, this one included."""
    long_running_elsewhere: int
    """Long-running requests of the other replicas."""
    usage: ToldUsage | None
    """The last that any replica learned."""
    counts: Mapping[str, Counts]
    """Calls of all replicas by purse, of the minutes from `Report.since` on; of 24 hours if the generation changed."""
    held: Mapping[str, float]
    """Calls that other replicas may still make by their leases."""


class Exchange(Protocol):
    """One org's place in the store that replicas share."""

    async def exchange(self, report: Report) -> Standing | None:
        """Tell and be told, in one step that no other replica's divides. Telling the same again changes nothing.

        Returns:
            The standing; None, and nothing is changed, if the store lost what it knew and the report lacks `memory`.

        Raises:
            service.errors.SharedStoreUnavailable: The store does not answer, or nothing that makes sense.

        """
        ...
