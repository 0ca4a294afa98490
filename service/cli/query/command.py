"""The command."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from sluicegate import Client, Priority, QueryOptions, Route, SluicegateError, Value

from service.cli import standard_input
from service.cli.failures import explain as explain_failure
from service.cli.query.explanation import view
from service.cli.query.failures import tell
from service.cli.query.parameters import read_parameters
from service.cli.query.reading import RESUMABLE, Reading, Wanted
from service.cli.query.writers import Unwritable
from service.cli.running import fail, run
from service.cli.target import HERE, check_target

_FAILED = 1
_JSON = frozenset({"json", "jsonl"})
"""The forms whose readers are programs, which get failures as JSON too."""


def command(  # noqa: PLR0913 - each is an option of the command line
    soql: Annotated[
        str,
        typer.Argument(
            help="SOQL, with :name wherever a value or a list of values may stand; `-` reads it from standard input."
        ),
    ],
    *,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            "-p",
            help="name=text, or name:=value for numbers, true, false, null, lists of JSON, dates and datetimes.",
        ),
    ] = None,
    org: Annotated[str, typer.Option(help="Name of the configured org; the default org if unset.")] = "",
    route: Annotated[
        Literal["rest", "bulk"] | None, typer.Option(help="How to read; the service chooses if unset.")
    ] = None,
    include_deleted: Annotated[bool, typer.Option("--include-deleted", help="Also read the recycle bin.")] = False,
    max_rows: Annotated[
        int | None, typer.Option(help="The most rows to read; all if unset.", min=1, max=2**31 - 1)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="The most rows at a time, 2,000 if unset.", min=1, max=2000)
    ] = None,
    page_size: Annotated[
        int | None,
        typer.Option(
            help="The most rows that Salesforce sends at a time; smaller pages cost more API calls.", min=200, max=2000
        ),
    ] = None,
    caller: Annotated[str, typer.Option(help="Who asks, for the shares of API calls.")] = "",
    priority: Annotated[
        Priority | None, typer.Option(help="How much it matters when API calls run short; `standard` if unset.")
    ] = None,
    form: Annotated[
        Literal["table", "csv", "json", "jsonl", "parquet"],
        typer.Option("--format", "-o", help="How rows are written."),
    ] = "table",
    output: Annotated[Path | None, typer.Option(help="The file to write; standard output if unset.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="File that keeps how far the query came; if it exists the query goes on there; csv, json and jsonl."
        ),
    ] = None,
    progress: Annotated[
        bool | None,
        typer.Option(
            "--progress/--no-progress",
            help="Show on the terminal how far the reading is; if unset only where rows go to no pipe.",
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Tell how it would be run; no row is read.")] = False,
    target: Annotated[str, typer.Option(help="Where the service listens.")] = HERE,
) -> None:
    """Run a query and write its rows. Exit 1 if it fails, 130 after Ctrl-C; what was written stays whole."""
    check_target(target)
    if resume is not None and form not in RESUMABLE:
        fail(f"--resume needs -o csv, json or jsonl: what -o {form} writes cannot be gone on with")
    soql = standard_input.read() if soql == "-" else soql
    options: QueryOptions = {
        "route": route,
        "include_deleted": include_deleted,
        "max_rows": max_rows or 0,
        "batch_size": batch_size or 0,
        "page_size": page_size or 0,
    }
    try:
        parameters = read_parameters(param or ())
        client = Client(target, org=org, caller=caller, priority=priority)
        if explain:
            run(_explain(client, soql, parameters, options, is_json=form in _JSON))
            status = 0
        else:
            reading = Reading(Wanted(soql, parameters, options, form, output, resume, progress))
            status = _read(client, reading, lambda error: _told(error, soql, target, form))
    except SluicegateError as error:
        typer.echo(_told(error, soql, target, form), err=True)
        status = _FAILED
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except ValueError as error:
        fail(str(error))
    raise typer.Exit(status)


def _told(error: SluicegateError, soql: str, target: str, form: str) -> str:
    return explain_failure(error) if form in _JSON else tell(error, soql, target)


def _read(client: Client, reading: Reading, told: Callable[[SluicegateError], str]) -> int:
    """Read to the end, say why it did not come to that and how to go on, and return the command's status."""
    status = [_FAILED]
    try:
        run(_connected(client, reading, status))
    except SluicegateError as error:
        typer.echo(told(error), err=True)
    except Unwritable as error:
        typer.echo(f"sluicegate: {error}", err=True)
    for note in reading.notes:
        typer.echo(f"sluicegate: {note}", err=True)
    return status[0]


async def _connected(client: Client, reading: Reading, status: list[int]) -> None:
    async with client:
        status[0] = await reading.run(client)


async def _explain(
    client: Client, soql: str, parameters: dict[str, Value], options: QueryOptions, *, is_json: bool
) -> None:
    route: Route | None = options.get("route")
    async with client:
        found = await client.explain_query(
            soql, parameters, include_deleted=options.get("include_deleted", False), route=route
        )
    if is_json:
        typer.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        Console().print(view(found))
