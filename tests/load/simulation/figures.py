"""The figures of a simulated day."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.context import Priority
from tests.load.simulation.day import Outcome
from tests.load.simulation.demand import RUNAWAY
from tests.load.simulation.tally import Moment, jain


@dataclass(frozen=True, slots=True)
class Figures:
    """What a day came to."""

    name: str
    calls: int
    """Calls of the service."""
    records_per_call: float
    """Records that a call carried which wrote any."""
    waited_seconds: float
    """Mean time that a record was held back and gathered."""
    peak: float
    """Most calls of 24 hours, of all clients, as a share of the maximum."""
    refused: dict[str, float]
    """Share of what each class's callers wanted that was refused, the runaway's left out."""
    jain: float
    """Jain's index over all callers but the runaway: of the shares of what they wanted that they got."""
    runaway: int
    """Calls that the runaway made."""
    beyond: float
    """How far above its class's line a call left, at most, as a share of the maximum."""
    short: float
    """How far below its line a class was refused, at most, as a share of the maximum: calls that nobody could use."""
    refused_by_org: int
    round_trips_per_1000_calls: float
    moments: Sequence[Moment]


def figures_of(outcome: Outcome) -> Figures:
    """Return the figures of a day."""
    tally = outcome.tally
    org = tally.org
    others = [caller for caller in outcome.callers if caller.name != RUNAWAY and tally.wanted[caller.name]]
    refused = {}
    for priority in Priority:
        names = [caller.name for caller in others if caller.priority is priority]
        wanted = sum(tally.wanted[name] for name in names)
        if wanted:
            refused[priority.name] = sum(tally.refused[name] for name in names) / wanted
    got = [1.0 - tally.refused[caller.name] / tally.wanted[caller.name] for caller in others]
    return Figures(
        name=outcome.plan.name,
        calls=tally.calls,
        records_per_call=tally.writes / max(1, tally.write_calls),
        waited_seconds=tally.waited_seconds / max(1, tally.writes),
        peak=max(moment.used for moment in tally.moments) / org.maximum,
        refused=refused,
        jain=jain(got),
        runaway=tally.wanted[RUNAWAY] - tally.refused[RUNAWAY],
        beyond=max(tally.beyond.values(), default=0.0),
        short=max(tally.short.values(), default=0.0),
        refused_by_org=org.refused,
        round_trips_per_1000_calls=1000 * outcome.round_trips / max(1, tally.calls),
        moments=tally.moments,
    )
