"""What a process does once it has started."""

import gc
import platform
import subprocess
import sys
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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory as they see fit")
def test_memory_of_a_message_is_used_for_the_next_one() -> None:
    """The system is not asked for each message's pages again."""
    script = """
import resource
from service.cli.running import settle_memory

settle_memory()
blocks = [b"x" * 1_048_576 for _ in range(4)]
del blocks
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    blocks = [b"x" * 1_048_576 for _ in range(4)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

    faults = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout

    assert 100 > int(faults)
