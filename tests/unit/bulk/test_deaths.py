"""Whoever dies in a load by part, and wherever: every row is written once."""

import asyncio
import random
from collections import Counter
from contextlib import aclosing, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.bulk.cutting.parts import PartLimits
from service.bulk.failpoints import Failpoint
from service.bulk.results.outcomes import RowCounts
from service.bulk.taking.messages import DataEnd, PartCommit
from service.bulk.telling.events import PartDone, Prepared
from tests.support.bulk import FakeBulkOrg
from tests.support.scale import examples
from tests.unit.bulk.loading import Caller, Killed, Process, new_ledger
from tests.unit.bulk.sixty_names import DATA, INSERT, LOCKED, NAMES, SMALL, call, call_until_finished, names

RETRIES = {Failpoint.RETRY_CREATED, Failpoint.RETRY_UPLOADED}


@pytest.mark.parametrize("passage", [1, 2, 5])
@pytest.mark.parametrize("point", [point for point in Failpoint if point not in RETRIES])
async def test_another_replica_goes_on_wherever_one_dies(point, passage):
    """An insert that was killed at any place is finished by the last token: none lost, none doubled, counts exact."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    process = Process(org, point, passage)

    with suppress(Killed):
        await call(caller, process)
    assert process.is_dead or (passage > 1 and point in {Failpoint.BEGUN, Failpoint.ACCEPTED, Failpoint.FINISHING})
    await call_until_finished(caller, org)

    assert NAMES == names(org)
    assert RowCounts(created=60) == caller.counts
    assert 60 == len(caller.told)


async def test_without_its_token_an_insert_is_doubled():
    """What shows that the token is what counts: a caller that begins anew writes its rows again."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.ENDED, 2))

    caller.stored = ""
    await call_until_finished(caller, org)

    assert len(names(org)) > 60


@pytest.mark.parametrize("when", ["on_event", "before_commit", "after_commit"])
@pytest.mark.parametrize("number", range(1, 14, 3))
async def test_a_caller_that_dies_goes_on(when, number):
    """Before it stored a token, between that and the commit, and after it: its file of the token is enough."""
    org = FakeBulkOrg()
    seen = 0

    def die(_event):
        nonlocal seen
        seen += 1
        if seen == number:
            raise Killed

    caller = Caller(INSERT, DATA, SMALL)
    setattr(caller, when, die)
    await call_until_finished(caller, org)

    assert NAMES == names(org)
    assert RowCounts(created=60) == caller.counts


async def test_a_commit_without_storing_its_token_is_what_doubles():
    """The rule that a token is stored before its commit is needed: who breaks it, and dies, writes a part twice."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    forgotten = []

    def forget(event):
        forgotten.append(caller.stored)

    def die(event):
        if isinstance(event, PartDone):
            raise Killed

    caller.on_event, caller.after_commit = die, forget
    with pytest.raises(Killed):
        await call(caller, Process(org))
    caller.on_event = lambda event: None
    caller.stored = caller.accepted[0].resume_token
    caller.told.clear()
    await call_until_finished(caller, org)

    assert len(names(org)) > 60


@given(
    repeated=st.integers(1, 40),
    rows=st.integers(1, 60),
    part_rows=st.integers(1, 25),
    polls=st.integers(1, 4),
    deaths=st.lists(
        st.one_of(
            st.tuples(st.just("call"), st.integers(0, 60)),
            st.tuples(st.just("event"), st.integers(1, 40)),
            st.tuples(st.just("commit"), st.integers(1, 8)),
            st.tuples(st.sampled_from([point.value for point in Failpoint]), st.integers(1, 6)),
        ),
        max_size=6,
    ),
    locks=st.floats(0, 0.6),
    seed=st.integers(0, 1000),
)
@settings(max_examples=examples(150), deadline=None)
def test_every_row_is_written_once(repeated, rows, part_rows, polls, deaths, locks, seed):
    """Whichever ends die how often, with equal rows and locks: each row is written once or told why not."""
    chance = random.Random(seed)
    org = FakeBulkOrg(
        polls=polls, judge=lambda row: LOCKED if chance.random() < locks else "" if chance.random() < 0.9 else "X:no:--"
    )
    table = [f"N{number % repeated:02}" for number in range(rows)]
    data = "LastName\n" + "".join(f"{name}\n" for name in table)
    caller = Caller(INSERT, data.encode(), PartLimits(100_000, part_rows))

    asyncio.run(asyncio.wait_for(_live_and_die(caller, org, deaths), 60))

    told = Counter(name for outcome, name in caller.told.values() if outcome == "created")
    assert Counter(names(org)) == told
    assert set(range(1, rows + 1)) == set(caller.told)
    assert [table[row - 1] for row in caller.told] == [name for _, name in caller.told.values()]
    assert rows == caller.counts.total
    assert len(org.written) == caller.counts.created


async def _live_and_die(caller, org, deaths):
    for kind, number in deaths:
        if caller.finished is not None:
            return
        left = number

        def die(_event):
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        caller.on_event = caller.before_commit = lambda event: None
        if kind == "event":
            caller.on_event = die
        elif kind == "commit":
            caller.before_commit = die
        process = Process(org, calls=number) if kind == "call" else Process(org)
        if kind in {point.value for point in Failpoint}:
            process = Process(org, Failpoint(kind), number)
        with suppress(Killed):
            await caller.call(process.loader())
    caller.on_event = caller.before_commit = lambda event: None
    while caller.finished is None:
        with suppress(Killed):
            await caller.call(Process(org).loader())


async def test_two_replicas_at_one_load_write_each_row_once():
    """A call whose caller believes it dead, and which is not, does no harm beside the one that goes on."""
    org = FakeBulkOrg(polls=30)
    first, second = Caller(INSERT, DATA, SMALL), Caller(INSERT, DATA, SMALL)
    seen = []

    def leave(event):
        seen.append(event)
        if len(seen) == 3:
            second.stored = first.stored
            raise ConnectionResetError

    first.after_commit = leave
    left = asyncio.Event()

    async def zombie():
        """Go on in the replica that the caller has left, with the commits that have reached it."""
        running = Process(org).loader()
        ledger = new_ledger(INSERT, SMALL)
        messages: asyncio.Queue[PartCommit] = asyncio.Queue()

        async def incoming():
            yield DATA
            yield DataEnd()
            while True:
                yield await messages.get()

        async with aclosing(running.run(INSERT, ledger, incoming())) as events:
            async for event in events:
                if isinstance(event, Prepared) and len(seen) < 3:
                    seen.append(event)
                    second.stored = event.resume_token
                    messages.put_nowait(PartCommit(event.part.number, event.resume_token))
                    if len(seen) == 3:
                        left.set()

    task = asyncio.ensure_future(zombie())
    await left.wait()
    await call(second, Process(org))
    task.cancel()
    await asyncio.wait([task])

    assert NAMES == names(org)
    assert 60 == second.counts.total
