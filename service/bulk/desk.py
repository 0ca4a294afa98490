"""What the parts of one load have in common: its ledger, its caller, and what it may use at a time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from service.bulk.failpoints import Reach
from service.bulk.job import BulkClient
from service.bulk.ledger import Ledger
from service.bulk.request import LoadRequest
from service.bulk.room import DiskRoom, LoadRoom
from service.bulk.telling.events import Event, Progress
from service.bulk.telling.outbox import Outbox
from service.bulk.telling.watching import LoadWatch
from service.bulk.token import LoadToken, TokenSigner
from service.bulk.ways.allowance import Allowance
from service.bulk.ways.part_claims import ClaimsOfProcess, PartClaims
from service.bulk.ways.part_ways import Ways
from service.clock import Clock

PARTS_AT_WORK = 4
"""Parts of one load that are uploaded, written or reported at a time; each lies on disk meanwhile."""


class Turns(Protocol):
    """Room for parts of all loads, given in an order of its own: a semaphore's, or by turns of callers."""

    async def acquire(self) -> object:
        """Wait for room, and take it; a cancelled wait takes none."""
        ...

    def release(self) -> None:
        """Give room back."""
        ...


class Slots:
    """Room for parts at work. One that waits for its caller's commit needs none.

    Args:
        others: Room for the parts of all loads that share the disk.

    """

    def __init__(self, others: Turns) -> None:
        self._own = asyncio.Semaphore(PARTS_AT_WORK)
        self._others = others

    async def acquire(self) -> None:
        """Wait for room, and take it; a cancelled wait takes none."""
        await self._own.acquire()
        try:
            await self._others.acquire()
        except BaseException:
            self._own.release()
            raise

    def release(self) -> None:
        """Give room back."""
        self._own.release()
        self._others.release()


class Owed:
    """How many parts wait for a commit of the caller's, which has been asked for it."""

    def __init__(self) -> None:
        self._count = 0
        self._any = asyncio.Event()

    def __bool__(self) -> bool:
        """Tell whether any does."""
        return self._count > 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count a part while it waits."""
        self._count += 1
        self._any.set()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._any.clear()

    async def wait(self) -> None:
        """Wait until any does."""
        await self._any.wait()


@dataclass(slots=True)
class Desk:
    """One load's. Its tasks share it; nothing of it waits but `tell` and `tell_progress`."""

    request: LoadRequest
    client: BulkClient
    clock: Clock
    ledger: Ledger
    signer: TokenSigner
    reach: Reach
    allowance: Allowance
    slots: Slots
    room: LoadRoom = field(default_factory=lambda: DiskRoom().open())
    """What the load may keep on the disk."""
    watch: LoadWatch = field(default_factory=LoadWatch)
    """What is seen of the load."""
    ways: Ways = field(default_factory=Ways)
    """How its rows may be written."""
    claims: PartClaims = field(default_factory=ClaimsOfProcess)
    """Which jobs have the rows of parts."""
    owed: Owed = field(default_factory=Owed)
    """The commits that the caller owes."""
    outbox: Outbox = field(default_factory=Outbox)
    reporting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a part's rows are in memory."""
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a part is written, if parts are written one after another."""
    rows_received: int = 0
    """Of the whole load, also before it was gone on with."""
    bytes_received: int = 0
    """In this call."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the caller says nothing any more."""
    _written: tuple[LoadToken, str] | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the caller says nothing any more."""
        return self.closed.is_set()

    def token(self) -> str:
        """Return the token of the moment."""
        token = self.ledger.token()
        if self._written is None or self._written[0] != token:
            self._written = (token, self.signer.write(token))
        return self._written[1]

    async def tell(self, event: Event) -> None:
        """Tell the caller; waits while it is behind."""
        await self.outbox.put(event)

    async def tell_progress(self, waiting_for: str = "") -> None:
        """Tell how far the load is, and what keeps it from going on if anything but Salesforce's work does."""
        load = self.ledger.load()
        await self.tell(Progress(self.token(), load, self.rows_received, self.bytes_received, waiting_for))
