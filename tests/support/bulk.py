"""Salesforce's side of bulk loads, in memory: it shuffles results as Salesforce does and can be told to misbehave."""

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO

from service.bulk.data.dialect import Delimiter
from service.bulk.data.spool import Spool
from service.bulk.job import Content, Job, JobState, ResultFile
from service.bulk.request import LoadRequest
from service.errors import LoadNotFound, SalesforceRejected

Row = dict[str, str]


def written(row: Row) -> str | None:
    """Judge every row as written."""
    return ""


@dataclass
class FakeJob:
    """One job."""

    id: str
    request: LoadRequest
    delimiter: Delimiter
    state: JobState = JobState.OPEN
    uploaded: bytes | None = None
    asked: int = 0
    verdicts: list[str | None] = field(default_factory=list)
    """What became of each row, once the job has ended: empty when written, else why not; None when never tried."""
    error_message: str = ""

    @property
    def cells(self) -> list[list[str]]:
        """The header and the rows that were uploaded."""
        text = StringIO((self.uploaded or b"").decode(), newline="")
        return [row for row in csv.reader(text, delimiter=self.delimiter.text) if row]

    @property
    def rows(self) -> list[Row]:
        """The rows that were uploaded."""
        header, *cells = self.cells or [[]]
        return [dict(zip(header, row, strict=True)) for row in cells]


@dataclass
class FakeBulkOrg:
    """A `service.bulk.job.BulkClient` without an org."""

    judge: Callable[[Row], str | None] = written
    """Tells what becomes of a row: empty when written, else `sf__Error`; None when it is never tried."""
    creates: Callable[[Row], bool] = lambda row: True
    """Tells whether an upsert creates."""
    final: JobState = JobState.COMPLETE
    polls: int = 3
    """How often a job is asked for until it has ended."""
    faults: dict[str, list[BaseException | None]] = field(default_factory=dict)
    """What the next calls of a method raise instead of doing anything."""
    faults_after: dict[str, list[BaseException | None]] = field(default_factory=dict)
    """What the next calls of a method raise after they did their work."""
    edit: Callable[[ResultFile, list[list[str]]], list[list[str]]] = lambda file, lines: lines
    """Changes a result file, its header included."""
    error_message: str = ""
    unchanged_seconds: float = 0.0
    """For how long jobs have not changed, as the org tells."""
    batches: int | None = None
    """How many batches of rows the org takes today."""

    def __post_init__(self) -> None:
        self.calls: list[str] = []
        self.jobs: list[FakeJob] = []
        self.written: list[Row] = []
        """Every row that was written, as often as it was."""

    async def create_job(self, request: LoadRequest, delimiter: Delimiter) -> Job:
        self._raise("create_job", self.faults)
        job = FakeJob(f"750{len(self.jobs) + 1:012d}AAA", request, delimiter)
        self.jobs.append(job)
        self._raise("create_job", self.faults_after, is_counted=False)
        return self._info(job)

    async def upload(self, job_id: str, content: Content) -> None:
        self._raise("upload", self.faults)
        job = self._job(job_id)
        if job.uploaded is not None or job.state is not JobState.OPEN:
            raise SalesforceRejected("Found multiple contents for job")
        uploaded = b"".join([chunk async for chunk in content.stream()])
        assert len(uploaded) == content.size
        job.uploaded = uploaded
        self._raise("upload", self.faults_after, is_counted=False)

    async def complete(self, job_id: str) -> Job:
        self._raise("complete", self.faults)
        job = self._job(job_id)
        if job.state is not JobState.OPEN or job.uploaded is None:
            raise SalesforceRejected("Job cannot be completed: it is not Open, or no data was uploaded")
        job.state = JobState.UPLOADED
        self._raise("complete", self.faults_after, is_counted=False)
        return self._info(job)

    async def abort(self, job_id: str) -> Job:
        self._raise("abort", self.faults)
        job = self._job(job_id)
        if job.state.is_final:
            raise SalesforceRejected("Aborting already Completed Job not allowed")
        self.end(job, JobState.ABORTED, tried=0)
        return self._info(job)

    async def job_info(self, job_id: str) -> Job:
        self._raise("job_info", self.faults)
        job = self._job(job_id)
        if job.state in {JobState.UPLOADED, JobState.PROCESSING}:
            job.asked += 1
            if job.asked >= self.polls:
                self.end(job, self.final)
            else:
                job.state = JobState.PROCESSING
        return self._info(job)

    async def results(self, job_id: str, file: ResultFile, begin: Callable[[], Spool]) -> Spool:
        self._raise(file, self.faults)
        spool = begin()
        spool.write(self._file(self._job(job_id), file))
        return spool

    async def batches_left(self) -> int | None:
        self._raise("batches_left", self.faults)
        return self.batches

    def end(self, job: FakeJob, state: JobState, *, tried: int | None = None) -> None:
        """End a job, of which so many rows are tried, or all."""
        job.state, job.error_message = state, self.error_message if state is JobState.FAILED else ""
        for number, row in enumerate(job.rows):
            verdict = self.judge(row) if tried is None or number < tried else None
            job.verdicts.append(verdict)
            if verdict == "":
                self.written.append(row)

    @property
    def open_jobs(self) -> list[str]:
        """Ids of the jobs that are open."""
        return [job.id for job in self.jobs if job.state is JobState.OPEN]

    def _job(self, job_id: str) -> FakeJob:
        for job in self.jobs:
            if job.id == job_id:
                return job
        raise LoadNotFound("no such job")

    def _raise(self, method: str, faults: dict[str, list[BaseException | None]], *, is_counted: bool = True) -> None:
        if is_counted:
            self.calls.append(method)
        fault = faults[method].pop(0) if faults.get(method) else None
        if fault is not None:
            raise fault

    def _info(self, job: FakeJob) -> Job:
        tried = sum(verdict is not None for verdict in job.verdicts)
        failed = sum(bool(verdict) for verdict in job.verdicts)
        return Job(job.id, job.state, tried, failed, job.error_message, self.unchanged_seconds)

    def _file(self, job: FakeJob, file: ResultFile) -> bytes:
        header, *cells = job.cells or [["Id"]]
        lines: list[list[str]] = []
        for number, (row, verdict) in enumerate(zip(cells, job.verdicts, strict=True)):
            identity = f"00Q{len(self.written) + number:012d}AAA"
            if file == "successfulResults" and verdict == "":
                created = self.creates(dict(zip(header, row, strict=True)))
                lines.append([identity, str(created).lower(), *row])
            if file == "failedResults" and verdict:
                lines.append(["", verdict, *row])
            if file == "unprocessedrecords" and verdict is None:
                lines.append(row)
        random.Random(7).shuffle(lines)
        first = {"successfulResults": ["sf__Id", "sf__Created"], "failedResults": ["sf__Id", "sf__Error"]}
        out = StringIO()
        csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
            self.edit(file, [[*first.get(file, []), *header], *lines])
        )
        return out.getvalue().encode()
