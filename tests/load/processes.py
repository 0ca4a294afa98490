"""Servers under measurement, each a process of its own."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SECONDS_TO_START = 60
_SECONDS_TO_STOP = 30
_LEAST_PROCESSORS = 2


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    pid: int
    addresses: Mapping[str, Any]
    """What it printed when it was ready."""

    def cpu_seconds(self) -> float:
        """Return the processor time it has used so far; 0 where the system does not tell (anything but Linux)."""
        return cpu_seconds(self.pid)


@asynccontextmanager
async def running(*arguments: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[Server]:
    """Start `python -m <arguments>`, wait for its one line of JSON, and stop it with SIGTERM on leaving.

    Args:
        arguments: Module and arguments.
        environment: Variables beside the caller's own, of which those of Sluicegate are left out.

    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, stdout=PIPE, env={**inherited, **(environment or {})}
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _SECONDS_TO_START)
        if not line:
            raise RuntimeError(f"{arguments[0]} ended with status {await process.wait()} before it was ready")
        yield Server(process.pid, json.loads(line))
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _SECONDS_TO_STOP)
        except TimeoutError:
            process.kill()
            await process.wait()


@contextmanager
def apart(measured: Iterable[int], others: Iterable[int]) -> Iterator[bool]:
    """Let some processes have a processor of their own, one after the other, and give the rest to those around them.

    What a server does then depends on its own work alone, and not on who else wants a processor. Yields whether it
    could be done: it takes Linux, and two processors at least.

    Args:
        measured: Numbers of the processes that get the first processor.
        others: Numbers of those that get the rest.

    """
    processors = _processors()
    if len(processors) < _LEAST_PROCESSORS:
        yield False
        return
    with _kept({**dict.fromkeys(measured, processors[:1]), **dict.fromkeys(others, processors[1:])}, processors):
        yield True


@contextmanager
def together(*pids: int) -> Iterator[bool]:
    """Let processes that work one after the other share a processor. Yields whether it could be done: it takes Linux.

    Args:
        pids: Numbers of the processes.

    """
    processors = _processors()
    if not processors:
        yield False
        return
    with _kept(dict.fromkeys(pids, processors[-1:]), processors):
        yield True


def _processors() -> list[int]:
    """Return the processors that this process may use; none where the system does not tell (anything but Linux)."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@contextmanager
def _kept(places: Mapping[int, Sequence[int]], processors: Sequence[int]) -> Iterator[None]:
    """Bind processes to processors, and in the end to all of them again."""
    try:
        for pid, own in places.items():
            _keep_to(pid, own)
        yield
    finally:
        for pid in places:
            _keep_to(pid, processors)


def _keep_to(pid: int, processors: Iterable[int]) -> None:
    """Bind every thread of a process; those that it starts later inherit it."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        # It may have ended since.
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), processors)


def service_on(upstream: Server, **settings: object) -> dict[str, str]:
    """Return the variables that point a service at a static upstream instead of its embedded org.

    Args:
        upstream: The upstream.
        settings: Further settings of the org, by section.

    """
    # The upstream lets everyone in, so any file serves as the secret.
    org = {
        "login_url": upstream.addresses["url"],
        "auth": {"flow": "client_credentials", "client_id": "load", "client_secret_file": str(Path(__file__))},
        **settings,
    }
    return {**FREE_PORTS, "SLUICEGATE_ORGS": json.dumps({"static": org})}


FREE_PORTS = {
    "SLUICEGATE_GRPC__PORT": "0",
    "SLUICEGATE_GRPC__DRAIN_SECONDS": "0",
    "SLUICEGATE_ADMIN__PORT": "0",
    "SLUICEGATE_LINK_SERVER__PORT": "0",
    "SLUICEGATE_EMULATOR__PORT": "0",
    "SLUICEGATE_TELEMETRY__LOG_LEVEL": "error",
}
"""Variables of any service under measurement."""


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used in user and system mode; 0 where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return 0.0
    # The command may hold spaces and parentheses; what follows its last parenthesis starts with field 3.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds; 0 where the system does not tell (anything but Linux)."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
