"""Running something until it is told to stop."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import typer


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on the fastest event loop there is.

    Args:
        main: What to run.

    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main)


def fail(message: str) -> NoReturn:
    """Print an error of the user's, each of its lines for itself, and leave with status 2."""
    for line in message.splitlines():
        typer.echo(f"sluicegate: {line}", err=True)
    raise typer.Exit(2)


async def until_stopped() -> None:
    """Wait for SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415 - not installed on Windows

    return uvloop.new_event_loop
