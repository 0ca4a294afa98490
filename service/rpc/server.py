"""The gRPC server: every service on one screen, with health, reflection and a graceful end."""

import asyncio
import re
import socket
from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf.message_factory import GetMessageClass
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from sluicegate.v1 import (
    bulk_service_pb2,
    deep_link_service_pb2,
    org_service_pb2,
    query_service_pb2,
    record_service_pb2,
)

from service.orgs.registry import OrgRegistry
from service.request_ids.request_ids import RequestIds
from service.rpc.bulk import BulkService
from service.rpc.deep_links import DeepLinkService
from service.rpc.orgs import OrgService
from service.rpc.pipeline import Method, Pipeline
from service.rpc.queries import QueryService
from service.rpc.records import UNREAD, RecordService
from service.settings import GrpcSettings

LOOK_AHEAD_BYTES = 1_048_576
"""What is taken of a call that nobody has asked for yet: 20 MB/s of a caller that is 50 ms away."""
OPTIONS: tuple[tuple[str, int], ...] = (
    # Defaults never close idle or half-open connections; the ages let clients find new replicas.
    ("grpc.server_handshake_timeout_ms", 5_000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.max_connection_age_ms", 1_800_000),
    ("grpc.max_connection_age_grace_ms", 300_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 30_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Where a connection has no room for a call, or the server has not come round to it, gRPC itself would refuse it,
    # without a reason and as if the server were down. What may wait is bounded where it waits.
    ("grpc.max_concurrent_streams", 10_000),
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 200_000),
    ("grpc.so_reuseport", 0),
    # gRPC otherwise takes the more of a call ahead the faster it comes, megabytes that nobody has asked for: two dozen
    # bulk loads had it hold several hundred, and a load's commits stood behind more of its data than a load can hold
    # while its parts wait for them. A message that is asked for is taken whole either way.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", LOOK_AHEAD_BYTES),
)
"""What gRPC is told of connections and calls, beside the sizes of messages."""
_SETTLE_SECONDS = 2.0
"""How long load balancers get to see NOT_SERVING before the listener closes; 0 with no time to drain."""


class GrpcServer:
    """Serves every RPC of the contract.

    Args:
        settings: Where to listen and how.
        orgs: The configured orgs.
        request_ids: Remembers the outcomes of requests with ids.
        pipeline: What each call passes.

    """

    def __init__(self, settings: GrpcSettings, orgs: OrgRegistry, request_ids: RequestIds, pipeline: Pipeline) -> None:
        self._settings = settings
        self._draining = pipeline.draining
        # Well above our own limit, so that the pipeline, not the transport, refuses an oversize message.
        largest = max(settings.max_message_bytes * 4, 16_777_216)
        self._server = aio.server(
            options=[*OPTIONS, ("grpc.max_receive_message_length", largest), ("grpc.max_send_message_length", -1)]
        )
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        services: Mapping[Any, object] = {
            record_service_pb2: RecordService(orgs, request_ids),
            query_service_pb2: QueryService(orgs),
            bulk_service_pb2: BulkService(orgs),
            deep_link_service_pb2: DeepLinkService(orgs),
            org_service_pb2: OrgService(orgs, pipeline.draining),
        }
        self._names = [self._register(module, service, pipeline) for module, service in services.items()]
        if settings.reflection:
            names = [*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME]
            reflection.enable_server_reflection(names, self._server)
        self.port = 0

    async def start(self) -> None:
        """Listen, and answer health checks with SERVING.

        Raises:
            OSError: The port is taken, or the host is none of this machine's.

        """
        host, port = self._settings.host, self._settings.port
        # gRPC tells no program why it cannot listen, and takes its time to find a host that does not exist.
        await asyncio.to_thread(_try_to_bind, host, port)
        try:
            self.port = self._server.add_insecure_port(authority(host, port))
        except RuntimeError as error:
            raise OSError(str(error)) from error
        await self._server.start()
        for name in ["", *self._names]:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> None:
        """Go NOT_SERVING, let balancers see it, take no more calls, and end the open ones after the drain time."""
        if not self.port:
            await self._server.stop(None)
            return
        self._draining.set()
        await self._health.enter_graceful_shutdown()
        grace = self._settings.drain_seconds
        await asyncio.sleep(min(_SETTLE_SECONDS, grace / 10))
        await self._server.stop(grace)

    def _register(self, module: Any, service: object, pipeline: Pipeline) -> str:
        """Register each RPC of the one service that a generated module describes."""
        (descriptor,) = module.DESCRIPTOR.services_by_name.values()
        handlers = {
            rpc.name: pipeline.handler(
                Method(
                    name=f"{descriptor.full_name}/{rpc.name}",
                    request=GetMessageClass(rpc.input_type),
                    client_streaming=rpc.client_streaming,
                    server_streaming=rpc.server_streaming,
                    answer=getattr(service, _snake(rpc.name)),
                    unread=UNREAD.get(f"{descriptor.full_name}/{rpc.name}", ""),
                )
            )
            for rpc in descriptor.methods
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(descriptor.full_name, handlers),))
        name: str = descriptor.full_name
        return name


def authority(host: str, port: int) -> str:
    """Return `host:port`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _try_to_bind(host: str, port: int) -> None:
    """Raise OSError if no socket can be bound there."""
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as probe:
            # As gRPC does it: a port whose connections are just closing is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
