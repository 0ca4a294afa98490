"""Bulk 2.0 ingest jobs over HTTP. Source: Bulk API 2.0 Developer Guide."""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, get_args

from service.clock import Clock
from service.emulator.dialects import DELIMITERS
from service.emulator.exchange import Answer, BufferedBody, OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.ingest import Ingestion
from service.emulator.jobs import TERMINAL, Job, JobOrder, Operation, wrong_state
from service.emulator.json_text import parse_object
from service.emulator.multipart import parts_of
from service.emulator.results import Results
from service.emulator.routes.job_list import page_of
from service.emulator.routes.job_order import choice, refuse_unknown_keys, word
from service.emulator.routing import Router
from service.emulator.schema.model import SObject

MAXIMUM_INLINE_CHARACTERS = 100_000
"""Of data that comes with the order. Source: Bulk API 2.0, "Create a Job"."""

_ORDER_KEYS = frozenset(
    {
        "object",
        "operation",
        "externalIdFieldName",
        "contentType",
        "columnDelimiter",
        "lineEnding",
        "assignmentRuleId",
    }
)

Start = Callable[[Coroutine[Any, Any, None]], object]
"""Runs a coroutine in a task that somebody owns."""


class IngestRoutes:
    """The ingest resources.

    Args:
        start: Runs jobs.
        clock: Passed on to jobs.
        delay_seconds: How long a job waits before it is processed.
        hard_delete: Whether users may remove rows past the Recycle Bin.
        lock_failures: Rows of one batch that may fail for a lock before the job does; None for any number.

    """

    def __init__(
        self,
        *,
        start: Start,
        clock: Clock,
        delay_seconds: float,
        hard_delete: bool = False,
        lock_failures: int | None = None,
    ) -> None:
        self._start = start
        self._clock = clock
        self._delay_seconds = delay_seconds
        self._hard_delete = hard_delete
        self._lock_failures = lock_failures

    def add_to(self, router: Router[OrgCall]) -> None:
        """Add the ingest resources."""
        router.add("jobs/ingest", get=self._list, post=self._create)
        router.add("jobs/ingest/{job}", get=self._poll, patch=self._change, delete=self._delete)
        router.add("jobs/ingest/{job}/batches", put=self._upload)
        router.add("jobs/ingest/{job}/successfulResults", get=self._succeeded)
        router.add("jobs/ingest/{job}/failedResults", get=self._failed)
        router.add("jobs/ingest/{job}/unprocessedrecords", get=self._unprocessed)
        router.add("jobs/ingest/{job}/unprocessedRecords", get=self._unprocessed)

    async def _create(self, call: OrgCall) -> Answer:
        content_type = call.headers.get("Content-Type", "")
        if not content_type.lower().startswith("multipart/"):
            job = self._made(call, await call.body.read())
            return Answer(value=job.info(job.show_latest()))
        parts = parts_of(content_type, await call.body.read())
        content = parts.get("content", b"")
        if len(content.decode("utf-8", "replace")) > MAXIMUM_INLINE_CHARACTERS:
            # The code is unverified.
            text = f"The data of a multipart request may have at most {MAXIMUM_INLINE_CHARACTERS} characters"
            raise SalesforceFault(400, "BULK_API_ERROR", text)
        job = self._made(call, parts.get("job", b""))
        await call.tenant.jobs.receive(job, BufferedBody(content).chunks())
        call.tenant.jobs.finish_upload(job)
        self._process(call, job)
        return Answer(value=job.info(job.show_latest()))

    def _made(self, call: OrgCall, order: bytes) -> Job:
        return call.tenant.jobs.create(_order(call, parse_object(order), self._hard_delete), call.user_id)

    async def _list(self, call: OrgCall) -> Answer:
        return page_of(call, call.tenant.jobs, "V2Ingest", "jobs/ingest")

    async def _poll(self, call: OrgCall) -> Answer:
        job = _job(call)
        return Answer(value=job.progress(job.show_next()))

    async def _upload(self, call: OrgCall) -> Answer:
        content_type = call.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if content_type != "text/csv":
            raise SalesforceFault(415, "UNSUPPORTED_MEDIA_TYPE", "Content type not supported: text/csv is expected")
        await call.tenant.jobs.receive(_job(call), call.body.chunks())
        return Answer.nothing(201)

    async def _change(self, call: OrgCall) -> Answer:
        job, jobs = _job(call), call.tenant.jobs
        state = parse_object(await call.body.read()).get("state")
        if state == "UploadComplete":
            jobs.finish_upload(job)
            self._process(call, job)
        elif state == "Aborted":
            was_open = job.state == "Open"
            jobs.abort(job)
            if was_open and job.upload is not None:
                # No run was under way, and the rows have to become the unprocessed ones.
                self._process(call, job)
            elif was_open:
                job.settled.set()
        else:
            raise SalesforceFault(400, "INVALIDJOB", "The state of a job can be set to UploadComplete or Aborted")
        return Answer(value=job.info(job.show_latest()))

    async def _delete(self, call: OrgCall) -> Answer:
        call.tenant.jobs.delete(_job(call))
        return Answer.nothing()

    async def _succeeded(self, call: OrgCall) -> Answer:
        return await _result_file(_job(call), Results.succeeded)

    async def _failed(self, call: OrgCall) -> Answer:
        return await _result_file(_job(call), Results.failed)

    async def _unprocessed(self, call: OrgCall) -> Answer:
        return await _result_file(_job(call), Results.unprocessed)

    def _process(self, call: OrgCall, job: Job) -> None:
        tenant = call.tenant
        ingestion = Ingestion(
            job,
            writer=tenant.writer,
            allocation=tenant.allocation,
            clock=self._clock,
            delay_seconds=self._delay_seconds,
            lock_failures=self._lock_failures,
        )
        self._start(ingestion.run())


def _job(call: OrgCall) -> Job:
    return call.tenant.jobs.get(call.parameters["job"])


async def _result_file(job: Job, file: Callable[[Results], Iterator[bytes]]) -> Answer:
    if job.state not in TERMINAL:
        raise wrong_state(f"Results are there once the job has ended; it is {job.state}")
    await job.settled.wait()  # an aborted job still puts its last rows away
    return Answer(content=file(job.results), content_type="text/csv")


def _order(call: OrgCall, body: Mapping[str, object], hard_delete: bool) -> JobOrder:  # noqa: FBT001 - private
    refuse_unknown_keys(body, _ORDER_KEYS)
    operation = choice(body, "operation", get_args(Operation), None)
    choice(body, "contentType", ("CSV",), "CSV")
    if operation == "hardDelete" and not hard_delete:
        # Even an administrator needs the permission "Bulk API Hard Delete", which nobody has in a new org.
        raise SalesforceFault(400, "FEATURENOTENABLED", "FeatureNotEnabled : hardDelete is not enabled for the user")
    name = word(body, "object")
    sobject = call.tenant.org.schema.sobject(name)
    if sobject is None:
        raise SalesforceFault(400, "INVALIDENTITY", f"Entity '{name[:255]}' is not supported by the Bulk API.")
    key = word(body, "externalIdFieldName") if body.get("externalIdFieldName") is not None else None
    return JobOrder(
        operation=operation,
        sobject=sobject.name,
        external_id_field=key_field(sobject, key) if operation == "upsert" else None,
        column_delimiter=choice(body, "columnDelimiter", tuple(DELIMITERS), "COMMA"),
        line_ending=choice(body, "lineEnding", ("LF", "CRLF"), "LF"),
        api_version=call.version,
        assignment_rule_id=word(body, "assignmentRuleId") if body.get("assignmentRuleId") is not None else None,
    )


def key_field(sobject: SObject, name: str | None) -> str:
    """Return the canonical name of the field an upsert finds its rows by.

    Args:
        sobject: Of the job.
        name: As given; None when it is missing.

    Raises:
        SalesforceFault: 400 INVALIDJOB.

    """
    if name is None:
        raise SalesforceFault(400, "INVALIDJOB", "InvalidJob : Must specify an external ID field for upsert")
    field = sobject.field(name)
    if field is None or not (field.external_id or field.id_lookup or field.type == "id"):
        text = (
            f"InvalidJob : Field name provided, {name[:255]} is not an External ID or indexed field for {sobject.name}"
        )
        raise SalesforceFault(400, "INVALIDJOB", text)
    return field.name
