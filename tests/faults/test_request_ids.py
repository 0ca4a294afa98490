"""Creates that are repeated while replicas, the org's connections and the shared store die; without ids they double."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import yaml
from grpc import aio
from sluicegate.v1.field_value_pb2 import FieldValue
from sluicegate.v1.org_service_pb2 import GetLimitsRequest
from sluicegate.v1.org_service_pb2_grpc import OrgServiceStub
from sluicegate.v1.record_operation_pb2 import RecordCreate, RecordOperation
from sluicegate.v1.record_service_pb2 import ApplyRecordsRequest, CreateRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.app import App
from service.emulator.server import Emulator, EmulatorConfig
from service.settings import OrgSettings, SharedStoreSettings
from tests.support.forked import ForkedProcess, forked
from tests.support.rich_status import failure
from tests.support.service import free_ports
from tests.support.stage import OrgClock, org_settings
from tests.support.valkey import ValkeyProcess, valkey_process

FIELDS = {"LastName": FieldValue(string_value="Curie"), "Company": FieldValue(string_value="Radium")}
WRITES = {"method": "POST", "path": "/composite/sobjects"}
SLOW = {"effect": {"row_latency": {"sobject": "Lead", "request": 0.5}}}
"""The org answers half a second after it wrote."""


def lead(request_id: str) -> CreateRecordRequest:
    """Return a request for a lead; without an id if that is empty."""
    return CreateRecordRequest(object="Lead", fields=FIELDS, request_id=request_id)


class Control:
    """What a test does to the org behind the service's back, and finds there."""

    def __init__(self, client: httpx.AsyncClient, clock: OrgClock) -> None:
        self._client = client
        self._clock = clock

    def hold(self) -> None:
        """Let no answer that takes its time leave before `go_on`."""
        self._clock.goes_on.clear()

    def go_on(self) -> None:
        """Let the org's time pass again."""
        self._clock.goes_on.set()

    async def script(self, *rules: dict[str, Any]) -> None:
        """Let the org misbehave."""
        (await self._client.put("/faults", json={"rules": rules})).raise_for_status()

    async def leads(self) -> int:
        """Return how many leads were made."""
        written = (await self._client.get("/writes")).json()["sobjects"]
        return int(written.get("Lead", {}).get("inserted", 0))

    async def wait_for_lead(self) -> None:
        """Return when a lead was made."""
        while not await self.leads():  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.01)


@pytest.fixture
def clock() -> OrgClock:
    """The org's time: while it stands still no slow answer leaves."""
    return OrgClock()


@pytest.fixture
async def org(keys: Path, clock: OrgClock) -> AsyncIterator[Emulator]:
    """An org."""
    async with Emulator(EmulatorConfig(directory=keys), clock) as running:
        yield running
        clock.goes_on.set()


@pytest.fixture
def prod(org: Emulator, tmp_path: Path) -> OrgSettings:
    """How a replica logs in to it."""
    return org_settings(org, tmp_path)


@pytest.fixture
async def control(org, clock) -> AsyncIterator[Control]:
    """Its control."""
    async with httpx.AsyncClient(base_url=f"{org.url}/__control", trust_env=False, timeout=60) as client:
        yield Control(client, clock)


@pytest.fixture
async def store() -> AsyncIterator[ValkeyProcess]:
    """A store for replicas to share."""
    async with valkey_process() as server:
        yield server


@pytest.fixture
async def replicas(prod, store) -> AsyncIterator[Sequence[Any]]:
    """Two replicas of the service, called over sockets."""
    settings = free_ports(orgs={"prod": prod}, shared_store=SharedStoreSettings(url=store.url))
    async with AsyncExitStack() as stack:
        stubs = []
        for _ in range(2):
            app = await stack.enter_async_context(App(settings))
            assert app.addresses is not None
            channel = await stack.enter_async_context(aio.insecure_channel(app.addresses.grpc))
            # The first call logs in, which takes its time.
            await OrgServiceStub(channel).GetLimits(GetLimitsRequest())
            stubs.append(RecordServiceStub(channel))
        yield stubs


@asynccontextmanager
async def replica_process(
    prod: OrgSettings, store: ValkeyProcess, folder: Path
) -> AsyncIterator[tuple[ForkedProcess, Any]]:
    """Run a replica that can be killed."""
    settings = {
        "grpc": {"port": 0},
        "admin": {"port": 0},
        "link_server": {"port": 0},
        "orgs": {"prod": prod.model_dump(mode="json", exclude_none=True)},
        "shared_store": {"url": store.url},
    }
    path = folder / "sluicegate.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    async with forked("serve", "--json", environment={"SLUICEGATE_CONFIG": str(path)}) as process:
        assert process.stdout is not None
        address = json.loads(await process.stdout.readline())["grpc"]
        async with aio.insecure_channel(address) as channel:
            yield process, RecordServiceStub(channel)


async def attempt(replica: Any, request_id: str, *, seconds: float = 60) -> str:
    """Create a lead and return its id, or the reason why there is none."""
    try:
        answer = await replica.CreateRecord(lead(request_id), timeout=seconds)
        return str(answer.record_id)
    except aio.AioRpcError as error:
        return failure(error).reason or error.code().name


@pytest.mark.parametrize(("request_id", "made"), [("", 10), ("a-1", 1)])
async def test_calls_at_once_over_two_replicas(replicas, control, request_id, made):
    """Ten calls with one id make one record and all get its id; without ids they make ten."""
    await control.script(SLOW)

    found = await asyncio.gather(*(attempt(replicas[number % 2], request_id) for number in range(10)))

    assert (made, made) == (len({*found}), await control.leads())
    assert all(len(record_id) == 18 for record_id in found)


@pytest.mark.parametrize(("request_id", "made"), [("", 2), ("a-1", 1)])
async def test_a_connection_that_is_lost_after_the_write(replicas, control, request_id, made):
    """A repeat, on whatever replica, hears again that nobody knows; without an id it makes the record twice."""
    await control.script({"effect": {"reset": "after"}, "match": WRITES, "times": 1})

    found = [await attempt(replica, request_id) for replica in replicas]

    assert "OUTCOME_UNKNOWN" == found[0]
    assert ("OUTCOME_UNKNOWN" == found[1]) == bool(request_id)
    assert made == await control.leads()


@pytest.mark.parametrize(("request_id", "made"), [("", 2), ("a-1", 1)])
async def test_a_caller_that_gives_up_too_early(replicas, control, request_id, made):
    """A repeat gets the record that the first call made after its caller had gone; without an id it makes another."""
    await control.script({**SLOW, "times": 1})
    control.hold()
    first = replicas[0].CreateRecord(lead(request_id))
    await control.wait_for_lead()
    first.cancel()
    again = asyncio.ensure_future(attempt(replicas[1], request_id))
    control.go_on()

    found = await again

    assert first.cancelled()
    assert 18 == len(found)
    assert made == await control.leads()


@pytest.mark.parametrize(("request_id", "made"), [("", 2), ("a-1", 1)])
async def test_a_replica_that_is_killed_in_the_middle(prod, store, replicas, control, tmp_path, request_id, made):
    """The other replica waits for the dead one's lease to end and writes nothing; without an id it writes again."""
    await control.script({**SLOW, "times": 1})
    control.hold()
    async with replica_process(prod, store, tmp_path) as (process, dying):
        first = asyncio.ensure_future(attempt(dying, request_id))
        await control.wait_for_lead()

        process.kill()

        assert "UNAVAILABLE" == await first
    control.go_on()
    found = [await attempt(replica, request_id) for replica in replicas[: 2 if request_id else 1]]

    assert made == await control.leads()
    if request_id:
        assert ["OUTCOME_UNKNOWN"] * 2 == found
    else:
        assert [18] == [len(record_id) for record_id in found]


async def test_a_store_that_is_killed_and_started_again(replicas, store, control):
    """Without it calls with new ids are refused before anything is written, and no others; then all goes on."""
    first = await attempt(replicas[0], "a-1")
    await store.kill()

    refused = [await attempt(replica, "a-2") for replica in replicas]
    plain = await attempt(replicas[1], "")
    known = await attempt(replicas[0], "a-1")
    before = await control.leads()
    await store.restart()
    found = [await attempt(replica, "a-2") for replica in replicas]

    assert ["SHARED_STORE_UNAVAILABLE"] * 2 == refused
    assert (first, 18) == (known, len(plain))
    assert 1 == len({*found})
    assert (2, 3) == (before, await control.leads())


async def test_a_refusal_for_want_of_the_store_says_when_to_come_back(replicas, store):
    """The error has a time and no details of the store."""
    await store.kill()

    with pytest.raises(aio.AioRpcError) as raised:
        await replicas[0].CreateRecord(lead("a-1"))

    failed = failure(raised.value)
    assert ("UNAVAILABLE", "SHARED_STORE_UNAVAILABLE", 1.0) == (failed.code, failed.reason, failed.retry_after_seconds)
    assert str(store.port) not in failed.message


async def test_a_store_that_dies_while_a_record_is_made(replicas, store, control, monkeypatch):
    """The caller gets the record; the store, empty as it comes back, is told of it, and the other replica knows."""
    logged: list[str] = []
    log = SimpleNamespace(
        warning=lambda event, **_facts: logged.append(event), info=lambda event, **_facts: logged.append(event)
    )
    monkeypatch.setattr("service.request_ids.valkey._log", log)
    await control.script({**SLOW, "times": 1})
    control.hold()
    call = asyncio.ensure_future(attempt(replicas[0], "a-1"))
    await control.wait_for_lead()
    await store.kill()
    control.go_on()

    first = await call
    again = await attempt(replicas[0], "a-1")
    await store.restart()
    while "the shared store answers again" not in logged:  # noqa: ASYNC110 - nothing else tells
        await asyncio.sleep(0.01)
    other = await attempt(replicas[1], "a-1")

    assert 18 == len(first)
    assert (first, first, 1) == (again, other, await control.leads())
    assert 1 == logged.count("the shared store cannot be used; requests with an id are refused")


async def test_a_store_that_is_silent_holds_nobody_up(replicas, store, control):
    """Calls with ids are refused within seconds, those without are not held up at all."""
    loop = asyncio.get_running_loop()
    with store.frozen():
        began = loop.time()
        refused = await asyncio.gather(*(attempt(replicas[0], f"a-{number}") for number in range(50)))
        took = loop.time() - began

    assert {"SHARED_STORE_UNAVAILABLE"} == {*refused}
    # One after the other they would take 50 seconds.
    assert took < 25
    assert 0 == await control.leads()


@pytest.mark.parametrize(("request_id", "made"), [("", 40), ("a-1", 20)])
async def test_many_operations_are_repeated_as_one(replicas, control, request_id, made):
    """The same results come back for each index, from whatever replica."""
    operation = RecordOperation(create=RecordCreate(object="Lead", fields=FIELDS))
    bad = RecordOperation(create=RecordCreate(object="Lead", fields={"Company": FIELDS["Company"]}))
    request = ApplyRecordsRequest(operations=[*[operation] * 10, bad, *[operation] * 10], request_id=request_id)

    first, second = [await replica.ApplyRecords(request) for replica in replicas]

    assert bool(request_id) == (first == second)
    assert [10] == [index for index, result in enumerate(second.results) if result.HasField("error")]
    assert made == await control.leads()
