"""How far a load is, on a terminal."""

import shutil
import sys
import time
from dataclasses import dataclass

from sluicegate import Accepted, Event, Progress

_BETWEEN_LOOKS_SECONDS = 0.2
_LONGEST_BAR = 30
_SHORTEST_BAR = 6
_MINUTE, _HOUR = 60, 3600


@dataclass(slots=True)
class Extent:
    """How far a load is."""

    data_bytes: int | None
    """Size of the data; None while nobody knows it."""
    rows_received: int = 0
    rows_processed: int = 0
    rows_failed: int = 0
    begun_at: float = 0.0
    """When the load was begun, or gone on with, in seconds."""
    rows_before: int = 0
    """Rows that were processed before that."""
    byte: int = 0
    """Where in the data the service is."""
    _first_byte: int = 0

    def take(self, event: Event, now: float) -> None:
        """Note an event.

        Args:
            event: What happened.
            now: The time in seconds.

        """
        if isinstance(event, Accepted):
            self._first_byte = self.byte = event.resume_byte
            if not self.begun_at:
                self.begun_at, self.rows_before = now, event.load.rows_processed
            self.rows_processed = event.load.rows_processed
        elif isinstance(event, Progress):
            self.byte = self._first_byte + event.bytes_received
            if self.data_bytes is not None:
                self.byte = min(self.data_bytes, self.byte)
            self.rows_received = event.rows_received
            self.rows_processed, self.rows_failed = event.load.rows_processed, event.load.rows_failed

    @property
    def is_read(self) -> bool:
        """Whether all data was received, so that its rows are known."""
        return self.data_bytes is not None and self.byte >= self.data_bytes

    @property
    def total_rows(self) -> int:
        """How many rows the data has, as far as it tells by now."""
        if self.is_read or not self.byte or self.data_bytes is None:
            return self.rows_received
        return round(self.rows_received * self.data_bytes / self.byte)

    def rate(self, now: float) -> float:
        """Return the rows that were processed a second."""
        return (self.rows_processed - self.rows_before) / max(now - self.begun_at, 1e-3)


def describe(name: str, extent: Extent, now: float, width: int) -> str:
    """Return a line that is at most so wide: a bar, the rows, how fast they go and how long they will take.

    Of data whose size is not known there is no bar, and no time that is left.
    """
    if extent.data_bytes is None:
        facts = [f"{name}: {extent.rows_processed:,} of {extent.rows_received:,} rows so far"]
        if rate := extent.rate(now):
            facts.append(f"{rate:,.0f} rows/s")
        facts.append(f"{extent.byte / 1e6:,.0f} MB sent")
        return _fitting(_with_failed(facts, extent), width)
    total = max(extent.total_rows, extent.rows_processed)
    share = extent.rows_processed / total if total else 0.0
    facts = [f"{100 * share:3.0f} %", f"{extent.rows_processed:,} of {'' if extent.is_read else '~'}{total:,} rows"]
    if not total:
        facts.pop()
    if rate := extent.rate(now):
        facts += [f"{rate:,.0f} rows/s", f"{_duration((total - extent.rows_processed) / rate)} left"]
    else:
        facts.append(f"{extent.byte / 1e6:,.0f} of {extent.data_bytes / 1e6:,.0f} MB sent")
    facts = _with_failed(facts, extent)
    text = ", ".join(facts)
    room = min(_LONGEST_BAR, width - len(text) - len(name) - 3)
    if room < _SHORTEST_BAR:
        # Of several loads one has to see which it is.
        whole = f"{name} {text.lstrip()}"
        return whole if len(whole) < width else _fitting(facts, width)
    filled = round(room * share)
    return f"{name} {'━' * filled}{'╌' * (room - filled)} {text}"


class Display:
    """Shows how far a load is on standard error if that is a terminal, and nothing otherwise.

    Args:
        name: What is loaded.
        extent: How far it is.

    """

    def __init__(self, name: str, extent: Extent) -> None:
        self._name = name
        self._extent = extent
        self._is_shown = sys.stderr.isatty()
        self._shown_at = 0.0

    def show(self) -> None:
        """Show it, if the last look is a while ago."""
        now = time.monotonic()
        if self._is_shown and now - self._shown_at >= _BETWEEN_LOOKS_SECONDS:
            self._shown_at = now
            width = shutil.get_terminal_size().columns
            sys.stderr.write(f"\r\x1b[K{describe(self._name, self._extent, now, width)}")
            sys.stderr.flush()

    def end(self) -> None:
        """Take it away."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _with_failed(facts: list[str], extent: Extent) -> list[str]:
    return [*facts, f"{extent.rows_failed:,} failed"] if extent.rows_failed else facts


def _fitting(facts: list[str], width: int) -> str:
    """Return as many facts as fit: half a number would be another one."""
    while len(facts) > 1 and len(", ".join(facts)) >= width:
        facts = facts[:-1]
    return ", ".join(facts)[: max(0, width - 1)]


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"
