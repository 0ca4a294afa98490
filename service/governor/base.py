"""What the service asks of a governor, and what a governor tells about itself."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from service.context import CallContext, Priority


@dataclass(frozen=True, slots=True)
class Cost:
    """What one HTTP attempt uses of the org's allocations."""

    api_calls: int = 1
    """Calls of the rolling 24-hour allocation."""
    bulkhead: str = ""
    """What shares a cap on open attempts: the sObject in lower case; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The org's API calls of the last 24 hours by all of its clients, as Salesforce told them."""

    used: int
    maximum: int


class Sign(StrEnum):
    """What an attempt's end tells of the org's health."""

    WELL = "well"
    """It was answered, whatever it said of the records."""
    OVERLOADED = "overloaded"
    """Too many long-running requests are open."""
    LOCKED = "locked"
    """Rows were locked by other transactions."""
    DOWN = "down"
    """An outage of the instance or the edge, or a lost connection."""
    TIMED_OUT = "timed_out"
    """No answer came within the attempt's bound."""
    USED_UP = "used_up"
    """The allocation of the last 24 hours is used up."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The end of one attempt."""

    sign: Sign
    seconds: float
    """How long it was open."""
    retry_after_seconds: float | None = None
    """What Salesforce asked to wait, where it did."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one caller or class of callers has used and may use.

    Of what replicas share that is the use of all of them, of anything else this one's: see `Statistics`.
    """

    used: float
    """API calls of the last 24 hours."""
    maximum: float | None
    """Most of them; None without a bound of its own."""
    waiting: int
    """Attempts that wait for a permit."""
    refused: int
    """Calls refused since the start; in shadow mode those that would have been."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """How a governor stands."""

    permits: int
    """Permits given since it was made."""
    in_flight: int
    """Permits held now."""
    usage: Usage | None
    """The org's usage as last learned; None before the first answer."""
    waiting: int = 0
    """Attempts that wait for a permit."""
    concurrency_limit: int | None = None
    """Most permits held at a time now; it adapts. None without a bound."""
    long_running: int = 0
    """Permits held so long that Salesforce counts their requests as long-running."""
    own_calls: float = 0.0
    """Calls of the last 24 hours that this service made: all of its replicas, where they share a store."""
    own_maximum: int | None = None
    """Most of them by the service's own settings, where that is nearer than the allocation: then the bounds of classes
    and `exhausted_in_seconds` are about own calls. None where those are about the org's."""
    others_per_second: float = 0.0
    """Rate at which others use up the allocation, as far as answers show it."""
    exhausted_in_seconds: float | None = None
    """When the allocation, or `own_maximum`, will be used up at the present rate; None if not within 24 hours."""
    hold_seconds: float = 0.0
    """How long calls that are not full are held back now: the price of a call."""
    closed_seconds: float = 0.0
    """How long the gate stays closed; 0 while it is open."""
    outage_seconds: float | None = None
    """How long the org has been left alone but for probes, for it answered nothing but outages; None if it is not."""
    login_outage_seconds: float | None = None
    """The same of the host that the service logs in at."""
    shadow: bool = False
    """Whether refusals are only counted."""
    degraded: bool = False
    """Whether the store that replicas share is away, so that this one keeps to its safe share."""
    classes: Mapping[Priority, Share] = field(default_factory=dict)
    """By what was asked of this replica."""
    callers: Mapping[str, Share] = field(default_factory=dict)
    """By what was asked of this replica; the use of those with a bound is that of all replicas that share a store."""


class Governor(Protocol):
    """Decides what may be asked of an org, and when. One governor guards one org."""

    def admit(self, context: CallContext) -> None:
        """Refuse a call before anything is done for it, if what it would use is not there.

        Takes microseconds and waits for nothing.

        Raises:
            service.errors.Exhausted: The gate is closed, or the caller's or its class's share of the allocation is
                used up. The metadata says which limit, used, maximum and whose; `retry_after_seconds` when to come
                back.

        """
        ...

    def permit(self, cost: Cost, context: CallContext) -> AbstractAsyncContextManager[None]:
        """Hold a permit while the attempt runs.

        Entering waits, within the call's deadline, until the org can take the attempt, and is refused at once when the
        forecast says that the deadline would pass; cancelling while waiting gives the place up. Among those that wait
        classes go in their order of priority and callers by their weights. Leaving returns the permit.

        Args:
            cost: What the attempt uses.
            context: The call it is made for.

        Raises:
            service.errors.Exhausted: As `admit`, or the org cannot take the attempt within the call's deadline.

        """
        ...

    def hold(self, waiting: int, most: int) -> float:
        """Tell how long a call for several records may be held back now so that it leaves fuller.

        Args:
            waiting: Records that wait for the call.
            most: Records that it could carry.

        Returns:
            Seconds; 0 while calls are plenty.

        """
        ...

    def learn(self, usage: Usage) -> None:
        """Take note of what Salesforce said of the org's usage."""
        ...

    def observe(self, observed: Observed) -> None:
        """Take note of how an attempt ended, once its permit is returned. An attempt that tells nothing has no note."""
        ...

    def statistics(self) -> Statistics:
        """Return how the governor stands."""
        ...
