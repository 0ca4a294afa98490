"""Repeats by request id, against calls that fail as the test says."""

import asyncio

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode, aio
from sluicegate.repeats import Repeats


def failure(code: StatusCode = StatusCode.UNAVAILABLE, retry_after: float | None = None) -> aio.AioRpcError:
    """Make what a call raises."""
    trailers = aio.Metadata()
    if retry_after is not None:
        delay = Duration()
        delay.FromNanoseconds(round(retry_after * 1e9))
        detail = Any()
        detail.Pack(RetryInfo(retry_delay=delay))
        trailers.add("grpc-status-details-bin", Status(details=[detail]).SerializeToString())
    return aio.AioRpcError(code, aio.Metadata(), trailers, "no")


class Calls:
    """Calls that fail in turn and then answer."""

    def __init__(self, *failures: aio.AioRpcError) -> None:
        self.seconds: list[float] = []
        """How long each attempt was given."""
        self._failures = list(failures)

    async def __call__(self, seconds: float) -> str:
        self.seconds.append(seconds)
        if self._failures:
            raise self._failures.pop(0)
        return "answer"


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """Record the pauses, and do not wait for them."""
    taken: list[float] = []

    async def pause(seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pause)
    return taken


async def test_repeats_while_unavailable(pauses):
    """A call is made until the service is there, each pause longer at most than the one before."""
    calls = Calls(failure(), failure())

    answer = await Repeats().make(calls, 30)

    assert "answer" == answer
    assert 3 == len(calls.seconds)
    assert 0 <= pauses[0] <= 0.2
    assert 0 <= pauses[1] <= 0.4


async def test_gives_up(pauses):
    """The third failure stands."""
    calls = Calls(*[failure()] * 3)

    with pytest.raises(aio.AioRpcError):
        await Repeats().make(calls, 30)

    assert 3 == len(calls.seconds)


async def test_other_failures(pauses):
    """Only a service that is unavailable is asked again."""
    calls = Calls(failure(StatusCode.ABORTED))

    with pytest.raises(aio.AioRpcError):
        await Repeats().make(calls, 30)

    assert 1 == len(calls.seconds)


async def test_keeps_the_pause_that_is_asked_for(pauses):
    """A pause that the service names is kept to the letter."""
    await Repeats().make(Calls(failure(retry_after=1.5)), 30)

    assert [1.5] == pauses


@pytest.mark.parametrize(("asked", "allowed"), [(2.5, 30), (1.0, 0.9)])
async def test_does_not_wait_too_long(pauses, asked, allowed):
    """A pause that is long, or would outlast the call's timeout, is not waited for."""
    calls = Calls(failure(retry_after=asked))

    with pytest.raises(aio.AioRpcError):
        await Repeats().make(calls, allowed)

    assert 1 == len(calls.seconds)
    assert [] == pauses


async def test_attempts_share_the_timeout():
    """Each attempt is given what is left of the call's timeout."""
    calls = Calls(failure(retry_after=0.02))

    await Repeats().make(calls, 60)

    first, second = calls.seconds
    assert first <= 60
    assert second <= first - 0.02


async def test_repeats_stop_in_an_outage(pauses):
    """While most calls fail each is made once, and repeats come back after calls have succeeded."""
    repeats = Repeats()
    for _ in range(50):
        with pytest.raises(aio.AioRpcError):
            await repeats.make(Calls(*[failure()] * 3), 30)
    during, after = Calls(failure()), Calls(failure())

    with pytest.raises(aio.AioRpcError):
        await repeats.make(during, 30)
    for _ in range(600):
        await repeats.make(Calls(), 30)
    await repeats.make(after, 30)

    assert 1 == len(during.seconds)
    assert 2 == len(after.seconds)
