"""BulkService."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from sluicegate.v1 import bulk_service_pb2 as pb

from service.bulk.request import Commit
from service.context import CallContext
from service.orgs.registry import OrgRegistry
from service.rpc.load_events import load_message, part_message, response_of, row_message
from service.rpc.load_plans import load_drafts, step_message
from service.rpc.load_requests import given_header, header_of, load_request, messages_of, outcomes_of


class BulkService:
    """Writes many rows through Salesforce's Bulk API 2.0.

    Args:
        orgs: The configured orgs.

    """

    def __init__(self, orgs: OrgRegistry) -> None:
        self._orgs = orgs

    async def bulk_load(
        self, requests: AsyncIterator[pb.BulkLoadRequest], call: CallContext
    ) -> AsyncIterator[pb.BulkLoadResponse]:
        """Load rows: data up, progress and results down."""
        header = await header_of(requests)
        loads = self._orgs.get(header.org).loads
        messages = messages_of(requests, header, call)
        async with aclosing(loads.run(load_request(header), header.resume_token, messages, call)) as events:
            async for event in events:
                yield response_of(event)

    async def start_bulk_load(self, request: pb.StartBulkLoadRequest, call: CallContext) -> pb.StartBulkLoadResponse:
        """Begin a load whose data comes by calls."""
        loads = self._orgs.get(request.org).loads
        load, token = await loads.start(load_request(given_header(request), commit=Commit.BY_CALL), call)
        return pb.StartBulkLoadResponse(load=load_message(load, token))

    async def upload_bulk_load_part(
        self, request: pb.UploadBulkLoadPartRequest, call: CallContext
    ) -> pb.UploadBulkLoadPartResponse:
        """Upload one part of such a load without writing it."""
        loads = self._orgs.get(request.org).loads
        wanted = load_request(given_header(request), commit=Commit.BY_CALL)
        load, part, token = await loads.upload(wanted, request.resume_token, request.data, call)
        return pb.UploadBulkLoadPartResponse(load=load_message(load, token), part=part_message(part))

    async def commit_bulk_load(self, request: pb.CommitBulkLoadRequest, call: CallContext) -> pb.CommitBulkLoadResponse:
        """Have every part of such a load written that its token knows of."""
        load, token = await self._orgs.get(request.org).loads.commit(request.resume_token, call)
        return pb.CommitBulkLoadResponse(load=load_message(load, token))

    async def get_bulk_load(self, request: pb.GetBulkLoadRequest, call: CallContext) -> pb.GetBulkLoadResponse:
        """Tell how a load stands."""
        load = await self._orgs.get(request.org).loads.find(request.resume_token, call)
        return pb.GetBulkLoadResponse(load=load_message(load, request.resume_token))

    async def watch_bulk_load(
        self, request: pb.WatchBulkLoadRequest, call: CallContext
    ) -> AsyncIterator[pb.WatchBulkLoadResponse]:
        """Tell how a load stands whenever that changes."""
        async with aclosing(self._orgs.get(request.org).loads.watch(request.resume_token, call)) as loads:
            async for load in loads:
                yield pb.WatchBulkLoadResponse(load=load_message(load, request.resume_token))

    async def list_bulk_load_results(
        self, request: pb.ListBulkLoadResultsRequest, call: CallContext
    ) -> AsyncIterator[pb.ListBulkLoadResultsResponse]:
        """List what became of a load's rows."""
        loads = self._orgs.get(request.org).loads
        wanted = outcomes_of(request)
        async with aclosing(loads.results(request.resume_token, wanted, request.part, call)) as batches:
            async for rows in batches:
                yield pb.ListBulkLoadResultsResponse(rows=[row_message(row) for row in rows])

    async def cancel_bulk_load(self, request: pb.CancelBulkLoadRequest, call: CallContext) -> pb.CancelBulkLoadResponse:
        """Abort what is not over of a load."""
        load = await self._orgs.get(request.org).loads.cancel(request.resume_token, call)
        return pb.CancelBulkLoadResponse(load=load_message(load, request.resume_token))

    async def plan_bulk_loads(self, request: pb.PlanBulkLoadsRequest, call: CallContext) -> pb.PlanBulkLoadsResponse:
        """Tell the order in which loads that refer to each other are to be run."""
        steps = await self._orgs.get(request.org).plan_loads(load_drafts(request), call)
        return pb.PlanBulkLoadsResponse(steps=map(step_message, steps))
