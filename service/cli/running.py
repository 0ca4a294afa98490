"""Running something until it is told to stop."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import typer

_STOPPING = (signal.SIGTERM, signal.SIGINT)
_COLLECT_AFTER = (10_000, 20, 10)
"""New containers, and then rounds, after which garbage is looked for among the young, the middle-aged and the old."""
_KEPT_BYTES = 8_388_608
"""Blocks up to this size are had again without asking the system for them."""


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on the fastest event loop there is.

    Args:
        main: What to run.

    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main)


def settle_memory() -> None:
    """Take what the start has made out of the garbage collector's sight, and have freed memory kept for the next use.

    A hundred thousand objects live as long as the process; to look through them again and again would take a tenth of
    its processor time and hold up every call for 50 milliseconds each time. What calls leave behind is freed by
    counting references; cycles among it are found a little later than by default.

    glibc gives a freed block of 128 KiB back to the system, and has the next one cleared page by page: half a second of
    processor time for each gigabyte that passes in messages of a megabyte. It learns from the largest block that it
    saw freed, as far as 32 MiB, so it is shown one, which is never written to; it keeps twice as much at most
    (mallopt(3), `M_MMAP_THRESHOLD` and `M_TRIM_THRESHOLD`). Elsewhere this has no effect.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    bytearray(_KEPT_BYTES)


def fail(message: str) -> NoReturn:
    """Print an error of the user's, each of its lines for itself, and leave with status 2."""
    for line in message.splitlines():
        typer.echo(f"sluicegate: {line}", err=True)
    raise typer.Exit(2)


async def until_stopped() -> None:
    """Wait for SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOPPING:
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def cancel_when_stopped() -> None:
    """Have SIGTERM and SIGINT cancel the task that calls this."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    for number in _STOPPING:
        loop.add_signal_handler(number, task.cancel)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415 - not installed on Windows

    return uvloop.new_event_loop
