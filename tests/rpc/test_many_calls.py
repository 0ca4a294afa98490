"""Bursts of calls: gRPC itself must refuse none of them."""

import asyncio
from collections import Counter

from grpc import aio
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

CALLS = 3_000


async def test_a_burst_on_one_channel_is_answered_whole(app, unique):
    """Thousands of calls that begin at once on one connection wait for their turn, and all succeed."""
    requests = [
        UpsertRecordRequest(
            object="Lead",
            external_id=ExternalId(field="Ext__c", value=unique(f"burst-{number}")),
            fields={"LastName": FieldValue(string_value="Gray"), "Company": FieldValue(string_value="Acme")},
        )
        for number in range(CALLS)
    ]

    async with aio.insecure_channel(app.addresses.grpc) as channel:
        stub = RecordServiceStub(channel)
        calls = [stub.UpsertRecord(request, timeout=100) for request in requests]
        answers = await asyncio.gather(*calls, return_exceptions=True)

    assert {"created": CALLS} == Counter(map(_outcome, answers))


def _outcome(answer: object) -> str:
    return str(answer.code()) if isinstance(answer, aio.AioRpcError) else "created"
