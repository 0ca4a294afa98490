"""The shared store on a real Valkey: what it leaves there, and what becomes of it when the server is not well."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis

from service.clock import SystemClock
from service.emulator.tls import make_certificate, server_context
from service.errors import SharedStoreUnavailable
from service.request_ids.store import Abandoned, Done, Granted, Ticket, Working
from service.request_ids.valkey import ValkeyStore
from tests.support.valkey import valkey_process

TICKET = Ticket("key", b"digest", "one")
OTHER = Ticket("key", b"digest", "other")
ENTRY = "test:request:1:key"
PASSWORD = "hunter2-%40-hunter2"


@pytest.fixture
async def store(shared, client) -> AsyncIterator[ValkeyStore]:
    """A store in it."""
    async with ValkeyStore(shared.url, prefix="test:") as opened:
        yield opened


@pytest.fixture
def logged(monkeypatch) -> list[tuple[str, dict[str, Any]]]:
    """What the store logs."""
    lines: list[tuple[str, dict[str, Any]]] = []

    def write(event: str, **facts: Any) -> None:
        lines.append((event, facts))

    monkeypatch.setattr("service.request_ids.valkey._log", SimpleNamespace(warning=write, info=write))
    return lines


async def test_an_entry_outlives_its_day_by_nothing(store, client):
    """Whatever its state, an entry is one hash that expires after 24 hours."""
    left = []
    for step in (store.claim(TICKET), store.renew(TICKET), store.finish(TICKET, b"content")):
        await step
        left.append(await client.pttl(ENTRY))

    assert [ENTRY.encode()] == await client.keys()
    assert all(86_390_000 < milliseconds <= 86_400_000 for milliseconds in left)


async def test_what_is_done_tells_how_long_it_is_kept(store, client):
    """A replica that reads an outcome forgets it when the store does."""
    await store.finish(TICKET, b"content")
    await client.pexpire(ENTRY, 5_000)

    found = await store.claim(OTHER)

    assert isinstance(found, Done)
    assert (b"digest", b"content") == (found.digest, found.content)
    assert 4 < found.seconds_left <= 5


async def test_each_step_may_be_repeated(store):
    """A command whose answer got lost is sent again, and changes nothing."""
    claims = [await store.claim(TICKET) for _ in range(2)]
    for _ in range(2):
        await store.renew(TICKET)
    for _ in range(2):
        await store.finish(TICKET, b"content")
    await store.release(TICKET)
    await store.renew(TICKET)

    found = await store.claim(TICKET)

    assert [Granted(), Granted()] == claims
    assert isinstance(found, Done)


async def test_a_stranger_changes_nothing(store, logged):
    """Only the holder of the ticket renews, finishes or releases; that two carried it out is worth a line."""
    await store.claim(TICKET)

    await store.renew(OTHER)
    await store.finish(OTHER, b"content")
    await store.release(OTHER)

    assert Working(b"digest") == await store.claim(OTHER)
    assert 1 == len(logged)
    assert "may have been made twice" in logged[0][0]


async def test_an_entry_that_is_released_is_gone(store, client):
    """The next one may carry the request out."""
    await store.claim(TICKET)

    await store.release(TICKET)

    assert [] == await client.keys()
    assert Granted() == await store.claim(OTHER)


async def test_a_lease_that_ended_is_remembered_and_mended_by_its_holder(shared, client):
    """Everyone is told that the request was abandoned, until its holder renews it or tells its outcome."""
    async with (
        ValkeyStore(shared.url, prefix="test:", lease_seconds=0.05) as store,
        ValkeyStore(shared.url, prefix="test:", lease_seconds=600) as lasting,
    ):
        await store.claim(TICKET)
        await asyncio.sleep(0.06)
        silent = [await store.claim(OTHER) for _ in range(2)]
        await lasting.renew(TICKET)
        renewed = await store.claim(OTHER)
        await store.renew(TICKET)
        await asyncio.sleep(0.06)
        again = await store.claim(OTHER)
        await store.finish(TICKET, b"content")
        done = await store.claim(OTHER)

    assert [Abandoned(b"digest")] * 2 == silent
    assert (Working(b"digest"), Abandoned(b"digest")) == (renewed, again)
    assert isinstance(done, Done)


async def test_a_renewal_brings_back_what_the_server_lost(store, client):
    """A server that was started anew learns that the request is being carried out."""
    await store.claim(TICKET)
    await client.flushall()
    await client.script_flush()

    await store.renew(TICKET)

    assert Working(b"digest") == await store.claim(OTHER)


async def test_many_at_once_share_few_connections(store, client):
    """The connections are bounded, and whoever waits for one gets it in turn, also while others keep coming."""

    async def keep_claiming(name: int) -> list[object]:
        return [await store.claim(Ticket(f"key-{name}-{number}", b"d", "one")) for number in range(20)]

    claims = await asyncio.gather(*(keep_claiming(name) for name in range(50)))

    connections = [item for item in await client.client_list() if item["cmd"] == "evalsha"]
    assert [[Granted()] * 20] * 50 == claims
    assert 1 <= len(connections) <= 16


@pytest.mark.parametrize(
    "spoil",
    [
        lambda client: client.set(ENTRY, "text"),
        lambda client: client.hset(ENTRY, "state", "married"),
        lambda client: client.hset(ENTRY, "unrelated", "1"),
        lambda client: client.hset(ENTRY, mapping={"state": "done", "digest": "d"}),
        lambda client: client.hset(ENTRY, mapping={"state": "pending", "digest": "d", "until": "soon"}),
    ],
)
async def test_an_entry_of_someone_else_is_no_leave_to_write(store, client, spoil):
    """What cannot be read refuses the request."""
    await spoil(client)

    with pytest.raises(SharedStoreUnavailable) as raised:
        await store.claim(TICKET)

    assert 1.0 == raised.value.retry_after_seconds


async def test_a_server_that_dies_refuses_at_once_and_is_used_again_when_it_is_back(logged):
    """Nothing waits for it, connections of before do no harm, and each change is logged once."""
    async with valkey_process() as server, ValkeyStore(server.url, prefix="test:") as store:
        await store.claim(TICKET)
        await server.kill()
        for _ in range(3):
            with pytest.raises(SharedStoreUnavailable):
                await store.claim(TICKET)
        await server.restart()

        found = await store.claim(OTHER)

    assert Granted() == found
    assert ["the shared store cannot be used; requests with an id are refused", "the shared store answers again"] == [
        event for event, _ in logged
    ]


async def test_a_server_that_is_silent_costs_a_second(logged):
    """Old and new connections alike are given up, however many ask; afterwards the server is used again."""
    async with valkey_process() as server, ValkeyStore(server.url, prefix="test:") as store:
        await store.claim(TICKET)
        clock = SystemClock()
        with server.frozen():
            began = clock.monotonic()
            found = await asyncio.gather(*(store.claim(TICKET) for _ in range(50)), return_exceptions=True)
            took = clock.monotonic() - began

        assert {SharedStoreUnavailable} == {type(outcome) for outcome in found}
        # One after the other they would take 50 seconds.
        assert took < 25
        assert Granted() == await store.claim(TICKET)


async def test_a_server_without_room_refuses(logged):
    """What cannot be remembered is not made."""
    async with valkey_process(maxmemory="1mb") as server, ValkeyStore(server.url, prefix="test:") as store:
        finished = 0
        with suppress(SharedStoreUnavailable):
            while finished < 1_000:
                await store.finish(Ticket(f"key-{finished}", b"d", "one"), bytes(10_000))
                finished += 1
        with pytest.raises(SharedStoreUnavailable):
            await store.claim(TICKET)


@pytest.mark.parametrize("user", ["", "default"])
async def test_a_password_is_used_and_told_to_nobody(logged, user):
    """What is special in it is percent-encoded; a wrong one refuses without showing itself."""
    async with valkey_process() as server:
        async with Redis(port=server.port) as client:
            await client.config_set("requirepass", "hunter2-@-hunter2")
        url = f"valkey://{user}:{PASSWORD}@127.0.0.1:{server.port}/3"
        async with ValkeyStore(url, prefix="test:") as store:
            right = await store.claim(TICKET)
        async with ValkeyStore(url.replace("hunter2@", "hunter3@"), prefix="test:") as wrong:
            with pytest.raises(SharedStoreUnavailable) as raised:
                await wrong.claim(TICKET)

    assert Granted() == right
    assert "hunter" not in f"{logged} {raised.value} {raised.value.__cause__!r} {raised.value.metadata} {wrong!r}"
    assert [{"cause": "AuthenticationError"}] == [facts for _, facts in logged]


Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(behave: Behave, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve on a free port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behave(reader, writer)
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"+OK\r\n",
        b":1\r\n",
        b"$-1\r\n",
        b"*0\r\n",
        b"*x\r\n",
        b"$9999999999999\r\n",
        b"*2\r\n$7\r\ngranted\r\n$1\r\nx\r\n",
        b"*4\r\n$4\r\ndone\r\n$1\r\nd\r\n$-1\r\n:5\r\n",
        b"*4\r\n$4\r\ndone\r\n$1\r\nd\r\n$1\r\nc\r\n$1\r\nx\r\n",
        b"-ERR \xff\xfe\r\n",
        b"*1\r\n" * 3_000,
        b"\x00" * 100,
        b"",
    ],
)
async def test_a_server_that_is_no_store_writes_nothing(logged, answer):
    """Whatever it answers, the request is refused."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        await writer.drain()

    async with listening(behave) as port, ValkeyStore(f"redis://127.0.0.1:{port}", prefix="test:") as store:
        with pytest.raises(SharedStoreUnavailable):
            await store.claim(TICKET)


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
async def test_tls_is_spoken_and_verified(shared, client, monkeypatch, tmp_path, scheme):
    """A certificate that nobody vouches for is refused; one of the machine's authorities is taken."""
    files = make_certificate(tmp_path)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_connection("127.0.0.1", shared.port)

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                target.write(data)
            target.close()

        await asyncio.gather(copy(reader, downstream), copy(upstream, writer))

    async with listening(pass_on, server_context(files)) as port:
        url = f"{scheme}s://localhost:{port}"
        async with ValkeyStore(url, prefix="test:") as store:
            with pytest.raises(SharedStoreUnavailable):
                await store.claim(TICKET)
        monkeypatch.setenv("SSL_CERT_FILE", str(files.certificate_file))
        async with ValkeyStore(url, prefix="test:") as store:
            found = await store.claim(TICKET)

    assert Granted() == found
