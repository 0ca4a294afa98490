"""Who has a part's rows written first: of two calls that go on with one load at the same time, one alone may.

Each of them gives a part that their token names no job for to a job of its own, and nothing in Salesforce says that two
jobs have the same rows. So whoever is about to commit a job says so where the other one looks.
"""

from collections import OrderedDict
from typing import Protocol

CLAIM_SECONDS = 8 * 86_400.0
"""How long a claim is remembered: a day longer than Salesforce keeps a job."""
MOST_REMEMBERED = 100_000
"""Claims that one process remembers; further ones push out the oldest."""


class PartClaims(Protocol):
    """Remembers which job has the rows of a part."""

    async def take(self, claim: str, job_id: str, *, instead_of: str = "") -> str:
        """Return the job that has a claim: the given one if nobody has it yet, or if the other one has it.

        Where nobody can be asked, it is the given one: a load does not wait for what guards against its caller alone.

        Args:
            claim: Names the rows.
            job_id: The job that is about to be committed.
            instead_of: A job that gives the claim up, as it writes nothing; empty for none.

        """
        ...


class ClaimsOfProcess:
    """Remembers the claims of this process: right where there is one, and forgotten when it ends."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, str] = OrderedDict()

    async def take(self, claim: str, job_id: str, *, instead_of: str = "") -> str:
        """See `PartClaims.take`."""
        holder = self._jobs.get(claim, job_id)
        if holder != instead_of:
            job_id = holder
        self._jobs[claim] = job_id
        if len(self._jobs) > MOST_REMEMBERED:
            self._jobs.popitem(last=False)
        return job_id
