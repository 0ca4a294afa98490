"""What the log tells of refusals: that calls of someone are refused, and why, but not each of them."""

from service.errors import Exhausted
from service.telemetry import logs

_log = logs.get_logger(__name__)
_QUIET_SECONDS = 60.0
"""Between two lines about the same limit of the same class or caller."""
_MOST_SUBJECTS = 1_000
_FACTS = ("org", "limit", "class", "caller", "used", "maximum", "in_flight", "concurrency_limit", "waiting")
"""Metadata of a refusal that a line repeats: none of it comes from a request's data."""


class Notices:
    """Writes a line for the first of many equal refusals, and one a minute while they go on.

    Args:
        shadow: Whether calls are only counted that would be refused.

    """

    def __init__(self, *, shadow: bool) -> None:
        self._event = "calls would be refused, if it were not for shadow mode" if shadow else "calls are refused"
        self._quiet_until: dict[tuple[str, str, str, str], float] = {}

    def refused(self, refusal: Exhausted, now: float) -> None:
        """Take note of a refusal.

        Args:
            refusal: Why, and whose limit it was.
            now: Seconds of a clock that never goes back.

        """
        facts = refusal.metadata
        subject = (refusal.reason, facts.get("limit", ""), facts.get("class", ""), facts.get("caller", ""))
        if now < self._quiet_until.get(subject, now):
            return
        if len(self._quiet_until) >= _MOST_SUBJECTS:
            self._quiet_until.clear()
        self._quiet_until[subject] = now + _QUIET_SECONDS
        told = {name: facts[name] for name in _FACTS if name in facts}
        _log.warning(
            self._event,
            reason=refusal.reason,
            message=refusal.message,
            retry_after_seconds=round(refusal.retry_after_seconds or 0.0, 3),
            **told,
        )
