"""Sixty names that are loaded by part, as the tests load them and find them in the org."""

import asyncio
from contextlib import suppress

from service.bulk.cutting.parts import PartLimits
from service.bulk.request import LoadRequest, Operation, WantedResults
from tests.unit.bulk.loading import Killed, Process, by_part

INSERT = by_part(LoadRequest("Lead", Operation.INSERT, results=WantedResults.ALL, key_column="LastName"))
NAMES = [f"N{number:02}" for number in range(60)]
DATA = b"LastName\n" + "".join(f"{name}\n" for name in NAMES).encode()
SMALL = PartLimits(100, 10)
LOCKED = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"


def names(org):
    """Return the names that the org has, sorted."""
    return sorted(row["LastName"] for row in org.written)


async def call(caller, process):
    """Have a caller call a replica, for half a minute at most."""
    await asyncio.wait_for(caller.call(process.loader() if isinstance(process, Process) else process), 30)


async def call_until_finished(caller, org):
    """Go on with a load until it has finished, as often as it breaks off."""
    while caller.finished is None:
        with suppress(Killed):
            await call(caller, Process(org))
