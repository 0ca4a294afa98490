"""An insert by part among replicas that live on, commits that come late or twice, lost answers and aborted jobs."""

import asyncio
import random
from collections import Counter
from contextlib import aclosing, suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from service import errors
from service.bulk.cutting.parts import PartLimits
from service.bulk.job import JobState
from service.bulk.ledger import Ledger
from service.bulk.request import LoadRequest, Operation, WantedResults
from service.bulk.taking.messages import DataEnd, Message, PartCommit
from service.bulk.telling.events import Accepted, Event, Finished, Prepared, Results
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.support.scale import examples
from tests.unit.bulk.loading import SIGNER, Killed, Process, by_part, new_ledger

INSERT = by_part(LoadRequest("Lead", Operation.INSERT, results=WantedResults.ALL, key_column="LastName"))
LOCKED = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"
ROWS = 12
PART = PartLimits(100_000, 3)
NAMES = [f"N{number:02}" for number in range(ROWS)]
DATA = b"LastName\n" + "".join(f"{name}\n" for name in NAMES).encode()
CHANGES = ("create_job", "upload", "complete", "job_info", "successfulResults")
MOST_CALLS = 60
UNQUIET_CALLS = 8
"""After so many everything goes well, so that the load ends."""


class Call:
    """One call of the caller: a replica that works on when the caller has left, and the way to it."""

    def __init__(self, org: FakeBulkOrg, stored: str, *, dies_after: int | None) -> None:
        self.process = Process(org, calls=dies_after)
        self.incoming: asyncio.Queue[Message | None] = asyncio.Queue()
        self.outgoing: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
        self.task = asyncio.ensure_future(self._serve(stored))

    async def _serve(self, stored: str) -> None:
        ledger = Ledger.of(SIGNER.read(stored, org="prod")) if stored else new_ledger(INSERT, PART)
        running = self.process.loader(FakeClock()).run(INSERT, ledger, self._messages(), is_resumed=bool(stored))
        try:
            async with aclosing(running) as events:
                async for event in events:
                    self.outgoing.put_nowait(event)
            self.outgoing.put_nowait(None)
        except (Killed, errors.SluicegateError) as error:
            self.outgoing.put_nowait(error)

    async def _messages(self):
        while (message := await self.incoming.get()) is not None:
            yield message


class World:
    """A caller that keeps to the rules, everything else at random.

    Args:
        seed: Decides what happens.

    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.tries = Counter[str]()
        self.org = FakeBulkOrg(polls=self.chance.randint(1, 4), judge=self._judge)
        self.calls: list[Call] = []
        self.sent: list[PartCommit] = []
        self.stored = ""
        self.told: dict[int, str] = {}
        self.contradictions: list[tuple[int, str, str]] = []
        self.finished: Finished | None = None
        self.aborts = self.chance.choice([0.0, 0.0, 0.03, 0.1])

    def _judge(self, row):
        self.tries[row["LastName"]] += 1
        return LOCKED if self.chance.random() < 0.15 else ""

    async def live(self) -> None:
        """Go on with the load until it has finished."""
        try:
            for number in range(MOST_CALLS):
                self._disturb(number)
                dies_after = (
                    self.chance.randint(0, 25) if number < UNQUIET_CALLS and self.chance.random() < 0.5 else None
                )
                call = Call(self.org, self.stored, dies_after=dies_after)
                self.calls.append(call)
                await self._listen(call, leaves_after=self.chance.randint(1, 30) if number < UNQUIET_CALLS else 10_000)
                if self.finished is not None:
                    return
        finally:
            for call in self.calls:
                call.task.cancel()
            await asyncio.gather(*(call.task for call in self.calls), return_exceptions=True)

    def _disturb(self, number: int) -> None:
        fault = errors.UpstreamUnavailable("503")
        for faults in (self.org.faults, self.org.faults_after):
            faults.clear()
            for name in CHANGES if number < UNQUIET_CALLS else ():
                faults[name] = [fault if self.chance.random() < 0.2 else None for _ in range(6)]
        if number >= UNQUIET_CALLS:
            self.aborts = 0.0

    async def _listen(self, call: Call, *, leaves_after: int) -> None:
        for _ in range(leaves_after):
            event = await call.outgoing.get()
            if not isinstance(event, Event):
                return
            self._strangers()
            # A token counts once it is on disk.
            self.stored = event.resume_token
            if isinstance(event, Accepted):
                self._send_data(call, event)
            elif isinstance(event, Prepared):
                if not self._commit(call, event):
                    return
            elif isinstance(event, Results):
                self._note(event)
            elif isinstance(event, Finished):
                self.finished = event

    def _send_data(self, call: Call, event: Accepted) -> None:
        data = DATA
        if event.resume_from is not None:
            data = data[: event.resume_from.header_bytes] + data[event.resume_from.next_byte :]
        call.incoming.put_nowait(data)
        call.incoming.put_nowait(DataEnd())

    def _commit(self, call: Call, event: Prepared) -> bool:
        """Commit a part; False if the commit is lost, and with it the connection."""
        commit = PartCommit(event.part.number, self.stored)
        self.sent.append(commit)
        if self.chance.random() < 0.1:
            return False
        call.incoming.put_nowait(commit)
        return True

    def _note(self, event: Results) -> None:
        for row in event.rows:
            before = self.told.setdefault(row.row, row.outcome.value)
            if before != row.outcome.value:
                self.contradictions.append((row.row, before, row.outcome.value))

    def _strangers(self) -> None:
        """Deliver commits late, twice and to replicas that were left; let an administrator abort jobs."""
        chance = self.chance
        if self.sent and chance.random() < 0.3:
            chance.choice(self.calls).incoming.put_nowait(chance.choice(self.sent))
        going = [job for job in self.org.jobs if not job.state.is_final]
        if going and chance.random() < self.aborts:
            job = chance.choice(going)
            self.org.end(job, JobState.ABORTED, tried=0 if job.state is JobState.OPEN else chance.randint(0, 2))


def _run(world: World) -> None:
    async def live() -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(world.live(), 60)

    asyncio.run(live())


@given(st.integers(0, 10**9))
@settings(max_examples=examples(100), deadline=None)
def test_every_row_is_written_once_whoever_lives_on(seed):
    """Replicas that were left go on, commits reach them late or twice, answers are lost, jobs are aborted."""
    world = World(seed)

    _run(world)

    assert world.finished is not None
    assert {1} >= set(Counter(row["LastName"] for row in world.org.written).values())
    assert [] == world.contradictions
    assert set(range(1, ROWS + 1)) == set(world.told)
    created = sorted(NAMES[row - 1] for row, outcome in world.told.items() if outcome == "created")
    assert sorted(row["LastName"] for row in world.org.written) == created
