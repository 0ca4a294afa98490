"""What a process does once it has started."""

import gc
from collections.abc import Iterator

import pytest

from service.cli.running import settle_memory


@pytest.fixture
def collector() -> Iterator[None]:
    """Leave the garbage collector as it was."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("collector")
def test_what_the_start_made_is_looked_through_no_more() -> None:
    """The collector passes over it, and garbage of later is found still."""
    settle_memory()
    frozen = gc.get_freeze_count()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle

    assert frozen > 10_000
    assert gc.collect() >= 1
    assert gc.get_threshold()[0] > 700
