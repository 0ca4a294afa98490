"""`sluicegate bulk migrate`."""

import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from msgspec.structs import replace
from sluicegate import BulkLoadDraft, BulkLoadStep, Client, SluicegateError, TokenFile

from service.cli.bulk.kept import put_back
from service.cli.bulk.loading import BROKEN_OFF, FINAL, REFUSED
from service.cli.bulk.migrating import Migrating
from service.cli.bulk.notes import read_note
from service.cli.bulk.plan_view import as_json, plan_lines
from service.cli.bulk.run_file import Run, RunFile, Step, read_run
from service.cli.bulk.run_steps import files_of, name_of
from service.cli.bulk.sources import Source, check, header_of, named, planned
from service.cli.failures import report, words
from service.cli.running import fail, run
from service.cli.target import HERE, check_target

_LOAD = re.compile(r"loads\[(\d+)\]")


def migrate(  # noqa: PLR0913 - each is an option of the command line
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE:OBJECT[:EXTERNAL_ID]",
            help="Files of CSV in any order: upserted by the external id, inserted without one.",
        ),
    ] = None,
    *,
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names the files, and says more of each: see above.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the order and why, and write nothing.")] = False,
    run_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What keeps how far the run is; PLAN.run, or FIRST_FILE.run, if unset."),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Go on with the run that this file keeps; other options are in it."),
    ] = None,
    org: Annotated[str, typer.Option(help="Name of the configured org; the default org if unset.")] = "",
    output: Annotated[Literal["text", "json"], typer.Option("--output", "-o", help="How it is told.")] = "text",
    target: Annotated[
        str | None, typer.Option(help=f"Where the service listens; {HERE}, or what --resume has, if unset.")
    ] = None,
) -> None:
    """Load files that refer to each other, parents first, every row once.

    The order is found from the columns: contacts with a column
    Account.Ext__c come after the accounts whose Ext__c they name.
    References within a file, or in a circle, are set in a second pass.

    A plan file is TOML. It has a table `load` for each file, with the keys
    file, object and external_id, and if need be operation, map (a table of
    fields by column; an empty one leaves the column out), constants,
    null_text, delimiter, assignment_rule and one_part_at_a_time.

    Rows that were not written lie in FILE.failed.csv with their reasons;
    those of other files are loaded all the same.

    Exit 0 if all rows were written, 1 if some were not, 2 if none was and
    none will be, for what is wrong with the command, a file or the org,
    3 if the run broke off, 130 if it was stopped. After the last two
    --resume goes on, or the same command begins if nothing was written.
    """
    if target is not None:
        check_target(target)
    try:
        if resume is not None:
            if files or plan or dry_run:
                fail(f"--resume goes on with the run that {resume} tells of; leave files, --plan and --dry-run out")
            status = _run(resume, None, output, target)
        else:
            if files and plan:
                fail("name the files either here or in the plan file")
            sources = planned(plan) if plan else [named(text) for text in files or ()]
            check(sources)
            planned_run = _planned(sources, org, target or HERE, output)
            if dry_run:
                _tell_plan(planned_run, output)
                raise typer.Exit(0)
            beside = plan or Path(sources[0].file)
            path = (run_file or beside.with_name(f"{beside.name}.run")).resolve()
            status = _run(path, planned_run, output, None)
    except (OSError, ValueError) as error:
        fail(words(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    raise typer.Exit(status)


def _planned(sources: Sequence[Source], org: str, target: str, output: str) -> Run:
    """Ask the service for the order of the loads.

    Raises:
        ValueError: A file cannot be read as CSV.
        OSError: A file cannot be read.

    """
    drafts = [
        BulkLoadDraft(
            source.object,
            source.action,
            [*filter(None, map(source.target, header_of(source))), *source.constants],
            source.external_id,
        )
        for source in sources
    ]
    steps: list[BulkLoadStep] = []

    async def ask() -> None:
        async with Client(target, org=org) as client:
            steps.extend(await client.plan_bulk_loads(drafts))

    try:
        run(ask())
    except SluicegateError as error:
        _refuse(error, sources, target, output)
    return Run(secrets.token_hex(8), list(sources), [Step(step) for step in steps], org, target)


def _refuse(error: SluicegateError, sources: Sequence[Source], target: str, output: str) -> None:
    """Say what is wrong with which file, and leave."""
    faults = [each for each in error.violations if _LOAD.match(each.field)]
    if not faults:
        typer.echo(report(error, target, as_json=output == "json"), err=True)
        typer.echo("sluicegate: nothing was written", err=True)
        raise typer.Exit(REFUSED if error.code in FINAL else BROKEN_OFF)

    def file_of(found: re.Match[str]) -> str:
        return sources[int(found[1])].name

    for fault in faults:
        found = _LOAD.match(fault.field)
        words = _LOAD.sub(file_of, fault.description)
        typer.echo(f"sluicegate: {file_of(found) if found else ''}: {words}", err=True)
    if error.reason == "UNKNOWN_FIELD":
        typer.echo("sluicegate: rename columns, or map them in a plan file", err=True)
    typer.echo("sluicegate: nothing was written", err=True)
    raise typer.Exit(REFUSED)


def _tell_plan(planned_run: Run, output: str) -> None:
    typer.echo(as_json(planned_run) if output == "json" else "\n".join(plan_lines(planned_run)))


def _run(path: Path, planned_run: Run | None, output: str, target: str | None) -> int:
    """Run a new run, or go on with the one that a file keeps."""
    # Before a file is made beside the others, or in the place of one that is not there.
    if planned_run is not None and path.exists():
        _check_place(path)
    _check_notes(planned_run or read_run(path))
    with TokenFile(path) as file:
        before = file.read()
        if planned_run is None:
            # Whoever had the lock until now may have come further.
            current = read_run(path)
            current = replace(current, target=target or current.target)
        else:
            if before:
                _check_place(path)
            current = planned_run
        kept = RunFile(file, current)
        is_json = output == "json"
        migrating = Migrating(kept, path, (lambda _line: None) if is_json else typer.echo, tells_json=is_json)
        status = [0]

        async def follow() -> None:
            async with Client(current.target, org=current.org) as client:
                status[0] = await migrating.run(client)

        if planned_run is not None and output == "text":
            _tell_plan(current, output)
        kept.begin()
        try:
            run(follow())
        finally:
            if planned_run is not None and not migrating.has_written:
                put_back(file, before)
        if is_json:
            typer.echo(as_json(kept.run))
        return status[0]


def _check_place(path: Path) -> None:
    """Refuse to begin a run in the place of another that is not over.

    Raises:
        ValueError: That is so.

    """
    if not read_run(path).is_finished:
        raise ValueError(f"{path} keeps a run that is not over; go on with --resume {path}, or remove it")


def _check_notes(current: Run) -> None:
    """Refuse files of which other loads are not over.

    Raises:
        ValueError: There is one.

    """
    for number, step in enumerate(current.steps):
        path = files_of(current, step.plan).note
        if step.counts is None and path.exists():
            note = read_note(path)
            if not note.is_finished and note.run != name_of(current, number):
                raise ValueError(f"{path} keeps a load that is not over; go on with it, or remove the file")
