"""A replica that dies in the middle of a query: another one goes on, and every row comes once."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from grpc import aio
from sluicegate import Client
from sluicegate.v1.query_service_pb2 import QUERY_ROUTE_BULK, QueryRequest, QueryResponse
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub

from service.emulator import query_jobs
from service.emulator.server import Emulator, EmulatorConfig
from service.settings import OrgSettings
from tests.support.forked import ForkedProcess, forked
from tests.support.past import in_the_past
from tests.support.rich_status import failure
from tests.support.stage import org_settings

ROWS = 1500
KEYS = {"2026": "k" * 40}
ROW_NAMES = [f"N{number:05}" for number in range(ROWS)]


class Replica:
    """A service in a process of its own."""

    def __init__(self, process: ForkedProcess, queries: Any) -> None:
        self._process = process
        self.queries = queries

    async def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def replica(prod: OrgSettings, folder: Path, keys: dict[str, str], *, port: int = 0) -> AsyncIterator[Replica]:
    """Run a replica that can be killed."""
    settings = {
        "grpc": {"port": port},
        "admin": {"port": 0},
        "link_server": {"port": 0},
        "orgs": {"prod": prod.model_dump(mode="json", exclude_none=True)},
        "token_keys": keys,
    }
    path = folder / "sluicegate.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    async with forked("serve", "--json", environment={"SLUICEGATE_CONFIG": str(path)}) as process:
        assert process.stdout is not None
        address = json.loads(await process.stdout.readline())["grpc"]
        async with aio.insecure_channel(address) as channel:
            yield Replica(process, QueryServiceStub(channel))


@pytest.fixture
async def prod(keys: Path) -> AsyncIterator[OrgSettings]:
    """An org with rows, and how to log in to it."""
    async with Emulator(EmulatorConfig(directory=keys)) as emulator:
        org = emulator.org
        with in_the_past(org):
            for name in ROW_NAMES:
                values = {"LastName": name, "Company": "Radium", "Description": name * 400}
                org.create("Lead", values, user_id=org.admin_id)
        yield org_settings(emulator, keys)


async def read(stub: Any, request: QueryRequest, seen: list[QueryResponse], *, most: int = ROWS) -> str:
    """Read at most so many responses; return why not all came, or nothing."""
    try:
        async for response in stub.Query(request):
            seen.append(response)
            if len(seen) >= most:
                break
    except aio.AioRpcError as error:
        return failure(error).reason or error.code().name
    return ""


def rows(seen: list[QueryResponse]) -> list[str]:
    """Return the names that came."""
    return [name for response in seen for name in response.batch.columns[0].string_values]


@pytest.mark.parametrize("killed_at", [{1}, {4}, {2, 3, 9}])
async def test_the_python_client_goes_on_by_itself(
    prod: OrgSettings, tmp_path: Path, unused_tcp_port: int, killed_at: set[int]
):
    """Its caller sees nothing of a replica that dies between pages, and of the one that takes its place."""
    soql = "SELECT LastName, Description FROM Lead ORDER BY LastName"
    seen: list[object] = []
    batches = 0
    async with AsyncExitStack() as stack:

        async def start() -> Replica:
            return await stack.enter_async_context(replica(prod, tmp_path, KEYS, port=unused_tcp_port))

        running = await start()
        client = await stack.enter_async_context(Client(f"127.0.0.1:{unused_tcp_port}"))
        async for batch in client.query_batches(soql, page_size=200, batch_size=100):
            seen += batch.columns["LastName"]
            batches += 1
            if batches in killed_at:
                await running.kill()
                running = await start()

    assert ROW_NAMES == seen


# In the first page, in a later one, and at the end of one.
@pytest.mark.parametrize(("responses", "order"), [(1, ""), (5, " ORDER BY CreatedDate DESC, LastName DESC"), (8, "")])
async def test_another_replica_goes_on(prod: OrgSettings, tmp_path: Path, responses: int, order: str):
    """The rest comes by the last token that arrived: with a session of its own, no row twice and none left out."""
    request = QueryRequest(soql=f"SELECT LastName, Description FROM Lead{order}", page_size=200, batch_size=100)
    undisturbed: list[QueryResponse] = []
    seen: list[QueryResponse] = []
    async with replica(prod, tmp_path, KEYS) as first, replica(prod, tmp_path, KEYS) as second:
        await read(second.queries, request, undisturbed)
        async for response in first.queries.Query(request):
            seen.append(response)
            if len(seen) == responses:
                await first.kill()
                break
        request.resume_token = seen[-1].resume_token

        heard = await read(second.queries, request, seen)

    assert "" == heard
    assert rows(undisturbed) == rows(seen)
    assert ROW_NAMES == sorted(rows(seen))


@pytest.mark.parametrize("responses", [1, 4, 8])
async def test_another_replica_goes_on_in_bulk(
    prod: OrgSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, responses: int
):
    """The query job outlives the replica that began it, and every row of its parts comes once."""
    monkeypatch.setattr(query_jobs, "DEFAULT_PAGE_ROWS", 250)
    monkeypatch.setattr("service.emulator.routes.bulk_query.DEFAULT_PAGE_ROWS", 250)
    soql = "SELECT LastName, Description FROM Lead"
    request = QueryRequest(soql=soql, batch_size=100, route=QUERY_ROUTE_BULK)
    seen: list[QueryResponse] = []
    async with replica(prod, tmp_path, KEYS) as first, replica(prod, tmp_path, KEYS) as second:
        async for response in first.queries.Query(request):
            seen.append(response)
            if len(seen) == responses:
                await first.kill()
                break
        request.resume_token = seen[-1].resume_token

        heard = await read(second.queries, request, seen)

    assert "" == heard
    assert [100, 100, 50] * 6 == [response.batch.row_count for response in seen]
    assert ROW_NAMES == sorted(rows(seen))


async def test_a_replica_with_other_keys_goes_on_with_nothing(prod: OrgSettings, tmp_path: Path):
    """What shows that the token is what counts: it is refused where its key is not known."""
    request = QueryRequest(soql="SELECT LastName FROM Lead", page_size=200)
    seen: list[QueryResponse] = []
    async with replica(prod, tmp_path, KEYS) as first, replica(prod, tmp_path, {"2026": "x" * 40}) as second:
        await read(first.queries, request, seen, most=1)
        request.resume_token = seen[-1].resume_token

        heard = await read(second.queries, request, [])

    assert "INVALID_TOKEN" == heard
