"""Connections that are cut, as a peer on the socket sees it."""

import asyncio
import ssl
from urllib.parse import urlsplit

import httpx
import pytest

from service.emulator.disturbances import Drop
from service.emulator.effects import TurnAway
from service.emulator.server import Emulator, EmulatorConfig


async def opened(emulator: Emulator) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(emulator.url)
    return await asyncio.open_connection(address.hostname, address.port)


def head(emulator: Emulator, length: int) -> bytes:
    """Return the head of a request that creates an account."""
    return (
        "POST /services/data/v66.0/sobjects/Account HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {emulator.credentials.access_token}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def test_a_connection_is_reset_when_it_is_accepted(emulator):
    """As many connections as told are reset before a byte is sent, later ones serve; connections there are stay."""
    emulator.disturbances.add(TurnAway(), times=2)

    for _ in range(2):
        reader, writer = await opened(emulator)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.close()
    async with httpx.AsyncClient(base_url=emulator.url, trust_env=False, timeout=60) as client:
        served = await client.get("/services/data")
        emulator.disturbances.add(TurnAway())
        kept = await client.get("/services/data")

    assert [200, 200] == [served.status_code, kept.status_code]


async def test_a_connection_with_tls_is_reset_when_it_is_accepted(keys):
    """With TLS the connection is reset, too."""
    async with Emulator(EmulatorConfig(directory=keys, tls=True)) as emulator:
        emulator.disturbances.add(TurnAway())
        trusted = ssl.create_default_context(cafile=str(emulator.credentials.certificate_file))
        async with httpx.AsyncClient(base_url=emulator.url, verify=trusted, trust_env=False, timeout=60) as client:
            with pytest.raises(httpx.TransportError):
                await client.get("/services/data")
            served = await client.get("/services/data")

    assert 200 == served.status_code


async def test_a_request_is_cut_in_the_middle_of_its_body(emulator):
    """Half of the body is read, then the peer that still writes is reset; nothing was written."""
    emulator.disturbances.add(Drop(mid_request=True, reset=True), method="POST")
    body = b'{"Name": "Acme"}'
    reader, writer = await opened(emulator)

    writer.write(head(emulator, len(body)) + body[: len(body) // 2])
    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    writer.close()

    assert 0 == emulator.org.count("Account")


async def test_a_request_is_not_cut_before_half_of_its_body_came(emulator):
    """The cut waits for the body's half, so a test decides how much was sent when it comes."""
    emulator.disturbances.add(Drop(mid_request=True, reset=True), method="POST")
    body = b'{"Name": "Acme"}'
    reader, writer = await opened(emulator)

    writer.write(head(emulator, len(body)) + body[: len(body) // 2 - 1])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.05)
    writer.write(body[len(body) // 2 - 1 :])
    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    writer.close()


async def test_a_request_of_chunks_is_cut(client, emulator):
    """A body whose length nobody told is cut after its first piece."""
    emulator.disturbances.add(Drop(mid_request=True, reset=True), method="POST")

    async def pieces():
        yield b'{"Name": '
        yield b'"Acme"}'

    with pytest.raises(httpx.TransportError):
        await client.post("/sobjects/Account", content=pieces())

    assert 0 == emulator.org.count("Account")


async def test_the_next_requests_of_a_resource_are_cut(client, emulator):
    """A cut hits as many requests as told of those that match method and path, and no others."""
    emulator.disturbances.add(Drop(after_handling=True, reset=True), method="PATCH", path="/Ext__c/", times=2)
    outcomes = []

    for method, path in [("POST", "/sobjects/Account"), *[("PATCH", "/sobjects/Account/Ext__c/A-1")] * 3]:
        try:
            answer = await client.request(method, path, json={"Name": "Acme"})
            outcomes.append(answer.status_code)
        except httpx.TransportError:
            outcomes.append(0)

    assert [201, 0, 0, 200] == outcomes
    assert 2 == emulator.org.count("Account")
