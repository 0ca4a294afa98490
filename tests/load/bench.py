"""Every figure in one run: `python -m tests.load.bench` writes `bench.json` and prints a table.

The figures compare two sides that take turns within seconds of each other, because the same machine is half as fast
an hour later. Only ratios and counts are worth comparing between runs.
"""

import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Column, Table

from service.telemetry import logs
from tests.load import (
    applies,
    bulk_loads,
    emulated,
    first_rows,
    governors,
    idle,
    jsforce,
    links,
    loads,
    memory,
    parse_floor,
    queries,
    query_memory,
    upserts,
)
from tests.load.calls import Rounds
from tests.load.fairness import beside_a_greedy_caller
from tests.load.figure import Figure
from tests.load.overload import goodput
from tests.load.processes import FREE_PORTS, Server, running, service_on
from tests.load.storms import attempts

_FILE = Path("bench.json")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    rounds: Rounds = field(default_factory=lambda: Rounds(count=5, seconds=1.5))
    in_flight: tuple[int, ...] = (256, 1000)
    callers: int = 1000
    upserts_each: int = 10
    peer_rounds: Rounds = field(default_factory=lambda: Rounds(count=3, seconds=3.0))
    idle_calls: int = 500
    apply_rounds: Rounds = field(default_factory=lambda: Rounds(count=3, seconds=3.0))
    apply_rows: int = 2000
    apply_in_flight: int = 4
    waiting: int = 10_000
    link_times: int = 50
    query_rounds: int = 4
    query_rows: int = 200_000
    jsforce_rounds: int = 2
    parse_rounds: int = 5
    parse_rows: int = 40_000
    first_row_rounds: int = 5
    page_latency_ms: float = 250.0
    large_query_rows: int = 1_000_000
    load_rounds: int = 3
    load_rows: int = 20_000
    bulk_bytes: int = 1_000_000_000
    bulk_rounds: int = 2
    bulk_rows: int = 1_000_000
    bulk_bytes_per_second: float = 50e6
    governor_times: int = 300
    governor_seconds: float = 5.0
    governor_bound: int = 3_000
    emulator_rounds: int = 3
    emulator_rows: int = 20_000
    fairness_seconds: float = 4.0
    storm_seconds: int = 60
    storm_calls_per_second: int = 20
    overload_seconds: float = 8.0
    calm_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Stage:
    """The servers that stand while a figure is measured."""

    service: Server
    upstream: Server
    echo: Server


async def measure(plan: Plan) -> AsyncIterator[Figure]:
    """Yield each figure as it is measured."""
    async with _stage() as stage:
        service, upstream, echo = stage.service, stage.upstream, stage.echo
        yield await upserts.against_echo(service, upstream, echo, plan.rounds, plan.in_flight)
        yield await upserts.calls_per_thousand(service, upstream, plan.callers, plan.upserts_each)
        yield await upserts.against_simple_salesforce(service, upstream, echo, plan.peer_rounds, plan.callers)
        yield await idle.added_latency(service, upstream, echo, plan.idle_calls)
        yield await applies.rows_per_second(service, upstream, plan.apply_rounds, plan.apply_rows, plan.apply_in_flight)
        yield await links.against_echo(service, echo, plan.rounds, plan.in_flight[0])
        for figure in links.signatures(plan.link_times):
            yield figure
        yield await queries.against_simple_salesforce(service, upstream, plan.query_rounds, plan.query_rows)
        yield await jsforce.against_jsforce(service, upstream, plan.jsforce_rounds, plan.query_rows)
        yield await parse_floor.against_decoding(service, plan.parse_rounds, plan.parse_rows)
        yield await first_rows.against_page(service, upstream, plan.first_row_rounds, plan.page_latency_ms)
    async with _stage() as stage:
        yield await query_memory.growth(stage.service, plan.large_query_rows)
    async with _stage() as stage:
        yield await memory.of_waiting(stage.service, stage.upstream, stage.echo, plan.waiting)
    async with running("service", "serve", "--json", environment=FREE_PORTS) as service:
        yield await loads.into_embedded_org(service, plan.load_rounds, plan.load_rows)
    async for figure in bulk_loads.figures(
        plan.bulk_bytes, plan.bulk_rounds, plan.bulk_rows, plan.bulk_bytes_per_second
    ):
        yield figure
    async for figure in governors.figures(plan.governor_times, plan.governor_seconds, plan.governor_bound):
        yield figure
    async for figure in emulated.figures(plan.emulator_rounds, plan.emulator_rows):
        yield figure
    yield await beside_a_greedy_caller(plan.fairness_seconds)
    yield await attempts(plan.storm_seconds, plan.storm_calls_per_second)
    yield await goodput(plan.overload_seconds, plan.calm_seconds)


@asynccontextmanager
async def _stage() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(running("tests.load.static_upstream"))
        echo = await stack.enter_async_context(running("tests.load.echo"))
        service = await stack.enter_async_context(
            running("service", "serve", "--json", environment=service_on(upstream))
        )
        yield Stage(service, upstream, echo)


async def main() -> None:
    """Measure, write and print everything."""
    # What runs within this process is made to fail, and would say so in between.
    logs.configure("error")
    # Of a terminal it is asked; a pipe would be taken for the narrowest there is.
    console = Console(width=None if sys.stdout.isatty() else 140)
    began = time.perf_counter()
    figures: list[Figure] = []
    async for figure in measure(Plan()):
        console.print(f"{figure.name}: {_shown(figure)}")
        figures.append(figure)
    write(figures, _FILE)
    console.print(table(figures))
    console.print(f"{_FILE} written after {time.perf_counter() - began:.0f} s")


def write(figures: list[Figure], path: Path) -> None:
    """Write the figures as JSON."""
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=2, ensure_ascii=False) + "\n", "utf-8")


def table(figures: list[Figure]) -> Table:
    """Return the figures for a person."""
    shown = Table(Column("figure", no_wrap=True), "value", "unit", "what dominates")
    for figure in figures:
        value = "none" if figure.value is None else f"{figure.value:g}"
        shown.add_row(figure.name, value, figure.unit, str(figure.detail["dominates"]))
    return shown


def _shown(figure: Figure) -> str:
    """Return a figure's value in words, or why it has none."""
    return str(figure.detail["dominates"]) if figure.value is None else f"{figure.value:g} {figure.unit}"


if __name__ == "__main__":
    uvloop.run(main())
