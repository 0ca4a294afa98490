"""RecordService."""

from sluicegate.v1.record_service_pb2 import UpsertRecordRequest, UpsertRecordResponse

from service.context import CallContext
from service.orgs.registry import OrgRegistry
from service.rpc.values import to_json_values


class RecordService:
    """Reads and writes single records.

    Args:
        orgs: The configured orgs.

    """

    def __init__(self, orgs: OrgRegistry) -> None:
        self._orgs = orgs

    async def upsert_record(self, request: UpsertRecordRequest, call: CallContext) -> UpsertRecordResponse:
        """Create or update a record by external id."""
        org = self._orgs.get(request.org)
        key = request.external_id
        saved = await org.upsert(request.object, key.field, key.value, to_json_values(request.fields), call)
        return UpsertRecordResponse(record_id=saved.record_id, created=saved.created)
