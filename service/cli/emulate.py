"""`sluicegate emulate`."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from service.cli.running import fail, run, until_stopped
from service.emulator.config import AppPolicy
from service.emulator.credentials import Credentials
from service.emulator.editions import EditionName
from service.emulator.server import Emulator, EmulatorConfig
from service.emulator.sources import OrgSource, read_sources

_MAXIMUM_ORGS = 1_000


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
    schema: Annotated[
        list[Path] | None,
        typer.Option(help="Describe answer (.json), SFDX folder or metadata file; may be given several times."),
    ] = None,
    seed: Annotated[
        list[Path] | None,
        typer.Option(help="Rows: Account.csv, or JSON of `sf data export tree`; may be given several times."),
    ] = None,
    load: Annotated[Path | None, typer.Option(help="Start with an org that --save wrote.")] = None,
    save: Annotated[Path | None, typer.Option(help="SQLite file for the org when it stops.")] = None,
    orgs: Annotated[
        str | None, typer.Option(help="How many orgs, or a YAML file of names with schema, seed, load and save.")
    ] = None,
    apex: Annotated[
        list[Path] | None,
        typer.Option(help="Apex endpoints and actions: a Python module, which is run, or YAML; several times."),
    ] = None,
    faults: Annotated[Path | None, typer.Option(help="YAML file of faults to play; see the emulator's README.")] = None,
    no_control: Annotated[
        bool, typer.Option("--no-control", help="Do not answer /__control/, by which faults are scripted.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the credentials as one JSON object.")] = False,
) -> None:
    """Run a Salesforce org on this machine until SIGTERM, and print what a client needs to call it."""
    try:
        first, *others = org_sources(
            OrgSource(schema=tuple(schema or ()), seed=tuple(seed or ()), load=load, save=save), orgs
        )
    except ValueError as error:
        fail(str(error))
    config = EmulatorConfig(
        host=host,
        port=port,
        tls=tls,
        database=database,
        directory=directory,
        apex=tuple(apex or ()),
        edition=edition,
        licences=licences,
        source=first,
        faults=faults,
        control=not no_control,
        more_orgs=tuple(others),
        app=_app_policy(redirect_uri, rotate_refresh_tokens=rotate_refresh_tokens),
    )
    try:
        run(_emulate(config, as_json=as_json))
    except (OSError, ValueError, sqlite3.Error) as error:
        # Of ours, a file that cannot be understood is the only ValueError; it names the place.
        fail(str(error) if isinstance(error, ValueError) else f"cannot start, or not save: {error}")


def org_sources(first: OrgSource, orgs: str | None) -> tuple[OrgSource, ...]:
    """Return where the orgs come from.

    Args:
        first: The files given for the one org there is without `orgs`.
        orgs: How many orgs, or the path of a YAML file.

    Raises:
        ValueError: The number or the file is no good, or does not go with the other files.

    """
    if orgs is None:
        return (first,)
    if not orgs.isdecimal():
        if first != OrgSource():
            raise ValueError("--orgs with a file excludes --schema, --seed, --load and --save: write them in the file")
        return read_sources(Path(orgs))
    if not 1 <= int(orgs) <= _MAXIMUM_ORGS:
        raise ValueError(f"--orgs has to be from 1 to {_MAXIMUM_ORGS}, or a YAML file")
    if int(orgs) > 1 and (first.load or first.save):
        raise ValueError("--load and --save are for one org: give each its own in a YAML file of --orgs")
    return (first,) * int(orgs)


def _app_policy(redirect_uris: list[str] | None, *, rotate_refresh_tokens: bool) -> AppPolicy:
    policy = AppPolicy(rotate_refresh_tokens=rotate_refresh_tokens)
    return replace(policy, redirect_uris=tuple(redirect_uris)) if redirect_uris else policy


async def _emulate(config: EmulatorConfig, *, as_json: bool) -> None:
    async with Emulator(config) as emulator:
        for remark in dict.fromkeys(emulator.remarks):
            typer.echo(f"sluicegate: {remark}", err=True)
        control = {
            "control_url": f"{emulator.url}/__control",
            "control_token": emulator.control_token,
        }
        write = _machine_text if as_json else _human_text
        typer.echo(write(emulator.all_credentials, control if config.control else {}))
        await until_stopped()


def _facts(credentials: Credentials) -> dict[str, str | None]:
    return {
        "name": credentials.name or None,
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


def _machine_text(orgs: Sequence[Credentials], control: Mapping[str, str]) -> str:
    every = [{name: value for name, value in _facts(each).items() if value is not None} for each in orgs]
    return json.dumps({**every[0], **control, "orgs": every})


def _human_text(orgs: Sequence[Credentials], control: Mapping[str, str]) -> str:
    lines: list[str] = []
    for credentials in orgs:
        facts = [(name.replace("_", " "), value) for name, value in _facts(credentials).items() if value is not None]
        lines += [f"  {name:<17} {value}" for name, value in facts]
        if len(orgs) > 1:
            lines.append("")
    lines += [f"  {name.replace('_', ' '):<17} {value}" for name, value in control.items()]
    first = orgs[0]
    trial = (
        f"curl -H 'Authorization: Bearer {first.access_token}' "
        f"'{first.instance_url}/services/data/v66.0/query?q=SELECT+COUNT()+FROM+Lead'"
    )
    if first.certificate_file:
        trial += f" --cacert {first.certificate_file}"
    what = "A Salesforce org is" if len(orgs) == 1 else f"{len(orgs)} Salesforce orgs are"
    title = f"{what} running. Rows that no --save or --database keeps go when it stops."
    return "\n".join([title, *lines, "Try:", f"  {trial}"])
