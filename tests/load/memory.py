"""What a caller that waits costs of the service's memory."""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

from tests.load.calls import callers, tried
from tests.load.echo import HOLD
from tests.load.figure import Figure
from tests.load.processes import Server
from tests.load.upserts import PATH, messages
from tests.load.upstream_counts import set_latency

_LATENCY_MS = 5000.0
_SAMPLE_SECONDS = 0.1
_QUIET_SECONDS = 0.5
_QUIET_SHARE = 0.1
"""Share of a processor below which a server counts as done with taking the calls in."""
_LONGEST_SECONDS = 20.0
_MIB = 1_048_576


@dataclass(slots=True)
class _Grown:
    """How a process grew while calls were open."""

    idle: int
    most: int = 0
    """Bytes when it was largest."""
    open_calls: int = 0
    """Calls that were open then."""
    refused: int = 0
    """Calls that were not let wait."""

    def summary(self) -> dict[str, float]:
        return {
            "idle_mib": round(self.idle / _MIB, 1),
            "growth_mib": round(self.growth_mib, 1),
            "open_calls": self.open_calls,
            "refused_calls": self.refused,
            "bytes_per_waiter": round((self.most - self.idle) / max(1, self.open_calls)),
        }

    @property
    def growth_mib(self) -> float:
        return (self.most - self.idle) / _MIB


async def of_waiting(service: Server, upstream: Server, echo: Server, waiting: int) -> Figure:
    """Measure `upsert_rss_at_10000_waiting_mib`, with an org that takes five seconds for each call.

    Args:
        service: A service that has done nothing yet, on the upstream.
        upstream: The upstream.
        echo: An echo that has done nothing yet.
        waiting: Callers.

    """
    requests = messages(waiting)
    await tried(service.addresses["grpc"], PATH, requests[0])
    await tried(echo.addresses["grpc"], PATH, requests[0])
    set_latency(upstream, _LATENCY_MS)
    mine = await _grown(service, PATH, requests)
    floor = await _grown(echo, HOLD, requests)
    own, least = mine.summary()["bytes_per_waiter"], floor.summary()["bytes_per_waiter"]
    refused = f"; {mine.refused:,} of {waiting:,} were refused" if mine.refused else ""
    detail = {
        "upstream_latency_ms": _LATENCY_MS,
        "service": mine.summary(),
        "echo": floor.summary(),
        "dominates": f"of {own:,.0f} bytes a waiter gRPC alone takes {least:,.0f}{refused}",
    }
    return Figure("upsert_rss_at_10000_waiting_mib", round(mine.growth_mib, 1), "MiB", detail)


async def _grown(server: Server, path: str, requests: list[bytes]) -> _Grown:
    """Open the calls, watch the server until it has taken all of them in, and hang up."""
    grown = _Grown(idle=resident_bytes(server.pid))
    async with callers(server.addresses["grpc"], path, len(requests)) as calls:
        answers = [call(request) for call, request in zip(calls, requests, strict=True)]
        until = time.perf_counter() + _LONGEST_SECONDS
        quiet_since = time.perf_counter()
        while time.perf_counter() < until and time.perf_counter() - quiet_since < _QUIET_SECONDS:
            used = server.cpu_seconds()
            await asyncio.sleep(_SAMPLE_SECONDS)
            if server.cpu_seconds() - used > _QUIET_SHARE * _SAMPLE_SECONDS:
                quiet_since = time.perf_counter()
            resident = resident_bytes(server.pid)
            if resident > grown.most:
                grown.most, grown.open_calls = resident, sum(not answer.done() for answer in answers)
        grown.refused = sum(answer.done() and answer.exception() is not None for answer in answers)
    await asyncio.gather(*answers, return_exceptions=True)
    return grown


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds; 0 where the system does not tell (anything but Linux)."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
