"""Callers come at their own pace, and what became of them is told."""

import asyncio
from random import Random

from tests.load.offered import Phase, Told, offer, summary, well_after


async def test_callers_do_not_wait_for_each_other():
    """A call that is never answered in time holds up none that comes later, and all are told in the end."""
    release = asyncio.Event()
    asked: list[bytes] = []

    def call(message: bytes) -> asyncio.Future[bytes]:
        asked.append(message)
        if len(asked) == 30:
            release.set()
        return asyncio.ensure_future(_answer(release))

    told = await offer(call, [b"a", b"b"], [Phase(2000, 0.02), Phase(200, 0.5)], Random(7))

    assert len(asked) == len(told) > 30
    assert all(each.answered for each in told)
    assert [b"a", b"b", b"a"] == asked[:3]


async def _answer(release: asyncio.Event) -> bytes:
    await release.wait()
    return b""


async def test_a_refusal_is_told_as_one():
    """It counts as a call, but neither as a success nor for the latency."""

    def call(_message: bytes) -> asyncio.Future[bytes]:
        refused = asyncio.get_running_loop().create_future()
        refused.set_exception(RuntimeError("refused"))
        return refused

    told = await offer(call, [b""], [Phase(500, 0.05)], Random(7))

    found = summary(told)
    assert found["calls"] == len(told) > 0
    assert 0.0 == found["success_share"]
    assert {"p50": None, "p95": None, "p99": None} == found["latency_ms"]


def test_callers_are_well_after_the_last_failure():
    """Failures of calls that came before the moment do not count."""
    told = [Told(1.0, 2.0, False), Told(3.0, 3.1, True), Told(4.5, 5.0, False), Told(6.0, 6.1, True)]

    assert 2.5 == well_after(told, 2.0)
    assert 0.0 == well_after(told, 5.0)
