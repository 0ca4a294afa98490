"""The org on paper: it counts every call of 24 hours exactly, whoever makes it, and refuses what is too many."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from service.governor.base import Observed, Sign, Usage

MINUTE = 60.0
DAY = 86_400.0
_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Latency:
    """How long calls take: log-normal, cut off below a second, the time records gather behind a slow call."""

    median_seconds: float = 0.25
    sigma: float = 0.4
    longest_seconds: float = 0.95

    def draw(self, dice: random.Random) -> float:
        """Return how long a call takes."""
        return min(self.longest_seconds, self.median_seconds * math.exp(dice.gauss(0.0, self.sigma)))


class Org:
    """Salesforce as far as its daily allocation goes. It is the truth that the ledgers of replicas are held to.

    Salesforce, "API Request Limits and Allocations": calls of a rolling 24 hours; here they leave by the minute.

    Args:
        maximum: Calls of 24 hours.

    """

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.used = 0
        """Calls of the last 24 hours."""
        self.calls = 0
        """Calls answered since the beginning, of all clients."""
        self.refused = 0
        """Calls that were too many."""
        self._minutes = [0] * _MINUTES
        self._minute = 0

    def fill(self, calls: int, profile: Callable[[float], float]) -> None:
        """Let the 24 hours before the beginning have had calls, spread like a day's profile."""
        minutes = [profile(minute * MINUTE) for minute in range(_MINUTES)]
        owed = 0.0
        for minute in range(1, _MINUTES):
            owed += calls * minutes[minute] / sum(minutes)
            self._minutes[minute] = int(owed)
            owed -= int(owed)
        self.used = sum(self._minutes)

    def call(self, now: float, calls: int = 1) -> bool:
        """Take calls; return False if they are too many."""
        self.roll(now)
        if self.used + calls > self.maximum:
            self.refused += calls
            return False
        self.used += calls
        self.calls += calls
        self._minutes[self._minute % _MINUTES] += calls
        return True

    def roll(self, now: float) -> None:
        """Forget the calls that are a day old."""
        while self._minute < now // MINUTE:
            self._minute += 1
            self.used -= self._minutes[self._minute % _MINUTES]
            self._minutes[self._minute % _MINUTES] = 0

    def usage(self) -> Usage:
        """Return what each answer tells; Salesforce REST API, "Sforce-Limit-Info"."""
        return Usage(self.used, self.maximum)


def observed(*, well: bool, seconds: float) -> Observed:
    """Return the end of a call as the transport tells it."""
    return Observed(Sign.WELL if well else Sign.USED_UP, seconds)
