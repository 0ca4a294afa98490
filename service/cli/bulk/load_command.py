"""`sluicegate bulk load`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import typer
from msgspec.structs import replace
from sluicegate import BulkOptions, Client, Finished, TokenFile

from service.cli.bulk import load_options as options
from service.cli.bulk.kept import put_back
from service.cli.bulk.loading import Loading
from service.cli.bulk.notes import STANDARD_INPUT, Note, NoteFile, read_note
from service.cli.failures import words
from service.cli.running import fail, run
from service.cli.target import HERE, check_target

_JSON_SUFFIXES = frozenset({".jsonl", ".ndjson", ".json"})
_WITH_RESUME = frozenset({"data", "results", "failures", "resume", "repeat_results", "output", "target"})
"""What a load that is gone on with takes; everything else is in its file."""


def load(  # noqa: PLR0913 - each is an option of the command line
    context: typer.Context,
    data: options.Data = None,
    *,
    object_name: options.ObjectName = "",
    operation: options.Operation = "insert",
    external_id: options.ExternalId = "",
    mapping: options.Mapping = None,
    constant: options.Constant = None,
    null_text: options.NullText = None,
    key: options.Key = None,
    form: options.Form = None,
    delimiter: options.DelimiterName = None,
    line_end: options.LineEndName = None,
    assignment_rule: options.AssignmentRule = "",
    one_part_at_a_time: options.OnePart = False,
    parent: options.Parent = "",
    results: options.ResultsWanted = "failures",
    keep_results: options.KeepResults = False,
    failures: options.Failures = None,
    token_file: options.TokenFilePath = None,
    resume: options.Resume = None,
    repeat_results: options.RepeatResults = False,
    org: options.Org = "",
    target: options.Target = None,
    output: options.Output = "text",
) -> None:
    """Load a file into Salesforce, every row once, whatever is killed on the way.

    What the load is and how far it is lies in a file beside the data, and
    --resume goes on from there: after Ctrl-C, a crash of this command or of
    the service, or a power cut.

    Exit 0 if all rows were written, 1 if some were not, 2 if none was and
    none will be, for what is wrong with the command, the data or the org,
    3 if the load broke off, 130 if it was stopped. After the last two
    --resume goes on, or the same command begins if nothing was written.
    """
    if target is not None:
        check_target(target)
    try:
        if resume is not None:
            note = _resumed(context, resume, data, failures)
            status = _load(resume, note, output, repeats=repeat_results)
        elif data is None or not object_name:
            fail("name the data and its --object, or a load to go on with by --resume")
        elif str(data) != STANDARD_INPUT and data.exists() and not data.is_file():
            other = "name a file in it" if data.is_dir() else "pipe it into: sluicegate bulk load - ..."
            fail(f"{data} is no file that could be read again; {other}")
        elif (operation == "upsert") != bool(external_id):
            fail("an upsert needs --external-id, the field to go by; no other --operation has one")
        elif repeat_results:
            fail("--repeat-results tells of a load that there is; name its file by --resume")
        else:
            given: BulkOptions = {
                "mapping": _pairs("--map", mapping),
                "constants": _pairs("--constant", constant),
                "null_text": null_text,
                "delimiter": delimiter,
                "line_end": line_end,
                "assignment_rule_id": assignment_rule,
                "one_part_at_a_time": one_part_at_a_time,
                "parent_column": parent,
                "keep_results": keep_results,
            }
            is_json = form == "jsonl" or (form is None and data.suffix.lower() in _JSON_SUFFIXES)
            key = _key(operation, external_id, given) if key is None else key
            note = Note(
                data=_place(data),
                object=object_name,
                operation=operation,
                external_id=external_id,
                format="json_lines" if is_json else "csv",
                options={**given, "key_column": key},
                failures=_failures(failures, _place(data), results),
                org=org,
                target=target or HERE,
                results=results,
            )
            status = _load(_beside(token_file, note.data, ".load"), note, output)
    except (OSError, ValueError) as error:
        fail(words(error))
    raise typer.Exit(status)


def _resumed(context: typer.Context, path: Path, data: Path | None, failures: Path | None) -> Note:
    """Return the load to go on with, and what is new about it."""
    note = read_note(path)
    given = {
        parameter.name: parameter
        for parameter in context.command.params
        if getattr(context.get_parameter_source(parameter.name or ""), "name", "") == "COMMANDLINE"
    }
    others = [parameter.opts[0] for name, parameter in given.items() if name not in _WITH_RESUME]
    if data is not None and (str(data), note.data) != (STANDARD_INPUT, STANDARD_INPUT):
        others.insert(0, "the data")
    if others:
        fail(f"--resume goes on with the load that {path} tells of; leave {', '.join(others)} out")
    results = context.params["results"] if "results" in given else note.results
    if results != note.results and not context.params["repeat_results"]:
        fail("other --results than those of the load need --repeat-results: those of parts that are done were told")
    if failures is not None or results != note.results:
        note = replace(note, failures=_failures(failures, note.data, results))
    return replace(note, target=context.params["target"] or note.target, results=results)


def _load(path: Path, note: Note, output: str, *, repeats: bool = False) -> int:
    is_new = not note.resume_token
    if note.data != STANDARD_INPUT:
        # Before a file is made beside it.
        Path(note.data).stat()
    elif sys.__stdin__ is None:
        fail("the standard input is closed; give it the data, as in: sluicegate bulk load - --object Lead < FILE")
    elif sys.__stdin__.isatty():
        fail("the standard input is a terminal; give it the data, as in: sluicegate bulk load - --object Lead < FILE")
    folder = Path(note.failures).parent
    if not folder.is_dir():
        fail(f"there is no folder {folder} for the results; name another place with --failures")
    with TokenFile(path) as file:
        before = file.read()
        if is_new and before and not read_note(path).is_finished:
            fail(f"{path} keeps a load that is not over; go on with --resume {path}, or remove it")
        if not is_new:
            # Whoever had the lock until now may have come further.
            latest = read_note(path)
            note = replace(note, resume_token=latest.resume_token, is_finished=latest.is_finished)
        loading = Loading(NoteFile(file, note), path, repeats=repeats, tells_json=output == "json")
        status = [0]
        try:
            run(_run(loading, note, status))
        finally:
            if not loading.is_begun:
                put_back(file, before)
        if loading.finished is not None:
            _tell(loading, loading.finished, note, output)
        return status[0]


async def _run(loading: Loading, note: Note, status: list[int]) -> None:
    async with Client(note.target, org=note.org) as client:
        status[0] = await loading.run(client)


def _tell(loading: Loading, finished: Finished, note: Note, output: str) -> None:
    counts = {name[5:]: number for name, number in asdict(finished).items() if name.startswith("rows_")}
    failures = loading.failures
    if output == "json":
        facts = {**counts, "state": finished.load.state, "load_id": finished.load.load_id}
        typer.echo(json.dumps({**facts, "failures": None if failures is None else str(failures)}))
        return
    told = ", ".join(
        f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items() if number and name != "received"
    )
    rate = f", {loading.rate:,.0f} rows/s" if loading.rate else ""
    typer.echo(f"{finished.rows_received:,} rows: {told}. {loading.seconds:.1f} s{rate}.")
    if failures is not None:
        what = "what became of each row is" if note.results == "all" else "the rows that were not written are"
        typer.echo(f"sluicegate: {what} in {failures}{_use_of(note)}", err=True)
    if finished.rows_unknown:
        unknown = f"{finished.rows_unknown:,} rows that are told as unknown"
        typer.echo(f"sluicegate: look for the records of {unknown} before loading those again", err=True)


def _use_of(note: Note) -> str:
    """Return what the file of failures is good for."""
    if note.data == STANDARD_INPUT:
        return ", without their own columns, as the standard input is not kept"
    if note.results == "all":
        return ""
    return f"; mend them there and load that file {'as CSV' if note.format != 'csv' else 'like this one'}"


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


def _place(data: Path) -> str:
    return STANDARD_INPUT if str(data) == STANDARD_INPUT else str(data.resolve())


def _failures(path: Path | None, data: str, results: str) -> str:
    return str(_beside(path, data, ".results.csv" if results == "all" else ".failed.csv"))


def _beside(path: Path | None, data: str, ending: str) -> Path:
    if path is not None:
        return path.resolve()
    return Path.cwd() / f"stdin{ending}" if data == STANDARD_INPUT else Path(f"{data}{ending}")
