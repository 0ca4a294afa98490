"""`sluicegate emulate`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from service.cli.running import fail, run, until_stopped
from service.emulator.config import AppPolicy
from service.emulator.credentials import Credentials
from service.emulator.editions import EditionName
from service.emulator.server import Emulator, EmulatorConfig


def command(  # noqa: PLR0913 - one for each option
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 picks a free one.", min=0, max=65535)] = 8090,
    tls: Annotated[bool, typer.Option("--tls", help="Serve HTTPS with a certificate made now.")] = False,
    database: Annotated[str, typer.Option(help="SQLite file that keeps the rows.")] = ":memory:",
    directory: Annotated[
        Path | None, typer.Option(help="Where the private key and certificate are written; a temporary one if unset.")
    ] = None,
    edition: Annotated[EditionName, typer.Option(help="Decides the API allocation and the long-request slots.")] = (
        "enterprise"
    ),
    licences: Annotated[int, typer.Option(help="User licences, which add to the API allocation.", min=0)] = 0,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Callback URL of the connected app; may be given several times.")
    ] = None,
    rotate_refresh_tokens: Annotated[
        bool, typer.Option("--rotate-refresh-tokens", help="Let each refresh token serve once.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the credentials as one JSON object.")] = False,
) -> None:
    """Run a Salesforce org on this machine until SIGTERM, and print what a client needs to call it."""
    config = EmulatorConfig(
        host=host,
        port=port,
        tls=tls,
        database=database,
        directory=directory,
        edition=edition,
        licences=licences,
        app=_app_policy(redirect_uri, rotate_refresh_tokens=rotate_refresh_tokens),
    )
    try:
        run(_emulate(config, as_json=as_json))
    except OSError as error:
        fail(f"cannot start: {error}")


def _app_policy(redirect_uris: list[str] | None, *, rotate_refresh_tokens: bool) -> AppPolicy:
    policy = AppPolicy(rotate_refresh_tokens=rotate_refresh_tokens)
    return replace(policy, redirect_uris=tuple(redirect_uris)) if redirect_uris else policy


async def _emulate(config: EmulatorConfig, *, as_json: bool) -> None:
    async with Emulator(config) as emulator:
        typer.echo(_machine_text(emulator.credentials) if as_json else _human_text(emulator.credentials))
        await until_stopped()


def _facts(credentials: Credentials) -> dict[str, str | None]:
    return {
        "login_url": credentials.login_url,
        "instance_url": credentials.instance_url,
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
        "username": credentials.username,
        "password": credentials.password,
        "private_key_file": str(credentials.private_key_file),
        "access_token": credentials.access_token,
        "refresh_token": credentials.refresh_token,
        "org_id": credentials.org_id,
        "certificate_file": str(credentials.certificate_file) if credentials.certificate_file else None,
    }


def _machine_text(credentials: Credentials) -> str:
    return json.dumps({name: value for name, value in _facts(credentials).items() if value is not None})


def _human_text(credentials: Credentials) -> str:
    facts = [(name.replace("_", " "), value) for name, value in _facts(credentials).items() if value is not None]
    lines = [f"  {name:<17} {value}" for name, value in facts]
    trial = (
        f"curl -H 'Authorization: Bearer {credentials.access_token}' "
        f"'{credentials.instance_url}/services/data/v66.0/query?q=SELECT+COUNT()+FROM+Lead'"
    )
    if credentials.certificate_file:
        trial += f" --cacert {credentials.certificate_file}"
    return "\n".join(["A Salesforce org is running. Its rows go when it stops.", *lines, "Try:", f"  {trial}"])
