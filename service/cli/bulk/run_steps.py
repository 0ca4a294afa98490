"""The loads of a run: where each keeps its files, and what it tells the service."""

from dataclasses import dataclass
from pathlib import Path

from sluicegate import BulkLoadStep, BulkOptions

from service.cli.bulk.notes import Note
from service.cli.bulk.orphans import Parents
from service.cli.bulk.run_file import Run
from service.cli.bulk.sources import Source, header_of


@dataclass(frozen=True, slots=True)
class StepFiles:
    """What lies beside the data of a load."""

    data: Path
    """What is loaded."""
    note: Path
    """How far the load is, as `bulk load` keeps it."""
    failures: Path

    @classmethod
    def of(cls, source: Source, *, is_second: bool) -> "StepFiles":
        """Return those of a pass over a file."""
        data = Path(source.file)
        if is_second:
            data = data.with_name(f"{data.name}.references")
        return cls(data, data.with_name(f"{data.name}.load"), data.with_name(f"{data.name}.failed.csv"))


def files_of(run: Run, plan: BulkLoadStep) -> StepFiles:
    """Return the files of a step."""
    return StepFiles.of(run.sources[plan.load], is_second=plan.is_second_pass)


def note_of(run: Run, number: int) -> Note:
    """Return what a step's load is, before anything of it is written.

    Args:
        run: The run.
        number: Which step, from 0.

    Raises:
        ValueError: The file has no columns.
        OSError: It cannot be read.

    """
    plan = run.steps[number].plan
    source, files = run.sources[plan.load], files_of(run, plan)
    return Note(
        data=str(files.data),
        object=source.object,
        operation=source.action,
        external_id=source.external_id,
        format="csv",
        options=_second_options(source, plan) if plan.is_second_pass else _first_options(source, plan),
        failures=str(files.failures),
        org=run.org,
        target=run.target,
        run=name_of(run, number),
    )


def name_of(run: Run, number: int) -> str:
    """Return what a step's note calls the step."""
    return f"{run.run_id}/{number + 1}"


def parents_of(run: Run, plan: BulkLoadStep) -> list[Parents]:
    """Return where the rows of a step may miss rows of steps before it."""
    source, found = run.sources[plan.load], list[Parents]()
    for reference in plan.references:
        if reference.column not in plan.columns or reference.column in source.constants:
            continue
        for load in reference.parent_loads:
            parent = run.sources[load]
            if parent.key_field.lower() == reference.external_id_field.lower():
                found.append(Parents(reference.column, parent, StepFiles.of(parent, is_second=False).failures))
    return found


def _first_options(source: Source, plan: BulkLoadStep) -> BulkOptions:
    header = header_of(source)
    loaded = set(plan.columns)
    columns = {source.target(column): column for column in header}
    return {
        "mapping": {column: "" for column in header if source.target(column) not in loaded}
        | {column: field for column, field in source.map.items() if field in loaded},
        "constants": {field: value for field, value in source.constants.items() if field in loaded},
        "null_text": source.null_text,
        "delimiter": source.delimiter,
        "assignment_rule_id": source.assignment_rule,
        "one_part_at_a_time": source.one_part_at_a_time,
        "key_column": _spelled(columns, source.key_field),
        "parent_column": columns.get(plan.parent_column, ""),
    }


def _second_options(source: Source, plan: BulkLoadStep) -> BulkOptions:
    constants = {field: value for field, value in source.constants.items() if field in plan.columns}
    columns = {column: column for column in plan.columns if column not in constants}
    return {
        "mapping": {},
        "constants": constants,
        "null_text": None,
        "delimiter": "comma",
        "one_part_at_a_time": source.one_part_at_a_time,
        "key_column": _spelled(columns, source.key_field),
        "parent_column": columns.get(plan.parent_column, ""),
    }


def _spelled(columns: dict[str, str], field: str) -> str:
    """Return the column of the data that is for a field."""
    return next((column for target, column in columns.items() if target.lower() == field.lower()), "") if field else ""
