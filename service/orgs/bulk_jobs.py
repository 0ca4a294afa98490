"""The bulk jobs of one org, as a load needs them."""

from collections.abc import Callable

from msgspec.structs import replace

from service.bulk.data.dialect import Delimiter
from service.bulk.data.spool import Spool
from service.bulk.job import Content, Job, JobState, ResultFile
from service.bulk.request import LoadRequest
from service.bulk.telling.watching import Totals
from service.context import CallContext
from service.errors import FieldViolation, Refused, SalesforceRejected, SluicegateError, UnknownField, UnknownObject
from service.salesforce.calls import bulk_ingest
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.base import Response


class OrgBulkJobs:
    """Implements `service.bulk.job.BulkClient` for one call.

    Creating the first job is refused like any other call; what follows only where the org's calls are used up to the
    last reserve.

    Args:
        client: The org.
        context: The call on whose behalf the requests are sent.
        totals: Where jobs are counted.

    """

    def __init__(self, client: SalesforceClient, context: CallContext, totals: Totals | None = None) -> None:
        self._client = client
        self._context = context
        self._totals = totals or Totals()
        # What is begun is finished: a job that is refused its last calls has cost all the others for nothing.
        self._begun = replace(context, begun=True)
        self._has_begun = False

    async def create_job(self, request: LoadRequest, delimiter: Delimiter) -> Job:
        """Open a job."""
        created = bulk_ingest.create(
            self._client.base,
            sobject=request.object,
            operation=request.operation.value,
            external_id_field=request.external_id_field,
            delimiter=delimiter.name,
            assignment_rule=request.assignment_rule_id,
        )
        context = self._begun if self._has_begun else self._context
        response = await self._client.send(created, context)
        try:
            found = _job(bulk_ingest.job(response, org=self._client.org, sobject=request.object), response)
        except (SalesforceRejected, UnknownObject) as error:
            raise _in_header(error, request) from error
        self._has_begun = True
        self._totals.jobs_created += 1
        return found

    async def upload(self, job_id: str, content: Content) -> None:
        """Send a job's data."""
        request = bulk_ingest.upload(self._client.base, job_id, content.stream, content.size)
        bulk_ingest.check(await self._client.send(request, self._begun), org=self._client.org, job_id=job_id)

    async def complete(self, job_id: str) -> Job:
        """Commit a job."""
        return await self._set_state(job_id, "UploadComplete", self._begun)

    async def abort(self, job_id: str) -> Job:
        """Abort a job, also after the call's deadline: that is when it is needed."""
        try:
            aborted = await self._set_state(job_id, "Aborted", replace(self._begun, deadline=None))
        except Refused:
            # It is over.
            raise
        except BaseException:
            self._totals.jobs_left_open += 1
            raise
        self._totals.jobs_ended["Withdrawn"] += 1
        return aborted

    async def job_info(self, job_id: str) -> Job:
        """Tell how a job stands."""
        response = await self._client.send(bulk_ingest.info(self._client.base, job_id), self._begun)
        return _job(bulk_ingest.job(response, org=self._client.org, job_id=job_id), response)

    async def results(self, job_id: str, file: ResultFile, begin: Callable[[], Spool]) -> Spool:
        """Fetch a result file."""
        spools: list[Spool] = []

        def anew() -> Spool:
            spools[:] = [begin()]
            return spools[0]

        request = bulk_ingest.results(self._client.base, job_id, file, anew)
        bulk_ingest.check(await self._client.send(request, self._begun), org=self._client.org, job_id=job_id)
        return spools[0] if spools else begin()

    async def batches_left(self) -> int | None:
        """Tell how many batches the org still takes today."""
        limits = await self._client.limits(self._begun if self._has_begun else self._context)
        return next((limit.remaining for limit in limits if limit.name == "DailyBulkApiBatches"), None)

    async def _set_state(self, job_id: str, state: bulk_ingest.SettableState, context: CallContext) -> Job:
        request = bulk_ingest.set_state(self._client.base, job_id, state)
        response = await self._client.send(request, context)
        return _job(bulk_ingest.job(response, org=self._client.org, job_id=job_id), response)


def _in_header(error: SluicegateError, request: LoadRequest) -> SluicegateError:
    """Return the error with the part of the header that is at fault, which Salesforce tells only in its sentence."""
    if isinstance(error, UnknownObject):
        fault = FieldViolation("header.object", error.message)
        return UnknownObject(error.message, metadata=error.metadata, violations=[fault])
    if request.external_id_field and "External ID" in error.message:
        message = f"{request.external_id_field!r} is no external id of {request.object}"
        metadata = {**error.metadata, "object": request.object, "field": request.external_id_field}
        return UnknownField(
            message, metadata=metadata, violations=[FieldViolation("header.external_id_field", message)]
        )
    return error


def _job(job: bulk_ingest.Job, response: Response) -> Job:
    processed, failed = max(job.numberRecordsProcessed, 0), max(job.numberRecordsFailed, 0)
    unchanged = bulk_ingest.unchanged_seconds(job, response)
    return Job(job.id, JobState.named(job.state), processed, failed, job.errorMessage, unchanged)
