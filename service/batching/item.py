"""One record on its way: what is sent, what it may not meet, and who waits for its outcome."""

import asyncio
from enum import Enum
from typing import Protocol

from msgspec import Struct

from service.context import CallContext
from service.errors import SluicegateError
from service.salesforce.calls.writes import Operation, Row, Saved, WriteOptions

Outcome = Saved | SluicegateError
"""What became of a record; an error as a value is that record's failure."""


class Unlocated(Struct, frozen=True):
    """Stands for an outcome: the call was refused whole for some record's sake, whose it is not known."""

    error: SluicegateError
    """The refusal; nothing was written."""


class Route(Struct, frozen=True, gc=False):
    """What the records of one call have in common, and so the name of a lane.

    The org's Salesforce identity is no part of it: an org has one, and lanes of its own.
    """

    operation: Operation
    sobject: str
    """API name in lower case; empty for records of several sObjects."""
    field: str
    """API name of the external-id field in lower case; empty for records that an id finds."""
    options: WriteOptions

    def __str__(self) -> str:
        """Name the lane for people."""
        return ".".join(part for part in (self.operation.value, self.sobject, self.field) if part)


class State(Enum):
    """Where an item is."""

    WAITING = 1
    """It holds its key and may leave with the next call."""
    BEHIND = 2
    """An earlier item with its key has no outcome yet."""
    AWAY = 3
    """Its call has left."""
    ABANDONED = 4
    """Its call has left, and nobody wants the outcome any more."""
    DONE = 5
    """It has an outcome, or was withdrawn."""


class Waiter(Protocol):
    """Whoever gets an item's outcome."""

    def settle(self, outcome: Outcome) -> None:
        """Take the outcome; called once, unless the item was withdrawn."""
        ...


class Single:
    """Waits for one item."""

    __slots__ = ("future",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.future: asyncio.Future[Outcome] = loop.create_future()

    def settle(self, outcome: Outcome) -> None:
        """Wake the caller, if it still waits."""
        if not self.future.done():
            self.future.set_result(outcome)


class Gathering:
    """Waits for many items at once; each settles through its own `Part`."""

    __slots__ = ("future", "left", "outcomes")

    def __init__(self, loop: asyncio.AbstractEventLoop, count: int) -> None:
        self.future: asyncio.Future[None] = loop.create_future()
        self.left = count
        self.outcomes: list[Outcome | None] = [None] * count

    def put(self, index: int, outcome: Outcome) -> None:
        """Take one outcome, and wake the caller after the last."""
        self.outcomes[index] = outcome
        self.left -= 1
        if not self.left and not self.future.done():
            self.future.set_result(None)


class Part:
    """The place of one item in a gathering."""

    __slots__ = ("gathering", "index")

    def __init__(self, gathering: Gathering, index: int) -> None:
        self.gathering = gathering
        self.index = index

    def settle(self, outcome: Outcome) -> None:
        """Put the outcome into its place."""
        self.gathering.put(self.index, outcome)


class Item(Struct, eq=False):
    """One record on its way."""

    row: Row
    key: str
    """Equal for items that write the same record; empty for a record that is yet to be created."""
    locks: tuple[str, ...]
    """The records that writing it locks, its own key and its parents among them."""
    context: CallContext
    max_wait_seconds: float
    """What its caller tolerates of a hold, or, if that is less, whoever waits for its key."""
    waiter: Waiter
    weight: int = 1
    """How many records its caller sends in its turn while others wait."""
    queued_at: float = 0.0
    """In the clock's monotonic seconds."""
    attempt: int = 0
    """Attempts made."""
    company: int = 0
    """Most records of the next call, smaller after one that was refused whole; 0 if nothing bounds them."""
    state: State = State.WAITING

    def held_until(self) -> float:
        """Return until when it may be held back: half of what its caller's deadline leaves is for the call."""
        until = self.queued_at + self.max_wait_seconds
        deadline = self.context.deadline
        return until if deadline is None else min(until, (self.queued_at + deadline) / 2)
