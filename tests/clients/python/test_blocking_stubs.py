"""The generated stubs in blocking code, against a channel that lives in the test."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import grpc_testing
import pytest
from sluicegate.v1 import record_service_pb2 as pb
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

METHOD = pb.DESCRIPTOR.services_by_name["RecordService"].methods_by_name["UpsertRecord"]
REQUEST = pb.UpsertRecordRequest(
    object="Lead",
    external_id=ExternalId(field="Ext__c", value="L-1"),
    fields={"LastName": FieldValue(string_value="Curie")},
)


@pytest.fixture
def channel():
    """A channel whose far end is the test."""
    return grpc_testing.channel(pb.DESCRIPTOR.services_by_name.values(), grpc_testing.strict_real_time())


def test_a_blocking_stub_sends_the_request_and_returns_the_response(channel):
    """Teams without asyncio call the same contract."""
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(RecordServiceStub(channel).UpsertRecord, REQUEST, timeout=60)

        _, request, rpc = channel.take_unary_unary(METHOD)
        rpc.send_initial_metadata(())
        rpc.terminate(pb.UpsertRecordResponse(record_id="00Q", created=True), (), grpc.StatusCode.OK, "")

        assert request == REQUEST
        assert pb.UpsertRecordResponse(record_id="00Q", created=True) == call.result(timeout=60)


def test_a_failure_raises(channel):
    """A refused call is an exception with its code."""
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(RecordServiceStub(channel).UpsertRecord, REQUEST, timeout=60)

        _, _, rpc = channel.take_unary_unary(METHOD)
        rpc.send_initial_metadata(())
        rpc.terminate(None, (), grpc.StatusCode.NOT_FOUND, "no org")

        with pytest.raises(grpc.RpcError) as raised:
            call.result(timeout=60)
    assert grpc.StatusCode.NOT_FOUND == raised.value.code()
