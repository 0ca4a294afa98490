"""What a job that ended without its load may have written: decides whether another job may be given its rows.

Source: Bulk API 2.0 and Bulk API Developer Guide: jobs are processed in batches, each of which runs for at most five
minutes at a time; "Get Job Info" (`systemModstamp`).
"""

from service.bulk.job import BulkClient, Job, JobState, ResultFile
from service.bulk.results.result_files import ResultFiles
from service.clock import Clock
from service.errors import UpstreamProtocolError

BATCH_SECONDS = 300.0
"""How long a batch that ran when its job was aborted may run on."""
_RESULTS: tuple[ResultFile, ...] = ("successfulResults", "failedResults")


def unsettled_seconds(job: Job) -> float:
    """Return for how long a batch of a job that has ended may still run.

    Salesforce does not tell whether a job had begun when it was aborted. It tells when the job changed last, which its
    end did: nothing runs when that is long enough ago, as it is of jobs that expired, or that were aborted before the
    caller came back. The time is Salesforce's own on both ends, so that no clock here matters.
    """
    return max(0.0, BATCH_SECONDS - max(0.0, job.unchanged_seconds))


async def tried_nothing(client: BulkClient, clock: Clock, job: Job) -> bool:
    """Tell whether a job has ended and no row was tried so far, by its results, not by its own counts alone."""
    if job.state not in {JobState.ABORTED, JobState.FAILED} or job.rows_processed:
        return False
    with ResultFiles(client, clock) as files:
        try:
            for file in _RESULTS:
                async for _ in files.lines(job, file):
                    return False
        except UpstreamProtocolError:
            # Nobody knows, so no other job may have the rows.
            return False
    return True
