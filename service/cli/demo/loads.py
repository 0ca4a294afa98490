"""A bulk load with its progress."""

from collections import Counter
from dataclasses import dataclass, field

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from sluicegate import Finished, Results, RowResult
from sluicegate import Progress as LoadProgress

from service.cli.demo.leads import KEY, BulkPlan
from service.cli.demo.queries import count
from service.cli.demo.stage import Stage

_SHOWN = 4
"""Refused rows that are printed, one for each kind."""


@dataclass(slots=True)
class Load:
    """What the events of a load told."""

    bytes_received: int = 0
    rows: list[RowResult] = field(default_factory=list)
    finished: Finished | None = None


async def load(stage: Stage, plan: BulkPlan) -> None:
    """Load the plan's rows and compare what became of them with the plan."""
    told = Load()
    async with stage.step("Bulk load", f"Bulk-load {plan.row_count:,} leads as a stream of CSV") as step:
        before = await count(stage, "SELECT COUNT() FROM Lead", {})
        await _follow(stage, plan, told)
        after = await count(stage, "SELECT COUNT() FROM Lead", {})
    finished = told.finished
    find = stage.findings
    find.check("the load finishes", "complete", finished.load.state if finished else "nothing")
    if finished is None:
        return
    step.records = finished.rows_created + finished.rows_updated
    step.refused = finished.rows_failed
    _tell(stage, told, finished)
    outcomes = (finished.rows_created, finished.rows_updated, finished.rows_deleted, finished.rows_failed)
    find.check(
        "the counts add up to the rows sent",
        plan.row_count,
        sum(outcomes) + finished.rows_not_processed + finished.rows_unknown,
    )
    expected = (plan.create_count, len(plan.updated_leads), 0, plan.bad_count)
    find.check("created, updated, deleted and failed are as planned", expected, outcomes)
    find.check("exactly the bad rows failed, by number", set(plan.bad_rows), {row.row for row in told.rows})
    find.check("COUNT() grew by the rows created", finished.rows_created, after - before)


async def _follow(stage: Stage, plan: BulkPlan, told: Load) -> None:
    columns = (
        TextColumn("   {task.description:<9}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    # Where nobody watches, bars would be noise: the figures follow below.
    with Progress(*columns, console=stage.console, transient=True, disable=not stage.console.is_terminal) as bars:
        sent, written = (bars.add_task(name, total=plan.row_count) for name in ("sent", "written"))
        async for event in stage.client.bulk_load("Lead", "upsert", plan.csv(), external_id_field=KEY):
            match event:
                case LoadProgress():
                    told.bytes_received = event.bytes_received
                    _move(bars, {sent: event.rows_received, written: event.load.rows_processed})
                case Results():
                    told.rows.extend(event.rows)
                case Finished():
                    told.finished = event


def _move(bars: Progress, done: dict[TaskID, int]) -> None:
    for task, rows in done.items():
        bars.update(task, completed=rows)


def _tell(stage: Stage, told: Load, finished: Finished) -> None:
    step = stage.findings.steps[-1]
    stage.say(
        f"{finished.rows_created:,} created, {finished.rows_updated:,} updated, {finished.rows_failed:,} refused in"
        f" {step.seconds:.1f} s ({finished.rows_received / step.seconds:,.0f} rows/s) with {step.api_calls} API calls;"
        f" {told.bytes_received / 1e6:.1f} MB."
    )
    kinds = Counter((row.reason, row.message) for row in told.rows)
    first = {(row.reason, row.message): row.row for row in sorted(told.rows, key=lambda row: -row.row)}
    stage.table(
        ("rows", "first", "reason", "message"),
        ((str(times), str(first[kind]), *kind) for kind, times in kinds.most_common(_SHOWN)),
        right=("rows", "first"),
    )
