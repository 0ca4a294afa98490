"""RecordService on an org that remembers what it was asked."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sluicegate.v1 import error_reason_pb2 as reasons
from sluicegate.v1 import record_operation_pb2 as nouns
from sluicegate.v1 import record_service_pb2 as pb
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.record_pb2 import Record, RecordError, RecordRef

from service.context import CallContext
from service.errors import (
    FieldViolation,
    InvalidRequest,
    OutcomeUnknown,
    RecordNotFound,
    RequestIdReused,
    SluicegateError,
    UnknownField,
    UnknownObject,
)
from service.orgs.reading import FoundRecord, FoundValue
from service.request_ids.request_ids import RequestIds
from service.request_ids.unshared import Unshared
from service.rpc import record_writes
from service.rpc.records import RecordService
from service.rpc.values import to_json_values
from service.salesforce.calls.composite import Node
from service.salesforce.calls.writes import ExternalKey, JsonValue, Operation, Saved, Write, WriteOptions
from tests.support.clock import FakeClock

ID = "001ZM000001n4n5YAA"
BY_KEY = RecordRef(object="Account", external_id=ExternalId(field="Ext__c", value="A-1"))
OPTIONS = nouns.WriteOptions(allow_duplicates=True, max_wait=Duration(seconds=3))
NO_KEY = UnknownField(
    "no key",
    metadata={"object": "Account", "field": "Ext__c"},
    violations=[FieldViolation("external_id.field", "no key")],
)


class FakeOrg:
    """An org that answers as it is told and remembers every question."""

    name = "prod"

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.outcomes: list[Saved | SluicegateError] = []
        self.error: SluicegateError | None = None

    async def write(
        self, write: Write, options: WriteOptions, _context: Any, *, max_wait_seconds: float | None
    ) -> Saved:
        """Write one record."""
        self.asked.append((replace(write, size=0), options, max_wait_seconds))
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return Saved(ID, created=write.operation is Operation.CREATE, already_deleted=write.key is not None)

    async def apply(
        self, writes: Sequence[Write], options: WriteOptions, _context: Any, *, max_wait_seconds: float | None
    ) -> list[Saved | SluicegateError]:
        """Write several."""
        self.asked.append((writes, options, max_wait_seconds))
        return self.outcomes or [Saved(write.sobject) for write in writes]

    async def compose(self, nodes: Sequence[Node], options: WriteOptions, _context: Any) -> list[Saved]:
        """Write a graph."""
        self.asked.append((nodes, options))
        if self.error:
            raise self.error
        return [Saved(node.name) for node in nodes]

    async def get_record(
        self, sobject: str, record_id: str, key: ExternalKey | None, fields: Sequence[str], _context: Any
    ) -> FoundRecord:
        """Read a record."""
        self.asked.append((sobject, record_id, key, [*fields]))
        if self.error:
            raise self.error
        values = {"Id": FoundValue("id", 0, ID), "AnnualRevenue": FoundValue("currency", 18, Decimal("1E+3"))}
        return FoundRecord("Account", ID, values)


def call(method: str = "test/Call") -> CallContext:
    """Return the context of some call of a method."""
    return CallContext(method=method, request_id="r", clock=FakeClock())


@asynccontextmanager
async def serving(org: FakeOrg) -> AsyncIterator[RecordService]:
    """Serve an org, whatever it is called."""
    async with RequestIds(Unshared(), FakeClock()) as request_ids:
        yield RecordService(SimpleNamespace(get=lambda _name: org), request_ids)  # type: ignore[arg-type]


@pytest.fixture
def org():
    """The org that is called."""
    return FakeOrg()


@pytest.fixture
async def service(org):
    """The service on it."""
    async with serving(org) as running:
        yield running


def account(**fields: FieldValue) -> nouns.RecordOperation:
    """Return a creation."""
    return nouns.RecordOperation(create=nouns.RecordCreate(object="Account", fields=fields))


async def test_each_write_reaches_the_org_with_its_options(service, org):
    """A write, how it is written and how long it may wait travel together; a deletion has the defaults."""
    fields = {"Name": FieldValue(string_value="Acme")}
    key = BY_KEY.external_id

    await service.upsert_record(
        pb.UpsertRecordRequest(object="Account", external_id=key, fields=fields, options=OPTIONS), call()
    )
    await service.create_record(pb.CreateRecordRequest(object="Account", fields=fields, options=OPTIONS), call())
    await service.update_record(pb.UpdateRecordRequest(record=BY_KEY, fields=fields, options=OPTIONS), call())
    await service.delete_record(pb.DeleteRecordRequest(record=BY_KEY), call())

    options = WriteOptions(allow_duplicates=True)
    found = ExternalKey("Ext__c", "A-1")
    values = {"Name": "Acme"}
    assert [
        (Write(Operation.UPSERT, "Account", values, key=found), options, 3.0),
        (Write(Operation.CREATE, "Account", values), options, 3.0),
        (Write(Operation.UPDATE, "Account", values, key=found), options, 3.0),
        (Write(Operation.DELETE, "Account", key=found), WriteOptions(), None),
    ] == org.asked


async def test_what_became_of_a_write(service):
    """The answer says what the org said."""
    created = await service.create_record(pb.CreateRecordRequest(object="Account"), call())
    upserted = await service.upsert_record(
        pb.UpsertRecordRequest(object="Account", external_id=BY_KEY.external_id), call()
    )
    updated = await service.update_record(pb.UpdateRecordRequest(record=BY_KEY), call())
    deleted = await service.delete_record(pb.DeleteRecordRequest(record=BY_KEY), call())

    assert pb.CreateRecordResponse(record_id=ID) == created
    assert pb.UpsertRecordResponse(record_id=ID, created=False) == upserted
    assert pb.UpdateRecordResponse(record_id=ID) == updated
    assert pb.DeleteRecordResponse(record_id=ID, already_deleted=True) == deleted


async def test_a_record_is_read(service, org):
    """Fields come with the kind that their type has."""
    request = pb.GetRecordRequest(record=BY_KEY, fields=["annualrevenue"])

    response = await service.get_record(request, call())

    fields = {"Id": FieldValue(string_value=ID), "AnnualRevenue": FieldValue(decimal_value="1000")}
    assert Record(object="Account", record_id=ID, fields=fields) == response.record
    assert [("Account", "", ExternalKey("Ext__c", "A-1"), ["annualrevenue"])] == org.asked


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("update_record", pb.UpdateRecordRequest(record=BY_KEY)),
        ("delete_record", pb.DeleteRecordRequest(record=BY_KEY)),
        ("get_record", pb.GetRecordRequest(record=BY_KEY)),
    ],
)
async def test_faults_of_a_named_record(service, org, method, request_):
    """Where the request holds the key within a reference, the fault is told there."""
    org.error = NO_KEY

    with pytest.raises(UnknownField) as raised:
        await getattr(service, method)(request_, call())

    assert ["record.external_id.field"] == [violation.field for violation in raised.value.violations]


async def test_a_fault_of_an_upsert_stays_where_it_is(service, org):
    """An upsert holds its key itself."""
    org.error = NO_KEY
    request = pb.UpsertRecordRequest(object="Account", external_id=BY_KEY.external_id, update_only=True)

    with pytest.raises(UnknownField) as raised:
        await service.upsert_record(request, call())

    assert NO_KEY is raised.value


ROWS = st.lists(st.sampled_from(["saved", "refused", "unreadable"]), min_size=1, max_size=450)


@given(ROWS)
async def test_every_operation_gets_its_own_answer(rows):
    """Whichever operations cannot be understood and whichever the org refuses, each index has its own outcome."""
    org = FakeOrg()
    operations = [
        account(N=FieldValue() if row == "unreadable" else FieldValue(int64_value=i)) for i, row in enumerate(rows)
    ]
    org.outcomes = [
        Saved(f"id {index}", created=True) if row == "saved" else RecordNotFound(f"row {index}")
        for index, row in enumerate(rows)
        if row != "unreadable"
    ]

    async with serving(org) as service:
        response = await service.apply_records(pb.ApplyRecordsRequest(operations=operations), call())

    expected = [_expected(index, row) for index, row in enumerate(rows)]
    assert expected == [*response.results]
    sent = [write.values["N"] for write in org.asked[0][0]] if org.asked else []
    assert [index for index, row in enumerate(rows) if row != "unreadable"] == sent


def _expected(index: int, row: str) -> nouns.RecordResult:
    if row == "saved":
        return nouns.RecordResult(saved=nouns.SavedRecord(record_id=f"id {index}", created=True))
    if row == "refused":
        return nouns.RecordResult(
            error=RecordError(reason=reasons.ERROR_REASON_RECORD_NOT_FOUND, message=f"row {index}")
        )
    return nouns.RecordResult(
        error=RecordError(
            reason=reasons.ERROR_REASON_INVALID_FIELD_VALUE,
            message="N has no value; to set a field to null, set null_value",
            fields=["N"],
        )
    )


@pytest.mark.parametrize("method", ["apply", "create", "upsert", "update", "compose"])
async def test_large_messages_are_translated_beside_the_event_loop(service, monkeypatch, method):
    """The many values of one message, entries of lists among them, hold up no other call."""
    threads: set[int] = set()

    def seen(fields: Any, **how: Any) -> dict[str, JsonValue]:
        threads.add(threading.get_ident())
        return to_json_values(fields, **how)

    monkeypatch.setattr(record_writes, "to_json_values", seen)
    fields = {"Name": FieldValue(string_value="x" * 131_072)}
    answers = {
        "apply": (service.apply_records, pb.ApplyRecordsRequest(operations=[account(**fields)])),
        "create": (service.create_record, pb.CreateRecordRequest(object="Account", fields=fields)),
        "upsert": (
            service.upsert_record,
            pb.UpsertRecordRequest(object="Account", external_id=BY_KEY.external_id, fields=fields),
        ),
        "update": (service.update_record, pb.UpdateRecordRequest(record=BY_KEY, fields=fields)),
        "compose": (
            service.compose_records,
            pb.ComposeRecordsRequest(nodes=[nouns.RecordNode(name="a", operation=account(**fields))]),
        ),
    }
    answer, request = answers[method]

    await answer(request, call())

    assert 1 == len(threads)
    assert threading.get_ident() not in threads


async def test_a_graph_is_answered_in_its_order(service, org):
    """One record for each node."""
    nodes = [nouns.RecordNode(name=name, operation=account()) for name in ("b", "a")]

    response = await service.compose_records(pb.ComposeRecordsRequest(nodes=nodes, options=OPTIONS), call())

    assert ["b", "a"] == [record.record_id for record in response.records]
    assert WriteOptions(allow_duplicates=True) == org.asked[0][1]


async def test_a_fault_of_a_graph_is_told_under_the_callers_path(service, org):
    """An upsert that must not create is an update further down, but not for the caller."""
    org.error = UnknownObject("no such sObject", violations=[FieldViolation("nodes[0].operation.update.object", "no")])
    upsert = nouns.RecordUpsert(object="Acount", external_id=BY_KEY.external_id, update_only=True)
    nodes = [nouns.RecordNode(name="a", operation=nouns.RecordOperation(upsert=upsert))]

    with pytest.raises(UnknownObject) as raised:
        await service.compose_records(pb.ComposeRecordsRequest(nodes=nodes), call())

    assert ["nodes[0].operation.upsert.object"] == [violation.field for violation in raised.value.violations]


REQUESTS: list[tuple[str, Any]] = [
    ("create_record", pb.CreateRecordRequest(object="Account", request_id="r-1")),
    ("apply_records", pb.ApplyRecordsRequest(operations=[account(), account(N=FieldValue())], request_id="r-1")),
    (
        "compose_records",
        pb.ComposeRecordsRequest(nodes=[nouns.RecordNode(name="a", operation=account())], request_id="r-1"),
    ),
]
Ask = Callable[[Any], Awaitable[Any]]


def asking(service: RecordService, method: str) -> Ask:
    """Return what sends a request as its method."""
    return lambda request: getattr(service, method)(request, call(method))


@pytest.mark.parametrize(("method", "request_"), REQUESTS)
async def test_a_request_id_carries_a_request_out_once(service, org, method, request_):
    """Calls with one id, at once and after each other, get one answer."""
    ask = asking(service, method)

    first, second = await asyncio.gather(ask(request_), ask(request_))
    third = await ask(request_)

    assert first == second == third
    assert 1 == len(org.asked)


@pytest.mark.parametrize(("method", "request_"), REQUESTS)
async def test_without_a_request_id_each_request_is_its_own(service, org, method, request_):
    """The protection is only there where it was asked for."""
    again = type(request_)()
    again.CopyFrom(request_)
    again.ClearField("request_id")

    await asking(service, method)(again)
    await asking(service, method)(again)

    assert 2 == len(org.asked)


@pytest.mark.parametrize(("method", "request_"), REQUESTS)
async def test_a_request_id_belongs_to_one_body(service, org, method, request_):
    """Another body under the same id is refused and writes nothing; how the org is named makes no other body."""
    ask = asking(service, method)
    named = type(request_)()
    named.CopyFrom(request_)
    named.org = "prod"
    other = type(request_)()
    other.CopyFrom(request_)
    other.options.allow_duplicates = True

    first = await ask(request_)

    assert first == await ask(named)
    with pytest.raises(RequestIdReused):
        await ask(other)
    assert 1 == len(org.asked)


async def test_the_order_of_fields_makes_no_other_body(service, org):
    """A map has no order, however a client serializes it."""
    names = [f"F{number}__c" for number in range(20)]
    ask = asking(service, "create_record")

    for order in (names, names[::-1]):
        request = pb.CreateRecordRequest(object="Account", request_id="r-1")
        for name in order:
            request.fields[name].int64_value = 1
        await ask(request)

    assert 1 == len(org.asked)


async def test_methods_have_request_ids_of_their_own(service, org):
    """The same id in two methods names two requests."""
    for method, request in REQUESTS:
        await asking(service, method)(request)

    assert 3 == len(org.asked)


@pytest.mark.parametrize(
    "error", [OutcomeUnknown("lost"), InvalidRequest("no", violations=[FieldViolation("fields.A", "no")])]
)
async def test_a_failure_is_remembered_too(service, org, error):
    """A repeat of a request that failed for good fails alike, without being carried out."""
    org.error = error
    ask = asking(service, "create_record")
    request = pb.CreateRecordRequest(object="Account", request_id="r-1")

    for _ in range(2):
        with pytest.raises(type(error)) as raised:
            await ask(request)
        assert (error.message, error.violations) == (raised.value.message, raised.value.violations)

    assert 1 == len(org.asked)
