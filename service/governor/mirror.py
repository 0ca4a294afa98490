"""What one replica was told of the calls of all, and what is new in what it is told now."""

from dataclasses import dataclass
from typing import Protocol

from service.governor.exchange import Counts
from service.governor.lease import Lease
from service.governor.window import WINDOW_SECONDS

_MINUTE_SECONDS = 60.0
_KEPT = int(WINDOW_SECONDS / _MINUTE_SECONDS)
_RECENT = 1
"""Calls of this minute and so many before are told as they are made; those before were told late."""


class Purse(Protocol):
    """One bound that replicas share. All times are seconds of the same clock, which never goes back."""

    lease: Lease

    def next_left(self, now: float) -> float:
        """Return how many calls are left until the bound, or the nearest of its parts."""
        ...

    def absorb(self, calls: float, since: float, now: float) -> None:
        """Count calls that other replicas made since a moment."""
        ...

    def recall(self, calls: float, then: float, now: float) -> None:
        """Count calls that other replicas made long ago."""
        ...


@dataclass(frozen=True, slots=True)
class News:
    """Calls of other replicas that were not known."""

    recent: float
    """Those of the last minute or two."""
    past: tuple[tuple[float, float], ...]
    """How many seconds ago others were made, and how many."""


class Mirror:
    """The counts of one purse as this replica was told them last."""

    def __init__(self) -> None:
        self.counts: dict[int, float] = {}
        self._swept = 0

    def update(self, told: Counts, own: float, minute: int) -> News:
        """Take note of counts and return what is new in them.

        Args:
            told: Counts of all replicas by minute.
            own: Calls among them that this replica told just now.
            minute: The store's present minute.

        """
        recent = -own
        past = []
        for each in sorted(told):
            new = told[each] - self.counts.get(each, 0.0)
            if new <= 0:
                continue
            self.counts[each] = told[each]
            if each >= minute - _RECENT:
                recent += new
            else:
                past.append([(minute - each) * _MINUTE_SECONDS, new])
        # Own calls may stand at an earlier minute, if they were told before without an answer.
        for entry in reversed(past):
            if recent >= 0:
                break
            taken = min(-recent, entry[1])
            recent += taken
            entry[1] -= taken
        if minute != self._swept:
            self._swept = minute
            self.counts = {each: count for each, count in self.counts.items() if each > minute - _KEPT}
        return News(max(0.0, recent), tuple((seconds, calls) for seconds, calls in past if calls > 0))
