"""Room on the disk, which all loads of a process share: taken as their data comes in, given back when parts are over.

A part is counted from its first byte on as its rows and as what comes back of them, so that a part whose rows have
come needs nothing more, as a rule, and can end. So that one can always come to that point, the room of one part is kept
for one load at a time, in the order in which they wait. Nobody waits for ever: a load that gets no room in ten minutes
is refused, and so is one whose caller owes a commit, or data, for as long while others wait. No caller has more loads
than are left to others, and one that has none may stand in line even where there is no room at all: so nobody who
hoards room shuts others out.

What a splitter has read and not cut, at most a few hundred kilobytes, may become several parts at a time if those are
as small; then the limit is passed by as much.
"""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass

from service.bulk.cutting.parts import MAX_PART_BYTES, MAX_PART_ROWS
from service.bulk.data.spool import SpoolFiles
from service.errors import QueueFull

ROW_BYTES = 64
"""What results add to a row: its id, and quotes. Reasons are as a rule fewer than rows."""
DEFAULT_BYTES = 1_400_000_000
LOAD_BYTES = 1_048_576
"""What a load takes before it has any rows; it bounds how many there are."""
WAIT_SECONDS = 600.0
"""How long anyone waits for room."""
RETRY_SECONDS = 60.0
MOST_NEWCOMERS = 16
"""Loads that are let in without any room, each the only one of its caller."""
MOST_AHEAD_BYTES = 134_217_728
"""What all loads that wait for room may have read ahead, in memory."""
MOST_HELD_BYTES = 268_435_456
"""What all loads that are written by calls may have in memory of their rows."""


def weight(size: int, rows: int) -> int:
    """Return what so many bytes of so many rows are counted as: themselves, and what comes back of them."""
    return 2 * size + ROW_BYTES * rows


RESERVE_BYTES = weight(MAX_PART_BYTES, MAX_PART_ROWS)
"""What the largest part takes."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A load that waits."""

    load: "LoadRoom"
    size: int
    granted: asyncio.Future[None]


class DiskRoom:
    """The room of a process. All methods belong to the event loop's thread.

    Args:
        limit_bytes: How much of it there is.
        reserve_bytes: How much of that is kept for one load at a time.

    """

    def __init__(self, limit_bytes: int = DEFAULT_BYTES, reserve_bytes: int = RESERVE_BYTES) -> None:
        self._limit = limit_bytes
        self.files = SpoolFiles()
        """The files of parts, of all loads: what waits for its next use is not counted, see `SPARE_BYTES`."""
        self._common = limit_bytes - reserve_bytes
        self._line: deque[_Waiting] = deque()
        """Not a semaphore's: whoever the last room is kept for stands before those who came earlier."""
        self._favoured: LoadRoom | None = None
        self._loads: Counter[str] = Counter()
        """How many loads each caller has open."""
        self._newcomers = 0
        self.ahead = 0
        """Bytes that loads which wait for room have read ahead."""
        self.held = 0
        """Bytes of memory that the rows of loads take which are written by calls."""
        self.taken = 0
        """Bytes."""

    @property
    def limit(self) -> int:
        """How many bytes there are."""
        return self._limit

    @property
    def waiting(self) -> int:
        """How many loads wait."""
        return len(self._line)

    def open(self, largest: int = RESERVE_BYTES, caller: str = "") -> "LoadRoom":
        """Return the room of a new load.

        Args:
            largest: Weight of its largest part.
            caller: Whose it is.

        Raises:
            QueueFull: Others wait already, or there are too many loads; the caller has a load, or too many others have
                none but one that waits.

        """
        own = self._loads[caller] + 1
        size = LOAD_BYTES
        if self._line or self.taken + own * size > self._common:
            if own > 1 or not self.taken or self._newcomers >= MOST_NEWCOMERS:
                raise self.refusal("takes no further load")
            self._newcomers += 1
            size = 0
        self.taken += size
        self._loads[caller] = own
        return LoadRoom(self, largest, size, caller)

    def leave(self, caller: str, size: int) -> None:
        """Count a load of a caller no more, which was let in with room of a size."""
        self._newcomers -= not size
        self._loads[caller] -= 1
        if not self._loads[caller]:
            del self._loads[caller]

    def take_now(self, load: "LoadRoom", size: int) -> bool:
        """Take room if there is some and nobody waits for it."""
        if self._line or not self._fits(load, size):
            return False
        self._grant(load, size)
        return True

    async def take(self, load: "LoadRoom", size: int) -> None:
        """Wait for room, and take it; a cancelled wait takes none.

        Raises:
            QueueFull: There was none for ten minutes.

        """
        waiting = _Waiting(load, size, asyncio.get_running_loop().create_future())
        self._line.append(waiting)
        self._serve()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await waiting.granted
        except TimeoutError:
            self._leave(waiting)
            raise self.refusal("had no room on its disk for ten minutes") from None
        except asyncio.CancelledError:
            self._leave(waiting)
            raise

    def grow(self, size: int) -> None:
        """Take room for what is larger than was expected, without waiting: who needs it gives all its own back soon.

        Raises:
            QueueFull: There is none.

        """
        if self.taken + size > self._limit:
            raise self.refusal("has no room on its disk for results")
        self.taken += size

    def give(self, size: int) -> None:
        """Give room back, which who waits then has."""
        self.taken -= size
        self._serve()

    def pass_favour(self, load: "LoadRoom") -> None:
        """Let another load have what is kept, once it is free again: this one has brought a part to its cut."""
        if self._favoured is load:
            self._favoured = None
            self._serve()

    def refusal(self, problem: str) -> QueueFull:
        """Return why a load cannot go on."""
        return QueueFull(
            f"this replica {problem}; begin the load in a minute, or go on with it by its last token",
            metadata={"waiting_bytes": str(self.taken), "maximum_bytes": str(self._limit)},
            retry_after_seconds=RETRY_SECONDS,
        )

    def _fits(self, load: "LoadRoom", size: int) -> bool:
        if self.taken + size <= self._common:
            return True
        may_be_favoured = self._favoured is load or (self._favoured is None and self.taken <= self._common)
        return may_be_favoured and self.taken + size <= self._limit

    def _grant(self, load: "LoadRoom", size: int) -> None:
        self.taken += size
        if self.taken > self._common and self._favoured is None:
            self._favoured = load
        load.growing += size

    def _serve(self) -> None:
        """Let those have their room whose turn it is: first the one that the last of it is kept for."""
        while self._line:
            favoured = (waiting for waiting in self._line if waiting.load is self._favoured)
            waiting = next(favoured, self._line[0])
            if not self._fits(waiting.load, waiting.size):
                return
            self._line.remove(waiting)
            # Who was cancelled just now has not run since, and leaves the line only then.
            if not waiting.granted.done():
                self._grant(waiting.load, waiting.size)
                waiting.granted.set_result(None)

    def _leave(self, waiting: _Waiting) -> None:
        if waiting in self._line:
            self._line.remove(waiting)
            self._serve()


class LoadRoom:
    """The room of one load.

    Args:
        disk: What it is part of.
        largest: Weight of its largest part.
        size: Bytes that it was let in with.
        caller: Whose it is.

    """

    def __init__(self, disk: DiskRoom, largest: int, size: int, caller: str) -> None:
        self._disk = disk
        self._largest = largest
        self._size = size
        self._caller = caller
        self._ahead = 0
        self._held = 0
        self.growing = 0
        """Bytes taken for the part whose rows come in."""
        self._parts: set[PartRoom] = set()
        self._is_open = True

    @property
    def is_short(self) -> bool:
        """Whether any load waits for room."""
        return self._disk.waiting > 0

    def take_now(self, size: int) -> bool:
        """Take room for rows of a weight if there is some and nobody waits for it."""
        return not (needed := self._needed(size)) or self._disk.take_now(self, needed)

    async def take(self, size: int) -> None:
        """Wait for room for rows of a weight, and take it.

        Raises:
            QueueFull: There was none for ten minutes.

        """
        await self._disk.take(self, self._needed(size))

    def cut(self, size: int, rows: int) -> "PartRoom":
        """Turn what was taken for the rows that came in into the room of a part of so many bytes and rows."""
        part = PartRoom(self._disk, weight(size, rows), self._parts)
        # What came of the next part by now, two of the largest messages at most, is not counted.
        self._disk.taken += part.held
        self._disk.give(self.growing)
        self.growing = 0
        part.charge(size)
        self._disk.pass_favour(self)
        return part

    def close(self) -> None:
        """Give everything back. May be called twice."""
        for part in tuple(self._parts):
            part.close()
        if self._is_open:
            self._is_open = False
            self.read_ahead(0)
            self.hold(0)
            self._disk.leave(self._caller, self._size)
            self._disk.pass_favour(self)
            self._disk.give(self._size + self.growing)

    @property
    def may_read_ahead(self) -> bool:
        """Whether there is memory for what the load reads while it waits."""
        return self._disk.ahead < MOST_AHEAD_BYTES

    def read_ahead(self, size: int) -> None:
        """Take note of how many bytes the load has read ahead."""
        self._disk.ahead += size - self._ahead
        self._ahead = size

    def hold(self, size: int) -> bool:
        """Take memory for rows that are written by calls, in place of what the load had, until it is closed.

        Returns:
            Whether there was so much; if not, the load has what it had.

        """
        more = size - self._held
        if more > 0 and self._disk.held + more > MOST_HELD_BYTES:
            return False
        self._disk.held += more
        self._held = size
        return True

    def _needed(self, size: int) -> int:
        return max(0, min(size, self._largest - self.growing))


class PartRoom:
    """The room of one part.

    Args:
        disk: What it is part of.
        held: Bytes that were taken for it.
        others: The parts of its load, of which it is one until it is closed.

    """

    def __init__(self, disk: DiskRoom, held: int, others: "set[PartRoom]") -> None:
        self._disk = disk
        self._used = 0
        self._others = others
        self.held = held
        others.add(self)

    def charge(self, size: int) -> None:
        """Take note of bytes that are written; fewer than none if they are gone again.

        Raises:
            QueueFull: They are more than was expected, and there is no room for them.

        """
        used = self._used + size
        if used > self.held:
            self._disk.grow(used - self.held)
            self.held = used
        self._used = used

    def close(self) -> None:
        """Give everything back. May be called twice."""
        held, self.held = self.held, 0
        self._others.discard(self)
        self._disk.give(held)
