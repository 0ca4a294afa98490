"""How long the org takes for requests of each kind while it is well, learned of its answers."""

import math
from dataclasses import dataclass

from service.salesforce.transport.base import Request

_LONG_SECONDS = 1.0
"""Silence of this length tells of the org whatever it is used to."""
_SHORTEST_SECONDS = 0.1
"""Shorter silence tells nothing: a busy process or a pause of the network takes as long."""
_TIMES = 4.0
"""So many times as long as the shortest answer is long."""
_WINDOW_SECONDS = 300.0
"""The shortest answer is that of the last five to ten minutes. A mean would rise with the answers of an org that has
too many requests open, until all of them looked as they always do."""


@dataclass(slots=True)
class _Shortest:
    """The shortest answers of this window and the one before, in seconds."""

    since: float
    now: float = math.inf
    before: float = math.inf


class Durations:
    """Tells silence that an org's health explains from that of a caller who gave it little time."""

    def __init__(self) -> None:
        self._shortest: dict[tuple[str, str], _Shortest] = {}
        """By method and template, of which there are as many as resources that the service asks for."""

    def answered(self, request: Request, seconds: float, now: float) -> None:
        """Take note of an answer of an org that is well.

        Args:
            request: What was asked.
            seconds: How long the answer took.
            now: Seconds of a clock that never goes back.

        """
        key = (request.method, request.template)
        shortest = self._shortest.get(key)
        if shortest is None:
            shortest = self._shortest[key] = _Shortest(now)
        if now >= shortest.since + _WINDOW_SECONDS:
            shortest.before, shortest.now, shortest.since = shortest.now, math.inf, now
        shortest.now = min(shortest.now, seconds)

    def is_long(self, request: Request, seconds: float) -> bool:
        """Tell whether an org that is well would have answered by now.

        Args:
            request: What was asked.
            seconds: How long there was no answer.

        """
        shortest = self._shortest.get((request.method, request.template))
        usual = math.inf if shortest is None else min(shortest.now, shortest.before)
        return seconds >= min(_LONG_SECONDS, max(_SHORTEST_SECONDS, _TIMES * usual))
