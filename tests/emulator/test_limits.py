"""What an org may use, over a real socket: the budget, the slots for long requests, and sizes."""

import asyncio

import httpx
import pytest

from service.emulator.disturbances import Delay
from service.emulator.server import Emulator, EmulatorConfig
from tests.support.emulation import ManualClock


class GatedClock(ManualClock):
    """A clock whose sleepers sleep until the test opens the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.sleeping = 0

    async def sleep(self, seconds: float) -> None:
        self.sleeping += 1
        await self.gate.wait()


def error(response: httpx.Response) -> tuple[int, str, str]:
    [entry] = response.json()
    return response.status_code, entry["errorCode"], entry["message"]


@pytest.mark.parametrize(
    ("edition", "licences", "requests", "slots", "delivered", "kind"),
    [
        ("developer", 3, 15_000, 5, 10_000, "Developer Edition"),
        ("enterprise", 15, 115_000, 25, 25_000, "Enterprise Edition"),
        ("unlimited", 2, 110_000, 25, 50_000, "Unlimited Edition"),
    ],
)
async def test_editions(keys, edition, licences, requests, slots, delivered, kind):
    """The edition decides the API allocation, the slots, the events and what the Organization record says."""
    clock = GatedClock()
    config = EmulatorConfig(directory=keys, edition=edition, licences=licences)
    async with (
        Emulator(config, clock) as emulator,
        httpx.AsyncClient(base_url=f"{emulator.url}/services/data/v66.0", trust_env=False, timeout=30) as client,
        asyncio.TaskGroup() as group,
    ):
        client.headers["Authorization"] = f"Bearer {emulator.credentials.access_token}"
        limits = (await client.get("/limits")).json()
        organization = (await client.get("/query", params={"q": "SELECT OrganizationType FROM Organization"})).json()
        emulator.disturbances.add(Delay(60), times=slots)
        slow = [group.create_task(client.get("/limits")) for _ in range(slots)]
        while clock.sleeping < slots:  # noqa: ASYNC110 - the other end is in this loop too
            await asyncio.sleep(0)
        clock.passed += 19.9
        young = await client.get("/limits")
        clock.passed += 0.1
        refused = await client.get("/limits")
        clock.gate.set()
        await asyncio.wait(slow)
        served = await client.get("/limits")

    assert limits["DailyApiRequests"]["Max"] == requests
    assert limits["DailyDeliveredPlatformEvents"]["Max"] == delivered
    assert organization["records"][0]["OrganizationType"] == kind
    assert error(refused) == (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.")
    assert refused.headers["Sforce-Limit-Info"] == f"api-usage={slots + 3}/{requests}"
    assert [response.status_code for response in (young, served)] == [200, 200]
    assert {task.result().status_code for task in slow} == {200}


async def test_a_budget_that_rolls(keys, clock):
    """Calls come back one day after they were made, not at midnight; refused calls and logins cost nothing."""
    config = EmulatorConfig(directory=keys, daily_api_requests=3, session_idle_seconds=1e9)
    async with (
        Emulator(config, clock) as emulator,
        httpx.AsyncClient(base_url=f"{emulator.url}/services/data/v66.0", trust_env=False, timeout=60) as client,
    ):
        client.headers["Authorization"] = f"Bearer {emulator.credentials.access_token}"
        clock.passed += 20 * 3600
        await client.get("/limits")
        clock.passed += 10 * 3600
        await client.get("/limits")
        await client.get("/limits")
        refused = [await client.get("/limits") for _ in range(3)]
        await client.get(f"{emulator.url}/services/oauth2/userinfo")

        clock.passed += 14 * 3600 + 300

        one = [await client.get("/limits") for _ in range(2)]

    expected = (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    assert [error(response) for response in refused] == [expected] * 3
    assert [response.status_code for response in one] == [200, 403]
    assert one[0].headers["Sforce-Limit-Info"] == one[1].headers["Sforce-Limit-Info"] == "api-usage=3/3"


NAMES = """ConcurrentAsyncGetReportInstances ConcurrentSyncReportRuns DailyApiRequests DailyAsyncApexExecutions
DailyBulkApiBatches DailyBulkV2QueryFileStorageMB DailyBulkV2QueryJobs DailyDeliveredPlatformEvents
DailyDurableGenericStreamingApiEvents DailyDurableStreamingApiEvents DailyGenericStreamingApiEvents
DailyStandardVolumePlatformEvents DailyStreamingApiEvents DataStorageMB DurableStreamingApiConcurrentClients
FileStorageMB HourlyAsyncReportRuns HourlyDashboardRefreshes HourlyDashboardResults HourlyDashboardStatuses
HourlyPublishedPlatformEvents HourlyPublishedStandardVolumePlatformEvents HourlySyncReportRuns
HourlyTimeBasedWorkflow MassEmail MonthlyPlatformEventsUsageEntitlement PermissionSets SingleEmail
StreamingApiConcurrentClients"""


async def test_the_names_of_limits(client):
    """All limits clients ask for are there, with what is left of them."""
    limits = (await client.get("/limits")).json()

    assert set(NAMES.split()) <= set(limits)
    assert all({"Max", "Remaining"} <= set(limit) for limit in limits.values())


async def test_the_limit_header_of_a_defect(client, emulator, monkeypatch):
    """Even an unexpected error tells the use of the API."""
    monkeypatch.setattr(type(emulator.org), "count", lambda *_: 1 / 0)

    response = await client.get("/limits/recordCount?sObjects=Account")

    assert (response.status_code, response.headers["Sforce-Limit-Info"]) == (500, "api-usage=1/100000")


def head_of(response_request: httpx.Request) -> int:
    line = len(f"{response_request.method} {response_request.url.raw_path.decode()} HTTP/1.1\r\n")
    return line + sum(len(name) + len(value) + 4 for name, value in response_request.headers.raw)


@pytest.mark.parametrize(("excess", "status"), [(0, 200), (1, 431)])
async def test_the_largest_head(client, excess, status):
    """Request line and headers together may have 16,384 bytes, and not one more."""
    request = client.build_request("GET", "/limits", headers={"X-Filler": ""})
    filler = "x" * (16_384 - head_of(request) + excess)

    response = await client.get("/limits", headers={"X-Filler": filler})

    assert response.status_code == status


@pytest.mark.parametrize(("length", "status"), [(16_384, 431), (16_385, 414), (60_000, 414)])
async def test_the_longest_uri(client, length, status):
    """A URI above 16,384 bytes is too long by itself."""
    path = "/services/data/v66.0/limits?x="
    response = await client.get("/limits?x=" + "x" * (length - len(path)))

    assert response.status_code == status
    assert isinstance(response.json(), list)


async def test_an_absurd_uri(emulator):
    """A URI of half a megabyte is refused in the same words."""
    host, port = emulator.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /services/data/v66.0/limits?x=" + b"x" * 500_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()

    answer = await reader.readuntil(b"]")
    writer.close()

    assert answer.startswith(b"HTTP/1.1 414 ")
    assert b'"errorCode":"URI_TOO_LONG"' in answer


async def test_very_large_headers(client):
    """Headers far above the limit are refused in the same words."""
    response = await client.get("/limits", headers={"X-Filler": "x" * 500_000})

    assert error(response)[:2] == (431, "REQUEST_HEADER_FIELDS_TOO_LARGE")


@pytest.mark.parametrize("names", ["", "%27", "Account%00", ",,,", "Nope", "x" * 5000])
async def test_record_counts_of_nothing(client, names):
    """Names that are none are left out; without names every object is counted."""
    response = await client.get(f"/limits/recordCount?sObjects={names}")

    counts = response.json()["sObjects"]
    assert bool(counts) == (names.strip(",") == "")
    assert all(set(count) == {"count", "name"} for count in counts)
