"""Who wants what, and when: a thousand callers of three classes, their days, and one that runs away."""

import bisect
import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from service.context import CallContext, Priority
from tests.load.simulation.loop import SimulatedClock
from tests.load.simulation.org import DAY

HOUR = 3600.0
STEP_SECONDS = 600.0
"""A rate holds for so long; then it is another."""

Profile = Callable[[float], float]
"""What a caller wants at a moment relative to the mean of its day, by seconds since the first midnight."""

SHARES = ((Priority.INTERACTIVE, 0.2), (Priority.STANDARD, 0.5), (Priority.BATCH, 0.3))
"""How callers, and with them records, spread over the classes."""
_SPREAD = 1.0
"""Sigma of the log-normal sizes of callers: the largest of a thousand wants some fifteen times the mean."""
RUNAWAY = "runaway"


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller."""

    name: str
    priority: Priority
    writes_per_second: float
    """Records that may share calls with others', over a mean day."""
    reads_per_second: float
    """Calls that carry nothing but themselves."""
    replicas: tuple[int, ...]
    """To which replicas its connections go; each takes the same share."""
    profile: Profile


@dataclass(frozen=True, slots=True)
class Runaway:
    """A STANDARD caller whose loop reads record by record without an end."""

    reads_per_second: float
    since: float = 9 * HOUR
    until: float = 21 * HOUR
    connections: int = 10


@dataclass(frozen=True, slots=True)
class Demand:
    """What all callers want together."""

    callers: int = 1_000
    replicas: int = 100
    connections: int = 3
    """Replicas that each caller is connected to: a gRPC channel keeps to where it connected."""
    writes_per_day: float = 10_000_000
    reads_per_day: float = 300_000
    shares: tuple[tuple[Priority, float], ...] = SHARES
    is_diurnal: bool = True
    """Whether callers have days and sizes of their own; else all want the same all the time."""
    runaway: Runaway | None = None


def day_of(peak_hour: float, swing: float) -> Profile:
    """Return a day with one peak and one trough.

    Args:
        peak_hour: When most is wanted.
        swing: By how much more than the mean it is then.

    """
    return lambda seconds: 1.0 + swing * math.cos(2.0 * math.pi * (seconds / DAY - peak_hour / 24.0))


_PROFILES = {
    Priority.INTERACTIVE: day_of(14.0, 0.9),
    Priority.STANDARD: day_of(13.0, 0.6),
    Priority.BATCH: day_of(2.0, 0.9),
}


def callers_of(demand: Demand, dice: random.Random) -> list[Caller]:
    """Return the callers, of log-normal sizes, on replicas drawn by lot."""
    found: list[Caller] = []
    for priority, share in demand.shares:
        count = round(share * demand.callers)
        sizes = [math.exp(dice.gauss(0.0, _SPREAD)) if demand.is_diurnal else 1.0 for _ in range(count)]
        for size in sizes:
            part = share * size / sum(sizes) / DAY
            replicas = dice.sample(range(demand.replicas), min(demand.connections, demand.replicas))
            found.append(
                Caller(
                    f"caller-{len(found)}",
                    priority,
                    demand.writes_per_day * part,
                    demand.reads_per_day * part,
                    tuple(replicas),
                    _PROFILES[priority] if demand.is_diurnal else _always,
                )
            )
    if demand.runaway is not None:
        found.append(_runaway(demand.runaway, demand.replicas, dice))
    return found


def _runaway(wanted: Runaway, replicas: int, dice: random.Random) -> Caller:
    def profile(seconds: float) -> float:
        return 1.0 if wanted.since <= seconds % DAY < wanted.until else 0.0

    connections = tuple(dice.sample(range(replicas), min(wanted.connections, replicas)))
    return Caller(RUNAWAY, Priority.STANDARD, 0.0, wanted.reads_per_second, connections, profile)


def _always(_seconds: float) -> float:
    return 1.0


@dataclass(slots=True)
class Source:
    """What arrives at one replica, of one kind: a Poisson process whose rate changes by the step.

    Attributes:
        contexts: The calls of each caller, all alike.

    """

    contexts: Sequence[CallContext]
    rates: Sequence[float]
    """Each caller's mean rate per second at this replica."""
    profiles: Sequence[Profile]
    dice: random.Random
    _step: int = -1
    _rate: float = 0.0
    _weights: list[float] = field(default_factory=list)

    def rate(self, now: float) -> float:
        """Return the arrivals per second of all callers now."""
        step = int(now // STEP_SECONDS)
        if step != self._step:
            self._step = step
            middle = (step + 0.5) * STEP_SECONDS
            self._weights = list(
                itertools.accumulate(
                    rate * profile(middle) for rate, profile in zip(self.rates, self.profiles, strict=True)
                )
            )
            self._rate = self._weights[-1] if self._weights else 0.0
        return self._rate

    def pause(self) -> float:
        """Return how long it is until the next arrival at the present rate, which must be above 0."""
        return self.dice.expovariate(self._rate)

    def draw(self) -> CallContext:
        """Return whose arrival it is."""
        return self.contexts[
            bisect.bisect_right(self._weights, self.dice.random() * self._rate, hi=len(self._weights) - 1)
        ]


def sources_of(
    callers: Sequence[Caller], replica: int, clock: SimulatedClock, dice: random.Random
) -> tuple[Source, Source]:
    """Return the records to write and the reads that arrive at one replica."""
    here = [caller for caller in callers if replica in caller.replicas]

    def source(method: str, rate: Callable[[Caller], float]) -> Source:
        wanted = [caller for caller in here if rate(caller) > 0]
        return Source(
            [
                CallContext(method, caller.name, clock, caller=caller.name, priority=caller.priority)
                for caller in wanted
            ],
            [rate(caller) / len(caller.replicas) for caller in wanted],
            [caller.profile for caller in wanted],
            dice,
        )

    return (
        source("sluicegate.v1.RecordService/UpsertRecord", lambda caller: caller.writes_per_second),
        source("sluicegate.v1.RecordService/GetRecord", lambda caller: caller.reads_per_second),
    )
