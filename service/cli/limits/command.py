"""The command: one look or a watch, for a person or a program."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import typer
from rich.console import Console
from rich.live import Live
from sluicegate import Client, SluicegateError
from sluicegate.json_calls import InvalidCall, call

from service.cli.failures import explain
from service.cli.limits.view import view
from service.cli.running import cancel_when_stopped, fail, run
from service.cli.target import HERE, check_target

T = TypeVar("T")

_ANEW_SECONDS = 1.0
"""Pause before a watch is begun anew, so that one replica that drains is not asked all the time."""


def command(
    *,
    org: Annotated[str, typer.Option(help="Name of the configured org; the default org if unset.")] = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two looks with --watch.", min=1, max=60)] = 2,
    ask_salesforce: Annotated[
        bool, typer.Option("--ask-salesforce", help="Also read Salesforce's own limits, by one API call a look.")
    ] = False,
    output: Annotated[
        Literal["table", "json"], typer.Option("--output", "-o", help="`json` prints an object, or a line a look.")
    ] = "table",
    target: Annotated[str, typer.Option(help="Where the service listens.")] = HERE,
    timeout: Annotated[
        float, typer.Option(help="Deadline in seconds of a call without --watch.", min=0.001, max=3600)
    ] = 30,
) -> None:
    """Show how an org's API calls stand, who uses them, and when they will be used up.

    It costs no API call. Exit 1 if the call fails.
    """
    check_target(target)
    show = _print_json if output == "json" else _print_tables
    try:
        run(show(Question(target, org, interval if watch else None, timeout, ask_salesforce=ask_salesforce)))
    except InvalidCall as error:
        fail(str(error))
    except SluicegateError as error:
        typer.echo(explain(error), err=True)
        raise typer.Exit(1) from None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of whom, and how often."""

    target: str
    org: str
    interval: float | None
    """Seconds between two looks; None for a single one."""
    timeout: float
    ask_salesforce: bool

    def request(self) -> str:
        """Return it as the JSON of a GetLimitsRequest or WatchLimitsRequest."""
        if self.interval is None:
            return json.dumps({"org": self.org, "known_only": not self.ask_salesforce})
        return json.dumps({"org": self.org, "interval": f"{self.interval:.3f}s", "ask_salesforce": self.ask_salesforce})


async def _print_json(question: Question) -> None:
    target, request = question.target, question.request()
    if question.interval is None:
        async for text in call(target, "OrgService/GetLimits", [request], timeout_seconds=question.timeout):
            typer.echo(json.dumps(json.loads(text)["limits"], indent=2, ensure_ascii=False))
        return
    async for text in _watch(lambda: call(target, "OrgService/WatchLimits", [request])):
        typer.echo(json.dumps(json.loads(text)["limits"], ensure_ascii=False))


async def _print_tables(question: Question) -> None:
    console = Console()
    async with Client(question.target, org=question.org, timeout_seconds=question.timeout) as client:
        interval, ask = question.interval, question.ask_salesforce
        if interval is None:
            console.print(view(await client.get_limits(known_only=not ask)))
            return
        looks = _watch(lambda: client.watch_limits(interval, ask_salesforce=ask))
        if not console.is_terminal:
            async for limits in looks:
                console.print(view(limits))
            return
        # Without its own thread: a look is drawn when it comes.
        with Live(console=console, auto_refresh=False) as live:
            async for limits in looks:
                live.update(view(limits), refresh=True)


async def _watch(begin: Callable[[], AsyncIterator[T]]) -> AsyncIterator[T]:
    """Yield looks until a signal comes: someone has seen enough. Another replica goes on for one that is to stop."""
    cancel_when_stopped()
    try:
        while True:
            try:
                async for look in begin():
                    yield look
            except SluicegateError as error:
                if error.reason != "SHUTTING_DOWN":
                    raise
            await asyncio.sleep(_ANEW_SECONDS)
    except asyncio.CancelledError:
        # By the signal: nobody else cancels a command.
        return
