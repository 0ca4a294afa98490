"""How often something that goes on happening is told: once at its beginning, and then now and again."""


class Intervals:
    """Tells whether it is time to say again what was said before.

    Args:
        seconds: How long each subject stays quiet after it was told of.

    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._quiet_until: dict[str, float] = {}

    def begins(self, subject: str, now: float) -> bool:
        """Return whether to tell of a subject now.

        Args:
            subject: One of few: each is remembered.
            now: Seconds of a clock that never goes back.

        """
        if now < self._quiet_until.get(subject, now):
            return False
        self._quiet_until[subject] = now + self._seconds
        return True
