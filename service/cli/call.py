"""`sluicegate call`."""

import json
import sys
from typing import Annotated

import typer
from sluicegate.errors import SluicegateError
from sluicegate.json_calls import InvalidCall, call

from service.cli.running import fail, run


def command(
    method: Annotated[str, typer.Argument(help="For example RecordService/UpsertRecord.")],
    documents: Annotated[
        list[str] | None, typer.Argument(help="The request as JSON; several for BulkLoad; `-` reads standard input.")
    ] = None,
    *,
    target: Annotated[str, typer.Option(help="Where the service listens.")] = "127.0.0.1:50051",
    timeout: Annotated[float | None, typer.Option(help="Deadline in seconds.", min=0)] = 60,
) -> None:
    """Call a running service with JSON and print each response as JSON. Exit 1 if the call fails."""
    texts = [sys.stdin.read() if text == "-" else text for text in documents or ["{}"]]
    try:
        run(_call(target, method, texts, timeout_seconds=timeout))
    except InvalidCall as error:
        fail(str(error))
    except SluicegateError as error:
        typer.echo(_explain(error), err=True)
        raise typer.Exit(1) from None


async def _call(target: str, method: str, documents: list[str], *, timeout_seconds: float | None) -> None:
    async for response in call(target, method, documents, timeout_seconds=timeout_seconds):
        typer.echo(response)


def _explain(error: SluicegateError) -> str:
    facts = {
        "code": error.code,
        "reason": error.reason,
        "message": error.message,
        "metadata": dict(error.metadata),
        "violations": {violation.field: violation.description for violation in error.violations},
        "retry_after_seconds": error.retry_after_seconds,
    }
    return json.dumps({name: value for name, value in facts.items() if value}, indent=2, ensure_ascii=False)
