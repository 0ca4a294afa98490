"""Which way a small load goes: as a bulk job, or as calls that write 200 records each and answer at once.

Sources: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API 2.0 Ingest" (the calls of a job; more than 2,000 rows are
for it); Salesforce REST API, "sObject Collections" (200 records a call).
"""

from dataclasses import dataclass

from service.bulk.request import LoadRequest, Operation, WantedResults
from service.bulk.ways.way import Way

MAX_ROWS = 2_000
"""Loads of more rows are always jobs."""
MAX_BYTES = 4_000_000
"""Loads of more bytes are always jobs: their rows are in memory until they are written."""
MAX_CELLS = 200_000
"""Loads of more cells are always jobs, however short those are: each takes some hundred bytes of memory."""
MAX_KEY_CHARACTERS = 250_000
"""Loads whose keys are longer are always jobs: all results come in one message, which takes 4 MiB."""
ROWS_A_CALL = 200

SHORT_SECONDS = 5.0
"""Who waits no longer for calls does not mind that a job would be over sooner, and the org is spared its calls."""
_JOB_CALLS = 4
"""The day's batches are asked for; a job is created, given its data and completed."""
_REPEATABLE = frozenset({Operation.UPDATE, Operation.UPSERT, Operation.DELETE})


@dataclass(frozen=True, slots=True)
class Prices:
    """What the two ways cost now; the defaults are of an org that is not busy."""

    call_seconds: float = 1.0
    """How long a call of 200 records takes."""
    calls_at_once: int = 1
    """How many of them run beside each other: one where the rows have parents that they would lock."""
    job_seconds: float = 15.0
    """How long a job of one batch takes, its time in the queue included."""
    polls: int = 4
    """How often such a job is asked for."""
    batches_left: int | None = None
    """How many batches the org takes today; None if nobody knows."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The way a load goes, and why."""

    way: Way
    reason: str
    """For people: one clause."""
    collection_calls: int
    job_calls: int
    collection_seconds: float
    job_seconds: float


def only_a_job(request: LoadRequest) -> str:
    """Return why a load is a job however few rows it has; empty if it need not be.

    Inserts never go by collections: after a crash one that happened cannot be told from one that did not. Neither does
    what is a job's: deleting past the recycle bin, naming an assignment rule.
    """
    if request.operation not in _REPEATABLE:
        return f"{request.operation.value} cannot be repeated when an answer is lost, or is bulk only"
    if request.assignment_rule_id:
        return "an assignment rule is named, which a job takes"
    if request.keeps_results:
        return "its results are to be kept, which a job does"
    if request.external_id_field.lower() == "id":
        return "an upsert by Id is a job's"
    return ""


def choose(request: LoadRequest, rows: int, prices: Prices) -> Choice:
    """Choose the way of a load whose data is complete.

    What need not be a job goes by collections where they take no more calls and no more time than a job, or so little
    that nobody waits, and where the day has no batch left. They are to be sent with `Sforce-Auto-Assign: FALSE`, since
    a job that names no rule assigns nothing.

    Args:
        request: The load.
        rows: How many rows it has, at least one.
        prices: What the two ways cost.

    """
    calls = -(-rows // ROWS_A_CALL)
    job_calls = _JOB_CALLS + prices.polls + _result_files(request)
    seconds = -(-calls // max(prices.calls_at_once, 1)) * prices.call_seconds

    def chosen(way: Way, reason: str) -> Choice:
        return Choice(way, reason, calls, job_calls, seconds, prices.job_seconds)

    if reason := only_a_job(request):
        return chosen(Way.JOB, reason)
    if rows > MAX_ROWS:
        return chosen(Way.JOB, f"more than {MAX_ROWS:,} rows")
    if prices.batches_left == 0:
        return chosen(Way.COLLECTIONS, "no batch is left today")
    if request.results is WantedResults.NONE:
        return chosen(Way.JOB, "no results are wanted now, and only a job keeps them for later")
    if calls > job_calls:
        return chosen(Way.JOB, f"collections would take {calls} calls, a job about {job_calls}")
    if seconds > max(prices.job_seconds, SHORT_SECONDS):
        return chosen(Way.JOB, f"collections would take {seconds:.1f} s, a job about {prices.job_seconds:.1f} s")
    return chosen(
        Way.COLLECTIONS, f"few rows: {ROWS_A_CALL} a call, so no more calls than the {job_calls} of a job, and sooner"
    )


def _result_files(request: LoadRequest) -> int:
    """Return how many result files a job without failures has fetched."""
    # Only the lines of an upsert tell created from updated.
    return int(request.results is WantedResults.ALL or request.operation is Operation.UPSERT)
