"""The commands: what is typed becomes one call, and its answer a text for a person or JSON for a program."""

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from sluicegate import SluicegateError
from sluicegate.json_calls import InvalidCall, call

from service.cli.failures import explain as explain_failure
from service.cli.link import requests
from service.cli.link.view import view
from service.cli.running import fail, run
from service.cli.target import HERE

app = typer.Typer(help="Make links to records, and tell what they open and why.", no_args_is_help=True)

Org = Annotated[str, typer.Option(help="Name of the configured org; the default org if unset.")]
Provider = Annotated[str, typer.Option(help="Name of a configured link provider.")]
Target = Annotated[str, typer.Option(help="Where the service listens.")]
Timeout = Annotated[float, typer.Option(help="Deadline in seconds.", min=0.001, max=3600)]
What = Annotated[str, typer.Argument(help="A link; or the API name of an sObject, followed by KEY.")]
Key = Annotated[str, typer.Argument(help="The record's Salesforce id, or Field__c=value.")]
Platform = Annotated[
    Literal["ios", "android", "web"] | None, typer.Option(help="The device's platform; unknown if unset.")
]
Presence = Annotated[
    Literal["installed", "missing"] | None, typer.Option("--app", help="Whether the app is there; unknown if unset.")
]
AppVersion = Annotated[str, typer.Option(help="The app's version.")]
Locale = Annotated[str, typer.Option(help="The person's language, for example de-CH.")]
Lookup = Annotated[
    Literal["needed", "never", "always"], typer.Option(help="Whether Salesforce is asked for the record.")
]
Field = Annotated[list[str] | None, typer.Option("--field", "-f", help="A field of the record to read; repeatable.")]

Output = Annotated[Literal["table", "json"], typer.Option("--output", "-o", help="`json` prints the whole answer.")]

_WIDE = 10_000


@app.command()
def create(  # noqa: PLR0913 - each is an option of the command line
    sobject: Annotated[str, typer.Argument(metavar="OBJECT", help="API name of the sObject.")],
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="Salesforce ids, or Field__c=value.")],
    *,
    org: Org = "",
    provider: Provider = "",
    ttl: Annotated[str, typer.Option(help="How long links live: a number and s, m, h or d.")] = "",
    action: Annotated[str, typer.Option(help="What the app should do with the record; `view` if unset.")] = "",
    campaign: Annotated[
        list[str] | None, typer.Option("--campaign", "-c", help="utm_source=mail and the like; repeatable.")
    ] = None,
    short: Annotated[bool, typer.Option(help="Ask the provider for short links, and print those.")] = False,
    output: Annotated[
        Literal["text", "json"], typer.Option("--output", "-o", help="`text` prints a link a line.")
    ] = "text",
    target: Target = HERE,
    timeout: Timeout = 30,
) -> None:
    """Make signed links to records, which need not exist yet. Exit 1 if one cannot be made.

    Where the service is configured to do without short links, the long one is printed instead, and why.
    """
    try:
        more = {**requests.ttl(ttl), **requests.campaign(campaign or ())}
        more |= {"provider": provider, "action": action, "short": short}
        asked = [{"record": requests.record(sobject, key), **more} for key in keys]
    except ValueError as error:
        fail(str(error))
    answer = _ask(target, "CreateDeepLinks", {"org": org, "requests": asked}, timeout)
    results = answer["results"]
    if output == "json":
        typer.echo(json.dumps(results, indent=2, ensure_ascii=False))
    for key, result in zip(keys, results, strict=True):
        if "error" in result:
            typer.echo(f"sluicegate: {key}: {result['error']['message']}", err=True)
        elif output == "text":
            typer.echo(result["link"].get("shortUrl") or result["link"]["url"])
            if "shortError" in result["link"]:
                typer.echo(f"sluicegate: {key}: {result['link']['shortError']['message']}", err=True)
    if any("error" in result for result in results):
        raise typer.Exit(1)


def _resolving(*, with_reasons: bool) -> Callable[..., None]:
    """Return a command that resolves: two differ only in how much they tell."""

    def resolve(  # noqa: PLR0913 - each is an option of the command line
        what: What,
        key: Key = "",
        *,
        platform: Platform = None,
        presence: Presence = None,
        app_version: AppVersion = "",
        locale: Locale = "",
        provider: Provider = "",
        lookup: Lookup = "needed",
        field: Field = None,
        org: Org = "",
        output: Output = "table",
        target: Target = HERE,
        timeout: Timeout = 30,
    ) -> None:
        told = requests.device(platform, presence, app_version, locale)
        asked = _asked(what, key, {"org": org, "provider": provider, "fields": field or [], **told}, lookup)
        _print(_ask(target, "ResolveDeepLink", asked, timeout), output, with_reasons=with_reasons)

    return resolve


app.command("resolve", help="Tell what a link or a record opens on a device, best first. Exit 1 if the call fails.")(
    _resolving(with_reasons=False)
)
app.command(
    "explain", help="Tell why a link or a record opens what it does, and why nothing else. Exit 1 if the call fails."
)(_resolving(with_reasons=True))


def _asked(what: str, key: str, more: requests.Request, lookup: str) -> requests.Request:
    if lookup != "needed":
        more = {**more, "lookup": f"RECORD_LOOKUP_{lookup.upper()}"}
    try:
        return {**requests.source(what, key), **more}
    except ValueError as error:
        fail(str(error))


def _ask(target: str, method: str, request: requests.Request, timeout: float) -> dict[str, Any]:
    """Call, and leave with what went wrong if something did."""
    answers: list[str] = []

    async def ask() -> None:
        text = json.dumps(request, ensure_ascii=False)
        async for answer in call(target, f"DeepLinkService/{method}", [text], timeout_seconds=timeout):
            answers.append(answer)  # noqa: PERF401 - kept where the runner cannot return it

    try:
        run(ask())
    except InvalidCall as error:
        fail(str(error))
    except SluicegateError as error:
        typer.echo(explain_failure(error), err=True)
        raise typer.Exit(1) from None
    found: dict[str, Any] = json.loads(answers[0])
    return found


def _print(answer: dict[str, Any], output: str, *, with_reasons: bool) -> None:
    if output == "json":
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        console = Console()
        if not console.is_terminal:
            # An address in a file stays whole.
            console = Console(width=_WIDE)
        with console.capture() as written:
            console.print(view(answer, with_reasons=with_reasons))
        typer.echo("\n".join(line.rstrip() for line in written.get().splitlines()))
