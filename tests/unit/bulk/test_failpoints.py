"""Places where a process may die."""

import os
import re
import signal
from pathlib import Path

import pytest

from service import bulk
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


def test_every_place_is_explained():
    """The table of what is left behind and how a load goes on has a row for each, in the order of a part's life."""
    readme = (Path(bulk.__file__).parent / "README.md").read_text(encoding="utf-8")

    told = re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE)

    assert [point.value for point in Failpoint] == told
