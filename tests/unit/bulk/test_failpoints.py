"""Places where a process may die."""

import os
import signal

import pytest

from service.bulk.failpoints import Deadly, Failpoint, pass_by


async def test_a_process_dies_at_its_passage_alone(monkeypatch):
    """Nothing happens at other places, nor before or after the passage that is named."""
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda process, number: killed.append((process, number)))
    reach = Deadly({"committed": 2})

    for point in (Failpoint.CUT, Failpoint.COMMITTED):
        await reach(point)
    before = list(killed)
    for _ in range(3):
        await reach(Failpoint.COMMITTED)

    assert [] == before
    assert [(os.getpid(), signal.SIGKILL)] == killed


def test_an_unknown_place_is_refused():
    """A test that misspells a place would otherwise kill nobody and pass."""
    with pytest.raises(ValueError, match="comitted"):
        Deadly({"comitted": 1})


async def test_usually_nothing_happens():
    """What loads are given outside of tests does nothing."""
    for point in Failpoint:
        await pass_by(point)
