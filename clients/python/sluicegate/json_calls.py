"""Any RPC by name, with requests and responses as JSON: for command lines and scripts."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import aio

from sluicegate.errors import from_rpc_error
from sluicegate.v1 import (
    bulk_service_pb2,
    deep_link_service_pb2,
    org_service_pb2,
    query_service_pb2,
    record_service_pb2,
)

_MODULES = (record_service_pb2, query_service_pb2, bulk_service_pb2, deep_link_service_pb2, org_service_pb2)


class InvalidCall(ValueError):
    """The method does not exist, or the JSON does not fit its request; the text says what would."""


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
    target: str, method: str, documents: Sequence[str], *, timeout_seconds: float | None = None
) -> AsyncIterator[str]:
    """Call an RPC and yield each response as JSON.

    Args:
        target: `host:port` of a service without TLS.
        method: `Service/Method`, with or without the package.
        documents: The requests as JSON; more than one only where the client streams.
        timeout_seconds: The call's deadline; None waits for ever.

    Raises:
        InvalidCall: The method or a document is wrong.
        SluicegateError: The call failed.

    """
    descriptor = _find(method)
    if not descriptor.client_streaming and len(documents) != 1:
        raise InvalidCall(f"{method} takes one request, not {len(documents)}")
    requests = [_parse(descriptor, document) for document in documents]
    async with aio.insecure_channel(target) as channel:
        try:
            async for response in _responses(channel, descriptor, requests, timeout_seconds):
                yield json_format.MessageToJson(response, indent=2, ensure_ascii=False)
        except aio.AioRpcError as error:
            raise from_rpc_error(error) from None


def _responses(
    channel: aio.Channel, descriptor: MethodDescriptor, requests: Sequence[Message], timeout: float | None
) -> AsyncIterator[Message]:
    path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
    response_class = GetMessageClass(descriptor.output_type)
    arguments: dict[str, Any] = {
        "request_serializer": lambda message: message.SerializeToString(),
        "response_deserializer": response_class.FromString,
    }
    if descriptor.client_streaming:
        return channel.stream_stream(path, **arguments)(iter(requests), timeout=timeout).__aiter__()
    if descriptor.server_streaming:
        return channel.unary_stream(path, **arguments)(requests[0], timeout=timeout).__aiter__()

    async def one() -> AsyncIterator[Message]:
        yield await channel.unary_unary(path, **arguments)(requests[0], timeout=timeout)

    return one()


def _find(method: str) -> MethodDescriptor:
    known = methods()
    short = method.strip("/").removeprefix("sluicegate.v1.")
    if short not in known:
        raise InvalidCall(f"there is no method {method!r}; there are: {', '.join(sorted(known))}")
    return known[short]


def _parse(descriptor: MethodDescriptor, document: str) -> Message:
    try:
        return json_format.Parse(document, GetMessageClass(descriptor.input_type)())
    except json_format.ParseError as error:
        raise InvalidCall(f"the JSON is no {descriptor.input_type.name}: {error}") from None
