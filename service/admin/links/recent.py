"""What was found out a moment ago, kept for as long as that counts, and never more than so much."""

from collections import OrderedDict
from typing import Generic, TypeVar

from service.clock import Clock

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A bounded memory.

    Args:
        clock: Tells the time.
        seconds: How long an entry counts after it was put in.
        most: Entries that are kept; the oldest goes first.

    """

    def __init__(self, clock: Clock, *, seconds: float, most: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """Return what was put in under a key; None if that is over, or never was."""
        until, value = self._entries.get(key, (0.0, None))
        if value is not None and self._clock.monotonic() < until:
            return value
        self._entries.pop(key, None)
        return None

    def put(self, key: K, value: V) -> None:
        """Keep something under a key."""
        self._entries.pop(key, None)
        self._entries[key] = (self._clock.monotonic() + self._seconds, value)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)
