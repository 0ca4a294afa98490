"""Lists of bulk jobs, newest first, in pages. Source: Bulk API 2.0, "Get Information About All Jobs"."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from service.emulator.exchange import Answer, OrgCall

LISTED_JOBS = 1000


class Listed(Protocol):
    """A job as lists show it."""

    def summary(self) -> Mapping[str, object]:
        """Return it as JSON."""
        ...


def page_of(call: OrgCall, jobs: Iterable[Listed], job_type: str, path: str) -> Answer:
    """Return the page of jobs a caller asks for.

    Args:
        call: Its parameters select: `jobType`, `concurrencyMode`, `isPkChunkingEnabled` and `queryLocator`.
        jobs: All there are, oldest first.
        job_type: `V2Ingest` or `V2Query`.
        path: Of the list, below the API version.

    """
    # Jobs of 2.0 are always parallel, and say nothing of chunking by key.
    wanted = (
        call.query.get("jobType", job_type) == job_type
        and call.query.get("concurrencyMode", "Parallel").lower() == "parallel"
        and call.query.get("isPkChunkingEnabled", "false").lower() != "true"
    )
    newest = list(jobs)[::-1] if wanted else []
    locator = call.query.get("queryLocator", "0")
    start = int(locator[:9]) if locator.isdecimal() else 0  # how many came before the page
    following = start + LISTED_JOBS if start + LISTED_JOBS < len(newest) else None
    records = [job.summary() for job in newest[start : start + LISTED_JOBS]]
    address = f"{call.base}/{path}?queryLocator={following}" if following else None
    return Answer(value={"done": following is None, "records": records, "nextRecordsUrl": address})
