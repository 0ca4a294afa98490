"""Which connections of the link server stay open."""

import asyncio

import pytest
from structlog.testing import capture_logs

from service.admin.links import connections
from service.admin.links.connections import Connections


class Wire(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.is_open = True

    def abort(self) -> None:
        self.is_open = False


class Answering(asyncio.Protocol):
    """What answers a connection; it remembers what it was told."""

    def __init__(self, made: list["Answering"]) -> None:
        self.told: list[object] = []
        made.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, Wire)
        self.told.append(transport.number)

    def data_received(self, data: bytes) -> None:
        self.told.append(data)

    def eof_received(self) -> bool:
        self.told.append("eof")
        return True

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append(exc)


class Stage:
    """A server's connections, opened one after the other."""

    def __init__(self, most: int) -> None:
        self.answering: list[Answering] = []
        self.connections = Connections(lambda: Answering(self.answering), most=most)
        self.wires: list[Wire] = []

    def connect(self) -> asyncio.Protocol:
        """Open a connection."""
        protocol = self.connections()
        self.wires.append(Wire(len(self.wires)))
        protocol.connection_made(self.wires[-1])
        return protocol

    @property
    def open(self) -> list[int]:
        """The connections that were not ended, by number."""
        return [wire.number for wire in self.wires if wire.is_open]


async def passed() -> None:
    """Let timers of no time run."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_what_happens_is_handed_on():
    """What answers a connection notices nothing of what watches it."""
    stage = Stage(most=1)

    connection = stage.connect()
    connection.data_received(b"GET")
    connection.pause_writing()
    connection.resume_writing()
    is_kept = connection.eof_received()
    connection.connection_lost(None)

    assert is_kept
    assert [0, b"GET", "pause", "resume", "eof", None] == stage.answering[0].told
    assert 0 == len(stage.connections)


async def test_the_longest_idle_makes_room():
    """Who has asked lately, or is being answered, stays."""
    stage = Stage(most=3)
    for _ in range(3):
        stage.connect()
    with stage.connections.answering(stage.answering[0]):
        pass

    with stage.connections.answering(stage.answering[1]):
        for _ in range(2):
            stage.connect()

    assert [1, 3, 4] == stage.open
    assert 3 == len(stage.connections)


async def test_while_all_are_answered_none_is_let_in():
    """A new one is closed without being looked at; that is logged once, and one that ends makes room again."""
    stage = Stage(most=1)
    first = stage.connect()

    with capture_logs() as told, stage.connections.answering(stage.answering[0]):
        for _ in range(3):
            refused = stage.connect()
            refused.data_received(b"GET")
            assert not refused.eof_received()
            refused.connection_lost(None)
    first.connection_lost(None)
    stage.connect()

    assert [0, 4] == stage.open
    assert [[0, None], [], [], [], [4]] == [each.told for each in stage.answering]
    assert [1] == [entry["most"] for entry in told]


async def test_one_that_ends_while_it_is_answered():
    """It is counted no more."""
    stage = Stage(most=1)
    connection = stage.connect()

    with stage.connections.answering(stage.answering[0]):
        connection.connection_lost(ConnectionResetError())
    with stage.connections.answering(stage.answering[0]):
        pass

    assert 0 == len(stage.connections)


async def test_one_that_never_asks_is_ended(monkeypatch):
    """Bytes that are no whole request do not help it; one that was asked on stays."""
    monkeypatch.setattr(connections, "SILENT_SECONDS", 0)
    stage = Stage(most=2)
    stage.connect().data_received(b"GET /l HTTP/1.1\r\nX: ")
    stage.connect()

    with stage.connections.answering(stage.answering[1]):
        await passed()

    assert [1] == stage.open


@pytest.mark.parametrize("is_read", [True, False])
async def test_one_that_reads_nothing_is_ended(monkeypatch, *, is_read):
    """It is not waited for; one that goes on reading stays."""
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0)
    stage = Stage(most=1)
    connection = stage.connect()

    connection.pause_writing()
    if is_read:
        connection.resume_writing()
    await passed()

    assert is_read == bool(stage.open)


async def test_more_than_a_request_is_not_taken():
    """Whoever sends on without a request coming of it is cut off, and what answers gets no more of it."""
    stage = Stage(most=1)
    connection = stage.connect()

    connection.data_received(b"x" * (connections.MOST_BYTES - 1))
    before = stage.open
    connection.data_received(b"xy")

    assert ([0], []) == (before, stage.open)
    assert [0, b"x" * (connections.MOST_BYTES - 1)] == stage.answering[0].told


async def test_each_request_may_be_as_long():
    """What came before the last one counts no more."""
    stage = Stage(most=1)
    connection = stage.connect()

    for _ in range(3):
        connection.data_received(b"x" * connections.MOST_BYTES)
        with stage.connections.answering(stage.answering[0]):
            pass

    assert [0] == stage.open
