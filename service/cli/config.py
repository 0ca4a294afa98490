"""`sluicegate config`."""

import typer
import yaml

from service import app as app_module
from service import settings as settings_module
from service.cli.running import fail
from service.settings import Settings, SettingsError
from service.telemetry import logs

app = typer.Typer(help="Look at the settings.", no_args_is_help=True)


@app.command()
def check() -> None:
    """Read the settings and the files they name, and say what is wrong; exit 0 if nothing is. Nobody is called."""
    settings = _load()
    logs.configure(settings.telemetry.log_level)
    try:
        app_module.check(settings)
    except SettingsError as error:
        fail(str(error))
    typer.echo("the settings are valid")


@app.command()
def show() -> None:
    """Print the settings in force as YAML, secrets masked."""
    typer.echo(yaml.safe_dump(_load().model_dump(mode="json"), sort_keys=False).rstrip())


def _load() -> Settings:
    try:
        return settings_module.load()
    except SettingsError as error:
        fail(str(error))
