"""Salesforce's side of a bulk load, in memory: it shuffles results as Salesforce does and can be told to misbehave."""

import csv
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from io import StringIO

from service.bulk.job import Job, LoadRequest, LoadState, ResultFile
from service.bulk.spool import Spool

Row = dict[str, str]


def written(row: Row) -> str | None:
    """Judge every row as written."""
    return ""


@dataclass
class FakeBulkClient:
    """A `service.bulk.job.BulkClient` without an org."""

    judge: Callable[[Row], str | None] = written
    """Tells what becomes of a row: empty when written, else `sf__Error`; None when it is never tried."""
    creates: Callable[[Row], bool] = lambda row: True
    """Tells whether an upsert creates."""
    final: LoadState = LoadState.COMPLETE
    polls: int = 3
    """How often a job is asked for until it has ended."""
    faults: dict[str, list[BaseException]] = field(default_factory=dict)
    """What the next calls of a method raise instead of doing anything."""
    faults_after: dict[str, list[BaseException]] = field(default_factory=dict)
    """What the next calls of a method raise after they did their work."""
    edit: Callable[[ResultFile, list[list[str]]], list[list[str]]] = lambda file, lines: lines
    """Changes a result file, its header included."""
    error_message: str = ""
    chunk_bytes: int = 7

    def __post_init__(self) -> None:
        self.calls: list[str] = []
        self.state = LoadState.OPEN
        self.uploaded = b""
        self.asked = 0

    async def create_job(self, request: LoadRequest) -> Job:
        self._raise("create_job", self.faults)
        return self._job()

    async def upload(self, job_id: str, content: Spool) -> None:
        self._raise("upload", self.faults)
        self.uploaded = b"".join([chunk async for chunk in content.stream()])
        assert len(self.uploaded) == content.size

    async def complete(self, job_id: str) -> Job:
        self._raise("complete", self.faults)
        self.state = LoadState.UPLOADED
        self._raise("complete", self.faults_after, is_counted=False)
        return self._job()

    async def abort(self, job_id: str) -> None:
        self._raise("abort", self.faults)
        self.state = LoadState.ABORTED

    async def job_info(self, job_id: str) -> Job:
        self._raise("job_info", self.faults)
        if self.state is not LoadState.OPEN:
            self.asked += 1
            self.state = self.final if self.asked >= self.polls else LoadState.PROCESSING
        return self._job()

    async def results(self, job_id: str, file: ResultFile) -> AsyncIterator[bytes]:
        self._raise(file, self.faults)
        content = self._file(file)
        for start in range(0, len(content), self.chunk_bytes):
            yield content[start : start + self.chunk_bytes]

    @property
    def rows(self) -> list[Row]:
        """The rows that were uploaded."""
        return list(csv.DictReader(StringIO(self.uploaded.decode(), newline="")))

    def _raise(self, method: str, faults: dict[str, list[BaseException]], *, is_counted: bool = True) -> None:
        if is_counted:
            self.calls.append(method)
        if faults.get(method):
            raise faults[method].pop(0)

    def _job(self) -> Job:
        if not self.state.is_final:
            return Job("750000000000001AAA", self.state)
        verdicts = [self.judge(row) for row in self.rows]
        tried = sum(verdict is not None for verdict in verdicts)
        failed = sum(bool(verdict) for verdict in verdicts)
        return Job("750000000000001AAA", self.state, tried, failed, self.error_message)

    def _file(self, file: ResultFile) -> bytes:
        header, *cells = list(csv.reader(StringIO(self.uploaded.decode(), newline="")))
        lines: list[list[str]] = []
        for row in (row for row in cells if row):
            named = dict(zip(header, row, strict=True))
            verdict = self.judge(named)
            identity = f"00Q{len(lines):015d}"
            if file == "successfulResults" and verdict == "":
                lines.append([identity, str(self.creates(named)).lower(), *row])
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
