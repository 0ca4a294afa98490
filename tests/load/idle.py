"""What the service adds to the time of one call while nothing else is going on."""

import os
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import orjson
from grpc import aio

from service.clock import SystemClock
from service.context import CallContext
from service.salesforce.transport.base import Request
from service.salesforce.transport.http import HttpTransport
from tests.load.calls import callers, quantiles, tried
from tests.load.figure import Figure
from tests.load.lead import BASE, KEY, values
from tests.load.processes import Server, together
from tests.load.upserts import PATH, messages


async def added_latency(service: Server, upstream: Server, echo: Server, times: int) -> Figure:
    """Measure `upsert_idle_added_latency_ms`: the median of UpsertRecord less that of the PATCH it makes.

    Both are called one at a time and in turns. The RPC is called with gRPC's own client for Python, whose time counts
    as the service's; detail has the same with the bench's lean client, and the echo with either.

    A call with nothing beside it is a chain in which one process works at a time, so that all of them share a
    processor: handing a call on to another one that sleeps takes as long as a virtual machine takes to wake it, which
    is anything from 20 to 100 µs for each of a call's six steps. Detail has the figure with all processors for all.

    Args:
        service: The service on the upstream.
        upstream: The upstream, without latency.
        echo: The echo.
        times: Calls of each.

    """
    with together(service.pid, upstream.pid, echo.pid, os.getpid()) as is_together:
        added, detail = await _added(service, upstream, echo, times)
    spread, spread_detail = await _added(service, upstream, echo, times)
    detail = {
        "one_processor_for_all": is_together,
        **detail,
        "all_processors_for_all": {"added_ms": spread, **spread_detail},
    }
    return Figure("upsert_idle_added_latency_ms", added, "milliseconds", detail)


async def _added(service: Server, upstream: Server, echo: Server, times: int) -> tuple[float, dict[str, Any]]:
    """Return the milliseconds that are added, and the detail."""
    message = messages(1)[0]
    mine, floor = service.addresses["grpc"], echo.addresses["grpc"]
    await tried(mine, PATH, message)
    async with (
        aio.insecure_channel(mine) as own,
        aio.insecure_channel(floor) as echoing,
        callers(mine, PATH, 1) as (lean,),
        callers(floor, PATH, 1) as (lean_echo,),
        HttpTransport(timeout_seconds=30, max_connections=1) as transport,
    ):
        upsert: Any = own.unary_unary(PATH)
        echo_back: Any = echoing.unary_unary(PATH)
        durations = await _interleaved(
            {
                "service": lambda: upsert(message),
                "direct_patch": _patch(transport, upstream),
                "echo": lambda: echo_back(message),
                "service_by_lean_client": lambda: lean(message),
                "echo_by_lean_client": lambda: lean_echo(message),
            },
            times,
        )
    medians = {name: 1000 * median(found) for name, found in durations.items()}
    added = medians["service"] - medians["direct_patch"]
    lean_added = medians["service_by_lean_client"] - medians["direct_patch"]
    return round(added, 3), {
        "calls": times,
        **{f"{name}_ms": quantiles(found) for name, found in durations.items()},
        "added_by_lean_client_ms": round(lean_added, 3),
        "dominates": f"gRPC: an echo alone takes {medians['echo']:.2f} ms of the {added:.2f} ms added",
    }


def _patch(transport: HttpTransport, upstream: Server) -> Callable[[], Awaitable[object]]:
    record = {"attributes": {"type": "Lead"}, KEY: "L-0", **values(0)}
    path = f"{BASE}/composite/sobjects/Lead/{KEY}"
    request = Request(
        "PATCH",
        upstream.addresses["url"] + path,
        template=path,
        repeatable=True,
        body=orjson.dumps({"allOrNone": False, "records": [record]}),
        headers={"Content-Type": "application/json", "Authorization": "Bearer 00D!load"},
    )
    context = CallContext(method="load", request_id="load", clock=SystemClock(), deadline=None)
    return lambda: transport.send(request, context)


async def _interleaved(calls: dict[str, Callable[[], Awaitable[object]]], times: int) -> dict[str, list[float]]:
    durations: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(times):
        for name, call in calls.items():
            began = time.perf_counter()
            await call()
            durations[name].append(time.perf_counter() - began)
    # Connections are made and code is warmed meanwhile.
    return {name: found[len(found) // 10 :] for name, found in durations.items()}
