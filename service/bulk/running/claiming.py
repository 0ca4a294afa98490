"""A part's rows claimed for one job before that is committed; see `service.bulk.ways.part_claims`."""

from service.bulk.job import BulkClient
from service.bulk.ledger import PartRecord
from service.bulk.request import Operation
from service.bulk.running.aftermath import tried_nothing, unsettled_seconds
from service.bulk.ways.part_claims import PartClaims
from service.clock import Clock
from service.errors import InvalidToken, LoadNotFound
from service.settings.signed_text import invalid

_REPEATABLE = frozenset({Operation.UPDATE, Operation.UPSERT})
"""What has the effect of once when it is done twice."""


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
