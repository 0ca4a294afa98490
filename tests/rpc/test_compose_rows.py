"""Updates and deletions by external id over a real channel: they travel as subrequests, each on its own."""

import asyncio

import pytest
from grpc import aio
from sluicegate.v1.error_reason_pb2 import ErrorReason
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.record_operation_pb2 import (
    RecordDelete,
    RecordOperation,
    RecordResult,
    RecordUpdate,
    RecordUpsert,
)
from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2 import ApplyRecordsRequest, UpdateRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.emulator.disturbances import Disturbances, Drop
from service.emulator.effects import LockRow
from service.emulator.org import Org
from tests.support.rich_status import failure


def record(ext: str) -> RecordRef:
    """Return an account by external id."""
    return RecordRef(object="Account", external_id=ExternalId(field="Ext__c", value=ext))


def update(ext: str, **fields: str) -> RecordOperation:
    """Return an update by external id."""
    values = {name: FieldValue(string_value=value) for name, value in fields.items()}
    return RecordOperation(update=RecordUpdate(record=record(ext), fields=values))


def delete(ext: str) -> RecordOperation:
    """Return a deletion by external id."""
    return RecordOperation(delete=RecordDelete(record=record(ext)))


def upsert(ext: str) -> RecordOperation:
    """Return an upsert of an account."""
    values = {"Name": FieldValue(string_value="x")}
    external_id = ExternalId(field="Ext__c", value=ext)
    return RecordOperation(upsert=RecordUpsert(object="Account", external_id=external_id, fields=values))


async def apply(channel: aio.Channel, *operations: RecordOperation) -> list[RecordResult]:
    """Carry out operations."""
    response = await RecordServiceStub(channel).ApplyRecords(ApplyRecordsRequest(operations=operations))
    return list(response.results)


async def make(channel: aio.Channel, *exts: str) -> list[str]:
    """Make accounts and return their ids."""
    return [result.saved.record_id for result in await apply(channel, *map(upsert, exts))]


def name_of(org: Org, record_id: str) -> object:
    """Return the name of an account."""
    return org.get("Account", record_id, ["Name"])["Name"]


async def test_each_row_has_its_own_outcome(channel, org, unique):
    """A row that fails leaves its neighbours alone, and every outcome stands at its index."""
    exts = [unique(f"r{n}") for n in range(60)]
    ids = await make(channel, *exts)
    missing = range(7, 60, 10)
    operations = [
        update(unique(f"no{n}") if n in missing else ext, Name=f"new{n}") if n % 2 else delete(ext)
        for n, ext in enumerate(exts)
    ]

    results = await apply(channel, *operations, delete(exts[0]), delete(unique("never")))

    for n, result in enumerate(results[:60]):
        if n % 2 == 0:
            assert ("saved", "", False) == (
                result.WhichOneof("outcome"),
                result.saved.record_id,
                result.saved.already_deleted,
            )
        elif n in missing:
            assert ErrorReason.ERROR_REASON_RECORD_NOT_FOUND == result.error.reason
        else:
            assert (ids[n], f"new{n}") == (result.saved.record_id, name_of(org, ids[n]))
    assert [True, True] == [result.saved.already_deleted for result in results[60:]]


@pytest.mark.parametrize(
    "value", ["a/b", "50% off", "dot.json", "plus+plus", "ü 漢字 😀", "a?b#c&d=e", "'q\\'", "{x}", "@{x", "@{r0.id}"]
)
async def test_an_external_id_holds_any_character(channel, org, unique, value):
    """Every external id finds its record, also one that Salesforce would take for a reference."""
    ext, other = unique(value), unique("other" + value)
    ids = await make(channel, ext, other)

    results = await apply(channel, update(ext, Name="new"), update(other, Name="new"), delete(unique("no" + value)))

    assert ids == [result.saved.record_id for result in results[:2]]
    assert ["new", "new"] == [name_of(org, each) for each in ids]
    assert results[2].saved.already_deleted


@pytest.mark.parametrize("name", ["@{r0.id}", "@{", "an @{r1.id} inside"])
async def test_text_is_never_a_reference(channel, org, unique, name):
    """A value that looks like a reference to another subrequest is written as it is."""
    exts = [unique(f"r{n}") for n in range(3)]
    ids = await make(channel, *exts)

    await apply(channel, update(exts[0], Name="zero"), update(exts[1], Name=name), update(exts[2], Name="two"))

    assert ["zero", name, "two"] == [name_of(org, each) for each in ids]


@pytest.mark.parametrize("value", [".", ".."])
async def test_a_refused_external_id_fails_alone(channel, org, unique, value):
    """An external id that no path can hold fails its own row, not those of other callers beside it."""
    exts = [unique(f"r{n}") for n in range(4)]
    ids = await make(channel, *exts)
    request = UpdateRecordRequest(record=record(value), fields={"Name": FieldValue(string_value="x")})

    async with asyncio.TaskGroup() as group:
        others = [group.create_task(apply(channel, update(ext, Name="new"))) for ext in exts]
        with pytest.raises(aio.AioRpcError) as raised:
            await RecordServiceStub(channel).UpdateRecord(request)

    assert ["record.external_id.value"] == list(failure(raised.value).violations)
    assert ids == [task.result()[0].saved.record_id for task in others]
    assert ["new"] * 4 == [name_of(org, each) for each in ids]


@pytest.mark.parametrize("effect", [Drop(), Drop(after_handling=True)])
async def test_a_lost_call_is_repeated(channel, org, unique, disturbances: Disturbances, effect):
    """Rows found by external id are sent again after a connection was lost, and have the effect of one sending."""
    exts = [unique(f"r{n}") for n in range(4)]
    ids = await make(channel, *exts)
    disturbances.add(effect, path="/composite", times=1)

    results = await apply(channel, update(exts[0], Name="new"), delete(exts[1]), update(unique("no"), Name="x"))

    assert (ids[0], "saved", ErrorReason.ERROR_REASON_RECORD_NOT_FOUND) == (
        results[0].saved.record_id,
        results[1].WhichOneof("outcome"),
        results[2].error.reason,
    )
    assert "new" == name_of(org, ids[0])


async def test_a_locked_row_is_ridden_out(channel, org, unique, disturbances: Disturbances):
    """A row that another transaction held is sent again, its neighbours are not held up by it."""
    exts = [unique(f"r{n}") for n in range(5)]
    ids = await make(channel, *exts)
    disturbances.add(LockRow(), skip=2, times=1)

    results = await apply(channel, *(update(ext, Name="new") for ext in exts))

    assert ids == [result.saved.record_id for result in results]
    assert ["new"] * 5 == [name_of(org, each) for each in ids]
