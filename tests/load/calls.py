"""The same unary call on two servers in turns, so that whatever else the machine does hits both alike."""

import asyncio
import itertools
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from grpc import aio

from tests.load.processes import Server, cpu_seconds


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
    calls: int = 0
    client_cpu: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    """Processor seconds of each process over all rounds."""

    def summary(self) -> dict[str, Any]:
        """Return the side's raw figures."""
        costs = {**self.cpu, "client": self.client_cpu}
        return {
            "calls_per_second": round(median(self.rates), 1),
            "rounds": [round(rate, 1) for rate in self.rates],
            "cpu_microseconds_per_call": {name: round(1e6 * used / self.calls, 1) for name, used in costs.items()},
        }


@dataclass(frozen=True, slots=True)
class Rounds:
    """How long to measure."""

    count: int
    """Rounds of each side."""
    seconds: float
    """Length of one round."""


async def compare(path: str, messages: Sequence[bytes], sides: Sequence[Side], rounds: Rounds, in_flight: int) -> None:
    """Call each side in turns, in the opposite order each time, and leave the rates in the sides.

    The client sends bytes made before and does not decode what comes back, to leave the processor to the servers.

    Args:
        path: The method, `/package.Service/Method`.
        messages: Encoded requests, sent one after another and then over again.
        sides: The servers.
        rounds: How long to measure; one short round before them is not counted.
        in_flight: Calls that are open at any time.

    """
    channels = [aio.insecure_channel(side.target) for side in sides]
    try:
        methods: list[Any] = [channel.unary_unary(path) for channel in channels]
        for method in methods:
            await _drive(method, messages, rounds.seconds / 2, in_flight)
        turns = list(zip(sides, methods, strict=True))
        for _ in range(rounds.count):
            turns.reverse()
            for side, method in turns:
                await _measure(side, method, messages, rounds.seconds, in_flight)
    finally:
        for channel in channels:
            await channel.close()


async def _measure(side: Side, method: Any, messages: Sequence[bytes], seconds: float, in_flight: int) -> None:
    before = {name: server.cpu_seconds() for name, server in side.processes.items()}
    client_before = cpu_seconds(os.getpid())
    calls, elapsed = await _drive(method, messages, seconds, in_flight)
    for name, server in side.processes.items():
        side.cpu[name] = side.cpu.get(name, 0.0) + server.cpu_seconds() - before[name]
    side.client_cpu += cpu_seconds(os.getpid()) - client_before
    side.calls += calls
    side.rates.append(calls / elapsed)


async def _drive(method: Any, messages: Sequence[bytes], seconds: float, in_flight: int) -> tuple[int, float]:
    """Keep calls open for a while; return how many were answered and in how many seconds."""
    following = itertools.cycle(messages)
    began = time.perf_counter()
    until = began + seconds
    answered = 0

    async def keep_calling() -> None:
        nonlocal answered
        while time.perf_counter() < until:
            await method(next(following))
            answered += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(keep_calling())
    return answered, time.perf_counter() - began


async def call_each(target: str, path: str, messages: Sequence[bytes], in_flight: int) -> None:
    """Send each message once."""
    remaining = iter(messages)
    async with aio.insecure_channel(target) as channel:
        method: Any = channel.unary_unary(path)

        async def take() -> None:
            for message in remaining:
                await method(message)

        async with asyncio.TaskGroup() as group:
            for _ in range(in_flight):
                group.create_task(take())


def cpu_ratio(side: Side, floor: Side) -> float:
    """Return how much of a side's processor time a call the floor's own server needs: less noisy than the rates."""
    needed, used = (server.cpu[next(iter(server.processes))] / server.calls for server in (floor, side))
    return round(needed / used, 3) if used else 0.0


def dominating(side: Side) -> str:
    """Tell which process a side's calls spend most processor time in."""
    costs = side.summary()["cpu_microseconds_per_call"]
    total = sum(costs.values()) or 1.0
    name, most = max(costs.items(), key=lambda item: item[1])
    return f"{name}: {most:.0f} of {total:.0f} µs of processor time a call ({100 * most / total:.0f} %)"
