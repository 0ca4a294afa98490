"""A run's plan, and what became of it, as people and programs read it."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from sluicegate import BulkLoadReference, BulkLoadStep

from service.cli.bulk.run_file import Run
from service.cli.bulk.run_steps import files_of
from service.cli.bulk.sources import Source


def plan_lines(run: Run) -> list[str]:
    """Return the plan for people: a line for each load, and below it why it stands there."""
    plans = [step.plan for step in run.steps]
    lines = [f"{_counted(len(run.sources), 'file')}, {_counted(len(plans), 'load')}, in this order:"]
    for number, plan in enumerate(plans, 1):
        lines.append(f"{number:3}. {title(run, plan)}: {_action(run.sources[plan.load])}")
        lines += [f"       {why}" for why in _reasons(run, plans, plan)]
    return lines


def title(run: Run, plan: BulkLoadStep) -> str:
    """Return what a load is called."""
    source = run.sources[plan.load]
    return f"{source.name} → {source.object}{', second pass' if plan.is_second_pass else ''}"


def as_json(run: Run) -> str:
    """Return a run for programs: its loads in their order, each with its plan and, if it is over, with its counts."""
    steps = []
    for step in run.steps:
        source, files = run.sources[step.plan.load], files_of(run, step.plan)
        plan = asdict(step.plan)
        facts: dict[str, object] = {"file": source.file, "object": source.object, **plan}
        if step.counts is not None:
            facts["counts"] = {name: getattr(step.counts, name) for name in step.counts.__struct_fields__}
            facts["failures"] = str(files.failures) if step.counts.unwritten else None
        steps.append(facts)
    return json.dumps({"is_finished": run.is_finished, "steps": steps}, ensure_ascii=False)


def _action(source: Source) -> str:
    return f"{source.action} by {source.external_id}" if source.action == "upsert" else source.action


def _reasons(run: Run, plans: Sequence[BulkLoadStep], plan: BulkLoadStep) -> list[str]:
    """Return a line for each column that finds rows of loads."""
    lines = []
    for reference in plan.references:
        if plan.is_second_pass and reference.is_deferred:
            lines.append(f"sets {reference.column}, which the first pass left out: {_finds(run, reference)}")
        elif not plan.is_second_pass and reference.is_deferred:
            later = next(
                number for number, each in enumerate(plans, 1) if each.is_second_pass and each.load == plan.load
            )
            lines.append(f"without {reference.column}, which {later} sets: {_finds(run, reference)}")
        elif not plan.is_second_pass:
            lines.append(f"{reference.column} {_finds(run, reference)}")
    if plan.parent_column:
        lines.append(f"rows with the same {plan.parent_column} are written together")
    return lines


def _finds(run: Run, reference: BulkLoadReference) -> str:
    files = " and ".join(run.sources[load].name for load in reference.parent_loads)
    return f"finds rows of {files} by {reference.external_id_field}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
