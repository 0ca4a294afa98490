"""What a permit of the governor costs, and what it costs replicas to share an org's calls through a real Valkey."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from statistics import median, quantiles

from service.clock import SystemClock
from service.context import CallContext, Priority
from service.errors import Exhausted
from service.governor.base import Cost, Governor, Usage
from service.governor.limits import Limits
from service.governor.local import LocalGovernor
from service.governor.noop import NoopGovernor
from service.governor.replica import Replica
from service.governor.sharing import Sharing
from service.governor.valkey import ValkeyExchange
from service.valkey import Valkey
from tests.load.figure import Figure
from tests.support.valkey import ValkeyProcess, valkey_process

REPLICAS = 3
_CALLS_EACH_TIME = 100
_PLENTY = 10_000_000
_SECONDS_A_CALL = 0.005
_CALLERS = 8
_REFUSALS = 10


async def figures(times: int, seconds: float, bound: int) -> AsyncIterator[Figure]:
    """Yield the figures of the governor.

    Args:
        times: How often a hundred permits are timed.
        seconds: How long the steady load lasts.
        bound: Calls that all replicas together may make.

    """
    async with valkey_process() as server:
        yield await acquire(server, times)
        yield await round_trips(server, seconds)
        yield await spent(server, bound)


async def acquire(server: ValkeyProcess, times: int) -> Figure:
    """Measure `governor_acquire_us`: to admit a call, take a permit and give it back while nothing is short."""
    async with _replicas(server, "acquire", 1, Limits()) as [(_, shared)]:
        local = LocalGovernor(Limits(), SystemClock())
        sides: dict[str, tuple[Governor, Cost]] = {
            "local": (local, Cost()),
            "local_of_an_object": (local, Cost(bulkhead="lead")),
            "shared": (shared, Cost()),
            "counts_only": (NoopGovernor(), Cost()),
        }
        found: dict[str, list[float]] = {name: [] for name in sides}
        for governor, _ in sides.values():
            governor.learn(Usage(0, _PLENTY))
        for _ in range(times):
            for name, (governor, cost) in sides.items():
                found[name].append(await _timed(governor, cost))
            # The shared one asks the others meanwhile.
            await asyncio.sleep(0)
    detail = {
        name: {"p50": round(median(each), 2), "p99": round(quantiles(each, n=100)[-1], 2)}
        for name, each in found.items()
    }
    dominates = "Python's own steps: an async context manager and two looks at the ledgers"
    return Figure("governor_acquire_us", detail["local"]["p50"], "µs", {**detail, "dominates": dominates})


async def _timed(governor: Governor, cost: Cost) -> float:
    context = _context("bench")
    gc.disable()
    try:
        began = time.perf_counter()
        for _ in range(_CALLS_EACH_TIME):
            governor.admit(context)
            async with governor.permit(cost, context):
                pass
        return (time.perf_counter() - began) / _CALLS_EACH_TIME * 1e6
    finally:
        gc.enable()


async def round_trips(server: ValkeyProcess, seconds: float) -> Figure:
    """Measure `governor_valkey_round_trips_per_1000_calls` at loads that hold for some seconds."""
    detail: dict[str, object] = {"replicas": REPLICAS}
    value = 0.0
    for per_second in (20, 100, 400):
        async with _replicas(server, f"steady-{per_second}", REPLICAS, Limits()) as replicas:
            for _, governor in replicas:
                governor.learn(Usage(0, _PLENTY))
            # What the start costs is no steady load.
            await asyncio.gather(*(_steady(governor, per_second, min(1.0, seconds)) for _, governor in replicas))
            before = sum(replica.round_trips for replica, _ in replicas)
            made = sum(await asyncio.gather(*(_steady(governor, per_second, seconds) for _, governor in replicas)))
            asked = sum(replica.round_trips for replica, _ in replicas) - before
        found = 1000 * asked / made
        detail[f"at_{per_second}_calls_per_second_each"] = {"calls": made, "round_trips": asked, "per_1000": found}
        value = max(value, found)
    detail["dominates"] = "the smallest lease, 80 calls, of which three quarters are spent between two round trips"
    return Figure("governor_valkey_round_trips_per_1000_calls", round(value, 2), "round trips", detail)


async def _steady(governor: Governor, per_second: int, seconds: float) -> int:
    """Make calls at a rate; return how many."""
    context, loop = _context("bench"), asyncio.get_running_loop()
    began, made = loop.time(), 0
    while (passed := loop.time() - began) < seconds:
        while made < passed * per_second:
            async with governor.permit(Cost(), context):
                made += 1
        await asyncio.sleep(0.01)
    return max(made, 1)


async def spent(server: ValkeyProcess, bound: int) -> Figure:
    """Measure `governor_spent_vs_budget`: calls that replicas made until all were refused, over those there were."""
    limits = Limits(stop_batch_at=1, stop_standard_at=1, stop_interactive_at=1, daily_calls=bound)
    async with _replicas(server, "budget", REPLICAS, limits) as replicas:
        shared = await asyncio.gather(*(_exhaust(governor) for _, governor in replicas))
    clock = SystemClock()
    alone = await asyncio.gather(*(_exhaust(LocalGovernor(limits, clock)) for _ in range(REPLICAS)))
    detail = {
        "budget": bound,
        "shared": {"calls": shared, "overshoot_percent": round(max(0.0, 100 * (sum(shared) / bound - 1)), 3)},
        "each_on_its_own": {"calls": alone, "overshoot_percent": round(100 * (sum(alone) / bound - 1), 1)},
        "dominates": "calls that begin while the store is being asked",
    }
    return Figure("governor_spent_vs_budget", round(sum(shared) / bound, 4), "ratio", detail)


async def _exhaust(governor: Governor) -> int:
    """Let callers make calls until they are refused again and again; return how many were made."""
    return sum(await asyncio.gather(*(_until_refused(governor) for _ in range(_CALLERS))))


async def _until_refused(governor: Governor) -> int:
    context = _context("bench")
    made = refused = 0
    while refused < _REFUSALS:
        try:
            async with governor.permit(Cost(), context):
                made += 1
                refused = 0
                await asyncio.sleep(_SECONDS_A_CALL)
        except Exhausted:
            refused += 1
            await asyncio.sleep(0.02)
    return made


@asynccontextmanager
async def _replicas(
    server: ValkeyProcess, org: str, count: int, limits: Limits
) -> AsyncIterator[list[tuple[Replica, LocalGovernor]]]:
    """Run replicas in this process, each with connections of its own."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        replicas = []
        for _ in range(count):
            valkey = await stack.enter_async_context(Valkey(server.url, connections=2))
            sharing = await stack.enter_async_context(Sharing(partial(ValkeyExchange, valkey, "bench:"), clock))
            replica = sharing.join(org, limits)
            replicas.append((replica, LocalGovernor(limits, clock, shared=replica)))
        # They connect.
        await asyncio.sleep(0.05)
        yield replicas


def _context(caller: str) -> CallContext:
    return CallContext("method", "request", SystemClock(), caller=caller, priority=Priority.STANDARD)
