"""A process that is the least a grpc.aio server can be: it decodes a message and sends it back, or keeps it."""

import asyncio
import json
from typing import Any

import grpc
import uvloop
from google.protobuf.message import Message
from grpc import aio
from sluicegate.v1.deep_link_service_pb2 import ResolveDeepLinkRequest
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest

METHODS: dict[str, type[Message]] = {
    "/sluicegate.v1.RecordService/UpsertRecord": UpsertRecordRequest,
    "/sluicegate.v1.DeepLinkService/ResolveDeepLink": ResolveDeepLinkRequest,
}
HOLD = "/load.Echo/Hold"
"""Takes an UpsertRecordRequest and answers nothing until the caller leaves."""


_MANY = 100_000
_OPTIONS = (
    # By default a server cancels calls from the 1,000th on that came and were not looked at yet.
    ("grpc.server.max_pending_requests", _MANY),
    ("grpc.server.max_pending_requests_hard_limit", _MANY),
)


async def _echo(request: Message, _context: "aio.ServicerContext[Any, Any]") -> Message:
    return request


async def _hold(_request: Message, _context: "aio.ServicerContext[Any, Any]") -> Message:
    await asyncio.Event().wait()
    raise AssertionError("nothing ends the wait")


def _register(server: aio.Server, path: str, answer: Any, message: type[Message]) -> None:
    _, service, method = path.split("/")
    handler: Any = grpc.unary_unary_rpc_method_handler(
        answer, message.FromString, lambda found: found.SerializeToString()
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))


async def serve() -> None:
    """Serve on a free port until the process is ended; print the address first."""
    server = aio.server(options=_OPTIONS)
    for path, message in METHODS.items():
        _register(server, path, _echo, message)
    _register(server, HOLD, _hold, UpsertRecordRequest)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"grpc": f"127.0.0.1:{port}"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
