"""A scripted Sluicegate on a loopback socket: it records requests and answers what each test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from grpc import aio
from grpc_status import rpc_status
from sluicegate import Client
from sluicegate.v1 import (
    bulk_service_pb2_grpc,
    deep_link_service_pb2,
    deep_link_service_pb2_grpc,
    org_service_pb2_grpc,
    query_service_pb2_grpc,
    record_service_pb2,
    record_service_pb2_grpc,
)
from sluicegate.v1.bulk_service_pb2 import BulkLoadRequest


@dataclass
class Script:
    """What the service answers, and what it was asked."""

    answers: list[Any] = field(default_factory=list)
    """The messages or `google.rpc.Status` answered, in order; a stream sends them up to a status. An event is waited
    for."""
    requests: list[Message] = field(default_factory=list)
    """The requests as received, those of streams one by one."""
    metadata: list[dict[str, str | bytes]] = field(default_factory=list)
    """What came with each call beside requests."""
    answers_before_data: bool = False
    """Whether a load is answered after its header, its data unread."""
    load_began: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the first message of a load is there."""
    load_was_cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a load ended without the end of its data."""

    async def one(self, request, context):
        self.metadata.append(dict(context.invocation_metadata()))
        self.requests.append(request)
        return await self._answer(self.answers.pop(0), context)

    async def stream(self, request, context):
        self.metadata.append(dict(context.invocation_metadata()))
        self.requests.append(request)
        for index, answer in enumerate(self.answers):
            if isinstance(answer, Status):
                # The next call has what stands behind it.
                del self.answers[: index + 1]
            yield await self._answer(answer, context)

    async def load(self, requests: AsyncIterator[BulkLoadRequest], context):
        self.metadata.append(dict(context.invocation_metadata()))
        try:
            async for request in requests:
                self.requests.append(request)
                self.load_began.set()
                if self.answers_before_data or request.HasField("end"):
                    break
            for answer in self.answers:
                yield await self._answer(answer, context)
        except asyncio.CancelledError:
            self.load_was_cancelled.set()
            raise

    @staticmethod
    async def _answer(answer, context):
        if isinstance(answer, asyncio.Event):
            await answer.wait()
        if hasattr(answer, "details"):
            await context.abort_with_status(rpc_status.to_status(answer))
        return answer


@pytest.fixture
def script() -> Script:
    """What the service answers."""
    return Script()


@pytest.fixture
async def target(script: Script) -> AsyncIterator[str]:
    """Address of the scripted service."""
    server = aio.server()
    for module, names in _SERVICES.items():
        for name, methods in names.items():
            servicer = type(name, (), {method: staticmethod(pick(script)) for method, pick in methods.items()})
            getattr(module, f"add_{name}Servicer_to_server")(servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture
async def client(target: str) -> AsyncIterator[Client]:
    """A client of the scripted service, for the org `sandbox`."""
    async with Client(target, org="sandbox", timeout_seconds=60) as connected:
        yield connected


def _one(script: Script) -> Callable[..., Any]:
    return script.one


_SERVICES: dict[ModuleType, dict[str, dict[str, Callable[[Script], Any]]]] = {
    record_service_pb2_grpc: {
        "RecordService": {
            method.name: _one for method in record_service_pb2.DESCRIPTOR.services_by_name["RecordService"].methods
        }
    },
    query_service_pb2_grpc: {"QueryService": {"ExplainQuery": _one, "Query": lambda script: script.stream}},
    bulk_service_pb2_grpc: {
        "BulkService": {
            **dict.fromkeys(
                (
                    "StartBulkLoad",
                    "UploadBulkLoadPart",
                    "CommitBulkLoad",
                    "GetBulkLoad",
                    "CancelBulkLoad",
                    "PlanBulkLoads",
                ),
                _one,
            ),
            "BulkLoad": lambda script: script.load,
            "WatchBulkLoad": lambda script: script.stream,
            "ListBulkLoadResults": lambda script: script.stream,
        }
    },
    deep_link_service_pb2_grpc: {
        "DeepLinkService": {
            method.name: _one for method in deep_link_service_pb2.DESCRIPTOR.services_by_name["DeepLinkService"].methods
        }
    },
    org_service_pb2_grpc: {"OrgService": {"GetLimits": _one, "WatchLimits": lambda script: script.stream}},
}
