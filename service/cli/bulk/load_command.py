"""`sluicegate bulk load`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from msgspec.structs import replace
from sluicegate import BulkOptions, Client, Finished, TokenFile

from service.cli.bulk.loading import Loading
from service.cli.bulk.notes import Note, NoteFile, read_note
from service.cli.running import fail, run

_TARGET = "127.0.0.1:50051"
_JSON_SUFFIXES = frozenset({".jsonl", ".ndjson"})


def load(  # noqa: PLR0913 - each is an option of the command line
    data: Annotated[Path | None, typer.Argument(help="The file: CSV, or JSON Lines if it ends in .jsonl.")] = None,
    *,
    object_name: Annotated[str, typer.Option("--object", help="API name of the sObject.")] = "",
    operation: Annotated[
        Literal["insert", "update", "upsert", "delete", "hard_delete"], typer.Option(help="What to do with each row.")
    ] = "insert",
    external_id: Annotated[str, typer.Option("--external-id", help="External-id field of an upsert.")] = "",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="column=Field, also column=Account.Ext__c; column= leaves the column out."),
    ] = None,
    constant: Annotated[list[str] | None, typer.Option(help="Field=value, the same in all rows.")] = None,
    null_text: Annotated[str | None, typer.Option(help="A cell of this text sets its field to null.")] = None,
    form: Annotated[
        Literal["csv", "jsonl"] | None, typer.Option("--format", help="How the data is written, if its name is wrong.")
    ] = None,
    delimiter: Annotated[
        Literal["comma", "tab", "semicolon", "pipe", "caret", "backquote"] | None,
        typer.Option(help="What stands between cells; found in the header row if unset."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="The column that names rows in the failures; the external id, or Id, if unset."),
    ] = None,
    assignment_rule: Annotated[str, typer.Option(help="Id of the assignment rule for leads or cases.")] = "",
    one_part_at_a_time: Annotated[
        bool, typer.Option("--one-part-at-a-time", help="For rows that lock each other's parents.")
    ] = False,
    keep_results: Annotated[
        bool,
        typer.Option("--keep-results", help="Have Salesforce keep the results of few rows, too, for `bulk results`."),
    ] = False,
    failures: Annotated[
        Path | None, typer.Option(help="CSV of the rows that were not written; DATA.failed.csv if unset.")
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="What keeps how far the load is; DATA.load if unset.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the load that this file keeps; other options are in it.")
    ] = None,
    org: Annotated[str, typer.Option(help="Name of the configured org; the default org if unset.")] = "",
    output: Annotated[Literal["text", "json"], typer.Option("--output", "-o", help="How the end is told.")] = "text",
    target: Annotated[
        str | None, typer.Option(help="Where the service listens; 127.0.0.1:50051, or what --resume has, if unset.")
    ] = None,
) -> None:
    """Load a file, every row once, also if this command or the service is killed and the load is gone on with.

    Exit 0 if all rows were written, 1 if some were not, 2 if the command or the first row is wrong and nothing was
    written, 3 if the load broke off, 130 if it was stopped. After the last two --resume goes on.
    """
    if target is not None and (not target or target.startswith(("http://", "https://"))):
        fail(f"the target must be host:port, without a scheme, not {target!r}")
    try:
        if resume is not None:
            if data is not None or object_name:
                fail(f"--resume goes on with the load that {resume} tells of; leave the data and --object out")
            status = _load(resume, read_note(resume), output, target)
        else:
            if data is None or not object_name:
                fail("name the data and its --object, or a load to go on with by --resume")
            options: BulkOptions = {
                "mapping": _pairs("--map", mapping),
                "constants": _pairs("--constant", constant),
                "null_text": null_text,
                "delimiter": delimiter,
                "assignment_rule_id": assignment_rule,
                "one_part_at_a_time": one_part_at_a_time,
                "keep_results": keep_results,
            }
            is_json = form == "jsonl" or (form is None and data.suffix in _JSON_SUFFIXES)
            key = _key(operation, external_id, options) if key is None else key
            note = Note(
                data=str(data.resolve()),
                object=object_name,
                operation=operation,
                external_id=external_id,
                format="json_lines" if is_json else "csv",
                options={**options, "key_column": key},
                failures=str(_beside(failures, data, ".failed.csv")),
                org=org,
                target=target or _TARGET,
            )
            status = _load(_beside(token_file, data, ".load"), note, output)
    except (OSError, ValueError) as error:
        fail(str(error))
    raise typer.Exit(status)


def _load(path: Path, note: Note, output: str, target: str | None = None) -> int:
    is_new = not note.resume_token
    # Before a file is made beside it.
    Path(note.data).stat()
    with TokenFile(path) as file:
        before = file.read()
        if is_new and before and not read_note(path).is_finished:
            fail(f"{path} keeps a load that is not over; go on with --resume {path}, or remove it")
        if not is_new:
            # Whoever had the lock until now may have come further.
            note = read_note(path)
            note = replace(note, target=target or note.target)
        loading = Loading(NoteFile(file, note), path)
        status = [0]
        try:
            run(_run(loading, note, status))
        finally:
            if not loading.is_begun and before:
                file.store(before)
            elif not loading.is_begun:
                file.remove()
        if loading.finished is not None:
            _tell(loading, loading.finished, output)
        return status[0]


async def _run(loading: Loading, note: Note, status: list[int]) -> None:
    async with Client(note.target, org=note.org) as client:
        status[0] = await loading.run(client)


def _tell(loading: Loading, finished: Finished, output: str) -> None:
    counts = {name[5:]: number for name, number in asdict(finished).items() if name.startswith("rows_")}
    failures = loading.failures
    if output == "json":
        facts = {**counts, "state": finished.load.state, "load_id": finished.load.load_id}
        typer.echo(json.dumps({**facts, "failures": None if failures is None else str(failures)}))
        return
    told = ", ".join(
        f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items() if number and name != "received"
    )
    typer.echo(f"{finished.rows_received:,} rows: {told}. {loading.seconds:.1f} s, {loading.rate:,.0f} rows/s.")
    if failures is not None:
        typer.echo(f"sluicegate: the rows that were not written are in {failures}", err=True)


def _key(operation: str, external_id: str, options: BulkOptions) -> str:
    """Return the column, as the data calls it, that names a row."""
    field = external_id if operation == "upsert" else "" if operation == "insert" else "Id"
    columns = (column for column, target in options["mapping"].items() if target.lower() == field.lower())
    return next(columns, field) if field else ""


def _pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise ValueError(f"{option} must be name=value, not {text!r}")
        if name in pairs:
            raise ValueError(f"{option} names {name} twice")
        pairs[name] = value
    return pairs


def _beside(path: Path | None, data: Path, ending: str) -> Path:
    return (data.with_name(f"{data.name}{ending}") if path is None else path).resolve()
