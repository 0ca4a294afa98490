"""When a stream that was lost is asked for anew."""

import asyncio
import random

from sluicegate.errors import SluicegateError

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_OF_CONNECTIONS = frozenset({"INTERNAL", "UNKNOWN"})
"""What gRPC itself makes of a connection that broke in the middle of a message, beside UNAVAILABLE."""


class Reconnecting:
    """Tells how long to wait before a stream goes on, for as long as losses follow each other.

    Args:
        seconds: How long after a loss without an answer the stream is given up.

    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lost_since: float | None = None
        self._attempts = 0
        self.has_answer = False
        """Whether anything came at all."""
        self.is_repeatable = False
        """Whether a stream that was lost before anything came may begin anew: it reached the service, which had then
        nothing to say yet, and to ask again is harmless."""

    def answered(self) -> None:
        """Note that something came: what is lost after it is another loss."""
        self.has_answer = True
        self._lost_since = None
        self._attempts = 0

    def pause_after(self, error: SluicegateError) -> float | None:
        """Return how many seconds to wait; None if the failure stands.

        A pause that the service asks for is kept. Others are random, so that the callers of a lost replica do not come
        back together.
        """
        is_lost = error.code == "UNAVAILABLE" or (error.code in _OF_CONNECTIONS and not error.reason)
        # A load that the replica has no room for any more goes on when it has, or on another one.
        is_lost = is_lost or error.reason == "QUEUE_FULL"
        # Of a refusal the service itself knows whether it passes; gRPC has repeated it where that helps.
        may_repeat = self.has_answer or (self.is_repeatable and not error.reason)
        if not is_lost or not may_repeat:
            return None
        now = asyncio.get_running_loop().time()
        if self._lost_since is None:
            self._lost_since = now
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**self._attempts)
        self._attempts += 1
        pause = random.uniform(0, longest)  # noqa: S311 - spreads callers, hides nothing
        if error.retry_after_seconds is not None:
            pause = error.retry_after_seconds
        return pause if now + pause < self._lost_since + self._seconds else None
