"""Three processes of the service that share an org's calls: bounds hold for all together, even while the store dies.

Without a shared store each replica counts for itself, and the same bounds are passed threefold.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml
from grpc import aio
from sluicegate.v1.governor_pb2 import Governor
from sluicegate.v1.org_service_pb2 import GetLimitsRequest
from sluicegate.v1.org_service_pb2_grpc import OrgServiceStub
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub

from tests.support.forked import forked
from tests.support.rich_status import failure
from tests.support.service import OrgProcess, jwt_bearer, org_process
from tests.support.valkey import ValkeyProcess, valkey_process

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOQL = "SELECT COUNT() FROM Lead"
ALL = {"stop_batch_at": 1, "stop_standard_at": 1, "stop_interactive_at": 1}
BOUND, CAP = 600, 400
GOVERNORS: dict[str, dict[str, Any]] = {
    "bounded": {**ALL, "daily_calls": BOUND},
    "capped": {"callers": {"greedy": {"daily_calls": CAP}}},
    "outage": {**ALL, "daily_calls": BOUND},
}
"""Names of the org, each with a bound of its own."""
IN_FLIGHT = 8
GIVES_UP_AFTER = 10
"""Refusals of one caller in a row."""


STORE = "the shared store"
"""How the lines begin that tell of it."""


@dataclass(frozen=True)
class Replica:
    """A process of the service.

    Attributes:
        channel: Where it is called.
        log: What it logs.

    """

    channel: aio.Channel
    admin: str
    log: Path

    async def governor(self, org: str) -> Governor:
        """Return what it tells of an org's governor, for no call."""
        answer = await OrgServiceStub(self.channel).GetLimits(GetLimitsRequest(org=org, known_only=True))
        found: Governor = answer.limits.governor
        return found

    async def gauge(self, name: str, org: str) -> float:
        """Return what its metrics tell of an org."""
        async with httpx.AsyncClient(trust_env=False) as client:
            text = (await client.get(f"{self.admin}/metrics")).text
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f'{name}{{org="{org}"}}'))

    async def query(self, org: str, caller: str = "") -> str:
        """Make one call to the org; return the reason if it is refused."""
        metadata = (("sluicegate-caller", caller),) if caller else ()
        try:
            async for _ in QueryServiceStub(self.channel).Query(QueryRequest(org=org, soql=SOQL), metadata=metadata):
                pass
        except aio.AioRpcError as error:
            return failure(error).reason
        return ""

    async def exhaust(self, org: str, caller: str = "") -> set[str]:
        """Make calls until no more are let through; return the reasons."""
        return set().union(*await asyncio.gather(*(self._exhaust(org, caller) for _ in range(IN_FLIGHT))))

    async def _exhaust(self, org: str, caller: str) -> set[str]:
        reasons: list[str] = []
        while len(reasons) < GIVES_UP_AFTER:
            reason = await self.query(org, caller)
            reasons = [*reasons, reason] if reason else []
            if reason:
                await asyncio.sleep(0.05)
        return {*reasons}

    def lines(self, org: str, text: str) -> int:
        """Return how many lines about an org it logged."""
        records = [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]
        return sum(text in record["event"] and record.get("org") == org for record in records)


@dataclass(frozen=True)
class Calls:
    """What the org counted."""

    client: httpx.AsyncClient

    async def since_last_time(self) -> int:
        """Return how many API calls it answered since it was asked last."""
        counted = (await self.client.get("/calls")).json()["calls"]
        (await self.client.delete("/calls")).raise_for_status()
        return sum(count for name, count in counted.items() if "oauth" not in name)


@asynccontextmanager
async def fleet(org: OrgProcess, folder: Path, url: str | None) -> AsyncIterator[Sequence[Replica]]:
    """Run three replicas, each with its orgs opened and logged in."""
    login = jwt_bearer(org).model_dump(mode="json", exclude_none=True)
    settings = {
        "grpc": {"port": 0},
        "admin": {"port": 0},
        "link_server": {"port": 0},
        "callers": {"greedy": {}},
        "orgs": {name: {**login, "governor": governor} for name, governor in GOVERNORS.items()},
        "shared_store": {"url": url} if url else {},
    }
    config = folder / "sluicegate.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    async with AsyncExitStack() as stack:
        replicas = await asyncio.gather(
            *(stack.enter_async_context(_process(folder / f"{number}.log", config)) for number in range(3))
        )
        for replica in replicas:
            for name in GOVERNORS:
                await replica.governor(name)
        yield replicas


@asynccontextmanager
async def _process(log: Path, config: Path) -> AsyncIterator[Replica]:
    with log.open("wb") as stderr:
        serving = forked("serve", "--json", environment={"SLUICEGATE_CONFIG": str(config)}, stderr=stderr)
        async with serving as process:
            assert process.stdout is not None
            addresses = json.loads(await process.stdout.readline())
            async with aio.insecure_channel(addresses["grpc"]) as channel:
                yield Replica(channel, addresses["admin"], log)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def org() -> AsyncIterator[OrgProcess]:
    """The org that all call."""
    async with org_process() as process:
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls(org) -> AsyncIterator[Calls]:
    """What it counts."""
    async with httpx.AsyncClient(base_url=org.facts["control_url"], trust_env=False) as client:
        yield Calls(client)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store() -> AsyncIterator[ValkeyProcess]:
    """The store that the replicas of `shared` share."""
    async with valkey_process() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(org, store, tmp_path_factory) -> AsyncIterator[Sequence[Replica]]:
    """Three replicas with a store."""
    async with fleet(org, tmp_path_factory.mktemp("shared"), store.url) as replicas:
        yield replicas


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alone(org, tmp_path_factory) -> AsyncIterator[Sequence[Replica]]:
    """Three replicas without one."""
    async with fleet(org, tmp_path_factory.mktemp("alone"), None) as replicas:
        yield replicas


async def exhaust(replicas: Sequence[Replica], org: str, caller: str = "") -> set[str]:
    """Let all replicas make calls until none is let through."""
    return set().union(*await asyncio.gather(*(replica.exhaust(org, caller) for replica in replicas)))


@pytest.mark.parametrize(
    ("name", "caller", "bound", "reason"),
    [("bounded", "", BOUND, "DAILY_LIMIT_EXCEEDED"), ("capped", "greedy", CAP, "CALLER_QUOTA_EXCEEDED")],
)
async def test_a_bound_holds_over_three_replicas(shared, alone, calls, name, caller, bound, reason):
    """With leases it is passed by half a percent at most; without them three replicas pass it by two hundred."""
    await calls.since_last_time()
    without_reasons = await exhaust(alone, name, caller)
    without = await calls.since_last_time()
    reasons = await exhaust(shared, name, caller)
    made = await calls.since_last_time()

    assert ({reason}, {reason}) == (without_reasons, reasons)
    assert 3 * bound == without
    assert bound * 0.98 <= made <= bound * 1.005


async def test_a_caller_at_its_cap_stops_nobody_else(shared):
    """Every replica lets others through."""
    for replica in shared:
        await replica.exhaust("capped", "greedy")

    found = [await replica.query("capped", "modest") for replica in shared for _ in range(5)]

    assert [""] * 15 == found


async def test_a_store_that_is_silent_holds_nobody_up(shared, store):
    """Calls go on as if nothing were, and the replicas say in a gauge that they are on their own."""
    with store.frozen():
        await _until(shared, "capped", degraded=True)
        found = await asyncio.gather(*(replica.query("capped", "modest") for replica in shared for _ in range(10)))
        away = [await replica.gauge("sluicegate_degraded", "capped") for replica in shared]
    await _until(shared, "capped", degraded=False)
    back = [await replica.gauge("sluicegate_degraded", "capped") for replica in shared]

    assert [""] * 30 == found
    assert ([1.0] * 3, [0.0] * 3) == (away, back)


async def test_a_store_that_is_killed_and_brought_back(shared, store, calls):
    """Each replica goes on with its safe share and says so once; afterwards they go on together, and nobody overdoes.

    The store comes back empty, and hears from the replicas what was made before.
    """
    await calls.since_last_time()
    for replica in shared:
        for _ in range(20):
            assert not await replica.query("outage")
    before = await calls.since_last_time()
    await _until(shared, "outage", degraded=False)
    lines = [replica.lines("outage", STORE) for replica in shared]
    await store.kill()
    await _until(shared, "outage", degraded=True)

    reasons = await exhaust(shared, "outage")
    during = await calls.since_last_time()
    said = [replica.lines("outage", STORE) for replica in shared]
    await store.restart()
    await _until(shared, "outage", degraded=False)
    # What others leased before the kill counts until it ends.
    while before + during < BOUND * 0.98:
        await exhaust(shared, "outage")
        during += await calls.since_last_time()
    await exhaust(shared, "outage")
    during += await calls.since_last_time()

    assert {"DAILY_LIMIT_EXCEEDED"} == reasons
    assert [each + 1 for each in lines] == said
    assert [each + 2 for each in lines] == [replica.lines("outage", STORE) for replica in shared]
    assert BOUND * 0.98 <= before + during <= BOUND * 1.005


async def _until(replicas: Sequence[Replica], org: str, *, degraded: bool) -> None:
    """Wait until all replicas say so."""
    for replica in replicas:
        while (await replica.governor(org)).degraded != degraded:  # noqa: ASYNC110 - asked over a channel
            await asyncio.sleep(0.05)
