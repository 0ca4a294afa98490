"""An explanation of a query as a person reads it."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from sluicegate import QueryExplanation


def view(explanation: QueryExplanation) -> RenderableType:
    """Return what to print."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    for name, text in _told(explanation):
        facts.add_row(name, Text(text))
    return Group(facts)


def _told(explanation: QueryExplanation) -> Iterator[tuple[str, str]]:
    yield "route", f"{explanation.route}: {explanation.reason}"
    for obstacle in explanation.bulk_obstacles:
        yield "not in bulk", obstacle
    yield "rows", _about(explanation.estimated_rows)
    yield "API calls", _about(explanation.estimated_api_calls)
    yield "restartable", _restartable(explanation)
    for plan in explanation.plans:
        indexes = f" of {', '.join(plan.fields)}" if plan.fields else ""
        records = f"{plan.cardinality:,} of {plan.object_cardinality:,} records"
        yield "plan", f"{plan.leading_operation}{indexes}, cost {plan.relative_cost:g}, {records}"
        for note in plan.notes:
            yield "", note
    yield "objects", ", ".join(explanation.objects)
    yield "fields", ", ".join(explanation.fields)
    yield "columns", ", ".join(f"{column.name} {column.type}" for column in explanation.columns)


def _restartable(explanation: QueryExplanation) -> str:
    if explanation.restartable:
        return "yes"
    return "no: in bulk ORDER BY has to end with Id" if explanation.route == "bulk" else "no"


def _about(number: int | None) -> str:
    return "nobody knows" if number is None else f"about {number:,}"
