"""Requests with ids when the store that replicas share breaks, when callers go, and when the service ends."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from service.errors import (
    DeadlineExceeded,
    OutcomeUnknown,
    SharedStoreUnavailable,
    ShuttingDown,
    SluicegateError,
    UpstreamUnavailable,
)
from service.request_ids.memory import Memory
from service.request_ids.request_ids import RequestIds, outliving
from service.request_ids.store import Ticket
from service.request_ids.unshared import Unshared
from tests.support.clock import FakeClock, ManualClock, settle
from tests.support.shared_store import StoreInMemory
from tests.support.transport import call


class Making:
    """Carries a request out when it is told to, and counts how often it was asked."""

    def __init__(self, *errors: SluicegateError) -> None:
        self._errors = [*errors]
        self.calls = 0
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self) -> bytes:
        """Carry the request out."""
        self.calls += 1
        await self.may_end.wait()
        if self._errors:
            raise self._errors.pop(0)
        return b"answer %d" % self.calls


@pytest.fixture
def clock():
    """A clock."""
    return FakeClock()


@pytest.fixture
def store(clock):
    """A store."""
    return StoreInMemory(clock)


@pytest.fixture
async def request_ids(store, clock):
    """Request ids that share it."""
    async with RequestIds(store, clock, close_seconds=0.01) as opened:
        yield opened


@pytest.fixture
def asked(request_ids, clock) -> Callable[..., Awaitable[bytes]]:
    """Return a function that asks for the answer of a request."""

    async def ask(make: Making, request_id: str = "id", digest: bytes = b"d", deadline: float | None = None) -> bytes:
        answer: bytes = await request_ids.answer(
            "prod/Create", request_id, digest, make, call(clock, deadline=deadline)
        )
        return answer

    return ask


async def test_without_the_store_nothing_is_written(asked, store, request_ids):
    """A request with an id is refused while the store is away, with a time to come back, and works afterwards."""
    make = Making()
    store.is_away = True

    with pytest.raises(SharedStoreUnavailable) as raised:
        await asked(make)
    store.is_away = False
    answer = await asked(make)

    assert (1.0, 1, b"answer 1") == (raised.value.retry_after_seconds, make.calls, answer)
    assert 0 == request_ids.statistics().owed


async def test_the_store_knows_an_answer_before_the_caller_does(asked, store):
    """What a caller was told is not lost if this replica dies right after."""
    told = []

    def look(_caller: object) -> None:
        (entry,) = store.entries.values()
        told.append(entry.content is not None)

    caller = asyncio.ensure_future(asked(Making()))
    caller.add_done_callback(look)
    await caller
    await asyncio.sleep(0)

    assert [True] == told


async def test_what_is_known_here_needs_no_store(asked, store):
    """A repeat gets the answer that this replica remembers, whatever became of the store."""
    make = Making()
    first = await asked(make)
    store.is_away = True

    again = await asked(make)

    assert (first, 1) == (again, make.calls)


async def test_a_ticket_that_may_have_been_granted_is_given_back(asked, store, request_ids):
    """A claim whose answer got lost carries nothing out, and does not look like a replica that died."""
    make = Making()
    store.loses_answers = True
    with pytest.raises(SharedStoreUnavailable):
        await asked(make)
    held = len(store.entries)

    store.loses_answers = False
    await settle()

    assert (0, 1, {}) == (make.calls, held, store.entries)
    assert 0 == request_ids.statistics().owed


async def test_a_caller_that_is_cancelled_while_it_claims_has_caused_nothing(asked, store, monkeypatch):
    """The claim may have reached the store all the same: it is taken back."""
    make = Making()
    granted = asyncio.Event()
    claim = store.claim

    async def slow(ticket: Ticket) -> None:
        await claim(ticket)
        granted.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(store, "claim", slow)
    caller = asyncio.ensure_future(asked(make))
    await granted.wait()

    caller.cancel()
    await settle()

    assert caller.cancelled()
    assert (0, {}) == (make.calls, store.entries)


async def test_a_store_that_dies_while_a_request_is_carried_out_costs_no_answer(asked, store, request_ids):
    """The caller gets the answer, repeats here get it from memory, and the store is told when it is back."""
    make = Making()
    make.may_end.clear()
    caller = asyncio.ensure_future(asked(make))
    await settle()
    store.is_away = True
    make.may_end.set()

    first = await caller
    again = await asked(make)
    owed = request_ids.statistics().owed
    store.is_away = False
    await settle()

    assert (b"answer 1", b"answer 1", 1) == (first, again, make.calls)
    assert (1, 0) == (owed, request_ids.statistics().owed)
    (entry,) = store.entries.values()
    assert entry.content is not None


async def test_a_store_that_dies_is_told_later_that_nothing_was_written(asked, store):
    """A failure that may pass leaves no entry that would look abandoned."""
    make = Making(UpstreamUnavailable("away"))
    make.may_end.clear()
    caller = asyncio.ensure_future(asked(make))
    await settle()
    store.is_away = True
    make.may_end.set()
    with pytest.raises(UpstreamUnavailable):
        await caller

    store.is_away = False
    await settle()

    assert {} == store.entries


async def test_however_many_calls_it_failed_a_store_is_asked_one_thing_at_a_time():
    """A store that is away is not hammered with what it has yet to be told, and holds up no end."""
    clock = ManualClock()
    store = StoreInMemory(clock)
    store.is_away = True
    async with RequestIds(store, clock) as request_ids:
        for number in range(50):
            with pytest.raises(SharedStoreUnavailable):
                await request_ids.answer("s", f"id-{number}", b"d", Making(), call(clock))
        await settle()
        await clock.pass_time(3.0)

        assert [1.0] * 4 == clock.sleeps
        assert 50 == request_ids.statistics().owed


async def test_a_store_that_is_back_is_told_before_the_end(store):
    """What is owed is not lost with the replica, even if it would have been told a moment later."""
    clock = ManualClock()
    make = Making()
    make.may_end.clear()
    async with RequestIds(store, clock) as request_ids:
        caller = asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, call(clock)))
        await settle()
        store.is_away = True
        make.may_end.set()
        await caller
        await settle()
        store.is_away = False

    (entry,) = store.entries.values()
    assert entry.content is not None


async def test_an_outcome_that_cannot_be_read_writes_nothing(asked, store, clock):
    """What another program left in the store is no answer, and no leave to write either."""
    make = Making()
    await asked(make)
    (entry,) = store.entries.values()
    entry.content = b"\xc1"
    async with RequestIds(store, clock) as other:
        with pytest.raises(SharedStoreUnavailable, match="cannot be read"):
            await other.answer("prod/Create", "id", b"d", make, call(clock))

    assert 1 == make.calls


async def test_an_outcome_of_another_replica_expires_when_it_does_there(store, clock):
    """Keeping it here does not prolong the 24 hours."""
    make = Making()
    async with RequestIds(store, clock) as one, RequestIds(store, clock) as other:
        await one.answer("s", "id", b"d", make, call(clock))
        clock.advance(80_000)
        await other.answer("s", "id", b"d", make, call(clock))
        store.entries.clear()
        clock.advance(6_399)
        before = await other.answer("s", "id", b"d", make, call(clock))
        clock.advance(1)
        after = await other.answer("s", "id", b"d", make, call(clock))

    assert (b"answer 1", b"answer 2") == (before, after)


async def test_a_day_is_remembered(clock):
    """After 24 hours the id is new again."""
    make = Making()
    async with RequestIds(Unshared(), clock) as request_ids:
        await request_ids.answer("s", "id", b"d", make, call(clock))
        clock.advance(86_399)
        before = await request_ids.answer("s", "id", b"d", make, call(clock))
        clock.advance(1)
        after = await request_ids.answer("s", "id", b"d", make, call(clock))

    assert (b"answer 1", b"answer 2") == (before, after)


async def test_what_is_under_way_is_never_forgotten(clock):
    """However small the memory is, a request that is being carried out is not carried out again."""
    slow, quick = Making(), Making()
    slow.may_end.clear()
    memory = Memory(clock, most_entries=1)
    async with RequestIds(Unshared(), clock, memory=memory) as request_ids:
        first = asyncio.ensure_future(request_ids.answer("s", "slow", b"d", slow, call(clock)))
        await settle()
        for number in range(10):
            await request_ids.answer("s", f"quick-{number}", b"d", quick, call(clock))

        again = asyncio.ensure_future(request_ids.answer("s", "slow", b"d", slow, call(clock)))
        await settle()
        slow.may_end.set()

        assert {b"answer 1"} == {*await asyncio.gather(first, again)}


async def test_statistics_tell_what_was_done(asked, request_ids):
    """Work, memory and repeats are counted."""
    make = Making()
    await asked(make)
    await asked(make)

    found = request_ids.statistics()

    assert (0, 1, 1, 1, 0) == (found.working, found.remembered, found.carried_out, found.repeated, found.owed)
    assert found.remembered_bytes > len(b"answer 1")


async def test_a_deadline_that_has_passed_carries_nothing_out(asked, clock):
    """A call without time left is refused before anything is claimed."""
    make = Making()

    with pytest.raises(DeadlineExceeded):
        await asked(make, deadline=clock.monotonic())

    assert 0 == make.calls


async def test_the_lease_is_renewed_while_a_request_is_carried_out():
    """Three times in each lease the store hears that this replica lives, and no more once it is done."""
    clock = ManualClock()
    store = StoreInMemory(clock, lease_seconds=6.0)
    make = Making()
    make.may_end.clear()
    async with RequestIds(store, clock) as request_ids:
        caller = asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, call(clock)))
        await settle()
        (entry,) = store.entries.values()
        leases = []
        for _ in range(4):
            await clock.pass_time(2.0)
            leases.append(entry.leased_until - clock.monotonic())
        make.may_end.set()
        await caller
        await clock.pass_time(60.0)

    assert [6.0] * 4 == leases
    assert entry.leased_until < clock.monotonic()
    assert entry.content is not None


async def test_a_renewal_that_fails_is_no_end():
    """The store may be away for as long as the lease lasts."""
    clock = ManualClock()
    store = StoreInMemory(clock, lease_seconds=6.0)
    make = Making()
    make.may_end.clear()
    async with RequestIds(store, clock) as request_ids:
        caller = asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, call(clock)))
        await settle()
        store.is_away = True
        await clock.pass_time(2.0)
        store.is_away = False
        await clock.pass_time(2.0)
        (entry,) = store.entries.values()
        left = entry.leased_until - clock.monotonic()
        make.may_end.set()

        assert (6.0, b"answer 1") == (left, await caller)


async def test_what_is_released_is_not_brought_back_by_a_renewal(monkeypatch):
    """A failure that ends the work in the midst of a renewal is told after that, or the entry would look abandoned."""
    clock = ManualClock()
    store = StoreInMemory(clock, lease_seconds=6.0)
    make = Making(UpstreamUnavailable("away"))
    make.may_end.clear()
    may_renew = asyncio.Event()
    renew = store.renew

    async def slow(ticket: Ticket) -> None:
        await may_renew.wait()
        await renew(ticket)

    monkeypatch.setattr(store, "renew", slow)
    async with RequestIds(store, clock) as request_ids:
        caller = asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, call(clock)))
        await settle()
        await clock.pass_time(2.0)
        make.may_end.set()
        await settle()
        held = len(store.entries)
        may_renew.set()
        with pytest.raises(UpstreamUnavailable):
            await caller

    assert (1, {}) == (held, store.entries)


async def test_the_end_waits_for_work_whose_caller_has_gone(store, clock):
    """Leaving the context lets a write finish, and its outcome is in the store for other replicas."""
    make = Making()
    make.may_end.clear()
    async with RequestIds(store, clock) as request_ids:
        caller = asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, call(clock)))
        await settle()
        caller.cancel()
        await settle()
        asyncio.get_running_loop().call_soon(make.may_end.set)

    (entry,) = store.entries.values()
    assert entry.content is not None
    assert b"answer 1" in entry.content


async def test_the_end_does_not_wait_for_ever(store, clock):
    """Work that does not end is cancelled, and whoever repeats it elsewhere learns that its outcome is unknown."""
    make = Making()
    make.may_end.clear()
    async with RequestIds(store, clock, close_seconds=0.01) as request_ids:
        caller = asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, call(clock)))
        await settle()
    async with RequestIds(store, clock) as other:
        with pytest.raises(OutcomeUnknown):
            await other.answer("s", "id", b"d", make, call(clock))

    with pytest.raises(OutcomeUnknown):
        await caller
    assert 1 == make.calls


async def test_work_that_is_cancelled_before_its_first_step_leaves_nobody_waiting(clock):
    """The end may come right after a request was taken."""
    make = Making()
    request_ids = RequestIds(Unshared(), clock, close_seconds=0.0)
    await request_ids.__aenter__()
    caller = asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, call(clock)))
    await asyncio.sleep(0)
    for task in request_ids._works._tasks:
        task.cancel()

    with pytest.raises(OutcomeUnknown):
        await caller
    await request_ids.__aexit__(None, None, None)

    assert (0, 0) == (make.calls, request_ids.statistics().working)


async def test_nothing_is_begun_after_the_end(store, clock):
    """Another replica answers; the store is not asked any more."""
    make = Making()
    async with RequestIds(store, clock) as request_ids:
        store.is_away = True

    with pytest.raises(ShuttingDown):
        await request_ids.answer("s", "id", b"d", make, call(clock))

    assert (0, {}) == (make.calls, store.entries)


async def test_a_ticket_that_comes_after_the_end_is_given_back(store, clock, monkeypatch):
    """A claim that was under way when the end came carries nothing out."""
    make = Making()
    claim = store.claim
    may_claim = asyncio.Event()

    async def slow(ticket: Ticket) -> object:
        await may_claim.wait()
        return await claim(ticket)

    monkeypatch.setattr(store, "claim", slow)
    async with RequestIds(store, clock) as request_ids:
        caller = asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, call(clock)))
        await settle()
    may_claim.set()

    with pytest.raises(ShuttingDown):
        await caller

    assert (0, {}) == (make.calls, store.entries)


async def test_a_store_that_forgets_what_it_granted_does_not_make_this_replica_write_twice(store, clock, monkeypatch):
    """Two calls that both hold a ticket of the same request carry it out once."""
    make = Making()
    make.may_end.clear()
    claim = store.claim
    both = asyncio.Barrier(2)

    async def forgetful(ticket: Ticket) -> object:
        await both.wait()
        store.entries.clear()
        return await claim(ticket)

    monkeypatch.setattr(store, "claim", forgetful)
    async with RequestIds(store, clock) as request_ids:
        calls = [asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, call(clock))) for _ in range(2)]
        await settle()
        make.may_end.set()

        assert [b"answer 1", b"answer 1"] == await asyncio.gather(*calls)


@pytest.mark.parametrize(("seconds", "expected"), [(1.0, 60.0), (90.0, 90.0)])
def test_work_has_a_minute_however_short_its_callers_time_is(clock, seconds, expected):
    """A repeat shall find an answer, not a write that was cut off."""
    context = call(clock, deadline=clock.monotonic() + seconds)

    assert expected == outliving(context).remaining_seconds(1_000)


def test_work_without_a_deadline_has_none(clock):
    """A call that never gives up is left as it is."""
    assert outliving(call(clock)).deadline is None
