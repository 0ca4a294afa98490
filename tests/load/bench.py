"""Every figure in one run: `python -m tests.load.bench` writes `bench.json` and prints a table.

The figures compare two sides that take turns within seconds of each other, because the same machine is half as fast
an hour later. Only ratios and counts are worth comparing between runs.
"""

import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Column, Table

from tests.load import emulated, links, loads, queries, upserts
from tests.load.calls import Rounds
from tests.load.figure import Figure
from tests.load.processes import FREE_PORTS, Server, running, service_on

_FILE = Path("bench.json")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    rounds: Rounds = field(default_factory=lambda: Rounds(count=7, seconds=1.5))
    in_flight: tuple[int, ...] = (64, 256)
    query_rounds: int = 5
    query_rows: int = 200_000
    load_rounds: int = 3
    load_rows: int = 20_000
    emulator_rounds: int = 3
    emulator_rows: int = 20_000


@dataclass(frozen=True, slots=True)
class Stage:
    """The servers that stand while a figure is measured."""

    service: Server
    upstream: Server
    echo: Server


async def measure(plan: Plan) -> AsyncIterator[Figure]:
    """Yield each figure as it is measured."""
    async with _stage() as stage:
        yield await upserts.against_echo(stage.service, stage.upstream, stage.echo, plan.rounds, plan.in_flight)
        yield await upserts.calls_per_thousand(stage.service, stage.upstream)
        yield await links.against_echo(stage.service, stage.echo, plan.rounds, plan.in_flight[0])
        yield await queries.against_simple_salesforce(stage.service, stage.upstream, plan.query_rounds, plan.query_rows)
    async with running("service", "serve", "--json", environment=FREE_PORTS) as service:
        yield await loads.into_embedded_org(service, plan.load_rounds, plan.load_rows)
    async for figure in emulated.figures(plan.emulator_rounds, plan.emulator_rows):
        yield figure


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
    console = Console()
    began = time.perf_counter()
    figures: list[Figure] = []
    async for figure in measure(Plan()):
        console.print(f"{figure.name}: {figure.value:g} {figure.unit}")
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
        shown.add_row(figure.name, f"{figure.value:g}", figure.unit, str(figure.detail["dominates"]))
    return shown


if __name__ == "__main__":
    uvloop.run(main())
