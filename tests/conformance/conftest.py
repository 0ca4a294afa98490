"""What tests against a real Valkey share."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.support.valkey import ValkeyProcess, valkey_process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[ValkeyProcess]:
    """A server that no test harms."""
    async with valkey_process() as server:
        yield server


@pytest.fixture
async def client(shared) -> AsyncIterator["Redis"]:
    """A client of it, which leaves nothing there."""
    async with Redis(port=shared.port) as opened:
        yield opened
        await opened.flushall()
