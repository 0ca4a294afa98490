"""Messages of RecordService, made short."""

from collections.abc import Awaitable
from typing import Any

import pytest
from google.protobuf.struct_pb2 import NULL_VALUE
from grpc import aio
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList, RecordReference
from sluicegate.v1.record_operation_pb2 import (
    RecordCreate,
    RecordDelete,
    RecordOperation,
    RecordUpdate,
    RecordUpsert,
)
from sluicegate.v1.record_pb2 import RecordRef

from tests.support.rich_status import Failure, failure

NULL = FieldValue(null_value=NULL_VALUE)


def text(value: str) -> FieldValue:
    """Return a text value."""
    return FieldValue(string_value=value)


def texts(*values: str) -> FieldValue:
    """Return a list of texts."""
    return FieldValue(list_value=FieldValueList(values=[text(value) for value in values]))


def parent(ext: str, sobject: str = "") -> FieldValue:
    """Return a lookup by Ext__c."""
    return FieldValue(reference_value=RecordReference(external_id=key(ext), object=sobject))


def key(value: str, field: str = "Ext__c") -> ExternalId:
    """Return an external id."""
    return ExternalId(field=field, value=value)


def by_key(sobject: str, value: str, field: str = "Ext__c") -> RecordRef:
    """Return a record by external id."""
    return RecordRef(object=sobject, external_id=key(value, field))


def by_id(sobject: str, record_id: str) -> RecordRef:
    """Return a record by id."""
    return RecordRef(object=sobject, id=record_id)


def create(sobject: str, **fields: FieldValue) -> RecordOperation:
    """Return a creation."""
    return RecordOperation(create=RecordCreate(object=sobject, fields=fields))


def update(record: RecordRef, **fields: FieldValue) -> RecordOperation:
    """Return an update."""
    return RecordOperation(update=RecordUpdate(record=record, fields=fields))


def upsert(sobject: str, ext: str, **fields: FieldValue) -> RecordOperation:
    """Return an upsert by Ext__c."""
    return RecordOperation(upsert=RecordUpsert(object=sobject, external_id=key(ext), fields=fields))


def upsert_only_updating(sobject: str, ext: str, **fields: FieldValue) -> RecordOperation:
    """Return an upsert by Ext__c that must not create."""
    operation = upsert(sobject, ext, **fields)
    operation.upsert.update_only = True
    return operation


def delete(record: RecordRef) -> RecordOperation:
    """Return a deletion."""
    return RecordOperation(delete=RecordDelete(record=record))


async def refused(call: Awaitable[Any]) -> Failure:
    """Return how a call failed, which it has to."""
    with pytest.raises(aio.AioRpcError) as raised:
        await call
    return failure(raised.value)
