"""The rows that are worth trying again, and the upload that tries them: all of it from the results of a job.

Rows that failed for a lock are, and all that a job which gave up for locks never tried: the same rows alone, later and
in smaller numbers, as a rule get through. Source: Bulk API 2.0 and Bulk API Developer Guide, "General Guidelines for
Data Loads". Whether a row is among them can be told from the job's results alone, at any time and on any replica.
"""

from service.bulk.data.cells import write_row
from service.bulk.data.spool import Spool
from service.bulk.job import Job, JobState, ResultFile
from service.bulk.results.lines import ResultLine, ResultReader
from service.bulk.results.result_files import ResultFiles, read_lines
from service.clock import Clock

MAX_RETRIES = 3
"""How many jobs at most try rows of a part again."""
PAUSES_SECONDS = (2.0, 10.0, 30.0)
"""How long the locks are given before each."""

_LOCKED = "UNABLE_TO_LOCK_ROW"
_GAVE_UP = ("TooManyLockFailure", _LOCKED)


def is_retried(line: ResultLine, file: ResultFile, job: Job) -> bool:
    """Tell whether a row is tried again, if any job after this one tries rows again.

    Args:
        line: The row's line in a result file.
        file: Which file.
        job: Its job.

    """
    if file == "failedResults":
        # Triggers wrap the code in words of their own.
        return _LOCKED in line.error
    return file == "unprocessedrecords" and _gave_up(job)


def may_retry(job: Job) -> bool:
    """Tell whether any row of a job that has ended may be worth trying again, without a look at its results."""
    return bool(_files(job))


async def rows_to_retry(job: Job, files: ResultFiles, clock: Clock, content: Spool) -> int:
    """Write the upload that tries rows of a job again, and return how many there are.

    Args:
        job: It has ended.
        files: Its results.
        clock: Gives other tasks their turns.
        content: Empty; takes the CSV, comma-separated, with its header; stays empty if there is no such row.

    """
    count = 0
    for file in _files(job):
        reader = ResultReader()
        async for line in read_lines(await files.get(job, file), reader, clock):
            if not is_retried(line, file, job):
                continue
            if not count:
                content.write(write_row(reader.columns).encode())
            content.write(write_row(line.cells).encode())
            count += 1
    return count


def _files(job: Job) -> list[ResultFile]:
    files: list[ResultFile] = []
    if job.rows_failed:
        files.append("failedResults")
    if _gave_up(job):
        files.append("unprocessedrecords")
    return files


def _gave_up(job: Job) -> bool:
    return job.state is JobState.FAILED and any(word in job.error_message for word in _GAVE_UP)
