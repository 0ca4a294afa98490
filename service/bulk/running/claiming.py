"""A part's rows claimed for one job before that is committed; see `service.bulk.ways.part_claims`."""

from service.bulk.job import BulkClient
from service.bulk.ledger import PartRecord
from service.bulk.request import Operation
from service.bulk.running.aftermath import tried_nothing, unsettled_seconds
from service.bulk.running.job_steps import ask
from service.bulk.ways.part_claims import PartClaims
from service.clock import Clock
from service.errors import InvalidToken, LoadNotFound
from service.settings.signed_text import invalid

_REPEATABLE = frozenset({Operation.UPDATE, Operation.UPSERT})
"""What has the effect of once when it is done twice."""


async def claim_part(
    claims: PartClaims, client: BulkClient, clock: Clock, load_id: str, operation: Operation, record: PartRecord
) -> str:
    """Claim a part's rows for the last of its jobs, before that is committed, and return the job that has them.

    It is another one if another call of the same load was first: it was given the same rows. What may be written twice
    is not claimed. A job that has ended without having tried a row gives its claim up.

    Args:
        claims: Where.
        client: The org.
        clock: Time, for outages.
        load_id: The load.
        operation: What it does.
        record: The part; it has a job.

    Raises:
        InvalidToken: Another call had other rows written as this part.
        service.errors.SluicegateError: The org does not tell how the other job stands.

    """
    job_id, number, rows = record.job_ids[-1], record.start.part, record.digest.hex()
    if operation in _REPEATABLE:
        return job_id
    # Rows that are tried again are claimed anew: the job before has ended.
    claim = f"{load_id}/{number}/{len(record.job_ids)}"
    own = f"{job_id} {rows}"
    holder = await claims.take(claim, own)
    if holder != own and await _is_void(client, clock, holder.split(" ")[0]):
        holder = await claims.take(claim, own, instead_of=holder)
    holding_job, _, held_rows = holder.partition(" ")
    if held_rows != rows:
        raise _behind(number, holding_job)
    return holding_job


async def _is_void(client: BulkClient, clock: Clock, job_id: str) -> bool:
    """Tell whether a job writes nothing and never has; an outage is waited out."""
    try:
        job = await ask(client, clock, job_id)
    except LoadNotFound:
        # What Salesforce has forgotten may have written.
        return False
    return await tried_nothing(client, clock, job) and not unsettled_seconds(job)


def _behind(number: int, job_id: str) -> InvalidToken:
    return invalid(
        f"is behind: another call that goes on with this load has had other rows written as part {number}, by job "
        f"{job_id}; go on with the last token of that call, or load what is missing as a load of its own"
    )
