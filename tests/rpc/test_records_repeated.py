"""Requests that are made again or given up, over a real channel."""

import asyncio
import uuid

import pytest
from grpc import aio
from sluicegate.v1 import record_service_pb2 as pb
from sluicegate.v1.field_value_pb2 import FieldValue
from sluicegate.v1.record_operation_pb2 import RecordNode
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.emulator.disturbances import Delay, Disturbances, Drop, Page
from service.emulator.org import Org
from tests.support.record_messages import by_key, create, refused, text, upsert


@pytest.fixture
def stub(channel):
    """The service."""
    return RecordServiceStub(channel)


@pytest.fixture
def company(unique) -> str:
    """A company that only this test's leads have."""
    name: str = unique("Repeats")
    return name


def lead(company: str, name: str = "Curie", **fields: FieldValue) -> dict[str, FieldValue]:
    """Return the fields of a lead."""
    return {"LastName": text(name), "Company": text(company), **fields}


def names(org: Org, company: str) -> list[object]:
    """Return the names of a company's leads."""
    return [row["LastName"] for row in org.query(f"SELECT LastName FROM Lead WHERE Company = '{company}'").rows]


def new_id() -> str:
    """Return an id for a request."""
    return str(uuid.uuid4())


async def test_a_creation_is_repeated(stub, org, company):
    """One id is one record, however often and however close together it is asked for."""
    request = pb.CreateRecordRequest(object="Lead", fields=lead(company), request_id=new_id())

    answers = await asyncio.gather(*(stub.CreateRecord(request) for _ in range(10)))
    later = await stub.CreateRecord(request)

    assert {later.record_id} == {answer.record_id for answer in answers}
    assert ["Curie"] == names(org, company)


async def test_without_an_id_each_creation_is_one(stub, org, company):
    """The fault that request ids are for is real."""
    request = pb.CreateRecordRequest(object="Lead", fields=lead(company))

    await asyncio.gather(*(stub.CreateRecord(request) for _ in range(3)))

    assert 3 == len(names(org, company))


async def test_several_operations_are_repeated(stub, org, company, unique):
    """The second answer is the first, errors of single rows included, and nothing is written again."""
    operations = [
        create("Lead", **lead(company)),
        create("Lead", Company=text(company)),
        upsert("Lead", unique("R"), **lead(company, "Joliot")),
    ]
    request = pb.ApplyRecordsRequest(operations=operations, request_id=new_id())

    first = await stub.ApplyRecords(request)
    await stub.UpdateRecord(pb.UpdateRecordRequest(record=by_key("Lead", unique("R")), fields={"LastName": text("X")}))
    second = await stub.ApplyRecords(request)

    assert ["saved", "error", "saved"] == [result.WhichOneof("outcome") for result in first.results]
    assert first == second
    assert ["Curie", "X"] == sorted(map(str, names(org, company)))


async def test_a_graph_is_repeated(stub, org, company):
    """The second answer of a graph is the first."""
    nodes = [RecordNode(name=name, operation=create("Lead", **lead(company, name))) for name in ("a", "b")]
    request = pb.ComposeRecordsRequest(nodes=nodes, request_id=new_id())

    first, second = await stub.ComposeRecords(request), await stub.ComposeRecords(request)

    assert first == second
    assert ["a", "b"] == sorted(map(str, names(org, company)))


async def test_an_id_with_another_body(stub, org, company):
    """An id belongs to one request; another one is refused by name and writes nothing."""
    request = pb.CreateRecordRequest(object="Lead", fields=lead(company), request_id=new_id())
    await stub.CreateRecord(request)
    request.fields["LastName"].string_value = "Joliot"

    error = await refused(stub.CreateRecord(request))

    assert ("INVALID_ARGUMENT", "REQUEST_ID_REUSED", ["request_id"]) == (
        error.code,
        error.reason,
        list(error.violations),
    )
    assert ["Curie"] == names(org, company)


async def test_a_lost_answer_is_remembered_as_unknown(stub, org, disturbances: Disturbances, company):
    """Whether the record was created is not known; the repeat says so too, and does not create a second one."""
    disturbances.add(Drop(after_handling=True), method="POST", path="/composite/sobjects", times=1)
    request = pb.CreateRecordRequest(object="Lead", fields=lead(company), request_id=new_id())

    first = await refused(stub.CreateRecord(request))
    second = await refused(stub.CreateRecord(request))

    assert [("ABORTED", "OUTCOME_UNKNOWN")] * 2 == [(error.code, error.reason) for error in (first, second)]
    assert ["Curie"] == names(org, company)


async def test_an_outage_is_not_remembered(stub, org, disturbances: Disturbances, company):
    """What certainly wrote nothing may be tried again under the same id."""
    disturbances.add(Page(420), method="POST", path="/composite/sobjects", times=None)
    request = pb.CreateRecordRequest(object="Lead", fields=lead(company), request_id=new_id())

    first = await refused(stub.CreateRecord(request))
    disturbances.clear()
    second = await stub.CreateRecord(request)

    assert ("UNAVAILABLE", "UPSTREAM_UNAVAILABLE") == (first.code, first.reason)
    assert second.record_id
    assert ["Curie"] == names(org, company)


async def test_a_creation_that_was_given_up_is_found(stub, org, disturbances: Disturbances, company):
    """A caller whose patience ends early finds the answer by its id."""
    disturbances.add(Delay(0.5), method="POST", path="/composite/sobjects", times=1)
    request = pb.CreateRecordRequest(object="Lead", fields=lead(company), request_id=new_id())

    with pytest.raises(aio.AioRpcError) as raised:
        await stub.CreateRecord(request, timeout=0.2)
    answer = await stub.CreateRecord(request)

    assert "DEADLINE_EXCEEDED" == raised.value.code().name
    assert answer.record_id
    assert ["Curie"] == names(org, company)


@pytest.mark.parametrize("request_id", ["white space", "x" * 65, "ü"])
async def test_ids_of_other_characters(stub, company, request_id):
    """An id that is none is refused by the contract."""
    request = pb.CreateRecordRequest(object="Lead", fields=lead(company), request_id=request_id)

    error = await refused(stub.CreateRecord(request))

    assert ("INVALID_REQUEST", ["request_id"]) == (error.reason, list(error.violations))
