"""What the service does with a page of a result, against nothing but decoding it."""

import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import Any, cast

import msgspec
from grpc import aio
from sluicegate.v1.query_service_pb2 import QUERY_ROUTE_REST, QueryRequest

from service.clock import SystemClock
from service.context import CallContext
from service.orgs.descriptions import Descriptions
from service.orgs.queries import OrgQueries
from service.orgs.registry import OrgRegistry
from service.query.leftovers import Leftovers
from service.query.options import Options
from service.query.resume import ResumeSigner
from service.rpc.queries import QueryService
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.base import Request, Response
from service.settings.signing_key import SigningKey
from tests.load.figure import Figure
from tests.load.http_server import Asked
from tests.load.lead import BASE
from tests.load.processes import Server
from tests.load.static_upstream import PAGE_ROWS, SOQL, StaticUpstream

_QUERY = "/sluicegate.v1.QueryService/Query"
_MICROSECONDS = 1e6
_NEVER = 10**9


class _Lead(msgspec.Struct, gc=False):
    """A row as whoever knows the columns would write it down."""

    Id: str
    Ext__c: str | None
    FirstName: str | None
    LastName: str
    Company: str
    Email: str | None
    Status: str
    NumberOfEmployees: int | None
    AnnualRevenue: float | None
    IsConverted: bool
    CreatedDate: str


class _Page(msgspec.Struct):
    totalSize: int  # noqa: N815 - Salesforce's spelling
    done: bool
    records: list[_Lead]
    nextRecordsUrl: str | None = None  # noqa: N815 - Salesforce's spelling


class _WithoutSockets:
    """Answers as the static upstream does, with bodies that it keeps; a `Transport`."""

    def __init__(self) -> None:
        self._upstream = StaticUpstream()
        self._kept: dict[str, bytes] = {}

    async def send(self, request: Request, _context: CallContext) -> Response:
        return Response(200, {}, self.body(request.path))

    def body(self, path: str) -> bytes:
        if path not in self._kept:
            answer = self._upstream.answer(Asked("GET", path, b""))
            self._kept[path] = answer.body + answer.tail
        return self._kept[path]


class _OneOrg:
    """As much of the registry, and of its one org, as queries need."""

    def __init__(self, queries: OrgQueries) -> None:
        self._queries = queries

    def get(self, _name: str) -> "_OneOrg":
        return self

    def query(
        self, text: str, parameters: Mapping[str, Any], options: Options, call: CallContext
    ) -> AsyncIterator[Any]:
        return self._queries.read(text, parameters, options, call)


async def against_decoding(service: Server, rounds: int, rows: int) -> Figure:
    """Measure `query_server_rows_vs_parse_floor`.

    The service's side is all that it does between its sockets, from the bytes of the pages to the bytes of the
    messages, in this process: decoding, columns, tokens, protobuf. The floor is msgspec decoding the same bytes into
    dicts, as whoever does not know the columns beforehand has to. Into a struct that is written for these columns it
    takes two thirds of that; the ratio to this higher floor is in the detail. All is processor time.

    Args:
        service: The service on a static upstream, for what it costs with its sockets.
        rounds: Rounds of each side; one before them is not counted.
        rows: Rows of one round, a multiple of 2,000.

    """
    upstream = _WithoutSockets()
    total = -(-rows // PAGE_ROWS)
    pages = [upstream.body(f"{BASE}/query/01g{total:03d}-{page}") for page in range(1, total + 1)]
    queries, call = _server_side(upstream)
    request = QueryRequest(soql=SOQL.format(rows=rows), route=QUERY_ROUTE_REST)
    typed = msgspec.json.Decoder(_Page).decode
    spent: dict[str, list[float]] = {"service": [], "service_with_sockets": [], "typed": [], "untyped": []}
    for _ in range(rounds + 1):
        with _timed(spent["service"]):
            found = await _answered(queries, request, call)
        if found != rows:
            raise RuntimeError(f"a query of {rows} rows gave {found}")
        for floor, decode in (("typed", typed), ("untyped", msgspec.json.decode)):
            with _timed(spent[floor]):
                _decode_each(decode, pages)
        spent["service_with_sockets"].append(await _with_sockets(service, request))
    costs = {name: _MICROSECONDS * median(seconds[1:]) / rows for name, seconds in spent.items()}
    ratios = {
        f"{side}_vs_{floor}": round(median(b / a for a, b in zip(spent[side][1:], spent[floor][1:], strict=True)), 3)
        for side in ("service", "service_with_sockets")
        for floor in ("typed", "untyped")
        if all(spent[side])  # where the system does not tell what another process used, there is no ratio of it
    }
    detail = {
        "rows": rows,
        "columns": 11,
        "bytes_per_row": round(sum(map(len, pages)) / rows),
        "cpu_microseconds_per_row": {name: round(cost, 2) for name, cost in costs.items()},
        "ratios": ratios,
        "dominates": f"decoding: {costs['typed']:.2f} of {costs['service']:.2f} µs of processor time a row",
    }
    value = ratios["service_vs_untyped"]
    return Figure("query_server_rows_vs_parse_floor", value, "ratio of rows per second of a processor", detail)


def _server_side(upstream: _WithoutSockets) -> tuple[QueryService, CallContext]:
    """Return the service's own code for queries, and a call to it."""
    client = SalesforceClient(upstream, org="static", api_version="66.0")
    clock = SystemClock()
    signer = ResumeSigner((SigningKey("load", b"k" * 32),))
    queries = OrgQueries(
        client, Descriptions(client), signer, leftovers=Leftovers(clock), bulk_rows=_NEVER, open_results=8
    )
    registry = cast("OrgRegistry", _OneOrg(queries))
    return QueryService(registry), CallContext(method=_QUERY, request_id="load", clock=clock)


async def _answered(queries: QueryService, request: QueryRequest, call: CallContext) -> int:
    """Return how many rows a query's messages hold, each of which is made ready to send."""
    found = 0
    async for message in queries.query(request, call):
        found += message.batch.row_count
        message.SerializeToString()
    return found


def _decode_each(decode: Callable[[bytes], object], pages: list[bytes]) -> None:
    for page in pages:
        decode(page)


@contextmanager
def _timed(seconds: list[float]) -> Iterator[None]:
    """Note how much processor time is used inside.

    The garbage collector waits meanwhile: the service hardly ever runs it, and no side leaves anything to it.
    """
    gc.collect()
    gc.disable()
    began = time.process_time()
    try:
        yield
        seconds.append(time.process_time() - began)
    finally:
        gc.enable()


async def _with_sockets(service: Server, request: QueryRequest) -> float:
    """Return the seconds of processor time that a service uses to answer a caller who only takes the bytes."""
    before = service.cpu_seconds()
    async with aio.insecure_channel(service.addresses["grpc"]) as channel:
        call: Any = channel.unary_stream(_QUERY)
        async for _ in call(request.SerializeToString()):
            pass
    return service.cpu_seconds() - before
