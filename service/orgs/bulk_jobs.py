"""The bulk jobs of one org, as a load needs them."""

from collections.abc import AsyncIterator

from msgspec.structs import replace

from service.bulk.job import Job, LoadRequest, LoadState, ResultFile
from service.bulk.spool import CHUNK_BYTES, Spool
from service.context import CallContext
from service.errors import FieldViolation, SalesforceRejected, SluicegateError, UnknownField, UnknownObject
from service.salesforce.calls import bulk_ingest
from service.salesforce.client import SalesforceClient


class OrgBulkJobs:
    """Implements `service.bulk.job.BulkClient` for one call.

    Creating a job is refused like any other call; what follows only where the org's calls are used up to the last
    reserve.

    Args:
        client: The org.
        context: The call on whose behalf the requests are sent.
        sobject: What the load is for, for errors; empty if it is not known yet.

    """

    def __init__(self, client: SalesforceClient, context: CallContext, sobject: str = "") -> None:
        self._client = client
        self._context = context
        # What is begun is finished: a job that is refused its last calls has cost all the others for nothing.
        self._begun = replace(context, begun=True)
        self._sobject = sobject

    async def create_job(self, request: LoadRequest) -> Job:
        """Open a job."""
        created = bulk_ingest.create(
            self._client.base,
            sobject=request.object,
            operation=request.operation.value,
            external_id_field=request.external_id_field,
        )
        response = await self._client.send(created, self._context)
        try:
            return _job(bulk_ingest.job(response, org=self._client.org, sobject=self._sobject))
        except (SalesforceRejected, UnknownObject) as error:
            raise _in_header(error, request) from error

    async def upload(self, job_id: str, content: Spool) -> None:
        """Send a job's data."""
        response = await self._client.send(bulk_ingest.upload(self._client.base, job_id, content.stream), self._begun)
        bulk_ingest.check(response, org=self._client.org, job_id=job_id)

    async def complete(self, job_id: str) -> Job:
        """Commit a job."""
        return await self._set_state(job_id, "UploadComplete", self._begun)

    async def abort(self, job_id: str) -> None:
        """Abort a job, also after the call's deadline: that is when it is needed."""
        await self._set_state(job_id, "Aborted", replace(self._begun, deadline=None))

    async def job_info(self, job_id: str) -> Job:
        """Tell how a job stands."""
        response = await self._client.send(bulk_ingest.info(self._client.base, job_id), self._begun)
        return _job(bulk_ingest.job(response, org=self._client.org, job_id=job_id))

    async def results(self, job_id: str, file: ResultFile) -> AsyncIterator[bytes]:
        """Yield a result file."""
        response = await self._client.send(bulk_ingest.results(self._client.base, job_id, file), self._begun)
        bulk_ingest.check(response, org=self._client.org, job_id=job_id)
        for start in range(0, len(response.content), CHUNK_BYTES):
            yield response.content[start : start + CHUNK_BYTES]

    async def _set_state(self, job_id: str, state: bulk_ingest.SettableState, context: CallContext) -> Job:
        request = bulk_ingest.set_state(self._client.base, job_id, state)
        response = await self._client.send(request, context)
        return _job(bulk_ingest.job(response, org=self._client.org, job_id=job_id))


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


def _job(job: bulk_ingest.Job) -> Job:
    return Job(
        job.id, LoadState.named(job.state), job.numberRecordsProcessed, job.numberRecordsFailed, job.errorMessage
    )
