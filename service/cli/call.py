"""`sluicegate call`."""

from collections.abc import AsyncIterator
from typing import Annotated

import typer
from sluicegate import Priority
from sluicegate.errors import SluicegateError
from sluicegate.json_calls import InvalidCall, call

from service.cli import standard_input
from service.cli.failures import explain
from service.cli.running import fail, run
from service.cli.target import HERE

_LONGEST_SECONDS = 604_800  # Salesforce keeps a bulk job for seven days


def command(
    method: Annotated[str, typer.Argument(help="For example RecordService/UpsertRecord.")],
    documents: Annotated[
        list[str] | None,
        typer.Argument(help="The request as JSON; several for BulkLoad; `-` reads them from standard input."),
    ] = None,
    *,
    caller: Annotated[str, typer.Option(help="Who calls, for the shares of API calls.")] = "",
    priority: Annotated[
        Priority | None,
        typer.Option(help="How much it matters when API calls run short; the RPC's own if unset."),
    ] = None,
    target: Annotated[str, typer.Option(help="Where the service listens.")] = HERE,
    timeout: Annotated[
        float | None,
        typer.Option(
            help="Deadline in seconds; if unset 60, and none for Query and BulkLoad.", min=0.001, max=_LONGEST_SECONDS
        ),
    ] = None,
) -> None:
    """Call a running service with JSON and print each response as JSON. Exit 1 if the call fails."""
    texts = [standard_input.read() if text == "-" else text for text in documents or ["{}"]]
    try:
        responses = call(target, method, texts, timeout_seconds=timeout, caller=caller, priority=priority)
        run(_print(responses))
    except InvalidCall as error:
        fail(str(error))
    except SluicegateError as error:
        typer.echo(explain(error), err=True)
        raise typer.Exit(1) from None


async def _print(responses: AsyncIterator[str]) -> None:
    async for response in responses:
        typer.echo(response)
