"""What retries may cost: one budget for all calls of an org, so that an outage is not answered with more calls."""

from enum import IntEnum

TOKENS = 500
"""A full budget. AWS SDKs and Tools Reference Guide, "Retry behavior", has these numbers."""


class RetryCost(IntEnum):
    """What one retry costs."""

    TRANSIENT = 14
    """After an outage or a lost connection."""
    THROTTLED = 5
    """After a refusal for load or a row lock, which comes with pauses of seconds."""


class RetryBudget:
    """A bucket of tokens: retries take from it, success gives back.

    A retry that succeeds gives back what it took; a first attempt that succeeds gives one token. In an outage nothing
    gives back, so all calls together make about 35 retries and then none. It belongs to the event loop's thread.

    Args:
        tokens: What a full bucket holds; it begins full.

    """

    __slots__ = ("_most", "_tokens", "refused")

    def __init__(self, tokens: float = TOKENS) -> None:
        self._most = tokens
        self._tokens = tokens
        self.refused = 0
        """Retries that were not made because too little was left."""

    @property
    def tokens(self) -> float:
        """What is left."""
        return self._tokens

    def take(self, cost: RetryCost) -> bool:
        """Pay for a retry; return False, and take nothing, if too little is left."""
        if cost > self._tokens:
            self.refused += 1
            return False
        self._tokens -= cost
        return True

    def succeeded(self, paid: RetryCost | None) -> None:
        """Take note of an attempt that succeeded.

        Args:
            paid: What it cost as a retry; None for a first attempt.

        """
        self._tokens = min(self._most, self._tokens + (1 if paid is None else paid))
