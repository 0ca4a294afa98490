"""A process that is the least a grpc.aio server can be: it decodes a message and sends it back."""

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


async def _echo(request: Message, _context: "aio.ServicerContext[Any, Any]") -> Message:
    return request


async def serve() -> None:
    """Serve on a free port until the process is ended; print the address first."""
    server = aio.server()
    for path, message in METHODS.items():
        _, service, method = path.split("/")
        handler: Any = grpc.unary_unary_rpc_method_handler(
            _echo, message.FromString, lambda answer: answer.SerializeToString()
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"grpc": f"127.0.0.1:{port}"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
