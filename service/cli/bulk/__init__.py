"""`sluicegate bulk`: files of rows into Salesforce, for people and shells."""

import typer

from service.cli.bulk.commands import cancel, results, watch
from service.cli.bulk.load_command import load
from service.cli.bulk.migrate_command import migrate

app = typer.Typer(help="Load files of rows through Salesforce's Bulk API 2.0.", no_args_is_help=True)
for command in (load, migrate, watch, results, cancel):
    app.command()(command)

__all__ = ["app"]
