"""RecordService."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from google.protobuf.message import Message
from sluicegate.v1 import record_operation_pb2 as nouns
from sluicegate.v1 import record_service_pb2 as pb
from sluicegate.v1.field_value_pb2 import FieldValue
from sluicegate.v1.record_pb2 import Record

from service.clock import Turns
from service.context import CallContext
from service.errors import SluicegateError
from service.orgs.org import Org
from service.orgs.reading import FoundRecord
from service.orgs.registry import OrgRegistry
from service.request_ids.request_ids import RequestIds
from service.rpc import record_errors, record_writes
from service.rpc.intake import LARGE_BYTES, check
from service.rpc.plain import PlainChecks
from service.rpc.record_writes import Place, WithOptions
from service.rpc.repeats import Repeats
from service.rpc.values import DoubtfulValue, to_field_value
from service.salesforce.calls.composite import Node
from service.salesforce.calls.writes import DEFAULT_OPTIONS, Saved, Write

UNREAD = {"sluicegate.v1.RecordService/UpdateRecord": "fields", "sluicegate.v1.RecordService/UpsertRecord": "fields"}
"""By RPC, the map whose values are held against the contract here: to walk over them twice takes as long as a write."""

M = TypeVar("M", bound=Message)
T = TypeVar("T")


class RecordService:
    """Reads and writes records.

    Args:
        orgs: The configured orgs.
        request_ids: Remembers the outcomes of requests with ids.

    """

    def __init__(self, orgs: OrgRegistry, request_ids: RequestIds) -> None:
        self._orgs = orgs
        self._repeats = Repeats(request_ids)
        self._is_plain = PlainChecks(LARGE_BYTES).of(FieldValue)
        self._to_upsert = partial(self._held, record_writes.to_upsert)
        self._to_update = partial(self._held, record_writes.to_update)

    async def upsert_record(self, request: pb.UpsertRecordRequest, call: CallContext) -> pb.UpsertRecordResponse:
        """Create or update a record by external id."""
        write = await _translated(self._to_upsert, request)
        saved = await _write(self._orgs.get(request.org), write, request, call, record_writes.in_upsert)
        return pb.UpsertRecordResponse(record_id=saved.record_id, created=saved.created)

    async def create_record(self, request: pb.CreateRecordRequest, call: CallContext) -> pb.CreateRecordResponse:
        """Create a record."""
        org = self._orgs.get(request.org)
        make = partial(_create, org, request)
        return await self._repeats.answer(org.name, request, pb.CreateRecordResponse, make, call)

    async def get_record(self, request: pb.GetRecordRequest, call: CallContext) -> pb.GetRecordResponse:
        """Read a record."""
        record_id, key = record_writes.to_key(request.record)
        org = self._orgs.get(request.org)
        with record_errors.relocating(record_writes.in_record(request.record)):
            found = await org.get_record(request.record.object, record_id, key, request.fields, call)
        return pb.GetRecordResponse(record=to_record(found))

    async def update_record(self, request: pb.UpdateRecordRequest, call: CallContext) -> pb.UpdateRecordResponse:
        """Update a record that exists."""
        write = await _translated(self._to_update, request)
        place = record_writes.in_record(request.record)
        saved = await _write(self._orgs.get(request.org), write, request, call, place)
        return pb.UpdateRecordResponse(record_id=saved.record_id)

    async def delete_record(self, request: pb.DeleteRecordRequest, call: CallContext) -> pb.DeleteRecordResponse:
        """Delete a record."""
        write = record_writes.to_delete(request)
        place = record_writes.in_record(request.record)
        with record_errors.relocating(place):
            saved = await self._orgs.get(request.org).write(write, DEFAULT_OPTIONS, call, max_wait_seconds=None)
        return pb.DeleteRecordResponse(record_id=saved.record_id, already_deleted=saved.already_deleted)

    async def apply_records(self, request: pb.ApplyRecordsRequest, call: CallContext) -> pb.ApplyRecordsResponse:
        """Carry out operations, each on its own."""
        org = self._orgs.get(request.org)
        make = partial(_apply, org, request)
        return await self._repeats.answer(org.name, request, pb.ApplyRecordsResponse, make, call)

    async def compose_records(self, request: pb.ComposeRecordsRequest, call: CallContext) -> pb.ComposeRecordsResponse:
        """Carry out operations that refer to each other, all or none."""
        org = self._orgs.get(request.org)
        make = partial(_compose, org, request)
        return await self._repeats.answer(org.name, request, pb.ComposeRecordsResponse, make, call)

    def _held(self, translate: Callable[..., Write], message: Message) -> Write:
        """Return what a function makes of a message whose values were not held against the contract yet.

        Raises:
            service.errors.InvalidRequest: They do not keep it.

        """
        try:
            return translate(message, is_plain=self._is_plain)
        except DoubtfulValue:
            check(message)
        return translate(message)


def to_record(found: FoundRecord) -> Record:
    """Return the message for a record that was read."""
    fields = {name: to_field_value(item.value, item.type, item.precision) for name, item in found.values.items()}
    return Record(object=found.sobject, record_id=found.record_id, fields=fields)


async def _create(org: Org, request: pb.CreateRecordRequest, call: CallContext) -> pb.CreateRecordResponse:
    write = await _translated(record_writes.to_create, request)
    saved = await _write(org, write, request, call, record_writes.in_create)
    return pb.CreateRecordResponse(record_id=saved.record_id)


async def _apply(org: Org, request: pb.ApplyRecordsRequest, call: CallContext) -> pb.ApplyRecordsResponse:
    outcomes = await _translated(_attempts, request)
    writes = [outcome for outcome in outcomes if isinstance(outcome, Write)]
    options, wait = record_writes.to_options(request)
    written = iter(await org.apply(writes, options, call, max_wait_seconds=wait) if writes else ())
    results, turns = [], Turns(call.clock)
    for outcome in outcomes:
        await turns.give()
        results.append(_result(next(written) if isinstance(outcome, Write) else outcome))
    return pb.ApplyRecordsResponse(results=results)


async def _compose(org: Org, request: pb.ComposeRecordsRequest, call: CallContext) -> pb.ComposeRecordsResponse:
    nodes = await _translated(_nodes, request)
    with record_errors.relocating(record_writes.in_nodes(request.nodes)):
        options, _ = record_writes.to_options(request)
        saved = await org.compose(nodes, options, call)
    return pb.ComposeRecordsResponse(records=[_saved(record) for record in saved])


async def _write(org: Org, write: Write, request: WithOptions, call: CallContext, place: Place) -> Saved:
    with record_errors.relocating(place):
        options, wait = record_writes.to_options(request)
        return await org.write(write, options, call, max_wait_seconds=wait)


async def _translated(translate: Callable[[M], T], message: M) -> T:
    """Return what a function makes of a message; other calls go on while a large one is worked on."""
    is_large = message.ByteSize() > LARGE_BYTES
    return await asyncio.to_thread(translate, message) if is_large else translate(message)


def _nodes(request: pb.ComposeRecordsRequest) -> list[Node]:
    return record_writes.to_nodes(request.nodes)


def _attempts(request: pb.ApplyRecordsRequest) -> list[Write | SluicegateError]:
    """Return what `_attempted` does of each operation."""
    return [_attempted(operation) for operation in request.operations]


def _attempted(operation: nouns.RecordOperation) -> Write | SluicegateError:
    """Return an operation as an org takes it, or why it cannot be taken: its neighbours go on."""
    try:
        return record_writes.to_write(operation, in_graph=False)
    except SluicegateError as error:
        return error


def _result(outcome: Saved | SluicegateError) -> nouns.RecordResult:
    if isinstance(outcome, Saved):
        return nouns.RecordResult(saved=_saved(outcome))
    return nouns.RecordResult(error=record_errors.to_record_error(outcome))


def _saved(saved: Saved) -> nouns.SavedRecord:
    return nouns.SavedRecord(record_id=saved.record_id, created=saved.created, already_deleted=saved.already_deleted)
