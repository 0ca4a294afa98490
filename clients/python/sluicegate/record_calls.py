"""RecordService as methods of the client."""

from collections.abc import Mapping, Sequence
from typing import Unpack

from sluicegate.connection import Connected, translated
from sluicegate.operations import Node, Operation, encode_nodes, encode_operations
from sluicegate.records import (
    Record,
    RecordError,
    RecordRef,
    SavedRecord,
    check_text,
    decode_record,
    decode_result,
    decode_saved,
    encode_ref,
)
from sluicegate.v1.field_value_pb2 import ExternalId
from sluicegate.v1.record_service_pb2 import (
    ApplyRecordsRequest,
    ComposeRecordsRequest,
    CreateRecordRequest,
    DeleteRecordRequest,
    GetRecordRequest,
    UpdateRecordRequest,
    UpsertRecordRequest,
)
from sluicegate.values import Value, encode_values
from sluicegate.write_options import WriteOptions, encode_options


class RecordCalls(Connected):
    """The calls that read and write records."""

    async def upsert_record(
        self,
        object_name: str,
        external_id_field: str,
        external_id: str,
        fields: Mapping[str, Value],
        *,
        update_only: bool = False,
        **options: Unpack[WriteOptions],
    ) -> SavedRecord:
        """Create the record, or update it if a record with the external id exists.

        Atomic, and repeating it has the effect of doing it once. Fields that are absent keep their values, fields given
        as None become null. If cancelled, the record may or may not have been written.

        Args:
            object_name: API name of the sObject, for example `Lead`.
            external_id_field: API name of the external-id field, for example `Ext__c`.
            external_id: The external id.
            fields: Values by API name of the field, or of the relationship for a `Reference`.
            update_only: Refuse with RECORD_NOT_FOUND instead of creating a record.
            **options: How to write: see `WriteOptions`.

        Raises:
            SluicegateError: The call failed.
            TypeError: A value is of a type that no field takes, or the external id is not text.
            ValueError: A value cannot be sent.

        """
        check_text("external_id", external_id)
        request = UpsertRecordRequest(
            org=self._org,
            object=object_name,
            external_id=ExternalId(field=external_id_field, value=external_id),
            fields=encode_values(fields),
            update_only=update_only,
            options=encode_options(**options),
        )
        with translated():
            response = await self._stubs.records.UpsertRecord(request, timeout=self._timeout)
        return SavedRecord(response.record_id, response.created)

    async def create_record(
        self,
        object_name: str,
        fields: Mapping[str, Value],
        *,
        request_id: str = "",
        **options: Unpack[WriteOptions],
    ) -> SavedRecord:
        """Create the record.

        Atomic. Without a `request_id` the call is never repeated, because that could create the record twice: when it
        is cancelled, and after OUTCOME_UNKNOWN or a failure that is not the service's own word, the record may or may
        not exist. With one it is repeated while the service is unavailable, and the caller may repeat it as well: for
        24 hours the same id answers the same record. Another replica, or one that was restarted, knows the id only
        where replicas share a store. No id is made up here, because only one that outlives the caller's crash protects
        against it.

        Args:
            object_name: API name of the sObject, for example `Lead`.
            fields: Values by API name of the field, or of the relationship for a `Reference`.
            request_id: Your own id of this request, a UUID for example. Empty means no such protection.
            **options: How to write: see `WriteOptions`.

        Raises:
            SluicegateError: The call failed.
            TypeError: A value is of a type that no field takes.
            ValueError: A value cannot be sent.

        """
        request = CreateRecordRequest(
            org=self._org,
            object=object_name,
            fields=encode_values(fields),
            options=encode_options(**options),
            request_id=request_id,
        )
        with translated():
            response = await self._repeated_if(
                request_id, lambda seconds: self._stubs.records.CreateRecord(request, timeout=seconds)
            )
        return SavedRecord(response.record_id, created=True)

    async def get_record(self, record: RecordRef, fields: Sequence[str] = ()) -> Record:
        """Read the record's fields.

        Args:
            record: The record.
            fields: API names of the fields to read. Empty reads every field that the org's user may see.

        Raises:
            SluicegateError: The call failed.
            TypeError: The fields are one text instead of several.
            ValueError: An answer is not what the contract says.

        """
        if isinstance(fields, str):
            raise TypeError(f"fields is one text; give a list: [{fields!r}]")
        request = GetRecordRequest(org=self._org, record=encode_ref(record), fields=fields)
        with translated():
            response = await self._stubs.records.GetRecord(request, timeout=self._timeout)
        return decode_record(response.record)

    async def update_record(
        self,
        record: RecordRef,
        fields: Mapping[str, Value],
        **options: Unpack[WriteOptions],
    ) -> SavedRecord:
        """Update a record that exists; it never creates one.

        Atomic, and repeating it has the effect of doing it once. Fields that are absent keep their values, fields given
        as None become null. If cancelled, the record may or may not have been written.

        Args:
            record: The record.
            fields: Values by API name of the field, or of the relationship for a `Reference`; at least one.
            **options: How to write: see `WriteOptions`.

        Raises:
            SluicegateError: The call failed.
            TypeError: A value is of a type that no field takes.
            ValueError: A value cannot be sent.

        """
        request = UpdateRecordRequest(
            org=self._org,
            record=encode_ref(record),
            fields=encode_values(fields),
            options=encode_options(**options),
        )
        with translated():
            response = await self._stubs.records.UpdateRecord(request, timeout=self._timeout)
        return SavedRecord(response.record_id)

    async def delete_record(self, record: RecordRef) -> SavedRecord:
        """Move the record to the recycle bin.

        One that is deleted already counts as done, and the result says so: repeating the call is harmless.

        Args:
            record: The record.

        Raises:
            SluicegateError: The call failed.

        """
        request = DeleteRecordRequest(org=self._org, record=encode_ref(record))
        with translated():
            response = await self._stubs.records.DeleteRecord(request, timeout=self._timeout)
        return SavedRecord(response.record_id, already_deleted=response.already_deleted)

    async def apply_records(
        self,
        operations: Sequence[Operation],
        *,
        request_id: str = "",
        **options: Unpack[WriteOptions],
    ) -> list[SavedRecord | RecordError]:
        """Carry out up to 2,000 operations of any kinds on any objects, each on its own.

        Not atomic: an operation that fails is a `RecordError` in its place, and the others go on. Operations with the
        same id or the same external id are carried out in their order; for all others no order is promised. Repeats are
        as those of `create_record`: only with a `request_id`.

        Args:
            operations: `Create`, `Update`, `Upsert` and `Delete`, at least one.
            request_id: Your own id of this request, as in `create_record`.
            **options: How to write: see `WriteOptions`.

        Returns:
            One result for each operation, in the order of the operations.

        Raises:
            SluicegateError: The call failed as a whole.
            TypeError: An operation is none, or a value is of a type that no field takes; nothing was sent.
            ValueError: A value cannot be sent; nothing was sent.

        """
        request = ApplyRecordsRequest(
            org=self._org,
            operations=encode_operations(operations),
            options=encode_options(**options),
            request_id=request_id,
        )
        with translated():
            response = await self._repeated_if(
                request_id, lambda seconds: self._stubs.records.ApplyRecords(request, timeout=seconds)
            )
        return [decode_result(result) for result in response.results]

    async def compose_records(
        self,
        nodes: Sequence[Node],
        *,
        request_id: str = "",
        **options: Unpack[WriteOptions],
    ) -> dict[str, SavedRecord]:
        """Carry out up to 500 operations that may refer to each other, all or none.

        Atomic: if a node fails nothing is written, and the error's metadata `node` and `node_index` say which it was.
        Nodes may be given in any order. Repeats are as those of `create_record`: only with a `request_id`.

        Args:
            nodes: The operations, each with a name by which `NodeId` refers to it; at least one.
            request_id: Your own id of this request, as in `create_record`.
            **options: How to write: see `WriteOptions`; `max_wait` is of no use here.

        Returns:
            What was written by name of the node, in the order of the nodes.

        Raises:
            SluicegateError: The call failed; nothing was written, unless its reason is OUTCOME_UNKNOWN.
            TypeError: An operation is none, or a value is of a type that no field takes.
            ValueError: A value cannot be sent.

        """
        nodes = tuple(nodes)
        request = ComposeRecordsRequest(
            org=self._org,
            nodes=encode_nodes(nodes),
            options=encode_options(**options),
            request_id=request_id,
        )
        with translated():
            response = await self._repeated_if(
                request_id, lambda seconds: self._stubs.records.ComposeRecords(request, timeout=seconds)
            )
        return {node.name: decode_saved(saved) for node, saved in zip(nodes, response.records, strict=True)}
