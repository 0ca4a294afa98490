"""Any RPC by name, with requests and responses as JSON: for command lines and scripts."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import aio

from sluicegate.callers import Priority, metadata_of, saying
from sluicegate.ending import Ending
from sluicegate.errors import from_rpc_error
from sluicegate.json_requests import InvalidCall, read_requests
from sluicegate.v1 import (
    bulk_service_pb2,
    deep_link_service_pb2,
    org_service_pb2,
    query_service_pb2,
    record_service_pb2,
)

_MODULES = (record_service_pb2, query_service_pb2, bulk_service_pb2, deep_link_service_pb2, org_service_pb2)

__all__ = ["InvalidCall", "call", "methods"]

_SECONDS_FOR_AN_ANSWER = 60.0


def methods() -> dict[str, MethodDescriptor]:
    """Return every RPC by its short name, `RecordService/UpsertRecord`."""
    files: list[FileDescriptor] = [module.DESCRIPTOR for module in _MODULES]
    return {
        f"{service.name}/{method.name}": method
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
    }


async def call(
    target: str,
    method: str,
    documents: Sequence[str],
    *,
    timeout_seconds: float | None = None,
    caller: str = "",
    priority: Priority | None = None,
) -> AsyncIterator[str]:
    """Call an RPC and yield each response as JSON.

    Args:
        target: `host:port` of a service without TLS.
        method: `Service/Method`, with or without the package.
        documents: The requests as JSON, each document one or several; more than one only where the client streams.
        timeout_seconds: The call's deadline; None means a minute where the service answers once, and no deadline for
            streams, which may rightly take hours.
        caller: Who calls, for the shares of API calls; the service has a name for those who do not say.
        priority: How much the call matters when API calls run short; None for the RPC's own.

    Raises:
        InvalidCall: The target, the method, a document or the caller's name is wrong.
        SluicegateError: The call failed.

    """
    if not target or target.startswith(("http://", "https://")):
        raise InvalidCall(f"the target must be host:port, without a scheme, not {target!r}")
    descriptor = _find(method)
    try:
        metadata = metadata_of(caller, priority)
    except ValueError as error:
        raise InvalidCall(str(error)) from None
    requests = [request for document in documents for request in read_requests(document, descriptor.input_type)]
    if not descriptor.client_streaming and len(requests) != 1:
        raise InvalidCall(f"{method} takes one request, not {len(requests)}")
    if timeout_seconds is None and not descriptor.server_streaming:
        timeout_seconds = _SECONDS_FOR_AN_ANSWER
    async with aio.insecure_channel(target) as channel:
        begun = _begin(saying(channel, metadata), descriptor, requests, timeout_seconds)
        ending = Ending(begun)
        try:
            async for response in _responses(begun):
                yield json_format.MessageToJson(response, indent=2, ensure_ascii=False)
        except aio.AioRpcError as error:
            raise from_rpc_error(await ending.of(error)) from None


def _begin(
    channel: aio.Channel, descriptor: MethodDescriptor, requests: Sequence[Message], timeout: float | None
) -> Any:
    path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
    arguments: dict[str, Any] = {
        "request_serializer": lambda message: message.SerializeToString(),
        "response_deserializer": GetMessageClass(descriptor.output_type).FromString,
    }
    if descriptor.client_streaming:
        return channel.stream_stream(path, **arguments)(iter(requests), timeout=timeout)
    if descriptor.server_streaming:
        return channel.unary_stream(path, **arguments)(requests[0], timeout=timeout)
    return channel.unary_unary(path, **arguments)(requests[0], timeout=timeout)


async def _responses(begun: Any) -> AsyncIterator[Message]:
    if isinstance(begun, aio.UnaryUnaryCall):
        yield await begun
    else:
        async for response in begun:
            yield response


def _find(method: str) -> MethodDescriptor:
    known = methods()
    short = method.strip("/").removeprefix("sluicegate.v1.")
    if short not in known:
        raise InvalidCall(f"there is no method {method!r}; there are: {', '.join(sorted(known))}")
    return known[short]
