"""Processes that run the `sluicegate` command, forked from one that has imported it.

To import the service takes longer than most of what tests do with it. Everything else is as in a process that was
started from nothing: it has a number, an environment and standard streams of its own, and dies by any signal.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
import tempfile
from asyncio import StreamReader, StreamReaderProtocol
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from multiprocessing.reduction import DupFd
from typing import IO, Any

from service.cli import main

_forks = multiprocessing.get_context("forkserver")
# `__main__` too: each process would import pytest otherwise. The store's client is imported by those that have a store.
_COMMANDS = ("serve", "emulate", "query", "bulk", "link")
_forks.set_forkserver_preload(["__main__", __name__, *(f"service.cli.{name}" for name in _COMMANDS), "service.valkey"])

Stream = int | IO[Any]
"""PIPE, DEVNULL or a file."""


class ForkedProcess:
    """A running command, to be used as `asyncio.subprocess.Process` is.

    Args:
        process: The process, started.
        outputs: What it writes, of the streams that are pipes: its output and what it says beside it.

    Attributes:
        stdout: Its output, if that is a pipe.
        stderr: What it says beside it, likewise.

    """

    def __init__(self, process: Any, outputs: Mapping[int, StreamReader]) -> None:
        self._process = process
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._ended.get_loop().add_reader(process.sentinel, self._end)
        self.stdout, self.stderr = outputs.get(1), outputs.get(2)

    @property
    def pid(self) -> int:
        """Its number."""
        number: int = self._process.pid
        return number

    @property
    def returncode(self) -> int | None:
        """Its status once it has ended; that of a signal is negative."""
        return self._ended.result() if self._ended.done() else None

    def kill(self) -> None:
        """End it as a crash would."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send a signal; nothing happens if it has ended."""
        if not self._ended.done():
            # It may be over, and nobody has told so yet.
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def wait(self) -> int:
        """Wait for its end, and return its status."""
        return await asyncio.shield(self._ended)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for its end, and return what it wrote to pipes."""
        outputs = await asyncio.gather(*(each.read() if each else _nothing() for each in (self.stdout, self.stderr)))
        await self.wait()
        return outputs[0], outputs[1]

    def _end(self) -> None:
        self._ended.get_loop().remove_reader(self._process.sentinel)
        self._process.join()
        self._ended.set_result(self._process.exitcode)


@asynccontextmanager
async def forked(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    stdin: Stream = DEVNULL,
    stdout: Stream = PIPE,
    stderr: Stream = DEVNULL,
) -> AsyncIterator[ForkedProcess]:
    """Run the command until it ends, or until it is killed on leaving; what it left of temporary files goes with it.

    Args:
        arguments: Those of `sluicegate`.
        environment: Variables beside the caller's own, of which those of Sluicegate are left out.
        stdin: What it reads; no pipe.
        stdout: Where it writes.
        stderr: Where it says what goes wrong.

    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
    outputs: dict[int, StreamReader] = {}
    async with AsyncExitStack() as stack:
        # Who is killed cannot clear up.
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        variables = {**inherited, "TMPDIR": folder, **(environment or {})}
        with ExitStack() as starting:
            streams = []
            for number, stream in enumerate((stdin, stdout, stderr)):
                if stream == PIPE:
                    read, written = os.pipe()
                    outputs[number] = await _reader(stack, read)
                else:
                    written = os.open(os.devnull, os.O_RDWR) if isinstance(stream, int) else os.dup(stream.fileno())
                starting.callback(os.close, written)
                streams.append(_Descriptor(written))
            process = _forks.Process(target=_run, args=(arguments, variables, streams))
            process.daemon = True
            process.start()
        running = ForkedProcess(process, outputs)
        try:
            yield running
        finally:
            running.kill()
            await running.wait()


class _Descriptor:
    """A file that a process gets, whatever number it has there."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (DupFd(self.number),)


def _received(duplicate: Any) -> _Descriptor:
    return _Descriptor(duplicate.detach())


def _run(arguments: Sequence[str], environment: Mapping[str, str], streams: Sequence[_Descriptor]) -> None:
    """Be the process."""
    for number, stream in enumerate(streams):
        os.dup2(stream.number, number)
        os.close(stream.number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it lives as long as the process
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    sys.argv = ["sluicegate", *arguments]
    main()


async def _reader(stack: AsyncExitStack, number: int) -> StreamReader:
    reader = StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: StreamReaderProtocol(reader), os.fdopen(number, "rb", buffering=0)
    )
    stack.callback(transport.close)
    return reader


async def _nothing() -> bytes:
    return b""
