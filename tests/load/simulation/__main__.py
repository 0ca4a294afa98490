"""The scale on paper: `python -m tests.load.simulation` simulates all days, prints their figures and plots them."""

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console

from service.governor.limits import Limits
from tests.load.simulation import day, turns
from tests.load.simulation.day import Plan
from tests.load.simulation.figures import Figures, figures_of
from tests.load.simulation.plot import Curve, plot
from tests.load.simulation.scenarios import CROWDS, fleet, steady

_PLOT = Path(__file__).parent.parent / "scale.svg"
_PART = 0.1
"""The scale of the days that the full one is compared with: 10 replicas and 100 callers."""
_STEADY_REPLICAS = (1, 3, 10)


def main() -> None:
    """Simulate, print and plot everything."""
    console = Console(width=200)
    began = time.perf_counter()
    whole, part = fleet()["governed"], fleet(_PART)
    plans = [whole, *part.values(), *(steady(replicas) for replicas in _STEADY_REPLICAS)]
    with ProcessPoolExecutor() as processes:
        days = list(processes.map(figures, plans))
        crowds = list(processes.map(turns.run, CROWDS.values()))
    console.print(table(days), markup=False)
    for name, served in zip(CROWDS, crowds, strict=True):
        console.print(f"{name}: {served}", markup=False)
    free = days[1 + list(part).index("no price")]
    curves = [
        Curve("with the price of calls", days[0].moments, whole.maximum),
        Curve("without it", free.moments, part["no price"].maximum),
    ]
    _PLOT.write_text(plot(curves, Limits()), "utf-8")
    console.print(f"{_PLOT.name} written after {time.perf_counter() - began:.0f} s")


def figures(plan: Plan) -> Figures:
    """Simulate a day and return its figures."""
    return figures_of(day.run(plan))


def table(days: Sequence[Figures]) -> str:
    """Return the figures of days as a table in Markdown."""
    heads = (
        "day",
        "calls",
        "records a call",
        "held s",
        "peak",
        "refused I / S / B",
        "Jain",
        "runaway's calls",
        "beyond",
        "wasted",
        "refused by the org",
        "round trips / 1,000",
    )
    rows = [
        (
            each.name,
            f"{each.calls:,}",
            f"{each.records_per_call:.2f}",
            f"{each.waited_seconds:.2f}",
            f"{each.peak:.1%}",
            " / ".join(f"{share:.2%}" for share in each.refused.values()),
            f"{each.jain:.4f}",
            f"{each.runaway:,}",
            f"{each.beyond:.3%}",
            f"{each.short:.3%}",
            f"{each.refused_by_org:,}",
            f"{each.round_trips_per_1000_calls:.0f}",
        )
        for each in days
    ]
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
