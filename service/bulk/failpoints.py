"""The places in a load where its process may die: named, so that tests can have it die at each of them.

Nothing happens at them unless a service is told so by a setting, which it refuses with orgs beyond its own machine.
"""

import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum


class Failpoint(Enum):
    """A place in the life of a load, or of one of its parts."""

    BEGUN = "begun"
    """The header is read."""
    ACCEPTED = "accepted"
    """ACCEPTED was handed to the caller."""
    CUT = "cut"
    """A part is complete; it has no job."""
    JOB_CREATED = "job_created"
    """The part's job exists, and nobody knows."""
    UPLOADING = "uploading"
    """Half of the part's data is on its way."""
    UPLOADED = "uploaded"
    """The data is with Salesforce; the caller has no token that says so."""
    PREPARED = "prepared"
    """PREPARED was handed to the caller."""
    COMMIT_RECEIVED = "commit_received"
    """The caller's commit has come, and Salesforce knows nothing of it."""
    COMMITTED = "committed"
    """Salesforce writes; of a part without a job, some of its rows are written."""
    POLLED = "polled"
    """The job was asked for and goes on."""
    ENDED = "ended"
    """The job is over; of a part without one, all of its rows are written."""
    RETRY_CREATED = "retry_created"
    """A job for rows that are tried again exists, and nobody knows."""
    RETRY_UPLOADED = "retry_uploaded"
    """It has its data."""
    REPORTING = "reporting"
    """Some results of the part were handed to the caller."""
    REPORTED = "reported"
    """All were, but no token says that the part is done, unless it has no job."""
    DONE = "done"
    """PART_DONE was handed to the caller."""
    FINISHING = "finishing"
    """Every part is done, and FINISHED is not sent."""


Reach = Callable[[Failpoint], Awaitable[None]]
"""What a load calls at each place."""


async def pass_by(_point: Failpoint) -> None:
    """Go on, as always but in a test."""


class Deadly:
    """Has the process die at a place, as a crash would: without a last word or a clean-up.

    Args:
        times: At which passage, from 1, by the name of the place.

    Raises:
        ValueError: No place is called so.

    """

    def __init__(self, times: Mapping[str, int]) -> None:
        self._times = {Failpoint(name): time for name, time in times.items()}
        self._passed: Counter[Failpoint] = Counter()

    async def __call__(self, point: Failpoint) -> None:
        """Go on, or die."""
        self._passed[point] += 1
        if self._passed[point] == self._times.get(point):
            os.kill(os.getpid(), signal.SIGKILL)
