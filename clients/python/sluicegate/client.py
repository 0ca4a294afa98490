"""The client: the contract's calls as Python methods."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from datetime import UTC, timedelta
from types import TracebackType
from typing import Self

from grpc import ChannelCredentials, aio

from sluicegate.bulk import BulkLoad, Event, Format, Operation, ResultsWanted, decode_load, encode_header
from sluicegate.channel import open_channel
from sluicegate.errors import from_rpc_error
from sluicegate.results import (
    DeepLink,
    OrgLimits,
    Platform,
    RecordRef,
    ResolvedDeepLink,
    UpsertResult,
    decode_limits,
    decode_resolved,
    encode_device,
    encode_record,
)
from sluicegate.rows import Batch, decode_batch
from sluicegate.upload import Data, exchange
from sluicegate.v1.bulk_service_pb2 import BulkLoadHeader, GetBulkLoadRequest
from sluicegate.v1.bulk_service_pb2_grpc import BulkServiceStub
from sluicegate.v1.deep_link_service_pb2 import CreateDeepLinkRequest, ResolveDeepLinkRequest
from sluicegate.v1.deep_link_service_pb2_grpc import DeepLinkServiceStub
from sluicegate.v1.field_value_pb2 import ExternalId
from sluicegate.v1.org_service_pb2 import GetLimitsRequest
from sluicegate.v1.org_service_pb2_grpc import OrgServiceStub
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub
from sluicegate.values import Value, encode_values


class Client:
    """A connection to Sluicegate, shared by any number of tasks of one event loop.

    Use it as `async with Client("127.0.0.1:50051") as client:`. It connects with the first call and reconnects by
    itself. Every method raises `SluicegateError` when the call fails. A method whose repetition is harmless is repeated
    twice by gRPC when the service is unavailable, within the timeout.

    Args:
        target: Address of the service, for example `127.0.0.1:50051`, or `dns:///sluicegate:50051` to spread calls
            over all replicas.
        org: Name of the configured org that calls are made for. Empty means the service's default org.
        credentials: How to encrypt, and with call credentials how to sign in. None sends everything in the clear.
        timeout_seconds: Bound of one call that answers once. Queries and loads stream for as long as they need: bound
            them with `asyncio.timeout`.
        interceptors: Interceptors of the channel, for example of a tracing library.

    """

    def __init__(
        self,
        target: str,
        *,
        org: str = "",
        credentials: ChannelCredentials | None = None,
        timeout_seconds: float = 30.0,
        interceptors: Sequence[aio.ClientInterceptor] = (),
    ) -> None:
        self._target = target
        self._org = org
        self._credentials = credentials
        self._timeout = timeout_seconds
        self._interceptors = tuple(interceptors)
        self._connection: _Connection | None = None

    async def __aenter__(self) -> Self:
        self._connection = _Connection(open_channel(self._target, self._credentials, self._interceptors))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection; calls still under way are cancelled."""
        connection, self._connection = self._connected, None
        await connection.channel.close()

    async def upsert_record(
        self,
        object_name: str,
        external_id_field: str,
        external_id: str,
        fields: Mapping[str, Value],
    ) -> UpsertResult:
        """Create the record, or update it if a record with the external id exists.

        Atomic, and repeating it has the effect of doing it once. Fields that are absent keep their values, fields given
        as None become null. If cancelled, the record may or may not have been written.

        Args:
            object_name: API name of the sObject, for example `Lead`.
            external_id_field: API name of the external-id field, for example `Ext__c`.
            external_id: The external id.
            fields: Values by API name of the field, or of the relationship for a `Reference`.

        Raises:
            SluicegateError: The call failed.
            TypeError: A value is of a type that no field takes, or the external id is not text.
            ValueError: A value cannot be sent.

        """
        if not isinstance(external_id, str):
            raise TypeError(f"external_id is {type(external_id).__name__}; it must be text: str(...) makes it so")
        request = UpsertRecordRequest(
            org=self._org,
            object=object_name,
            external_id=ExternalId(field=external_id_field, value=external_id),
            fields=encode_values(fields),
        )
        with _translated():
            response = await self._connected.records.UpsertRecord(request, timeout=self._timeout)
        return UpsertResult(response.record_id, response.created)

    async def query(
        self,
        soql: str,
        parameters: Mapping[str, Value] | None = None,
        *,
        batch_size: int = 0,
        include_deleted: bool = False,
        raw: bool = False,
    ) -> AsyncGenerator[dict[str, object], None]:
        """Run a query and yield its rows, in the query's order, as dicts by column.

        `SELECT COUNT()` has no rows: `query_batches` tells the number as the `total_size` of its only batch, and
        `SELECT COUNT(Id) n` has a row.
        Leaving the loop early leaves the query open until the iterator is closed; `contextlib.aclosing` does that.

        Args:
            soql: SOQL, with `:name` wherever a value or a list of values may stand.
            parameters: The values of the named parameters. They are bound as values whatever characters they hold.
            batch_size: The largest number of rows in a message; 0 is the service's own choice.
            include_deleted: Also yield rows in the recycle bin and archived activities.
            raw: Leave decimals, dates, datetimes and times the text that Salesforce wrote, which is faster.

        Raises:
            SluicegateError: The call failed; rows that were yielded before stay true.
            TypeError: A parameter is of a type that no query takes.
            ValueError: A parameter cannot be sent.

        """
        batches = self.query_batches(
            soql,
            parameters,
            batch_size=batch_size,
            include_deleted=include_deleted,
            raw=raw,
        )
        async with aclosing(batches):
            async for batch in batches:
                for row in batch.rows():
                    yield row

    async def query_batches(
        self,
        soql: str,
        parameters: Mapping[str, Value] | None = None,
        *,
        batch_size: int = 0,
        include_deleted: bool = False,
        raw: bool = False,
    ) -> AsyncGenerator[Batch, None]:
        """Run a query and yield its result in batches of columns, which is faster than rows and fits dataframes.

        A query without rows yields one batch without rows. The arguments and failures are those of `query`.
        """
        request = QueryRequest(
            org=self._org,
            soql=soql,
            parameters=encode_values(parameters or {}),
            batch_size=batch_size,
            include_deleted=include_deleted,
        )
        call = self._connected.queries.Query(request)
        try:
            with _translated():
                async for response in call:
                    yield decode_batch(response.batch, response.total_size, raw=raw)
        finally:
            call.cancel()

    async def bulk_load(
        self,
        object_name: str,
        operation: Operation,
        data: Data,
        *,
        external_id_field: str = "",
        data_format: Format = "csv",
        results: ResultsWanted = "failures",
    ) -> AsyncGenerator[Event, None]:
        """Load many rows and yield what happens: `Accepted`, `Progress`, `Results`, and `Finished` last.

        Nothing is written before all data is sent; if the data fails or the iterator is closed before, the load is
        aborted. After that the load goes on in Salesforce whatever becomes of the call: `get_bulk_load` tells how it
        stands. Rows are independent, and a row that fails is no exception but a result. Repeating an insert inserts
        again; the other operations may be repeated.

        Args:
            object_name: API name of the sObject.
            operation: What to do with each row.
            data: The rows as bytes, a `Path`, or an async iterable of bytes cut anywhere.
            external_id_field: API name of the external-id field: needed for `upsert`, refused otherwise.
            data_format: How the data is written; the contract's `BulkFormat` says what either means.
            results: The rows whose results come back: those not written, all, or none.

        Raises:
            SluicegateError: The call failed, or Salesforce gave up the job as a whole.
            TypeError: The data is not bytes.
            ValueError: An argument is none of the words that it takes.
            OSError: The file cannot be read.

        """
        header = encode_header(
            BulkLoadHeader(org=self._org, object=object_name, external_id_field=external_id_field),
            operation=operation,
            data_format=data_format,
            results=results,
        )
        events = exchange(self._connected.loads.BulkLoad(), header, data)
        with _translated():
            async with aclosing(events):
                async for event in events:
                    yield event

    async def get_bulk_load(self, resume_token: str) -> BulkLoad:
        """Tell how a load stands, by one call to Salesforce."""
        request = GetBulkLoadRequest(org=self._org, resume_token=resume_token)
        with _translated():
            response = await self._connected.loads.GetBulkLoad(request, timeout=self._timeout)
        return decode_load(response.load)

    async def create_deep_link(
        self,
        record: RecordRef,
        *,
        provider: str = "",
        ttl: timedelta | None = None,
        action: str = "",
        campaign: Mapping[str, str] | None = None,
    ) -> DeepLink:
        """Make a signed link to a record, which need not exist yet.

        Args:
            record: The record that the link opens.
            provider: Name of a configured link provider. Empty means the org's default.
            ttl: How long the link is valid, from a minute to ten years. None means the org's default.
            action: What the app should do with the record. Empty means `view`.
            campaign: Campaign fields that travel with the link, for example `utm_source`. Signed, not secret.

        Raises:
            SluicegateError: The call failed.

        """
        request = CreateDeepLinkRequest(
            org=self._org,
            record=encode_record(record),
            provider=provider,
            action=action,
            campaign=campaign or {},
        )
        if ttl is not None:
            request.ttl.FromTimedelta(ttl)
        with _translated():
            response = await self._connected.links.CreateDeepLink(request, timeout=self._timeout)
        return DeepLink(response.url, response.expire_time.ToDatetime(tzinfo=UTC))

    async def resolve_deep_link(
        self,
        source: str | RecordRef,
        *,
        platform: Platform | None = None,
        app_installed: bool | None = None,
    ) -> ResolvedDeepLink:
        """Tell what to open for a link or a record, best first.

        Args:
            source: A link that `create_deep_link` made, or a record.
            platform: The platform of the device; None when it is not known.
            app_installed: Whether the company's own app is on the device; None when it is not known.

        Raises:
            SluicegateError: The call failed: the link is not genuine or has expired, or no record has the external id.
            ValueError: The platform is none of the words.

        """
        request = ResolveDeepLinkRequest(org=self._org, device=encode_device(platform, app_installed=app_installed))
        if isinstance(source, str):
            request.url = source
        else:
            request.record.CopyFrom(encode_record(source))
        with _translated():
            response = await self._connected.links.ResolveDeepLink(request, timeout=self._timeout)
        return decode_resolved(response)

    async def get_limits(self) -> OrgLimits:
        """Read the org's limits, by one call to Salesforce."""
        with _translated():
            response = await self._connected.orgs.GetLimits(GetLimitsRequest(org=self._org), timeout=self._timeout)
        return decode_limits(response.limits)

    @property
    def _connected(self) -> "_Connection":
        if self._connection is None:
            raise RuntimeError("the client is not connected; use it as `async with Client(...) as client:`")
        return self._connection


class _Connection:
    """A channel and the stubs that call over it."""

    def __init__(self, channel: aio.Channel) -> None:
        self.channel = channel
        self.records = RecordServiceStub(channel)
        self.queries = QueryServiceStub(channel)
        self.loads = BulkServiceStub(channel)
        self.links = DeepLinkServiceStub(channel)
        self.orgs = OrgServiceStub(channel)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except aio.AioRpcError as error:
        raise from_rpc_error(error) from error
