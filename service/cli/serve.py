"""`sluicegate serve`."""

import json
import sys
from typing import Annotated

import typer

from service import settings as settings_module
from service.app import VERSION, Addresses, App
from service.cli.running import fail, run, settle_memory, until_stopped
from service.settings import CONFIG_VARIABLE, Settings, SettingsError
from service.telemetry import logs

_EXAMPLE = """\
    {"object": "Lead", "externalId": {"field": "Ext__c", "value": "L-1"},
     "fields": {"LastName": {"stringValue": "Curie"},
                "Company": {"stringValue": "Radium"}}}\
"""


def command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as one JSON object.")] = False,
) -> None:
    """Serve the configured orgs, or an embedded one if none is configured, until SIGTERM.

    SLUICEGATE_CONFIG names a YAML file of settings; `sluicegate config show` prints them all.

    Variables override the file: SLUICEGATE_GRPC__PORT=0 picks a free port.
    """
    try:
        settings = settings_module.load()
    except SettingsError as error:
        fail(str(error))
    logs.configure(settings.telemetry.log_level)
    try:
        run(_serve(settings, as_json=as_json))
    except (SettingsError, OSError) as error:
        fail(str(error))


async def _serve(settings: Settings, *, as_json: bool) -> None:
    async with App(settings) as app:
        assert app.addresses is not None
        settle_memory()
        typer.echo(_machine_text(app.addresses) if as_json else _human_text(app.addresses))
        await until_stopped()


def _machine_text(addresses: Addresses) -> str:
    return json.dumps(
        {
            "grpc": addresses.grpc,
            "admin": addresses.admin,
            "links": addresses.links,
            "emulator": addresses.emulator,
            "org": addresses.default_org,
        }
    )


def _human_text(addresses: Addresses) -> str:
    org = f"{addresses.default_org}, embedded: {addresses.emulator}" if addresses.emulator else addresses.default_org
    lines = [
        f"sluicegate {VERSION}",
        f"  gRPC     {addresses.grpc}",
        f"  health   {addresses.admin}/healthz/ready",
        *([f"  links    {addresses.links}/l"] if addresses.links else []),
        f"  org      {org or 'none by default; each request must name one'}",
    ]
    if addresses.emulator:
        lines += [
            "No org is configured, so calls go to the embedded one, which forgets",
            f"everything at exit. {CONFIG_VARIABLE} names a file with yours. Try:",
            f"  {_command()} call --target {addresses.grpc} \\",
            "    RecordService/UpsertRecord '",
            f"{_EXAMPLE}'",
        ]
    return "\n".join(lines)


def _command() -> str:
    """Return how this program was called, which is not by its bare name where it stands beside the PATH."""
    return sys.argv[0] if sys.argv[0].endswith("sluicegate") else "sluicegate"
