"""`sluicegate bulk watch`, `results` and `cancel`: loads that run, or did."""

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, cast

import typer
from sluicegate import BulkLoad, Client, SluicegateError, TokenFile
from sluicegate.bulk import Outcome

from service.cli.bulk.failed_rows import COLUMNS, cells
from service.cli.bulk.notes import read_note
from service.cli.failures import report, words
from service.cli.running import fail, run
from service.cli.target import HERE

Load: TypeAlias = Annotated[
    str, typer.Argument(metavar="LOAD", help="The file that `bulk load` keeps beside its data, or a resume token.")
]
Org: TypeAlias = Annotated[str | None, typer.Option(help="Name of the configured org; the load's if unset.")]
Target: TypeAlias = Annotated[str | None, typer.Option(help="Where the service listens; as for the load if unset.")]


def watch(
    load: Load,
    *,
    output: Annotated[Literal["text", "json"], typer.Option("--output", "-o", help="A line for each look.")] = "text",
    org: Org = None,
    target: Target = None,
) -> None:
    """Tell how a load stands, at once and whenever that changes, until Salesforce works on no part of it.

    Of a load that goes on meanwhile its file tells of further parts. Exit 1 if the call fails, 130 if it is stopped.
    """

    async def show(client: Client, token: str) -> None:
        async with aclosing(follow(client, token, lambda: _named(load)[0])) as loads:
            async for told in loads:
                typer.echo(_line(told, output))

    _call(load, org, target, show, output)


async def follow(client: Client, token: str, latest: Callable[[], str]) -> AsyncGenerator[BulkLoad, None]:
    """Yield how a load stands whenever that changes; close it when leaving early.

    Args:
        client: The service.
        token: The load, as of now.
        latest: Returns its token as of when Salesforce works on none of the parts that `token` knows of: whoever loads
            may have come further.

    """
    told: BulkLoad | None = None
    while True:
        async with aclosing(client.watch_bulk_load(token)) as loads:
            async for load in loads:
                if told is None or replace(load, resume_token=told.resume_token) != told:
                    told = load
                    yield load
        before, token = token, latest()
        if token == before:
            return


def results(
    load: Load,
    *,
    outcome: Annotated[
        list[str] | None,
        typer.Option(
            help="Only rows that were so: created, updated, deleted, failed, not_processed or unknown. Repeatable."
        ),
    ] = None,
    part: Annotated[int, typer.Option(help="Only rows of this part; 0 for all.", min=0)] = 0,
    org: Org = None,
    target: Target = None,
) -> None:
    """Print what became of the rows of a load's parts that are over, as CSV, by their keys and without row numbers.

    Exit 1 if the call fails, 130 if it is stopped.
    """
    wanted = cast("list[Outcome]", outcome or [])

    async def write(client: Client, token: str) -> None:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        async with aclosing(client.list_bulk_load_results(token, outcomes=wanted, part=part)) as rows:
            async for row in rows:
                writer.writerow(cells(row))

    _call(load, org, target, write)


def cancel(
    load: Load,
    *,
    output: Annotated[Literal["text", "json"], typer.Option("--output", "-o", help="How the load is told.")] = "text",
    org: Org = None,
    target: Target = None,
) -> None:
    """Abort what is not over of a load. Rows that are written stay written.

    Exit 1 if the call fails, or if another command still loads and thus goes on with further parts.
    """

    async def abort(client: Client, token: str) -> None:
        typer.echo(_line(await client.cancel_bulk_load(token), output))

    _call(load, org, target, abort, output)
    if _is_loaded(load):
        typer.echo("sluicegate: a command still loads it: stop that by Ctrl-C, then cancel what it has begun", err=True)
        raise typer.Exit(1)


def _call(
    load: str,
    org: str | None,
    target: str | None,
    act: Callable[[Client, str], Awaitable[None]],
    output: str = "text",
) -> None:
    try:
        token, known_org, known_target = _named(load)
        target = known_target if target is None else target
        client = Client(target, org=known_org if org is None else org)
        run(_connected(client, token, act))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough; Python would say so once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except (OSError, ValueError) as error:
        fail(words(error))
    except SluicegateError as error:
        typer.echo(report(error, target or "", as_json=output == "json"), err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _named(load: str) -> tuple[str, str, str]:
    """Return the token, the org and the service of a load."""
    path = Path(load)
    if not _is_file(load):
        if "/" in load or path.suffix == ".load":
            raise ValueError(f"there is no file {load}")
        return load, "", HERE
    note = read_note(path)
    if not note.resume_token:
        raise ValueError(f"{load} names no token yet: nothing was written")
    return note.resume_token, note.org, note.target


def _is_loaded(load: str) -> bool:
    """Tell whether a command goes on with a load right now."""
    if not _is_file(load):
        return False
    try:
        with TokenFile(Path(load)):
            return False
    except BlockingIOError:
        return True


def _is_file(load: str) -> bool:
    """Tell whether a load is named by its file; a token is longer than names of files may be."""
    path = Path(load)
    return len(path.name) <= 255 and path.exists()  # noqa: PLR2004


async def _connected(client: Client, token: str, act: Callable[[Client, str], Awaitable[None]]) -> None:
    async with client:
        await act(client, token)


def _line(load: BulkLoad, output: str) -> str:
    if output == "json":
        return json.dumps(asdict(load), default=str, ensure_ascii=False)
    parts = Counter(part.state for part in load.parts)
    told = ", ".join(f"{parts[state]} {state}" for state in ("done", "committed", "prepared") if parts[state])
    failed = f", {load.rows_failed:,} of them failed" if load.rows_failed else ""
    words = f": {load.error_message}" if load.error_message else ""
    return f"{load.state}: {load.rows_processed:,} rows tried{failed}; parts: {told or 'none'}{words}"
