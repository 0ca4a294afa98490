"""A real service on its embedded org, called over a real channel; one of them serves the whole folder."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
from grpc import aio

from service.app import App
from service.emulator.disturbances import Disturbances
from service.emulator.org import Org
from service.orgs.load_prices import LoadPrices
from service.settings import EmulatorSettings
from tests.support.polling import poll_soon
from tests.support.service import free_ports


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the folder's tests on the loop that the service runs on."""
    for item in items:
        if "tests/rpc" in item.path.as_posix() and isinstance(item, pytest.Function):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def app() -> AsyncIterator[App]:
    """A service on its embedded org, which has calls for a folder of tests: as they ran short, writes would be held."""
    async with App(free_ports(emulator=EmulatorSettings(port=0, daily_api_requests=10**9))) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def channel(app: App) -> AsyncIterator[aio.Channel]:
    """A channel to it."""
    assert app.addresses is not None
    async with aio.insecure_channel(app.addresses.grpc) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    poll_soon(monkeypatch)


@pytest.fixture(autouse=True)
def _loads_of_usual_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no load's time decide which way the small loads of later tests go."""
    for measure in ("note_calls", "note_job"):
        monkeypatch.setattr(LoadPrices, measure, lambda *_: None)


@pytest.fixture
def org(app: App) -> Org:
    """The embedded org."""
    assert app.emulator is not None
    return app.emulator.org


@pytest.fixture
def disturbances(app: App) -> Iterator[Disturbances]:
    """The scripted faults of the embedded org, taken back after the test."""
    assert app.emulator is not None
    yield app.emulator.disturbances
    app.emulator.disturbances.clear()


_numbers = itertools.count(1)


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Make external ids that no other test uses."""
    number = next(_numbers)
    return lambda name: f"{name}-{number}"
