"""Outcomes in this replica's memory: bounded in number and bytes, the least recently used go first."""

from collections import OrderedDict
from dataclasses import dataclass, field

from service.clock import Clock

_OVERHEAD_BYTES = 512
"""What an entry takes beside its content: the key, the digest and Python's objects around them."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The outcome of a request."""

    digest: bytes
    """Of the request's body."""
    content: bytes = field(repr=False)
    """The outcome, encoded."""
    expires: float
    """In the clock's monotonic seconds."""

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return len(self.content) + _OVERHEAD_BYTES


class Memory:
    """Remembers outcomes until they expire or room is needed. It never waits.

    Args:
        clock: Tells the time.
        most_entries: Most outcomes.
        most_bytes: Most bytes of them all.

    """

    def __init__(self, clock: Clock, *, most_entries: int = 100_000, most_bytes: int = 67_108_864) -> None:
        self._clock = clock
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._entries: OrderedDict[str, Remembered] = OrderedDict()
        self._bytes = 0

    @property
    def entries(self) -> int:
        """Outcomes held, those among them that have expired and were not asked for since."""
        return len(self._entries)

    @property
    def size(self) -> int:
        """Bytes that they take, about."""
        return self._bytes

    def get(self, key: str) -> Remembered | None:
        """Return the outcome of a key; None if there is none, or no longer."""
        found = self._entries.get(key)
        if found is not None and found.expires <= self._clock.monotonic():
            self._drop(key)
            return None
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: str, digest: bytes, content: bytes, *, seconds: float) -> None:
        """Remember an outcome.

        Args:
            key: The request.
            digest: Of the request's body.
            content: The outcome, encoded.
            seconds: For how long.

        """
        self._drop(key)
        entry = Remembered(digest, content, self._clock.monotonic() + seconds)
        self._entries[key] = entry
        self._bytes += entry.size
        while len(self._entries) > self._most_entries or self._bytes > self._most_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size
