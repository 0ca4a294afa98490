"""How far a reading is, in a line of the terminal that it leaves as it found it."""

import asyncio
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self, TextIO

_BETWEEN_LOOKS_SECONDS = 0.5
_LOOKS_OF_A_RATE = 20
"""A rate is that of the last ten seconds: what is left takes as long as it goes now."""
_SILENT_SECONDS = 5.0
"""From when on a pause is told."""
_ERASED = "\r\x1b[K"


def can_show(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal that can take back what it shows."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class Display:
    """Shows the line while it is entered, anew twice a second.

    Args:
        is_shown: Whether there is a terminal for it.
        most: The most rows that were asked for, over all runs; 0 for all.

    """

    def __init__(self, *, is_shown: bool, most: int) -> None:
        self._is_shown = is_shown
        self._pace = Pace(most, time.monotonic())
        self._is_visible = False
        self._looks: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._is_shown:
            self._looks = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the line away."""
        if self._looks is not None:
            self._looks.cancel()
            with suppress(asyncio.CancelledError):
                await self._looks
        self.clear()

    def came(self, place: int, total: int) -> None:
        """Note how far the rows are that came.

        Args:
            place: Rows of the result up to the last one.
            total: Rows of the whole result.

        """
        self._pace.came(place, total, time.monotonic())

    def clear(self) -> None:
        """Take the line away until the next look, so that others may write to the terminal."""
        if self._is_visible:
            self._write(_ERASED)
            self._is_visible = False

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_BETWEEN_LOOKS_SECONDS)
            width = os.get_terminal_size(sys.stderr.fileno()).columns
            # A line as wide as the terminal would go on in the next one, which nobody takes back.
            self._write(_ERASED + self._pace.line(time.monotonic(), width - 1))
            self._is_visible = True

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


class Pace:
    """How fast rows come, and when the last one will have.

    Args:
        most: The most rows that were asked for, over all runs; 0 for all.
        now: The time in seconds.

    """

    def __init__(self, most: int, now: float) -> None:
        self._most = most
        self._begun = now
        self._came_at = now
        self._place: int | None = None
        self._wanted = 0
        self._looks: deque[tuple[float, int]] = deque(maxlen=_LOOKS_OF_A_RATE)

    def came(self, place: int, total: int, now: float) -> None:
        """Note how far the rows are that came."""
        if self._place is None:
            self._looks.append((now, place))
        self._place = place
        self._wanted = min(total, self._most) if self._most else total
        self._came_at = now

    def line(self, now: float, width: int) -> str:
        """Say how far it is, in as many of the characters as make sense: what matters least is left out first."""
        parts = list(self._parts(now))
        while len(parts) > 1 and len(", ".join(parts)) > width:
            parts.pop()
        return ", ".join(parts)[: max(width, 0)]

    def _parts(self, now: float) -> Iterator[str]:
        place, wanted = self._place, self._wanted
        if place is None:
            yield f"waiting for the first row, {_clock(now - self._begun)}"
            return
        if 0 < place <= wanted:
            yield f"{place:,} of {wanted:,} rows"
            yield f"{100 * place // wanted} %"
        else:
            yield f"{place:,} rows"
        then, before = self._looks[0]
        self._looks.append((now, place))
        silent = now - self._came_at
        if silent >= _SILENT_SECONDS:
            yield f"nothing came for {_clock(silent)}"
        elif now > then and place > before:
            rate = (place - before) / (now - then)
            if place < wanted:
                yield f"{_clock((wanted - place) / rate)} left"
            yield f"{rate:,.0f} rows/s"


def _clock(seconds: float) -> str:
    """Write a duration as 0:07, 12:30 or 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
