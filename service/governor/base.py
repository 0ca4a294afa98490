"""What the transport asks of a governor."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from service.context import CallContext


@dataclass(frozen=True, slots=True)
class Cost:
    """What one HTTP attempt uses of the org's allocations."""

    api_calls: int = 1
    """Calls of the rolling 24-hour allocation."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The org's API calls of the last 24 hours by all of its clients, as Salesforce told them."""

    used: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a governor has seen since it was made."""

    permits: int
    """Permits given."""
    in_flight: int
    """Permits held now."""
    usage: Usage | None
    """The org's usage as last learned; None before the first answer."""


class Governor(Protocol):
    """Decides when an attempt may leave. One governor guards one org."""

    def permit(self, cost: Cost, context: CallContext) -> AbstractAsyncContextManager[None]:
        """Hold a permit while the attempt runs.

        Entering waits, within the call's deadline, until the org can take the attempt; cancelling while waiting gives
        the place up. Leaving returns the permit.

        Args:
            cost: What the attempt uses.
            context: The call it is made for.

        Raises:
            service.errors.Exhausted: The org cannot take the attempt within the call's deadline.

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

    def statistics(self) -> Statistics:
        """Return what the governor has seen."""
        ...
