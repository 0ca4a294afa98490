"""The channel to the service: retries, load balancing, keepalive and message sizes."""

import json
from collections.abc import Iterable, Sequence

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from grpc import ChannelCredentials, aio

from sluicegate.v1 import (
    bulk_service_pb2,
    deep_link_service_pb2,
    org_service_pb2,
    query_service_pb2,
    record_service_pb2,
)

SERVICES: tuple[ServiceDescriptor, ...] = tuple(
    service
    for module in (bulk_service_pb2, deep_link_service_pb2, org_service_pb2, query_service_pb2, record_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
)
"""Every service of the contract."""

_REPEATABLE = frozenset({MethodOptions.IDEMPOTENT, MethodOptions.NO_SIDE_EFFECTS})
_MOST_BYTES_RECEIVED = 64 * 1024 * 1024
"""A batch may hold 2,000 rows with long text; gRPC's own bound of 4 MiB would refuse it."""
_MOST_BYTES_SENT = 8 * 1024 * 1024


def service_config(services: Iterable[ServiceDescriptor] = SERVICES) -> str:
    """Write the gRPC service config (gRPC A2, "Service Config in DNS"; A6, "Client Retries").

    A method is repeated after UNAVAILABLE only where its `idempotency_level` says that this is harmless. gRPC does not
    repeat a stream once its first answer is there. The throttle stops repeats while more than about one call in ten
    fails, so that an outage is not made worse.
    """
    names = [
        {"service": service.full_name, "method": method.name}
        for service in services
        for method in service.methods
        if _is_repeatable(method)
    ]
    retry = {
        "maxAttempts": 3,
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return json.dumps(
        {
            "loadBalancingConfig": [{"round_robin": {}}],
            "methodConfig": [{"name": names, "retryPolicy": retry}],
            "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
        },
    )


def open_channel(
    target: str,
    credentials: ChannelCredentials | None,
    interceptors: Sequence[aio.ClientInterceptor],
) -> aio.Channel:
    """Open a channel; it connects with the first call. Without credentials it is not encrypted."""
    options: list[tuple[str, str | int]] = [
        ("grpc.service_config", service_config()),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 0),
        ("grpc.max_receive_message_length", _MOST_BYTES_RECEIVED),
        ("grpc.max_send_message_length", _MOST_BYTES_SENT),
    ]
    if credentials is None:
        return aio.insecure_channel(target, options=options, interceptors=list(interceptors))
    return aio.secure_channel(target, credentials, options=options, interceptors=list(interceptors))


def _is_repeatable(method: MethodDescriptor) -> bool:
    options: MethodOptions = method.GetOptions()
    return options.idempotency_level in _REPEATABLE
