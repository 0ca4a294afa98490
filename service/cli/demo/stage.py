"""What every step of the demo works with: the client, the screen, and the figures that are kept."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from sluicegate import Client

from service.cli.demo.findings import Findings, Step
from service.clock import Clock, SystemClock


@dataclass(slots=True)
class Stage:
    """The client under trial and where its story is told."""

    client: Client
    console: Console
    findings: Findings = field(default_factory=Findings)
    clock: Clock = field(default_factory=SystemClock)

    @asynccontextmanager
    async def step(self, name: str, title: str) -> AsyncIterator[Step]:
        """Print the title and measure what is done inside: its time, and the API calls it cost.

        Asking for the limits costs a call of its own; it is found by asking twice, and taken off.
        """
        step = Step(name)
        self.findings.steps.append(step)
        self.console.print()
        self.console.print(Text(f"{len(self.findings.steps)}  {title}", style="bold"))
        first = (await self.client.get_limits()).api_requests.used
        before = (await self.client.get_limits()).api_requests.used
        began = self.clock.monotonic()
        yield step
        step.seconds = self.clock.monotonic() - began
        after = (await self.client.get_limits()).api_requests.used
        step.api_calls = after - before - (before - first)

    def say(self, text: str, *, style: str = "") -> None:
        """Print one thing that happened."""
        self.console.print(Padding(Text(text, style=style), (0, 0, 0, 3), expand=False))

    def line(self, text: str) -> None:
        """Print a line that is never broken, so that what it holds can be copied."""
        self.console.print(Text(f"   {text}"), soft_wrap=True)

    def table(self, headings: Iterable[str], rows: Iterable[Iterable[str]], *, right: Iterable[str] = ()) -> None:
        """Print a table; the columns named in `right` hold numbers."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
        numbers = set(right)
        headings = list(headings)
        for index, heading in enumerate(headings):
            is_last = index == len(headings) - 1
            table.add_column(
                heading, justify="right" if heading in numbers else "left", overflow="fold", no_wrap=not is_last
            )
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self.console.print(Padding(table, (0, 0, 0, 3), expand=False))
