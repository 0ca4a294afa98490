"""The connection to the service, which every group of the client's calls shares."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from grpc import ChannelCredentials, aio

from sluicegate.callers import Metadata, Priority, metadata_of, saying
from sluicegate.channel import open_channel
from sluicegate.errors import from_rpc_error
from sluicegate.repeats import Answer, Repeats
from sluicegate.v1.bulk_service_pb2_grpc import BulkServiceStub
from sluicegate.v1.deep_link_service_pb2_grpc import DeepLinkServiceStub
from sluicegate.v1.org_service_pb2_grpc import OrgServiceStub
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub


class Stubs:
    """A channel, the stubs that call over it, and the repeats that gRPC does not make by itself."""

    def __init__(self, channel: aio.Channel, metadata: Metadata) -> None:
        self.channel = channel
        calling = saying(channel, metadata)
        self.records = RecordServiceStub(calling)
        self.queries = QueryServiceStub(calling)
        self.loads = BulkServiceStub(calling)
        self.links = DeepLinkServiceStub(calling)
        self.orgs = OrgServiceStub(calling)
        self.repeats = Repeats()


class Connected:
    """Something that is connected to the service while it is entered; the arguments are those of `Client`."""

    def __init__(
        self,
        target: str,
        *,
        org: str = "",
        credentials: ChannelCredentials | None = None,
        timeout_seconds: float = 30.0,
        interceptors: Sequence[aio.ClientInterceptor] = (),
        caller: str = "",
        priority: Priority | None = None,
    ) -> None:
        self._target = target
        self._org = org
        self._credentials = credentials
        self._timeout = timeout_seconds
        self._interceptors = tuple(interceptors)
        self._metadata = metadata_of(caller, priority)
        self._open: Stubs | None = None

    async def __aenter__(self) -> Self:
        channel = open_channel(self._target, self._credentials, self._interceptors)
        self._open = Stubs(channel, self._metadata)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection; calls still under way are cancelled."""
        stubs, self._open = self._stubs, None
        await stubs.channel.close()

    @property
    def _stubs(self) -> Stubs:
        if self._open is None:
            raise RuntimeError("the client is not connected; use it as `async with Client(...) as client:`")
        return self._open

    async def _repeated_if(self, request_id: str, call: Callable[[float], Awaitable[Answer]]) -> Answer:
        if not request_id:
            return await call(self._timeout)
        return await self._stubs.repeats.make(call, self._timeout)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the client's own error for a call that fails inside, with gRPC's as its cause."""
    try:
        yield
    except aio.AioRpcError as error:
        raise from_rpc_error(error) from error
