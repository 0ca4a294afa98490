"""Waiting: between polls, and through what passes by itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from service import errors
from service.clock import Clock

FIRST_POLL_SECONDS = 0.2
LAST_POLL_SECONDS = 5.0
POLL_GROWTH = 1.5
OUTAGE_SECONDS = 600.0
"""How long an outage is waited out where nothing waits in Salesforce."""

PASSING = (errors.UpstreamUnavailable, errors.ConcurrencyLimitExceeded, errors.OutcomeUnknown)
"""What passes by itself."""

_Answer = TypeVar("_Answer")


@dataclass(slots=True)
class Delays:
    """Waits that grow from 0.2 to 5 seconds."""

    seconds: float = field(default_factory=lambda: FIRST_POLL_SECONDS)

    def next(self, error: errors.SluicegateError | None = None) -> float:
        """Return the next wait in seconds, longer where an error asks for it."""
        delay = self.seconds
        self.seconds = min(delay * POLL_GROWTH, LAST_POLL_SECONDS)
        return max(delay, (error.retry_after_seconds or 0.0) if error else 0.0)


async def persist(
    ask: Callable[[], Awaitable[_Answer]], clock: Clock, *, seconds: float | None = OUTAGE_SECONDS
) -> _Answer:
    """Ask until there is an answer.

    Args:
        ask: Asks once; it must do no harm to ask again.
        clock: Time.
        seconds: How long an outage may last; None for any time.

    Raises:
        errors.SluicegateError: Salesforce refused, or the outage lasted.

    """
    delays = Delays()
    end = None if seconds is None else clock.monotonic() + seconds
    while True:
        try:
            return await ask()
        except PASSING as error:
            delay = delays.next(error)
            if end is not None and clock.monotonic() + delay > end:
                raise
            await clock.sleep(delay)
