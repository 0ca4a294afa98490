"""A real emulator on a loopback socket, and a client that has logged in to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from service.emulator.server import Emulator, EmulatorConfig
from tests.support.emulation import ManualClock


@pytest.fixture(scope="session")
def keys(tmp_path_factory) -> Path:
    """Keys that all emulators of the run share; making them takes longer than most tests."""
    return Path(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
async def emulator(keys, clock) -> AsyncIterator[Emulator]:
    """An emulator of its own for each test."""
    async with Emulator(EmulatorConfig(directory=keys), clock) as emulator:
        yield emulator


@pytest.fixture
async def client(emulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the first org, its paths relative to the newest API version.

    It verifies nothing, for there is no TLS: to read the machine's certificates takes longer than most tests.
    """
    headers = {"Authorization": f"Bearer {emulator.credentials.access_token}"}
    base = f"{emulator.url}/services/data/v66.0"
    async with httpx.AsyncClient(base_url=base, headers=headers, verify=False, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
async def anonymous(emulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client that has not logged in, its paths relative to the host."""
    async with httpx.AsyncClient(base_url=emulator.url, verify=False, trust_env=False, timeout=60) as client:
        yield client
