"""The same unary call on several servers in turns, so that whatever else the machine does hits them alike."""

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from grpc import aio

from tests.load.processes import Server, cpu_seconds
from tests.load.wire import CALLS_EACH, Connection

Call = Callable[[bytes], asyncio.Future[bytes]]
"""Sends an encoded request and returns its encoded answer."""


@dataclass(slots=True)
class Side:
    """One of the servers compared."""

    name: str
    target: str
    """`host:port`."""
    processes: Mapping[str, Server]
    """The processes whose processor time a call costs; the server's own comes first."""
    rates: list[float] = field(default_factory=list)
    """Calls per second of each round."""
    durations: list[float] = field(default_factory=list)
    """Seconds of each call."""
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    """Processor seconds of each process over all rounds, `client` among them."""

    def per_call(self) -> dict[str, float]:
        """Return the processor time of each process, in microseconds a call."""
        return {name: round(1e6 * used / len(self.durations), 1) for name, used in self.cpu.items()}

    def summary(self) -> dict[str, Any]:
        """Return the side's raw figures."""
        return {
            "calls_per_second": round(median(self.rates), 1),
            "rounds": [round(rate, 1) for rate in self.rates],
            "latency_ms": quantiles(self.durations),
            "cpu_microseconds_per_call": self.per_call(),
            "processors_used": {name: round(used / self.seconds, 2) for name, used in self.cpu.items()},
        }


@dataclass(frozen=True, slots=True)
class Rounds:
    """How long to measure."""

    count: int
    """Rounds of each side."""
    seconds: float
    """Length of one round."""


@asynccontextmanager
async def callers(target: str, path: str, in_flight: int) -> AsyncIterator[list[Call]]:
    """Open as many connections as the callers need, and yield what each of them calls."""
    connections = [await Connection.to(target, path) for _ in range(-(-in_flight // CALLS_EACH))]
    try:
        yield [connections[number % len(connections)].call for number in range(in_flight)]
    finally:
        for connection in connections:
            connection.close()


async def tried(target: str, path: str, message: bytes) -> bytes:
    """Call once with gRPC's own client, which says what is wrong where something is; return the encoded answer."""
    async with aio.insecure_channel(target) as channel:
        method: Any = channel.unary_unary(path)
        answer: bytes = await method(message)
        return answer


async def compare(path: str, messages: Sequence[bytes], sides: Sequence[Side], rounds: Rounds, in_flight: int) -> None:
    """Call each side in turns, in the opposite order each time, and leave what is found in the sides.

    The client sends bytes made before and does not decode what comes back, to leave the processors to the servers.

    Args:
        path: The method, `/package.Service/Method`.
        messages: Encoded requests, sent one after another and then over again.
        sides: The servers.
        rounds: How long to measure; one short round before them is not counted.
        in_flight: Calls that are open at any time.

    """
    for side in sides:
        await tried(side.target, path, messages[0])
        await _measure(Side(side.name, side.target, {}), path, messages, rounds.seconds / 2, in_flight)
    turns = list(sides)
    for _ in range(rounds.count):
        turns.reverse()
        for side in turns:
            await _measure(side, path, messages, rounds.seconds, in_flight)


async def _measure(side: Side, path: str, messages: Sequence[bytes], seconds: float, in_flight: int) -> None:
    async with callers(side.target, path, in_flight) as calls:
        before = _cpu(side)
        began = time.perf_counter()
        durations = await drive(calls, messages, seconds)
        elapsed = time.perf_counter() - began
        side.cpu = {name: side.cpu.get(name, 0.0) + used - before[name] for name, used in _cpu(side).items()}
    side.seconds += elapsed
    side.durations += durations
    side.rates.append(len(durations) / elapsed)


def _cpu(side: Side) -> dict[str, float]:
    used = {name: server.cpu_seconds() for name, server in side.processes.items()}
    return {**used, "client": cpu_seconds(os.getpid())}


async def drive(calls: Sequence[Call], messages: Sequence[bytes], seconds: float) -> list[float]:
    """Let each caller call again and again for a while; return the seconds of each call."""
    following = itertools.cycle(messages)
    until = time.perf_counter() + seconds
    durations: list[float] = []

    async def keep_calling(call: Call) -> None:
        began = time.perf_counter()
        while began < until:
            await call(next(following))
            ended = time.perf_counter()
            durations.append(ended - began)
            began = ended

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(keep_calling(call))
    return durations


async def send_each(calls: Sequence[Call], messages: Sequence[bytes]) -> None:
    """Share the messages out among the callers, each of which sends its own one after another."""

    async def send(call: Call, own: Iterator[bytes]) -> None:
        for message in own:
            await call(message)

    async with asyncio.TaskGroup() as group:
        for number, call in enumerate(calls):
            group.create_task(send(call, itertools.islice(messages, number, None, len(calls))))


def quantiles(durations: Sequence[float]) -> dict[str, float]:
    """Return the median and the 99th percentile of some seconds, in milliseconds."""
    ordered = sorted(durations)
    return {
        name: round(1000 * ordered[int(part * (len(ordered) - 1))], 3) for name, part in (("p50", 0.5), ("p99", 0.99))
    }


def cpu_ratio(side: Side, floor: Side) -> float:
    """Return how much of a side's processor time a call the floor's own server needs: less noisy than the rates."""
    needed, used = (each.per_call()[next(iter(each.processes))] for each in (floor, side))
    return round(needed / used, 3) if used else 0.0


_BUSY = 0.8
"""Share of a processor above which a process of one event loop begins to make others wait."""


def client_load(sides: Sequence[Side]) -> str:
    """Tell whether the client held the servers up."""
    shares = {side.name: side.cpu["client"] / side.seconds for side in sides}
    told = ", ".join(f"{100 * share:.0f} % of a processor against the {name}" for name, share in shares.items())
    return f"the client used {told}; " + ("it may be the bottleneck" if max(shares.values()) > _BUSY else "it had room")


def dominating(side: Side) -> str:
    """Tell which process a side's calls spend most processor time in."""
    costs = side.per_call()
    total = sum(costs.values()) or 1.0
    name, most = max(costs.items(), key=lambda item: item[1])
    return f"{name}: {most:.0f} of {total:.0f} µs of processor time a call ({100 * most / total:.0f} %)"
