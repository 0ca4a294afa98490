"""What is counted of a simulated day."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from service.context import CallContext, Priority
from service.errors import Exhausted
from service.governor.limits import Limits
from tests.load.simulation.org import Org


@dataclass(frozen=True, slots=True)
class Moment:
    """How the day stood every ten minutes."""

    seconds: float
    used: int
    """Calls of the last 24 hours, of all clients."""
    calls: int
    """Calls of the service since the beginning."""
    writes: int
    """Records written since the beginning."""
    write_calls: int
    """The calls that carried them."""
    hold_seconds: float
    """The price of a call, the mean of all replicas."""


@dataclass(slots=True)
class Tally:
    """Counts what replicas do, and holds it to the org's true count.

    Args:
        org: The truth.
        limits: The lines at which classes are to stop.

    """

    org: Org
    limits: Limits
    calls: int = 0
    """Calls made, those that the org refused included."""
    probes: int = 0
    """Those among them that find out whether there is room again."""
    write_calls: int = 0
    writes: int = 0
    reads: int = 0
    waited_seconds: float = 0.0
    """How long all written records together were held back and gathered."""
    wanted: Counter[str] = field(default_factory=Counter)
    """Records and reads by caller."""
    refused: Counter[str] = field(default_factory=Counter)
    """Those that were refused, by caller."""
    refusals: Counter[tuple[Priority, str]] = field(default_factory=Counter)
    """Those that were refused, by class and limit."""
    beyond: dict[Priority, float] = field(default_factory=dict)
    """How far above its class's line the org's count was at most when a call left, as a share of the maximum."""
    short: dict[Priority, float] = field(default_factory=dict)
    """How far below it the count was at most when the line was named for a refusal, as a share of the maximum."""
    moments: list[Moment] = field(default_factory=list)

    def want(self, context: CallContext) -> None:
        """Count a record or read that somebody wants."""
        self.wanted[context.caller] += 1

    def refuse(self, contexts: Iterable[CallContext], refusal: Exhausted) -> None:
        """Count what is refused."""
        limit = refusal.metadata["limit"]
        for context in contexts:
            self.refused[context.caller] += 1
            self.refusals[context.priority, limit] += 1
            if "threshold" in refusal.metadata:
                below = -self._above_line(context.priority)
                self.short[context.priority] = max(below, self.short.get(context.priority, 0.0))

    def leave(self, priority: Priority, *, records: int, is_probe: bool) -> None:
        """Count a call that leaves, and the records that it writes; one that writes none reads one.

        Args:
            priority: The call's class.
            records: What it writes.
            is_probe: Whether the governor lets it through to find out how the allocation stands.

        """
        self.calls += 1
        self.probes += is_probe
        self.reads += not records
        self.write_calls += bool(records)
        self.writes += records
        above = self._above_line(priority)
        if above > 0 and not is_probe:
            self.beyond[priority] = max(above, self.beyond.get(priority, 0.0))

    def _above_line(self, priority: Priority) -> float:
        return self.org.used / self.org.maximum - self.limits.stop_at()[priority]


def jain(values: Sequence[float]) -> float:
    """Return Jain's index of fairness: 1 if all have the same, 1/n if one has everything."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0
