"""The messages of a bulk load on their way up."""

import platform
import subprocess
import sys

import pytest

_SCRIPT = """
import asyncio
from resource import RUSAGE_SELF, getrusage

from sluicegate.upload import exchange


class Call:
    async def __aiter__(self):
        for response in ():
            yield response

    def add_done_callback(self, callback):
        pass

    def cancel(self):
        return False


async def send(write):
    return False


async def main():
    async for _ in exchange(Call(), send):
        pass
    faults = []
    for _ in range(100):
        copies = [b"x" * 1_048_576 for _ in range(4)]
        del copies
        faults.append(getrusage(RUSAGE_SELF).ru_minflt)
    print(faults[-1] - faults[0])


asyncio.run(main())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory as they see fit")
def test_the_memory_of_a_message_is_used_for_the_next_one() -> None:
    """From the first load on the system is not asked for each message's pages again."""
    faults = subprocess.run([sys.executable, "-c", _SCRIPT], check=True, capture_output=True, text=True).stdout

    assert 100 > int(faults)
