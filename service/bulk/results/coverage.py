"""Result files held against what their jobs say of them, and fetched again while the two contradict one another.

A file that a proxy cut short, or that Salesforce gives before it is complete, is a passing fault as a rule. What stays
is told as not known: to refuse the results for ever would keep from the caller what they do tell.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from service.bulk.job import Job, ResultFile
from service.bulk.results.outcomes import RowOutcome
from service.bulk.results.report import Reported
from service.bulk.results.result_files import ResultFiles
from service.clock import Clock
from service.errors import UpstreamProtocolError

PAUSES_SECONDS = (2.0, 10.0, 30.0)
"""How long Salesforce is given before each further look."""


async def settle(
    part: Reported,
    wanted: frozenset[RowOutcome],
    files: ResultFiles,
    ask: Callable[[str], Awaitable[Job]],
    clock: Clock,
) -> Reported:
    """Return a part whose jobs' files have as many lines as the jobs say; one that is doubted if they never have.

    Nothing is told meanwhile, so that no row is told twice.

    Args:
        part: The part; its jobs have ended.
        wanted: Outcomes of the rows that are to come.
        files: Their results; what does not fit is forgotten and fetched again.
        ask: Asks how a job stands, by its id: counts may come late too.
        clock: Waits.

    Raises:
        service.errors.SluicegateError: Salesforce refused.

    """
    for pause in PAUSES_SECONDS:
        unfit = [job for job in part.jobs if not await _fits(part, job, wanted, files)]
        if not unfit:
            return part
        await clock.sleep(pause)
        for job in unfit:
            files.forget(job)
        part = replace(part, jobs=tuple([await ask(job.id) if job in unfit else job for job in part.jobs]))
    fit = [await _fits(part, job, wanted, files) for job in part.jobs]
    return part if all(fit) else replace(part, is_doubted=True)


async def _fits(part: Reported, job: Job, wanted: frozenset[RowOutcome], files: ResultFiles) -> bool:
    try:
        counted = {file: await files.count(job, file, part.columns) for file in part.files(job, wanted)}
    except UpstreamProtocolError:
        return False
    if part.tells_all:
        said: dict[ResultFile, int] = {
            "successfulResults": job.rows_processed - job.rows_failed,
            "failedResults": job.rows_failed,
        }
        return all(counted[file] == said[file] for file in counted)
    return counted["successfulResults"] + counted["failedResults"] == job.rows_processed
