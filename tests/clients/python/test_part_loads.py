"""Loads by part: tokens are stored before commits, and a load goes on where its connection broke."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from grpc import StatusCode, aio
from grpc_status import rpc_status
from sluicegate import Accepted, Client, Event, Finished, PartDone, Prepared, SluicegateError
from sluicegate.v1 import bulk_load_pb2 as loads
from sluicegate.v1 import bulk_service_pb2 as pb
from sluicegate.v1 import bulk_service_pb2_grpc

PART = loads.BulkLoadPart(number=1, first_row=1, row_count=2, job_ids=["750"])
GONE = Status(code=StatusCode.UNAVAILABLE.value[0], message="replica lost")
WRONG = Status(code=StatusCode.INVALID_ARGUMENT.value[0], message="row 3 is wrong")


def accepted(token: str, **position: int) -> pb.BulkLoadResponse:
    """Return the first message down."""
    answer = pb.BulkLoadAccepted(load=loads.BulkLoad(resume_token=token))
    if position:
        answer.resume_from.CopyFrom(pb.BulkLoadPosition(**position))
    return pb.BulkLoadResponse(accepted=answer, resume_token=token)


def prepared(token: str) -> pb.BulkLoadResponse:
    """Return the message that asks for a commit."""
    return pb.BulkLoadResponse(prepared=pb.BulkLoadPrepared(part=PART, row_count=2), resume_token=token)


def done(token: str) -> pb.BulkLoadResponse:
    """Return the message that ends a part."""
    return pb.BulkLoadResponse(part_done=pb.BulkLoadPartDone(part=PART), resume_token=token)


def finished(token: str) -> pb.BulkLoadResponse:
    """Return the last message."""
    return pb.BulkLoadResponse(finished=pb.BulkLoadFinished(rows_received=2, rows_created=2), resume_token=token)


@dataclass
class Replica:
    """Answers each call as a script says: a message is sent, "data" and "commit" are waited for, a status ends it."""

    calls: list[list[Any]] = field(default_factory=list)
    headers: list[pb.BulkLoadHeader] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    """Of each call."""
    commits: list[str] = field(default_factory=list)

    async def load(
        self, requests: AsyncIterator[pb.BulkLoadRequest], context: Any
    ) -> AsyncIterator[pb.BulkLoadResponse]:
        """Answer a call."""
        script = self.calls.pop(0)
        self.headers.append((await anext(requests)).header)
        self.data.append(b"")
        for step in script:
            if step == "data":
                await self._read_data(requests)
            elif step == "commit":
                self.commits.append((await anext(requests)).commit.resume_token)
            elif isinstance(step, Status):
                await context.abort_with_status(rpc_status.to_status(step))
            else:
                yield step

    async def _read_data(self, requests: AsyncIterator[pb.BulkLoadRequest]) -> None:
        async for request in requests:
            if request.HasField("end"):
                return
            self.data[-1] += request.data


@pytest.fixture
def replica() -> Replica:
    """A scripted replica."""
    return Replica()


@pytest.fixture
async def client(replica: Replica) -> AsyncIterator[Client]:
    """A client of it."""
    server = aio.server()
    servicer = type("Servicer", (bulk_service_pb2_grpc.BulkServiceServicer,), {"BulkLoad": staticmethod(replica.load)})
    bulk_service_pb2_grpc.add_BulkServiceServicer_to_server(servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with Client(f"127.0.0.1:{port}") as connected:
        yield connected
    await server.stop(None)


async def kinds(events: AsyncIterator[Event]) -> list[type]:
    """Read all events, and return what they are."""
    return [type(event) async for event in events]


async def test_a_token_is_stored_before_its_part_is_committed(client: Client, replica: Replica):
    """Who commits knows the job by then, whatever happens next."""
    order: list[str] = []

    async def store(token: str) -> None:
        await asyncio.sleep(0)
        order.append(f"{token} stored with {len(replica.commits)} committed")

    replica.calls = [[accepted("t1"), "data", prepared("t2"), "commit", done("t3"), finished("t4")]]

    seen = await kinds(client.bulk_load("Lead", "insert", b"A\n1\n2\n", token_store=store))

    assert [Accepted, Prepared, PartDone, Finished] == seen
    assert ["t2"] == replica.commits
    assert ["t1 stored with 0 committed", "t2 stored with 0 committed"] == order[:2]
    assert ["t3 stored with 1 committed", "t4 stored with 1 committed"] == order[2:]


async def test_a_load_goes_on_by_itself(client: Client, replica: Replica):
    """The next call has the last token, and sends what the service asks for."""
    replica.calls = [
        [accepted("t1"), "data", prepared("t2"), "commit", done("t3"), GONE],
        [GONE],
        [accepted("t3", header_bytes=2, next_byte=4, next_row=2), "data", finished("t4")],
    ]

    seen = await kinds(client.bulk_load("Lead", "insert", b"A\n1\n2\n"))

    assert [Accepted, Prepared, PartDone, Accepted, Finished] == seen
    assert ["", "t3", "t3"] == [header.resume_token for header in replica.headers]
    assert [b"A\n1\n2\n", b"", b"A\n2\n"] == replica.data


@pytest.mark.parametrize("ending", [GONE, WRONG])
async def test_a_part_is_done_when_its_caller_has_seen_it(client: Client, replica: Replica, tmp_path: Path, ending):
    """A caller that dies over a part's end is told it again."""
    path = tmp_path / "token"
    replica.calls = [[accepted("t1"), "data", prepared("t2"), "commit", done("t3"), ending]]

    events = client.bulk_load("Lead", "insert", b"A\n1\n2\n", token_file=path)
    async for event in events:
        if isinstance(event, PartDone):
            break
    await events.aclose()

    assert "t2" == path.read_text(encoding="utf-8")


async def test_a_token_file_is_gone_on_with(client: Client, replica: Replica, tmp_path: Path):
    """It holds what to begin with, and is removed in the end."""
    path = tmp_path / "token"
    path.write_text("t7", encoding="utf-8")
    replica.calls = [[accepted("t7", header_bytes=2, next_byte=4, next_row=2), "data", finished("t8")]]

    await kinds(client.bulk_load("Lead", "insert", b"A\n1\n2\n", token_file=path))

    assert "t7" == replica.headers[0].resume_token
    assert [b"A\n2\n"] == replica.data
    assert not path.exists()


async def test_data_that_is_refused_is_not_sent_again(client: Client, replica: Replica, tmp_path: Path):
    """Only losses are gone on from; the token stays for the caller who corrects the data."""
    path = tmp_path / "token"
    replica.calls = [[accepted("t1"), "data", WRONG]]

    with pytest.raises(SluicegateError, match="row 3 is wrong"):
        await kinds(client.bulk_load("Lead", "insert", b"A\n1\n2\n", token_file=path))

    assert "t1" == path.read_text(encoding="utf-8")


async def test_an_iterator_cannot_go_on(client: Client, replica: Replica):
    """What was read of it is gone, so that the loss is the caller's to know."""
    replica.calls = [[accepted("t1"), "data", GONE]]

    with pytest.raises(SluicegateError, match="replica lost"):
        await kinds(client.bulk_load("Lead", "insert", iter([{"A": 1}])))


async def test_a_store_that_fails_ends_the_load(client: Client, replica: Replica):
    """Nothing is committed whose token is not safe."""

    def store(token: str) -> None:
        if token == "t2":
            raise OSError("the disk is full")

    replica.calls = [[accepted("t1"), "data", prepared("t2"), "commit", done("t3"), finished("t4")]]

    with pytest.raises(OSError, match="the disk is full"):
        await kinds(client.bulk_load("Lead", "insert", b"A\n1\n2\n", token_store=store))

    assert [] == replica.commits
