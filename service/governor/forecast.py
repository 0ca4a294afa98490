"""What the next 24 hours of an org's allocation look like."""

import itertools
from dataclasses import dataclass

from service.governor.window import WINDOW_SECONDS, RollingCount

STEP_SECONDS = 600.0
STEPS = int(WINDOW_SECONDS / STEP_SECONDS) + 1
"""Steps after which all that counts now has left the window."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the next 24 hours look like as far as the rates of now and of the last day tell."""

    limit: str
    """Which limit it is about: the org's `DailyApiRequests`, or `daily_calls`, the service's own where it is nearer."""
    used: float
    """Calls of the last 24 hours that count towards it."""
    maximum: int | None
    """Most of them; None while Salesforce has told nothing and nothing is configured."""
    own_calls: float
    """Calls of the last 24 hours that this service made."""
    own_per_second: float
    """Calls that this service makes now."""
    others_per_second: float
    """Calls that the org's other clients make now, as far as they count."""
    lasting_per_second: float
    """Calls of all of them at the rate that may last: what the service makes in a burst of minutes counts little."""
    gone: tuple[float, ...]
    """How many of the calls that count now will have left the window after each further ten minutes."""

    def reached_in(self, level: float) -> float | None:
        """Return in how many seconds so many calls will be used at the present rates; None if not within a day."""
        return self._first(level, self.own_per_second + self.others_per_second, rising=True)

    def freed_in(self, level: float, per_second: float | None = None) -> float | None:
        """Return in how many seconds no more than so many calls will be used; None if not within a day.

        Args:
            level: The calls.
            per_second: The rate at which calls go on; that of the org's other clients if None.

        """
        return self._first(level, self.others_per_second if per_second is None else per_second, rising=False)

    def peak(self) -> float:
        """Return the most calls that will count at a time within the next 24 hours, at the rate that may last."""
        step = self.lasting_per_second * STEP_SECONDS
        added, most = 0.0, 0.0
        for gone in self.gone:
            added += step
            # Quicker than `max`, in a loop that each second of an org and of its callers runs through.
            if added - gone > most:  # noqa: PLR1730
                most = added - gone
        return self.used + most

    def _first(self, level: float, per_second: float, *, rising: bool) -> float | None:
        """Return when the calls that count cross a level, on a straight line between steps."""
        sign = 1.0 if rising else -1.0
        missing = sign * (level - self.used)
        if missing <= 0:
            return 0.0
        step = per_second * STEP_SECONDS
        for number, gone in enumerate(self.gone, 1):
            still = sign * (level - (self.used - gone + step * number))
            if still <= 0:
                return (number - 1 + missing / (missing - still)) * STEP_SECONDS
            missing = still
        return None


def gone_after(now: float, *counts: RollingCount) -> tuple[float, ...]:
    """Return how many of the calls that count now will have left the window after each further step."""
    leaving = [0.0] * (STEPS + 2)
    for count in counts:
        count.add_leaving(leaving, STEP_SECONDS, now)
    return tuple(itertools.accumulate(leaving[1 : STEPS + 1]))
