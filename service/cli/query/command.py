"""The command."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from sluicegate import Client, QueryOptions, Route, SluicegateError, Value

from service.cli.failures import explain as explain_failure
from service.cli.query.explanation import view
from service.cli.query.parameters import read_parameters
from service.cli.query.reading import Reading, Wanted
from service.cli.running import fail, run


def command(  # noqa: PLR0913 - each is an option of the command line
    soql: Annotated[str, typer.Argument(help="SOQL, with :name wherever a value or a list of values may stand.")],
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
    max_rows: Annotated[int, typer.Option(help="The most rows to read; 0 for all.", min=0, max=2**31 - 1)] = 0,
    batch_size: Annotated[int, typer.Option(help="The most rows at a time.", min=0, max=2000)] = 0,
    form: Annotated[
        Literal["table", "csv", "json", "jsonl"], typer.Option("--format", "-o", help="How rows are written.")
    ] = "table",
    output: Annotated[Path | None, typer.Option(help="The file to write; standard output if unset.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="File that keeps how far the query came; if it exists the query goes on there. Not for tables."
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Tell how it would be run; no row is read.")] = False,
    target: Annotated[str, typer.Option(help="Where the service listens.")] = "127.0.0.1:50051",
) -> None:
    """Run a query and write its rows. Exit 1 if it fails, 130 if it is stopped; what was written stays whole."""
    if not target or target.startswith(("http://", "https://")):
        fail(f"the target must be host:port, without a scheme, not {target!r}")
    if resume is not None and form == "table":
        fail("--resume needs -o csv, json or jsonl: a table cannot be gone on with")
    options: QueryOptions = {
        "route": route,
        "include_deleted": include_deleted,
        "max_rows": max_rows,
        "batch_size": batch_size,
    }
    status = [0]
    try:
        parameters = read_parameters(param or ())
        if explain:
            run(_explain(Client(target, org=org), soql, parameters, options, is_json=form in {"json", "jsonl"}))
        else:
            reading = Reading(Wanted(soql, parameters, options, form, output, resume))
            run(_read(Client(target, org=org), reading, status))
    except (OSError, ValueError) as error:
        fail(str(error))
    except SluicegateError as error:
        typer.echo(explain_failure(error), err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(status[0])


async def _read(client: Client, reading: Reading, status: list[int]) -> None:
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
