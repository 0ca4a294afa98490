"""`sluicegate serve`."""

import json
from typing import Annotated

import typer

from service import settings as settings_module
from service.app import VERSION, Addresses, App
from service.cli.running import fail, run, until_stopped
from service.settings import Settings, SettingsError
from service.telemetry import logs

_EXAMPLE = (
    '{"object": "Lead", "externalId": {"field": "Ext__c", "value": "L-1"}, "fields": '
    '{"LastName": {"stringValue": "Curie"}, "Company": {"stringValue": "Radium"}}}'
)


def command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as one JSON object.")] = False,
) -> None:
    """Serve the configured orgs, or an embedded one if none is configured, until SIGTERM."""
    try:
        settings = settings_module.load()
    except SettingsError as error:
        fail(str(error))
    logs.configure(settings.telemetry.log_level)
    try:
        run(_serve(settings, as_json=as_json))
    except SettingsError as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot listen: {error}")


async def _serve(settings: Settings, *, as_json: bool) -> None:
    async with App(settings) as app:
        assert app.addresses is not None
        typer.echo(_machine_text(app.addresses) if as_json else _human_text(app.addresses))
        await until_stopped()


def _machine_text(addresses: Addresses) -> str:
    return json.dumps(
        {
            "grpc": addresses.grpc,
            "admin": addresses.admin,
            "emulator": addresses.emulator,
            "org": addresses.default_org,
        }
    )


def _human_text(addresses: Addresses) -> str:
    lines = [f"sluicegate {VERSION}: gRPC on {addresses.grpc}, health on {addresses.admin}/healthz/ready"]
    if addresses.emulator:
        lines.append(
            f"No org is configured: calls go to the embedded org at {addresses.emulator}, which forgets everything "
            "at exit. Try:\n"
            f"  buf curl --protocol grpc --http2-prior-knowledge -d '{_EXAMPLE}' "
            f"http://{addresses.grpc}/sluicegate.v1.RecordService/UpsertRecord"
        )
    return "\n".join(lines)
