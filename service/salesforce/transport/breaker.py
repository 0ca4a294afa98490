"""A circuit: an org that answers nothing but outages is left alone, and asked again by one call at a time."""

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from service.clock import Clock
from service.errors import UpstreamUnavailable
from service.governor.base import Sign
from service.telemetry import logs

_log = logs.get_logger(__name__)
_OUTAGES = frozenset({Sign.DOWN, Sign.TIMED_OUT})


@dataclass(frozen=True, slots=True)
class CircuitPolicy:
    """When a circuit opens, and for how long."""

    attempts: int = 20
    """The last attempts of which the share of outages is taken."""
    seconds: float = 60.0
    """Attempts that ended earlier count no more."""
    least: int = 5
    """The circuit opens for no fewer outages, so that one alone is nobody's loss."""
    share: float = 0.8
    """Nor for a smaller share of outages: below it, trying again gets most calls through."""
    first_pause_seconds: float = 0.5
    """How long nothing is sent at first; doubled by each probe that fails."""
    longest_pause_seconds: float = 4.0


class Circuit:
    """Knows whether a host is worth asking. It belongs to the event loop's thread.

    Closed, it lets everything pass and counts. Open, it refuses everything but a probe after each pause, and the first
    attempt begun since then that is answered closes it. A probe that hangs holds nobody back: the next one leaves after
    the same pause. What callers do wrong, and what becomes of rows, is an answer like any other.

    Args:
        clock: Tells the time.
        org: The org's configured name.
        host: What is behind the circuit, in words: `org`, or `login host of the org`.
        policy: When it opens, and for how long.
        jitter: Returns a number from 0 to 1.

    """

    def __init__(
        self,
        clock: Clock,
        *,
        org: str,
        host: str = "org",
        policy: CircuitPolicy | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._org = org
        self._host = host
        self._policy = policy or CircuitPolicy()
        self._jitter = jitter
        self._ended: deque[tuple[float, bool]] = deque(maxlen=self._policy.attempts)
        """When the last attempts ended, and whether in an outage."""
        self._answered_at = -math.inf
        self._unanswered = 0
        """Timeouts since something was answered."""
        self._opened_at: float | None = None
        self._pause_seconds = 0.0
        self._next_probe_at = 0.0

    @property
    def open_seconds(self) -> float | None:
        """How long it has been open; None while it is closed."""
        return None if self._opened_at is None else self._clock.monotonic() - self._opened_at

    def begin(self) -> bool:
        """Let an attempt begin; return whether it is a probe, which leaves after each pause of an open circuit.

        Raises:
            UpstreamUnavailable: The circuit is open; `retry_after_seconds` says when the next probe may leave.

        """
        if self._opened_at is None:
            return False
        now = self._clock.monotonic()
        if now < self._next_probe_at:
            raise self._refusal(now)
        self._next_probe_at = now + self._pause_seconds
        return True

    def check(self) -> None:
        """Refuse an attempt that is no probe and was begun before the circuit opened, but not sent yet.

        Raises:
            UpstreamUnavailable: The circuit is open.

        """
        if self._opened_at is not None:
            raise self._refusal(self._clock.monotonic())

    def end(self, sign: Sign, seconds: float) -> None:
        """Take note of how an attempt ended.

        A timeout is an outage only if nothing else was answered while it was waited for: a slow resource, or callers
        with little time, must not close the org to everyone. A few of those are enough, as each tells of long silence.

        Args:
            sign: What its end tells.
            seconds: How long it was open.

        """
        now = self._clock.monotonic()
        started_at = now - seconds
        if sign not in _OUTAGES:
            self._answered_at = now
            self._unanswered = 0
            if self._opened_at is None:
                self._ended.append((now, False))
            elif started_at > self._opened_at:
                self._close(now)
        elif self._opened_at is not None:
            if started_at > self._opened_at:
                self._pause(2 * self._pause_seconds, now)
        elif sign is Sign.DOWN or self._answered_at < started_at:
            self._ended.append((now, True))
            self._unanswered += sign is Sign.TIMED_OUT
            if self._is_out_of_order(now):
                self._open(now)

    def _is_out_of_order(self, now: float) -> bool:
        policy = self._policy
        if self._unanswered >= policy.least:
            return True
        recent = [is_outage for at, is_outage in self._ended if at > now - policy.seconds]
        outages = sum(recent)
        return outages >= policy.least and outages >= policy.share * len(recent)

    def _open(self, now: float) -> None:
        self._opened_at = now
        self._pause(self._policy.first_pause_seconds, now)
        _log.warning("circuit opened: nothing is sent until a probe is answered", org=self._org, host=self._host)

    def _pause(self, seconds: float, now: float) -> None:
        self._pause_seconds = min(self._policy.longest_pause_seconds, seconds)
        self._next_probe_at = max(self._next_probe_at, now + self._pause_seconds)

    def _close(self, now: float) -> None:
        assert self._opened_at is not None, "only an open circuit is closed"
        _log.warning(
            "circuit closed: the probe was answered",
            org=self._org,
            host=self._host,
            seconds=round(now - self._opened_at, 3),
        )
        self._opened_at = None
        self._ended.clear()

    def _refusal(self, now: float) -> UpstreamUnavailable:
        # Callers that are refused together need not come back together.
        wait = max(0.0, self._next_probe_at - now) + self._jitter() * self._pause_seconds
        return UpstreamUnavailable(
            f"the {self._host} {self._org!r} is out of order; nothing was sent, and it is tried again within seconds",
            metadata={"org": self._org},
            retry_after_seconds=wait,
        )
