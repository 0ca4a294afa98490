"""A caller's messages as a load takes them: data waits for room on the disk, and commits overtake data that waits.

Parts that wait for their commits hold room, and their commits may stand behind data that waits for some. So what comes
is read ahead of, as far as memory allows, and what has parts written is passed on first. It is read once the caller
owes a commit and no sooner: what is read before holds none, and would leave no memory for what stands before them.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator

from service import errors
from service.bulk.data.batches import CellKind, RowColumns
from service.bulk.desk import Desk
from service.bulk.request import Commit
from service.bulk.room import WAIT_SECONDS, weight
from service.bulk.taking.messages import DataEnd, Message, PartCommit

AHEAD_BYTES = 16_777_216
"""How much is read ahead: more than a connection holds of a caller that sends commits as soon as it can, which are the
window that `service.rpc.server` gives it, twice, and some messages."""
_CELL_BYTES = 12
"""About what a number or a date takes."""


class Incoming:
    """The messages of one load.

    Args:
        desk: The load's.
        source: What the caller says.

    """

    def __init__(self, desk: Desk, source: AsyncIterator[Message]) -> None:
        self._desk = desk
        self._source = source
        self._held: deque[tuple[Message | None, int]] = deque()
        """What was read ahead, and about how many bytes of memory each message takes."""
        self._held_bytes = 0
        self._reading: asyncio.Task[Message | None] | None = None
        self._silence: asyncio.TimerHandle
        """Looks at how long the caller has said nothing, while it is listened to."""
        self._has_ended = False
        """Whether the data has come to its end, after which commits follow or nothing."""

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Yield the messages; commits may come before data that was sent before them.

        Raises:
            service.errors.QueueFull: There was no room for ten minutes.
            service.errors.DeadlineExceeded: The caller has said nothing for as long, and others wait for room.

        """
        try:
            while True:
                message, size = await self._next()
                if message is None:
                    return
                if size and not self._desk.room.take_now(size):
                    async for commit in self._overtaking(size):
                        yield commit
                yield message
        finally:
            if self._reading is not None:
                self._reading.cancel()
                await asyncio.wait([self._reading])

    async def _next(self) -> tuple[Message | None, int]:
        """Return the next message with its weight; None at the end."""
        if self._held:
            message, size = self._held.popleft()
            self._hold(-size)
            return message, _weight(message)
        reading, self._reading = self._reading, None
        patience = asyncio.timeout(None)
        try:
            async with patience:
                self._listen(patience)
                message = await (self._read() if reading is None else reading)
                return message, _weight(message)
        except TimeoutError:
            if not patience.expired():
                raise
            raise errors.DeadlineExceeded(
                f"no data came for {WAIT_SECONDS:.0f} seconds, and other loads need the room of what came before; go "
                "on with the load by its last token"
            ) from None
        finally:
            self._silence.cancel()

    def _listen(self, patience: asyncio.Timeout) -> None:
        """End a silence of the caller's after which others still wait for the room of what it sent.

        What Salesforce works on keeps its room, and a caller may wait for that.
        """

        def look() -> None:
            desk = self._desk
            is_at_work = any(desk.ledger.unfinished) and not desk.room.growing
            if desk.room.is_short and not self._has_ended and not is_at_work:
                patience.reschedule(loop.time())
            else:
                self._listen(patience)

        loop = asyncio.get_running_loop()
        self._silence = loop.call_later(WAIT_SECONDS, look)

    def _hold(self, size: int) -> None:
        """Take note of a message that was read ahead, or with less than nothing of one that is passed on."""
        self._held_bytes += size
        self._desk.room.read_ahead(self._held_bytes)

    async def _overtaking(self, size: int) -> AsyncIterator[PartCommit]:
        """Wait for room, and yield the commits that come meanwhile."""
        desk = self._desk
        if desk.request.commit is not Commit.AT_END or desk.ledger.parts:
            await desk.tell_progress(
                "room on this replica's disk, which other loads or parts without their commits hold"
            )
        room = asyncio.ensure_future(desk.room.take(size))
        owing = asyncio.ensure_future(desk.owed.wait())
        try:
            while not room.done():
                reading = self._read_ahead()
                if owing.done() and not desk.owed:
                    owing = asyncio.ensure_future(desk.owed.wait())
                # Once commits are owed, there is more to do only if something may be read.
                others = {reading} if reading else {owing} if not owing.done() else set()
                await asyncio.wait({room, *others}, return_when=asyncio.FIRST_COMPLETED)
                if reading is not None and reading.done():
                    self._reading = None
                    message = reading.result()
                    if isinstance(message, PartCommit):
                        yield message
                    else:
                        taken = _memory(message)
                        self._held.append((message, taken))
                        self._hold(taken)
            await room
        finally:
            room.cancel()
            owing.cancel()

    def _read_ahead(self) -> "asyncio.Task[Message | None] | None":
        """Return the reading of the next message; None if there is none, nothing is owed, or enough was read."""
        if self._reading is None:
            has_ended = bool(self._held) and self._held[-1][0] is None
            is_much = self._held_bytes >= AHEAD_BYTES or not self._desk.room.may_read_ahead
            if has_ended or is_much or not self._desk.owed:
                return None
            self._reading = asyncio.ensure_future(self._read())
        return self._reading

    async def _read(self) -> Message | None:
        message = await anext(self._source, None)
        self._has_ended = self._has_ended or message is None or isinstance(message, DataEnd)
        return message


def _memory(message: Message | None) -> int:
    """Return about what a message takes in memory."""
    return len(message) if isinstance(message, bytes) else _weight(message)


def _weight(message: Message | None) -> int:
    """Return about what a message's rows are counted as."""
    if isinstance(message, bytes):
        # Half the time that `count` takes for what is as frequent as line ends.
        lines = len(message) - len(message.replace(b"\n", b""))
        return weight(len(message), lines)
    if not isinstance(message, RowColumns):
        return 0
    texts = (column.values for column in message.columns if column.kind is CellKind.TEXT)
    size = message.row_count * len(message.columns) * _CELL_BYTES + sum(sum(map(len, values)) for values in texts)
    return weight(size, message.row_count)
