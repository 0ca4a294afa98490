"""Who has a part's rows written first: of two calls that go on with one load at the same time, one alone may.

Each of them gives a part that their token names no job for to a job of its own, and nothing in Salesforce says that two
jobs have the same rows. So whoever is about to commit a job says so where the other one looks.
"""

from collections import OrderedDict
from typing import Protocol

from service.bulk.aftermath import tried_nothing, unsettled_seconds
from service.bulk.job import BulkClient, Operation
from service.bulk.ledger import PartRecord
from service.clock import Clock
from service.errors import InvalidToken, LoadNotFound
from service.settings.signed_text import invalid

CLAIM_SECONDS = 8 * 86_400.0
"""How long a claim is remembered: a day longer than Salesforce keeps a job."""
MOST_REMEMBERED = 100_000
"""Claims that one process remembers; further ones push out the oldest."""

_REPEATABLE = frozenset({Operation.UPDATE, Operation.UPSERT})
"""What has the effect of once when it is done twice."""


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


async def claim_part(
    claims: PartClaims, client: BulkClient, clock: Clock, load_id: str, operation: Operation, record: PartRecord
) -> None:
    """Take a part's rows for the last of its jobs, before that is committed.

    What may be written twice is not claimed. A job that has ended without having tried a row gives its claim up.

    Args:
        claims: Where.
        client: The org.
        clock: Time, for outages.
        load_id: The load.
        operation: What it does.
        record: The part; it has a job.

    Raises:
        InvalidToken: Another job has them: another call goes on with the load too.
        service.errors.SluicegateError: The org does not tell how that job stands.

    """
    if operation in _REPEATABLE:
        return
    job_id, number = record.job_ids[-1], record.start.part
    # Rows that are tried again are a claim of their own: the job before has given its one up by having ended.
    claim = f"{load_id}/{number}/{len(record.job_ids)}"
    holder = await claims.take(claim, job_id)
    if holder != job_id and await _is_void(client, clock, holder):
        holder = await claims.take(claim, job_id, instead_of=holder)
    if holder != job_id:
        raise _behind(number, holder)


async def _is_void(client: BulkClient, clock: Clock, job_id: str) -> bool:
    """Tell whether a job writes nothing and never has."""
    try:
        job = await client.job_info(job_id)
        return await tried_nothing(client, clock, job) and not unsettled_seconds(job)
    except LoadNotFound:
        # What Salesforce has forgotten may have written.
        return False


def _behind(number: int, job_id: str) -> InvalidToken:
    return invalid(
        f"is behind: another call that goes on with this load has part {number} written, by job {job_id}; let that "
        "call end, or go on with its last token"
    )
