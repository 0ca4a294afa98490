"""UpsertRecord: against the floor that gRPC itself sets, against a peer, and what it costs of the org's API calls."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

from simple_salesforce.api import SFType
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest

from tests.load.calls import (
    Call,
    Rounds,
    Side,
    callers,
    client_load,
    compare,
    cpu_ratio,
    dominating,
    send_each,
    tried,
)
from tests.load.figure import Figure
from tests.load.lead import KEY, values
from tests.load.peer import simple_salesforce
from tests.load.processes import Server, apart
from tests.load.upstream_counts import Written, set_latency

PATH = "/sluicegate.v1.RecordService/UpsertRecord"

_ORG_LATENCY_MS = 100.0
_FAST_ORG_LATENCY_MS = 30.0
_PEER_THREADS = 10


def field_values(number: int) -> Mapping[str, FieldValue]:
    """Return the ten fields of a write as the contract has them."""
    found = {}
    for name, value in values(number).items():
        if isinstance(value, bool):
            found[name] = FieldValue(bool_value=value)
        elif isinstance(value, int):
            found[name] = FieldValue(int64_value=value)
        elif name == "AnnualRevenue":
            found[name] = FieldValue(decimal_value=str(value))
        else:
            found[name] = FieldValue(string_value=str(value))
    return found


def messages(count: int) -> list[bytes]:
    """Return encoded upserts of as many different records, ten fields each."""
    return [
        UpsertRecordRequest(
            object="Lead", external_id=ExternalId(field=KEY, value=f"L-{number}"), fields=field_values(number)
        ).SerializeToString()
        for number in range(count)
    ]


async def against_echo(
    service: Server, upstream: Server, echo: Server, rounds: Rounds, in_flight: tuple[int, ...]
) -> Figure:
    """Measure `upsert_unary_vs_echo`: the median over the numbers of calls in flight.

    The service and the echo have one processor in turns, the client and the upstream have the others: what a process
    does is told, not what is left of two processors to three processes. Detail has the ratio without that, and that of
    an org that answers at once, where a lane is idle whenever a record comes, beside the org's 30 ms, which is less
    than any takes for 200 rows.
    """
    requests = messages(5000)
    detail: dict[str, Any] = {"upstream_latency_ms": _FAST_ORG_LATENCY_MS}

    async def measured(number: int) -> dict[str, Any]:
        return await _beside_echo(service, upstream, echo, rounds, requests, number)

    set_latency(upstream, _FAST_ORG_LATENCY_MS)
    try:
        with apart((service.pid, echo.pid), (upstream.pid, os.getpid())) as is_apart:
            detail["one_processor_each"] = is_apart
            for number in in_flight:
                detail[f"in_flight_{number}"] = await measured(number)
        detail["all_processors_for_all"] = await measured(in_flight[0])
    finally:
        set_latency(upstream, 0)
    ratios = [detail[f"in_flight_{number}"]["ratio"] for number in in_flight]
    detail["dominates"] = detail[f"in_flight_{in_flight[-1]}"]["dominates"]
    with apart((service.pid, echo.pid), (upstream.pid, os.getpid())):
        detail["without_latency"] = await measured(in_flight[0])
    return Figure("upsert_unary_vs_echo", round(median(ratios), 3), "ratio of calls per second", detail)


async def _beside_echo(
    service: Server, upstream: Server, echo: Server, rounds: Rounds, requests: Sequence[bytes], in_flight: int
) -> dict[str, Any]:
    mine = Side("service", service.addresses["grpc"], {"service": service, "upstream": upstream})
    floor = Side("echo", echo.addresses["grpc"], {"echo": echo})
    before = Written.at(upstream)
    await compare(PATH, requests, (mine, floor), rounds, in_flight)
    return {
        "ratio": round(median(a / b for a, b in zip(mine.rates, floor.rates, strict=True)), 3),
        "cpu_ratio": cpu_ratio(mine, floor),
        "calls_per_1000": Written.at(upstream).since(before).calls_per_thousand,
        "service": mine.summary(),
        "echo": floor.summary(),
        "client": client_load((mine, floor)),
        "dominates": dominating(mine),
    }


async def calls_per_thousand(service: Server, upstream: Server, in_flight: int, each: int) -> Figure:
    """Measure `upsert_calls_per_1000`: HTTP calls that a thousand upserts of concurrent callers cost.

    The org takes a tenth of a second for each call. Detail has one that answers at once beside it, which leaves records
    the least time to gather.

    Args:
        service: The service on the upstream.
        upstream: The upstream.
        in_flight: Callers.
        each: Upserts that each of them sends, one after another.

    """
    requests = messages(in_flight * each)
    target = service.addresses["grpc"]
    await tried(target, PATH, requests[0])
    async with callers(target, PATH, in_flight) as calls:
        without_latency = await _written(upstream, calls, requests)
        set_latency(upstream, _ORG_LATENCY_MS)
        try:
            sustained = await _written(upstream, calls, requests)
            burst = await _written(upstream, calls, requests[:in_flight])
        finally:
            set_latency(upstream, 0)
    detail = {
        "in_flight": in_flight,
        "upstream_latency_ms": _ORG_LATENCY_MS,
        "sustained": sustained.summary(),
        "burst": burst.summary(),
        "sustained_without_latency": without_latency.summary(),
        "dominates": f"{sustained.calls.total()} calls carried {1000 / sustained.calls_per_thousand:.1f} records each",
    }
    return Figure("upsert_calls_per_1000", sustained.calls_per_thousand, "HTTP calls per 1,000 records", detail)


async def _written(upstream: Server, calls: Sequence[Call], requests: Sequence[bytes]) -> Written:
    """Return what the upstream was asked while the requests were sent."""
    before = Written.at(upstream)
    await send_each(calls, requests)
    return Written.at(upstream).since(before)


async def against_simple_salesforce(
    service: Server, upstream: Server, echo: Server, rounds: Rounds, in_flight: int
) -> Figure:
    """Measure `upsert_vs_simple_salesforce_10_threads`, with an org that takes a tenth of a second for each call.

    The peer waits for the org, the service for its processor: how fast the machine is moves the ratio. Detail has what
    an echo would reach within the same minute, which no gRPC server in Python can pass.
    """
    requests = messages(20 * in_flight)
    side = Side("service", service.addresses["grpc"], {"service": service, "upstream": upstream})
    floor = Side("echo", echo.addresses["grpc"], {"echo": echo})
    await tried(side.target, PATH, requests[0])
    set_latency(upstream, _ORG_LATENCY_MS)
    try:
        before = Written.at(upstream)
        await compare(PATH, requests, (side, floor), rounds, in_flight)
        spent = Written.at(upstream).since(before)
        theirs = [await asyncio.to_thread(_peer_rate, upstream, rounds.seconds) for _ in range(rounds.count)]
    finally:
        set_latency(upstream, 0)
    detail = {
        "upstream_latency_ms": _ORG_LATENCY_MS,
        "service": {"in_flight": in_flight, **side.summary(), "calls_per_1000": spent.calls_per_thousand},
        "simple_salesforce": {
            "threads": _PEER_THREADS,
            "records_per_second": round(median(theirs), 1),
            "rounds": [round(rate, 1) for rate in theirs],
        },
        "echo": {
            "calls_per_second": round(median(floor.rates), 1),
            "vs_simple_salesforce": round(median(floor.rates) / median(theirs), 2),
        },
        "client": client_load((side, floor)),
        "dominates": dominating(side),
    }
    ratio = median(side.rates) / median(theirs)
    return Figure("upsert_vs_simple_salesforce_10_threads", round(ratio, 2), "ratio of records per second", detail)


def _peer_rate(upstream: Server, seconds: float) -> float:
    """Return the records a second that ten threads of simple-salesforce upsert."""
    lead = simple_salesforce(upstream).Lead
    assert isinstance(lead, SFType)
    until = time.perf_counter() + seconds

    def keep_upserting(thread: int) -> int:
        done = 0
        while time.perf_counter() < until:
            lead.upsert(f"{KEY}/P-{thread}-{done}", values(done))
            done += 1
        return done

    with ThreadPoolExecutor(_PEER_THREADS) as threads:
        began = time.perf_counter()
        done = sum(threads.map(keep_upserting, range(_PEER_THREADS)))
        return done / (time.perf_counter() - began)
