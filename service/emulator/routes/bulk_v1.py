"""The first Bulk API over HTTP. Source: Bulk API Developer Guide; faithful for CSV and JSON, without XML rows.

Its own session header and errors: an expired session is answered 400, not 401.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal

from service.clock import Clock
from service.emulator.bulk_v1.jobs import OPERATIONS, QUERIES, AsyncJob, AsyncJobs, Batch
from service.emulator.bulk_v1.wording import (
    AsyncFault,
    csv_of,
    fault_answer,
    info_answer,
    list_answer,
    read_order,
    result_list_answer,
)
from service.emulator.exchange import Answer, Call, OrgCall
from service.emulator.faults import SalesforceFault
from service.emulator.ingest import Ingestion
from service.emulator.json_text import parse_exactly
from service.emulator.query_jobs import QueryJob, QueryOrder
from service.emulator.releases import is_supported
from service.emulator.routes.bulk_ingest import Start, key_field
from service.emulator.routing import Router
from service.emulator.schema.model import SObject
from service.emulator.tenants import Tenants

MAXIMUM_BATCH_ROWS = 10_000
MAXIMUM_BATCH_BYTES = 10_000_000
"""Source: Bulk API Developer Guide, "Batch Size"; the first counts lines, so that a line break in a cell counts too."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", re.ASCII)

_Handler = Callable[[OrgCall, AsyncJobs], Awaitable[Answer]]


class BulkV1Routes:
    """The resources below `/services/async/XX.X/job`.

    Args:
        tenants: Whose sessions may call.
        start: Runs batches.
        clock: Stamps jobs and passed on to batches.
        delay_seconds: How long a batch waits before it is processed.
        hard_delete: Whether users may remove rows past the Recycle Bin.

    """

    def __init__(
        self, tenants: Tenants, *, start: Start, clock: Clock, delay_seconds: float, hard_delete: bool = False
    ) -> None:
        self._tenants = tenants
        self._start = start
        self._clock = clock
        self._delay_seconds = delay_seconds
        self._hard_delete = hard_delete
        self._jobs: dict[str, AsyncJobs] = {}

    def add_to(self, router: Router[Call]) -> None:
        """Add the resources."""
        job, batch = "services/async/{version}/job/{job}", "services/async/{version}/job/{job}/batch/{batch}"
        router.add("services/async/{version}/job", post=self._guarded(self._create))
        router.add(job, get=self._guarded(self._poll), post=self._guarded(self._change))
        router.add(f"{job}/batch", get=self._guarded(self._batches), post=self._guarded(self._add_batch))
        router.add(batch, get=self._guarded(self._poll_batch))
        router.add(f"{batch}/result", get=self._guarded(self._result))
        router.add(f"{batch}/result/{{result}}", get=self._guarded(self._query_result))

    def _guarded(self, handler: _Handler) -> Callable[[Call], Awaitable[Answer]]:
        async def handle(call: Call) -> Answer:
            try:
                return await self._handle(handler, call)
            except AsyncFault as fault:
                return fault_answer(fault, as_json=_speaks_json(call))
            except SalesforceFault as fault:
                code = "ExceededQuota" if fault.error_code == "REQUEST_LIMIT_EXCEEDED" else "ClientInputError"
                return fault_answer(AsyncFault(code, fault.message), as_json=_speaks_json(call))

        return handle

    async def _handle(self, handler: _Handler, call: Call) -> Answer:
        token = call.headers.get("X-SFDC-Session", "").strip()
        tenant = self._tenants.by_token(token)
        session = tenant.sessions.use(token) if tenant else None
        if tenant is None or session is None:
            raise AsyncFault("InvalidSessionId", "Invalid session id")
        if not is_supported(call.parameters["version"]):
            raise AsyncFault("InvalidUrl", "Invalid API version")
        with tenant.allocation.admit():
            jobs = self._jobs.setdefault(tenant.org.id, AsyncJobs())
            inner = OrgCall(
                call.method,
                call.parameters,
                call.query,
                call.headers,
                call.body,
                tenant=tenant,
                session=session,
                version=call.parameters["version"],
            )
            return await handler(inner, jobs)

    async def _create(self, call: OrgCall, jobs: AsyncJobs) -> Answer:
        body = await call.body.read()
        # Clients send XML under any content type, so the first character decides.
        as_json = body.lstrip().startswith(b"{")
        job = self._ordered(call, jobs, read_order(body, as_json=as_json))
        jobs.add(job)
        return info_answer("jobInfo", job.info(), as_json=as_json, status=201)

    def _ordered(self, call: OrgCall, jobs: AsyncJobs, order: dict[str, str]) -> AsyncJob:
        operation = order.get("operation", "")
        if operation not in OPERATIONS:
            raise AsyncFault("InvalidJob", f"Unknown operation: {operation[:255]}")
        if operation == "hardDelete" and not self._hard_delete:
            raise AsyncFault("FeatureNotEnabled", "hardDelete is not enabled for the user")
        sobject = call.tenant.org.schema.sobject(order.get("object", ""))
        if sobject is None:
            raise AsyncFault("InvalidJob", f"Unable to find object: {order.get('object', '')[:255]}")
        key = order.get("externalIdFieldName")
        return AsyncJob(
            id=jobs.next_id(),
            operation=operation,
            sobject=sobject.name,
            external_id_field=_key(sobject, key) if operation == "upsert" else None,
            concurrency_mode=_mode(order.get("concurrencyMode", "Parallel")),
            content_type=_content_type(order.get("contentType", "")),
            api_version=call.version,
            user_id=call.user_id,
            created_at=self._clock.now(),
        )

    async def _poll(self, call: OrgCall, jobs: AsyncJobs) -> Answer:
        return info_answer("jobInfo", self._job(call, jobs).info(), as_json=_speaks_json(call))

    async def _change(self, call: OrgCall, jobs: AsyncJobs) -> Answer:
        job = self._job(call, jobs)
        body = await call.body.read()
        as_json = body.lstrip().startswith(b"{")
        state = read_order(body, as_json=as_json).get("state")
        if state not in {"Closed", "Aborted"}:
            raise AsyncFault("InvalidJobState", "The state of a job can be set to Closed or Aborted")
        if job.state != "Open":
            raise AsyncFault("InvalidJobState", f"The job is {job.state}")
        job.state = "Closed" if state == "Closed" else "Aborted"
        if job.state == "Aborted":
            for batch in job.batches:
                if batch.state in {"Queued", "InProgress"}:
                    batch.work.advance("Aborted", self._clock.now())
        return info_answer("jobInfo", job.info(), as_json=as_json)

    async def _add_batch(self, call: OrgCall, jobs: AsyncJobs) -> Answer:
        job = self._job(call, jobs)
        if job.state != "Open":
            raise AsyncFault("InvalidJobState", f"The job is {job.state}")
        content = await call.body.read()
        if not content.strip():
            raise AsyncFault("InvalidBatch", "The batch is empty")
        if job.operation not in QUERIES:
            content = _rows(job, content)
        batch = jobs.new_batch(job, content, self._clock.now())
        self._start(self._work(call, job, batch, content))
        return info_answer("batchInfo", batch.info(job.id), as_json=job.content_type == "JSON", status=201)

    async def _work(self, call: OrgCall, job: AsyncJob, batch: Batch, content: bytes) -> None:
        if job.operation in QUERIES:
            await self._query(call, job, batch, content)
            return
        ingestion = Ingestion(
            batch.work,
            writer=call.tenant.writer,
            allocation=call.tenant.allocation,
            clock=self._clock,
            delay_seconds=self._delay_seconds,
        )
        if job.concurrency_mode == "Parallel":
            await ingestion.run()
            return
        async with job.turn:
            await ingestion.run()

    async def _query(self, call: OrgCall, job: AsyncJob, batch: Batch, content: bytes) -> None:
        work = batch.work
        if work.state == "Aborted":
            return
        try:
            result = await call.tenant.org.query_beside(
                content.decode("utf-8", "replace").strip(),
                include_deleted=job.operation == "queryAll",
                api_version=job.api_version,
                user_id=job.user_id,
            )
        except SalesforceFault as fault:
            if job.state != "Aborted":
                work.error_message = f"InvalidBatch : Failed to process query: {fault.error_code}: {fault.message}"
                work.advance("Failed", self._clock.now())
            return
        # The job may have been aborted while the query ran beside.
        if job.state != "Aborted":
            batch.query = result
            work.processed = len(result.rows)
            work.advance("JobComplete", self._clock.now())

    async def _batches(self, call: OrgCall, jobs: AsyncJobs) -> Answer:
        job = self._job(call, jobs)
        infos = [batch.info(job.id) for batch in job.batches]
        return list_answer("batchInfo", infos, as_json=job.content_type == "JSON")

    async def _poll_batch(self, call: OrgCall, jobs: AsyncJobs) -> Answer:
        job = self._job(call, jobs)
        batch = job.batch(call.parameters["batch"])
        return info_answer("batchInfo", batch.info(job.id), as_json=job.content_type == "JSON")

    async def _result(self, call: OrgCall, jobs: AsyncJobs) -> Answer:
        job, batch = self._finished(call, jobs)
        as_json = job.content_type == "JSON"
        if job.operation in QUERIES:
            return result_list_answer([batch.result_id], as_json=as_json)
        await batch.work.settled.wait()
        if as_json:
            return Answer(value=batch.results.as_json())
        return Answer.text(batch.results.as_csv(), "text/csv")

    async def _query_result(self, call: OrgCall, jobs: AsyncJobs) -> Answer:
        job, batch = self._finished(call, jobs)
        if batch.query is None or call.parameters["result"] != batch.result_id:
            raise AsyncFault("InvalidBatch", "Invalid result id")
        if job.content_type == "JSON":
            return Answer(value=_with_milliseconds(batch.query.rows))
        order = QueryOrder("query", job.sobject, "COMMA", "LF", job.api_version)
        written = QueryJob(job.id, order, job.user_id, 0.0, 0.0, batch.query)
        while written.state != "JobComplete":
            written.poll(0.0)
        return Answer(content=written.page("", max(1, len(batch.query.rows)))[0], content_type="text/csv")

    def _finished(self, call: OrgCall, jobs: AsyncJobs) -> tuple[AsyncJob, Batch]:
        job = self._job(call, jobs)
        batch = job.batch(call.parameters["batch"])
        if batch.state not in {"Completed", "Failed"}:
            raise AsyncFault("InvalidBatch", "Batch not completed")
        return job, batch

    def _job(self, call: OrgCall, jobs: AsyncJobs) -> AsyncJob:
        return jobs.get(call.parameters["job"], self._clock.now())


def _speaks_json(call: Call) -> bool:
    return "json" in (call.headers.get("Content-Type", "") + call.headers.get("Accept", "")).lower()


def _mode(name: str) -> Literal["Parallel", "Serial"]:
    # Clients also send the place of the word among the two.
    if name in {"Serial", "1"}:
        return "Serial"
    if name in {"Parallel", "0"}:
        return "Parallel"
    raise AsyncFault("InvalidJob", f"Unknown concurrencyMode: {name[:255]}")


def _content_type(name: str) -> Literal["CSV", "JSON"]:
    if name not in {"CSV", "JSON"}:
        raise AsyncFault("InvalidJob", f"contentType {name[:255]} is not supported")
    return "JSON" if name == "JSON" else "CSV"


def _key(sobject: SObject, name: str | None) -> str:
    try:
        return key_field(sobject, name)
    except SalesforceFault as fault:
        raise AsyncFault("InvalidJob", fault.message.removeprefix("InvalidJob : ")) from None


def _rows(job: AsyncJob, content: bytes) -> bytes:
    """Return the rows of a batch as CSV, within the limits."""
    if len(content) > MAXIMUM_BATCH_BYTES:
        raise AsyncFault("ClientInputError", "Maximum batch size of 10 MB exceeded")
    if job.content_type == "JSON":
        try:
            content = csv_of(parse_exactly(content))
        except SalesforceFault:
            raise AsyncFault("InvalidBatch", "Failed to parse batch") from None
    if content.rstrip().count(b"\n") > MAXIMUM_BATCH_ROWS:
        raise AsyncFault("ClientInputError", f"Maximum of {MAXIMUM_BATCH_ROWS} records in a batch exceeded")
    return content


def _with_milliseconds(value: Any) -> Any:
    """Return rows with instants as epoch milliseconds, as recorded answers have them; it goes by the text's shape."""
    if isinstance(value, dict):
        return {key: _with_milliseconds(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_with_milliseconds(member) for member in value]
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return _milliseconds(value)
    return value


def _milliseconds(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp() * 1000)
