"""The service as a process of its own, on free ports, with the embedded org."""

import asyncio
import json
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

_SECONDS_TO_START = 30
_SECONDS_TO_STOP = 30
_LAST_LINES = 10
_SETTINGS = {
    "SLUICEGATE_GRPC__PORT": "0",
    "SLUICEGATE_ADMIN__PORT": "0",
    "SLUICEGATE_LINK_SERVER__PORT": "0",
    "SLUICEGATE_EMULATOR__PORT": "0",
    "SLUICEGATE_TELEMETRY__LOG_LEVEL": "warning",
}


class ServiceFailed(Exception):
    """The service did not start, or stopped by itself; the text holds the end of its log."""


@dataclass(slots=True)
class RunningService:
    """A service that takes calls."""

    grpc: str
    """Where it takes calls: `host:port`."""
    emulator: str
    """Base URL of the embedded org."""
    links: str
    """Base URL of the server behind the link host."""
    seconds_to_start: float
    exit_status: int | None = None
    """How it ended; None while it runs."""


@asynccontextmanager
async def running_service() -> AsyncIterator[RunningService]:
    """Start the service, and stop it with SIGTERM on leaving.

    Raises:
        ServiceFailed: It did not start in time, or serves something other than the embedded org.

    """
    with tempfile.TemporaryFile() as log:
        began = asyncio.get_running_loop().time()
        arguments = ("-m", "service", "serve", "--json")
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=PIPE, stderr=log, env=environment(os.environ)
        )
        try:
            addresses = await _addresses(process, log)
            seconds = asyncio.get_running_loop().time() - began
            service = RunningService(addresses["grpc"], addresses["emulator"], addresses["links"], seconds)
            yield service
            service.exit_status = await _stop(process)
        finally:
            await _stop(process)


def environment(caller: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the service is started with.

    The caller's own settings are left out: the demo writes thousands of records and must never do so in a real org.
    """
    return {name: value for name, value in caller.items() if not name.upper().startswith("SLUICEGATE_")} | _SETTINGS


async def _addresses(process: Process, log: BinaryIO) -> Mapping[str, str]:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _SECONDS_TO_START)
    except TimeoutError:
        raise ServiceFailed(f"the service did not start in {_SECONDS_TO_START} s{_end_of(log)}") from None
    if not line:
        raise ServiceFailed(f"the service stopped with status {await process.wait()}{_end_of(log)}")
    addresses: Mapping[str, str] = json.loads(line)
    if not addresses.get("emulator"):
        raise ServiceFailed("the service does not serve the embedded org")
    return addresses


async def _stop(process: Process) -> int:
    """Ask the process to stop, and end it if it does not."""
    if process.returncode is None:
        process.terminate()
        try:
            return await asyncio.wait_for(process.wait(), _SECONDS_TO_STOP)
        except TimeoutError:
            process.kill()
    return await process.wait()


def _end_of(log: BinaryIO) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()[-_LAST_LINES:]
    return "".join(f"\n  {line}" for line in lines)
