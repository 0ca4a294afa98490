"""What the tests of loads share: a caller that follows the contract, and the replicas that it calls."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, cast

from service.bulk.cutting.parts import PartLimits
from service.bulk.cutting.splitting import splitter_of
from service.bulk.failpoints import Failpoint, Reach, pass_by
from service.bulk.ledger import Ledger
from service.bulk.load import Loader
from service.bulk.request import Commit, LoadRequest
from service.bulk.results.outcomes import RowCounts
from service.bulk.taking.messages import DataEnd, Message, PartCommit
from service.bulk.telling.events import Accepted, Event, Finished, Prepared, Results
from service.bulk.token import TokenSigner
from service.bulk.ways.part_ways import Ways
from service.settings.signing_key import SigningKey
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock

SIGNER = TokenSigner((SigningKey("k", b"k" * 32),))
LIMITS = PartLimits()


class Killed(BaseException):
    """The process died."""


async def nothing_to_check(_request, _columns):
    """Refuse no column."""


def loader(
    org: FakeBulkOrg, clock: FakeClock | None = None, reach: Reach = pass_by, *, ways: Ways | None = None
) -> Loader:
    """Return what runs loads on a replica."""
    return Loader(org, clock or FakeClock(), SIGNER, splitter_of, nothing_to_check, reach, ways=ways or Ways())


def new_ledger(request: LoadRequest, limits: PartLimits = LIMITS) -> Ledger:
    """Return a load that begins."""
    ledger = Ledger.new(request, org="prod", load_id="load", now=1_800_000_000.5, limits=limits)
    ledger.has_ended = request.commit is Commit.AT_END
    return ledger


async def stream(*chunks: Message, then: BaseException | None = None) -> AsyncIterator[Message]:
    """Yield messages."""
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk
    if then is not None:
        raise then


async def load(
    request: LoadRequest, org: FakeBulkOrg, *chunks: bytes, clock: FakeClock | None = None, limits: PartLimits = LIMITS
) -> list[Event]:
    """Run a load that its end commits."""
    running = loader(org, clock).run(request, new_ledger(request, limits), stream(*chunks))
    async with aclosing(running) as events:
        return [event async for event in events]


@dataclass
class Caller:
    """A caller that commits by part, stores each token before it does, and can go on after any crash.

    Attributes:
        request: What it loads.
        data: Its file.
        limits: How large parts are.
        stored: The token on its disk.
        chunk: Bytes of one message.

    """

    request: LoadRequest
    data: bytes
    limits: PartLimits = LIMITS
    stored: str = ""
    chunk: int = 50
    told: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Outcome and key by row, as the results told them."""
    finished: Finished | None = None
    events: list[Event] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    on_event: Callable[[Event], None] = lambda event: None
    """Called before an event is looked at; may raise."""
    before_commit: Callable[[Event], None] = lambda event: None
    """Called when the token is stored and the commit is not sent; may raise."""
    after_commit: Callable[[Event], None] = lambda event: None

    async def call(self, running: Loader) -> None:
        """Begin the load or go on with it; returns when it has finished, or raises what ended the call."""
        outgoing: asyncio.Queue[Message | None] = asyncio.Queue()
        ledger = new_ledger(self.request, self.limits)
        if self.stored:
            ledger = Ledger.of(SIGNER.read(self.stored, org="prod"))
        call = running.run(self.request, ledger, queued(outgoing), is_resumed=bool(self.stored))
        async with aclosing(call) as events:
            await self._listen(events, outgoing)

    async def _listen(self, events: AsyncGenerator[Event, None], outgoing: asyncio.Queue[Message | None]) -> None:
        async for event in events:
            self.on_event(event)
            self.events.append(event)
            self._note(event)
            # A token counts once it is on disk.
            self.stored = event.resume_token
            if isinstance(event, Accepted):
                for piece in self._pieces(event):
                    outgoing.put_nowait(piece)
                outgoing.put_nowait(DataEnd())
            elif isinstance(event, Prepared):
                self.before_commit(event)
                outgoing.put_nowait(PartCommit(event.part.number, self.stored))
                self.after_commit(event)

    def _note(self, event: Event) -> None:
        if isinstance(event, Accepted):
            self.accepted.append(event)
        elif isinstance(event, Results):
            for row in event.rows:
                outcome = (row.outcome.value, row.key)
                assert self.told.setdefault(row.row, outcome) == outcome
        elif isinstance(event, Finished):
            self.finished = event

    def _pieces(self, event: Accepted) -> Iterable[bytes]:
        data = self.data
        if event.resume_from is not None:
            data = data[: event.resume_from.header_bytes] + data[event.resume_from.next_byte :]
        return (data[start : start + self.chunk] for start in range(0, len(data), self.chunk))

    @property
    def counts(self) -> RowCounts:
        """What became of all rows."""
        assert self.finished is not None
        return self.finished.counts


async def queued(outgoing: asyncio.Queue[Message | None]) -> AsyncIterator[Message]:
    """Yield what is put into a queue, until None is."""
    while (message := await outgoing.get()) is not None:
        yield message


def by_part(request: LoadRequest) -> LoadRequest:
    """Return a request whose caller commits by part."""
    return replace(request, commit=Commit.BY_PART)


class Process:
    """A replica's way to the org, of which nothing passes once the replica is dead, not even what it cleans up.

    Args:
        org: The org.
        point: Where it dies; None for nowhere.
        passage: At which passage of that place, from 1.
        calls: After how many calls to the org it dies, half of them before and half of them after they had their
            effect; None for any number.

    """

    def __init__(
        self, org: FakeBulkOrg, point: Failpoint | None = None, passage: int = 1, *, calls: int | None = None
    ) -> None:
        self._org = org
        self._point = point
        self._left = passage
        self._calls = calls
        self.is_dead = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._org, name)

        async def call(*arguments: object) -> object:
            self._live()
            is_last = self._calls is not None and self._calls <= 0
            if is_last and len(self._org.calls) % 2:
                self._die()
            answer = await method(*arguments)
            if is_last:
                self._die()
            if self._calls is not None:
                self._calls -= 1
            self._live()
            return answer

        return call

    async def reach(self, point: Failpoint) -> None:
        """Die, or go on."""
        self._live()
        if point is self._point:
            self._left -= 1
            if self._left == 0:
                self._die()

    def loader(self, clock: FakeClock | None = None) -> Loader:
        """Return what runs loads in this process."""
        return Loader(cast("Any", self), clock or FakeClock(), SIGNER, splitter_of, nothing_to_check, self.reach)

    def _die(self) -> None:
        self.is_dead = True
        raise Killed

    def _live(self) -> None:
        if self.is_dead:
            raise Killed
