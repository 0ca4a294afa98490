"""The end of the demo: figures in one table, and every check."""

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from service.cli.demo.findings import Findings


def print_summary(console: Console, findings: Findings) -> None:
    """Print the steps, the checks and the verdict."""
    console.print()
    console.print(Text("Summary", style="bold"))
    console.print(_indented(_steps(findings), 3))
    console.print()
    for check in findings.checks:
        mark = Text("✓ ", style="green") if check.holds else Text("✗ ", style="bold red")
        console.print(_indented(Text.assemble(mark, check.claim), 3))
        if check.detail:
            console.print(_indented(Text(check.detail, style="red"), 5))
    console.print()
    total, broken = len(findings.checks), len(findings.broken)
    if broken:
        console.print(Text(f"{broken} of {total} checks failed.", style="bold red"))
    else:
        console.print(Text(f"All {total} checks hold.", style="bold green"))


def _indented(content: RenderableType, columns: int) -> Padding:
    return Padding(content, (0, 0, 0, columns), expand=False)


def _steps(findings: Findings) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim", show_footer=True)
    steps = findings.steps
    table.add_column("step", footer="all")
    table.add_column("records", justify="right", footer=f"{sum(step.records or 0 for step in steps):,}")
    table.add_column("refused", justify="right", footer=f"{sum(step.refused or 0 for step in steps):,}")
    table.add_column("seconds", justify="right", footer=f"{sum(step.seconds for step in steps):.2f}")
    table.add_column("API calls", justify="right", footer=f"{sum(step.api_calls for step in steps):,}")
    for step in steps:
        figures = (_figure(step.records), _figure(step.refused), f"{step.seconds:.2f}", f"{step.api_calls:,}")
        table.add_row(step.name, *figures)
    return table


def _figure(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
