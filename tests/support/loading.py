"""A caller of bulk loads that keeps its token in a file, and the replicas that it calls, in processes of their own."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from grpc import aio
from sluicegate.v1 import bulk_service_pb2 as pb
from sluicegate.v1.bulk_load_pb2 import BulkRowOutcome
from sluicegate.v1.bulk_service_pb2_grpc import BulkServiceStub

from service.settings import OrgSettings
from tests.support.forked import ForkedProcess, forked

KEYS = {"2026": "k" * 40}


class Left(Exception):
    """The caller died."""


class LoadReplica:
    """A service in a process of its own.

    Attributes:
        loads: Calls it.
        address: Where it listens.

    """

    def __init__(self, process: ForkedProcess, loads: Any, address: str) -> None:
        self._process = process
        self.loads = loads
        self.address = address

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended."""
        return self._process.returncode is not None

    async def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        await self._process.wait()

    async def has_died(self) -> int:
        """Wait for its end."""
        return await self._process.wait()


@asynccontextmanager
async def load_replica(
    prod: OrgSettings, folder: Path, *, failpoints: Mapping[str, int] | None = None, port: int = 0, store: str = ""
) -> AsyncIterator[LoadReplica]:
    """Run a replica that dies where it is told to, with a store to share if it has an address."""
    settings = {
        "grpc": {"port": port},
        "admin": {"port": 0},
        "link_server": {"port": 0},
        "orgs": {"prod": prod.model_dump(mode="json", exclude_none=True)},
        "token_keys": KEYS,
        "failpoints": dict(failpoints or {}),
        "shared_store": {"url": store} if store else {},
    }
    path = folder / f"{'-'.join(failpoints or ['whole'])}.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    async with forked("serve", "--json", environment={"SLUICEGATE_CONFIG": str(path)}) as process:
        assert process.stdout is not None
        address = json.loads(await process.stdout.readline())["grpc"]
        async with aio.insecure_channel(address) as channel:
            yield LoadReplica(process, BulkServiceStub(channel), address)


@dataclass
class FileCaller:
    """Loads a file by parts, and stores each token before it goes on.

    Attributes:
        header: What is loaded, and how; without token.
        data: The file.
        token_file: Where the token is stored.

    """

    header: pb.BulkLoadHeader
    data: bytes
    token_file: Path
    rows: dict[int, str] = field(default_factory=dict)
    """Outcome by row, as results told it."""
    finished: pb.BulkLoadFinished | None = None
    seen: int = 0
    """How many messages came."""
    on_message: Callable[[pb.BulkLoadResponse], None] = lambda response: None
    """Called before a message is looked at; may raise `Left`."""
    before_commit: Callable[[pb.BulkLoadResponse], None] = lambda response: None
    after_commit: Callable[[pb.BulkLoadResponse], None] = lambda response: None

    async def call(self, loads: Any) -> None:
        """Begin the load or go on with it, until it has finished.

        Raises:
            grpc.aio.AioRpcError: The call failed.
            Left: The caller was told to die.

        """
        header = pb.BulkLoadHeader()
        header.CopyFrom(self.header)
        header.resume_token = self.token_file.read_text() if self.token_file.exists() else ""
        outgoing: asyncio.Queue[pb.BulkLoadRequest] = asyncio.Queue()
        outgoing.put_nowait(pb.BulkLoadRequest(header=header))
        call = loads.BulkLoad()
        sender = asyncio.create_task(_send(call, outgoing))
        try:
            async for response in call:
                self.seen += 1
                self.on_message(response)
                self._take(response, outgoing)
        finally:
            call.cancel()
            sender.cancel()
            await asyncio.wait([sender])

    def _take(self, response: pb.BulkLoadResponse, outgoing: "asyncio.Queue[pb.BulkLoadRequest]") -> None:
        kind = response.WhichOneof("event")
        self._store(response.resume_token)
        if kind == "accepted":
            for piece in self._pieces(response.accepted):
                outgoing.put_nowait(pb.BulkLoadRequest(data=piece))
            outgoing.put_nowait(pb.BulkLoadRequest(end=pb.BulkLoadEnd()))
        elif kind == "results":
            self.rows.update({row.row: BulkRowOutcome.Name(row.outcome)[17:] for row in response.results.rows})
        elif kind == "prepared":
            self.before_commit(response)
            commit = pb.BulkLoadCommit(part=response.prepared.part.number, resume_token=response.resume_token)
            outgoing.put_nowait(pb.BulkLoadRequest(commit=commit))
            self.after_commit(response)
        elif kind == "finished":
            self.finished = response.finished

    def _store(self, token: str) -> None:
        """Write the token so that a crash leaves the one before or this one."""
        written = self.token_file.with_suffix(".new")
        written.write_text(token)
        written.replace(self.token_file)

    def _pieces(self, accepted: pb.BulkLoadAccepted) -> list[bytes]:
        data = self.data
        if accepted.HasField("resume_from"):
            data = data[: accepted.resume_from.header_bytes] + data[accepted.resume_from.next_byte :]
        return [data[start : start + 65_536] for start in range(0, len(data), 65_536)]


async def _send(call: Any, outgoing: "asyncio.Queue[pb.BulkLoadRequest]") -> None:
    # A call that is over takes no message; who reads it learns why.
    with suppress(aio.AioRpcError, asyncio.InvalidStateError):
        while True:
            await call.write(await outgoing.get())
