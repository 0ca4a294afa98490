"""What the tests of faults share: stages whose orgs have one pair of keys."""

from pathlib import Path

import pytest

from tests.support.polling import poll_soon
from tests.support.stage import StageFactory


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the keys of orgs."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets services ask sooner for the state of jobs."""
    poll_soon(monkeypatch)


@pytest.fixture
def stage(keys: Path, monkeypatch: pytest.MonkeyPatch) -> StageFactory:
    """Makes services on orgs that misbehave."""
    return StageFactory(keys, monkeypatch)
