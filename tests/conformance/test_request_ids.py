"""What request ids promise, held by every store: one replica's memory, a test's double, and a real Valkey."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Protocol

import pytest
import pytest_asyncio

from service.clock import SystemClock
from service.context import CallContext
from service.errors import (
    DeadlineExceeded,
    OutcomeUnknown,
    RequestIdReused,
    UpstreamProtocolError,
    UpstreamUnavailable,
    ValidationRuleFailed,
)
from service.request_ids.request_ids import RequestIds
from service.request_ids.store import Claim, SharedStore, Ticket
from service.request_ids.unshared import Unshared
from service.request_ids.valkey import ValkeyStore
from tests.support.shared_store import StoreInMemory
from tests.support.stage import until
from tests.support.valkey import ValkeyProcess, valkey_process

CLOCK = SystemClock()
LASTING, RENEWED, BRIEF = 600.0, 1.0, 0.3
"""Seconds of leases: that no test outlives, that its holder has to renew, and that ends as its holder is silent."""
SHARING = ["double", "valkey"]
"""Stores that replicas share. A replica's memory is not one: what needs two replicas leaves it out."""


class OpenStore(Protocol):
    """Gives a replica its access to the store."""

    def __call__(self, lease_seconds: float = LASTING) -> SharedStore:
        """Return it, with leases of so many seconds."""
        ...


def within(seconds: float | None = None) -> CallContext:
    """Return the context of a call that has some seconds."""
    deadline = None if seconds is None else CLOCK.monotonic() + seconds
    return CallContext("test/Create", "r", CLOCK, deadline)


class Making:
    """Carries a request out when it is told to, and counts how often it was asked."""

    def __init__(self, *errors: BaseException) -> None:
        self._errors = [*errors]
        self.calls = 0
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self) -> bytes:
        """Carry the request out."""
        self.calls += 1
        self.begun.set()
        await self.may_end.wait()
        if self._errors:
            raise self._errors.pop(0)
        return b"\x00\xffanswer %d" % self.calls


class Silent:
    """A store that hears nothing from its replica while a request is carried out; and nothing more if that is dead."""

    lease_seconds: float | None = None

    def __init__(self, store: SharedStore, *, dead: bool = False) -> None:
        self._store = store
        self._dead = dead

    async def claim(self, ticket: Ticket) -> Claim:
        """Pass on."""
        return await self._store.claim(ticket)

    async def renew(self, ticket: Ticket) -> None:
        """Nobody asks for that without a lease."""
        raise AssertionError(ticket)

    async def finish(self, ticket: Ticket, content: bytes) -> None:
        """Pass on what a living replica says."""
        if not self._dead:
            await self._store.finish(ticket, content)

    async def release(self, ticket: Ticket) -> None:
        """Pass on what a living replica says."""
        if not self._dead:
            await self._store.release(ticket)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def valkey() -> AsyncIterator[ValkeyProcess]:
    """A server for the module."""
    async with valkey_process() as server:
        yield server


@pytest.fixture(params=["memory", *SHARING])
async def open_store(request, valkey) -> AsyncIterator[OpenStore]:
    """Return a function that gives a replica its access to the store."""
    double = StoreInMemory(CLOCK)
    prefix = f"{secrets.token_hex(8)}:"
    opened = []

    def open_one(lease_seconds: float = LASTING) -> SharedStore:
        if request.param == "memory":
            return Unshared()
        if request.param == "double":
            view = StoreInMemory(CLOCK, lease_seconds=lease_seconds)
            view.entries = double.entries
            return view
        opened.append(ValkeyStore(valkey.url, prefix=prefix, lease_seconds=lease_seconds))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.__aexit__(None, None, None)


@pytest.fixture
async def request_ids(open_store) -> AsyncIterator[RequestIds]:
    """One replica."""
    async with RequestIds(open_store(), CLOCK) as replica:
        yield replica


@pytest.fixture
async def replicas(open_store) -> AsyncIterator[tuple[RequestIds, RequestIds]]:
    """Two replicas."""
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(RequestIds(open_store(), CLOCK)) for _ in range(2)]
        yield one, other


async def test_a_repeat_gets_the_first_answer(request_ids):
    """The request is carried out once, and its bytes come back as they were."""
    make = Making()

    found = [await request_ids.answer("s", "id", b"d", make, within(60)) for _ in range(3)]

    assert [b"\x00\xffanswer 1"] * 3 == found
    assert 1 == make.calls


async def test_ids_are_told_apart(request_ids):
    """Another id is another request, and so is the same one in another scope, wherever the scope ends."""
    make = Making()

    found = [
        await request_ids.answer(scope, request_id, b"d", make, within(60))
        for scope, request_id in [("s", "id"), ("s", "id2"), ("s2", "id"), ("s:", "id"), ("s", ":id"), ("", "s:id")]
    ]

    assert 6 == len({*found}) == make.calls


async def test_another_body_is_refused(request_ids):
    """The id names one request; the caller is told which field is at fault, and nothing is carried out."""
    make = Making()
    await request_ids.answer("s", "id", b"d", make, within(60))

    with pytest.raises(RequestIdReused) as raised:
        await request_ids.answer("s", "id", b"e", make, within(60))

    assert ({"request_id": "id"}, 1) == (raised.value.metadata, make.calls)
    assert ["request_id"] == [violation.field for violation in raised.value.violations]


async def test_another_body_is_refused_while_the_first_is_carried_out(request_ids):
    """There is no need to wait for that."""
    make = Making()
    make.may_end.clear()
    first = asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, within(60)))
    await make.begun.wait()

    with pytest.raises(RequestIdReused):
        await request_ids.answer("s", "id", b"e", make, within(60))

    make.may_end.set()
    await first
    assert 1 == make.calls


async def test_calls_at_once_are_carried_out_once(request_ids):
    """All get the one answer."""
    make = Making()

    found = await asyncio.gather(*(request_ids.answer("s", "id", b"d", make, within(60)) for _ in range(50)))

    assert ({b"\x00\xffanswer 1"}, 1) == ({*found}, make.calls)


async def test_a_caller_that_is_cancelled_does_not_cancel_the_work(request_ids):
    """A repeat gets the answer that the first caller did not wait for."""
    make = Making()
    make.may_end.clear()
    first = asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, within(60)))
    await make.begun.wait()

    first.cancel()
    await asyncio.wait([first])
    make.may_end.set()
    again = await request_ids.answer("s", "id", b"d", make, within(60))

    assert (True, b"\x00\xffanswer 1", 1) == (first.cancelled(), again, make.calls)


async def test_a_deadline_does_not_end_the_work(request_ids):
    """Whoever waits longer, or comes later, gets the answer."""
    make = Making()
    make.may_end.clear()
    patient = asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, within(60)))
    await make.begun.wait()

    with pytest.raises(DeadlineExceeded):
        await request_ids.answer("s", "id", b"d", make, within(0.05))
    make.may_end.set()

    assert (b"\x00\xffanswer 1", 1) == (await patient, make.calls)


async def test_a_definite_failure_is_remembered(request_ids):
    """A repeat is refused with the same error, and Salesforce is not asked again."""
    make = Making(ValidationRuleFailed("no", metadata={"object": "Lead"}, retry_after_seconds=None))

    raised = []
    for _ in range(2):
        with pytest.raises(ValidationRuleFailed) as caught:
            await request_ids.answer("s", "id", b"d", make, within(60))
        raised.append((str(caught.value), caught.value.metadata))

    assert ([("no", {"object": "Lead"})] * 2, 1) == (raised, make.calls)


async def test_a_failure_that_wrote_nothing_is_not_remembered(request_ids):
    """Every call that waited gets it; the next one tries again."""
    make = Making(UpstreamUnavailable("away", retry_after_seconds=5.0))
    make.may_end.clear()
    calls = [asyncio.ensure_future(request_ids.answer("s", "id", b"d", make, within(60))) for _ in range(2)]
    await make.begun.wait()
    # The second call joins the first while that is under way.
    await until(lambda: request_ids.statistics().repeated == 1)
    make.may_end.set()
    found = await asyncio.gather(*calls, return_exceptions=True)

    again = await request_ids.answer("s", "id", b"d", make, within(60))

    assert [UpstreamUnavailable] * 2 == [type(outcome) for outcome in found]
    assert (b"\x00\xffanswer 2", 2) == (again, make.calls)


@pytest.mark.parametrize(
    "error",
    [DeadlineExceeded("late"), UpstreamProtocolError("what?"), asyncio.CancelledError(), RuntimeError("bug")],
    ids=lambda error: type(error).__name__,
)
async def test_what_may_have_written_is_never_tried_again(request_ids, error):
    """The outcome is unknown to the first caller and to everyone who repeats the call."""
    make = Making(error)

    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await request_ids.answer("s", "id", b"d", make, within(60))

    assert 1 == make.calls


@pytest.mark.parametrize("open_store", SHARING, indirect=True)
async def test_replicas_carry_a_request_out_once(replicas):
    """Twenty calls at two replicas get one answer, which a late one gets from either."""
    make = Making()

    found = await asyncio.gather(
        *(replicas[number % 2].answer("s", "id", b"d", make, within(60)) for number in range(20))
    )
    late = [await replica.answer("s", "id", b"d", make, within(60)) for replica in replicas]

    assert ({b"\x00\xffanswer 1"}, 1) == ({*found, *late}, make.calls)


@pytest.mark.parametrize("open_store", SHARING, indirect=True)
async def test_replicas_share_refusals(replicas):
    """A definite failure of one is the other's, and so is the body that an id belongs to."""
    make = Making(ValidationRuleFailed("no", metadata={"object": "Lead"}))
    one, other = replicas
    with pytest.raises(ValidationRuleFailed):
        await one.answer("s", "id", b"d", make, within(60))

    with pytest.raises(ValidationRuleFailed) as raised:
        await other.answer("s", "id", b"d", make, within(60))
    with pytest.raises(RequestIdReused):
        await other.answer("s", "id", b"e", make, within(60))

    assert ({"object": "Lead"}, 1) == (raised.value.metadata, make.calls)


@pytest.mark.parametrize("open_store", SHARING, indirect=True)
async def test_a_replica_waits_for_another_within_the_deadline(open_store):
    """The other's body is compared at once, its answer waited for, and no longer than the caller does."""
    make = Making()
    make.may_end.clear()
    async with RequestIds(open_store(RENEWED), CLOCK) as one, RequestIds(open_store(RENEWED), CLOCK) as other:
        first = asyncio.ensure_future(one.answer("s", "id", b"d", make, within(60)))
        await make.begun.wait()

        with pytest.raises(RequestIdReused):
            await other.answer("s", "id", b"e", make, within(60))
        with pytest.raises(DeadlineExceeded):
            await other.answer("s", "id", b"d", make, within(0.1))
        patient = asyncio.ensure_future(other.answer("s", "id", b"d", make, within(60)))
        # Longer than a lease, which is renewed meanwhile.
        await asyncio.sleep(RENEWED * 1.5)
        make.may_end.set()

        assert ([b"\x00\xffanswer 1"] * 2, 1) == ([await first, await patient], make.calls)


@pytest.mark.parametrize("open_store", SHARING, indirect=True)
async def test_a_replica_tries_again_what_another_did_not_write(replicas):
    """The waiting replica carries the request out itself."""
    make = Making(UpstreamUnavailable("away"))
    make.may_end.clear()
    one, other = replicas
    first = asyncio.ensure_future(one.answer("s", "id", b"d", make, within(60)))
    await make.begun.wait()
    waiting = asyncio.ensure_future(other.answer("s", "id", b"d", make, within(60)))
    await asyncio.sleep(0.05)
    make.may_end.set()

    with pytest.raises(UpstreamUnavailable):
        await first

    assert (b"\x00\xffanswer 2", 2) == (await waiting, make.calls)


@pytest.mark.parametrize("open_store", SHARING, indirect=True)
async def test_a_request_whose_replica_died_is_not_carried_out_again(open_store, replicas):
    """Until the lease ends others wait; then each of them, and any later one, learns that the outcome is unknown."""
    make = Making()
    make.may_end.clear()
    store = Silent(open_store(BRIEF), dead=True)
    async with RequestIds(store, CLOCK, close_seconds=0.0) as dying:
        asking = asyncio.ensure_future(dying.answer("s", "id", b"d", make, within(60)))
        await make.begun.wait()
        began = CLOCK.monotonic()
    await asyncio.wait([asking])

    said = []
    for replica in [*replicas, *replicas]:
        with pytest.raises(OutcomeUnknown) as raised:
            await replica.answer("s", "id", b"d", make, within(60))
        said.append(str(raised.value))
    took = CLOCK.monotonic() - began
    with pytest.raises(RequestIdReused):
        await replicas[0].answer("s", "id", b"e", make, within(60))

    assert 1 == make.calls
    assert all("was cut off" in text for text in said)
    assert BRIEF * 0.5 < took


@pytest.mark.parametrize("open_store", SHARING, indirect=True)
async def test_a_replica_that_was_only_silent_tells_the_outcome_after_all(open_store, replicas):
    """Who asked meanwhile was told that nobody knows; whoever asks later gets the answer."""
    make = Making()
    make.may_end.clear()
    async with RequestIds(Silent(open_store(BRIEF)), CLOCK) as silent:
        first = asyncio.ensure_future(silent.answer("s", "id", b"d", make, within(60)))
        await make.begun.wait()
        with pytest.raises(OutcomeUnknown):
            await replicas[1].answer("s", "id", b"d", make, within(60))
        make.may_end.set()
        await first

    assert b"\x00\xffanswer 1" == await replicas[1].answer("s", "id", b"d", make, within(60))
    assert 1 == make.calls
