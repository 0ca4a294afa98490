"""A storm of 503s met by a real process of the service: how much of it reaches the org, and that it ends."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from grpc import StatusCode, aio

from tests.load.offered import GET_PATH, reads
from tests.load.processes import Server, running, service_on
from tests.load.upstream_counts import calls_of, set_outage

CALLS = 300
AT_A_TIME = 20
RETRIES_OF_A_FULL_BUDGET = 35


@pytest.fixture
async def upstream() -> AsyncIterator[Server]:
    """An org that answers at once."""
    async with running("tests.load.static_upstream") as server:
        yield server


@pytest.fixture
async def read(upstream) -> AsyncIterator[Any]:
    """Reads one record through the service and returns the status."""
    async with (
        running("service", "serve", "--json", environment=service_on(upstream)) as service,
        aio.insecure_channel(service.addresses["grpc"]) as channel,
    ):
        method: Any = channel.unary_unary(GET_PATH)
        (message,) = reads()

        async def call() -> StatusCode:
            try:
                await method(message, timeout=10)
            except aio.AioRpcError as error:
                return error.code()
            return StatusCode.OK

        yield call


async def test_a_storm_costs_the_org_no_more_than_calls_and_one_budget(upstream, read):
    """All calls fail, retries come out of one budget, most calls are not sent at all, and the end is found."""
    before_storm = await read()
    set_outage(upstream, is_on=True)

    in_storm = await _reads(read, CALLS)
    asked = calls_of(upstream)["outage"]
    set_outage(upstream, is_on=False)
    await _end(read)
    after = await _reads(read, CALLS)

    assert before_storm is StatusCode.OK
    assert {StatusCode.UNAVAILABLE: CALLS} == in_storm
    assert 5 <= asked <= CALLS // 2 + RETRIES_OF_A_FULL_BUDGET
    assert {StatusCode.OK: CALLS} == after


async def _end(read: Any) -> None:
    """Return when a read is answered again; the test's own timeout bounds it."""
    while True:
        if await read() is StatusCode.OK:
            return
        await asyncio.sleep(0.05)


async def _reads(read: Any, count: int) -> Counter[StatusCode]:
    """Read so often, some at a time, and count the statuses."""
    told: Counter[StatusCode] = Counter()

    async def several() -> None:
        for _ in range(count // AT_A_TIME):
            told[await read()] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_A_TIME):
            group.create_task(several())
    return told
