"""The options of `sluicegate bulk load`, as its help shows them."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from service.cli.target import HERE

_FIELDS = "What the columns are"
_FORM = "How the data is written"
_WRITING = "How Salesforce writes"
_FILES = "Results, and going on"
_SERVICE = "The service"

Data: TypeAlias = Annotated[
    Path | None,
    typer.Argument(
        metavar="DATA", help="CSV, or JSON Lines if the name ends in .jsonl, .ndjson or .json. - is the standard input."
    ),
]
ObjectName: TypeAlias = Annotated[
    str, typer.Option("--object", metavar="NAME", help="API name of the sObject, for example Lead.")
]
Operation: TypeAlias = Annotated[
    Literal["insert", "update", "upsert", "delete", "hard_delete"], typer.Option(help="What to do with each row.")
]
ExternalId: TypeAlias = Annotated[
    str, typer.Option("--external-id", metavar="FIELD", help="The external-id field that an upsert goes by.")
]
Mapping: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=FIELD",
        help="The field of a column, also a lookup such as Account.Ext__c; COLUMN= leaves it out. Repeatable.",
        rich_help_panel=_FIELDS,
    ),
]
Constant: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=VALUE", help="A field that has one value in all rows. Repeatable.", rich_help_panel=_FIELDS
    ),
]
NullText: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="A cell of this text sets its field to null, as #N/A does; '' makes every empty cell null.",
        rich_help_panel=_FIELDS,
    ),
]
Key: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--key",
        "--key-column",
        metavar="COLUMN",
        help="The column that names rows in results; that of the external id, or of Id, if unset.",
        rich_help_panel=_FIELDS,
    ),
]
Form: TypeAlias = Annotated[
    Literal["csv", "jsonl"] | None,
    typer.Option("--format", help="Where the name does not tell; csv for the standard input.", rich_help_panel=_FORM),
]
DelimiterName: TypeAlias = Annotated[
    Literal["comma", "tab", "semicolon", "pipe", "caret", "backquote"] | None,
    typer.Option(
        metavar="NAME",
        help="Between cells: comma, tab, semicolon, pipe, caret or backquote; found in the header row if unset.",
        rich_help_panel=_FORM,
    ),
]
LineEndName: TypeAlias = Annotated[
    Literal["lf", "crlf"] | None,
    typer.Option(help="Refuse rows that end otherwise; either end if unset.", rich_help_panel=_FORM),
]
AssignmentRule: TypeAlias = Annotated[
    str,
    typer.Option(metavar="ID", help="The assignment rule that assigns leads or cases.", rich_help_panel=_WRITING),
]
Parent: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="COLUMN",
        help="Names each row's parent: rows of one parent are written together.",
        rich_help_panel=_WRITING,
    ),
]
OnePart: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--one-part-at-a-time", help="Slower, for rows that lock each other's parents.", rich_help_panel=_WRITING
    ),
]
ResultsWanted: TypeAlias = Annotated[
    Literal["failures", "all", "none"],
    typer.Option(help="The rows whose results are written to a file.", rich_help_panel=_FILES),
]
Failures: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="That file, CSV; DATA.failed.csv, or DATA.results.csv for all rows, if unset. Rows stand there with their "
        "own columns behind the reasons; mended, it can be loaded as it is.",
        rich_help_panel=_FILES,
    ),
]
TokenFilePath: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="Keeps what the load is and how far it is; DATA.load if unset.",
        rich_help_panel=_FILES,
    ),
]
Resume: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Go on with the load that this file keeps, with its data and options. What came from the standard input "
        "is not kept: give the same data again.",
        rich_help_panel=_FILES,
    ),
]
KeepResults: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--keep-results",
        help="Have Salesforce keep results for `bulk results` and --repeat-results also of few rows: loads of up "
        "to 2,000 rows are written without a job otherwise, which keeps none.",
        rich_help_panel=_FILES,
    ),
]
RepeatResults: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--repeat-results",
        help="With --resume, also of a load that is over: write the results file anew, from all rows. Nothing that was "
        "written is written again.",
        rich_help_panel=_FILES,
    ),
]
Org: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Name of the configured org; the default org if unset.", rich_help_panel=_SERVICE
    ),
]
Target: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help=f"Where the service listens; {HERE}, or what --resume has, if unset.",
        rich_help_panel=_SERVICE,
    ),
]
Output: TypeAlias = Annotated[Literal["text", "json"], typer.Option("--output", "-o", help="How the end is told.")]
