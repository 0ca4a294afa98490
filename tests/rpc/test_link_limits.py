"""How often one client may follow links, over HTTP, directly and behind a proxy."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError
from sluicegate import Client, RecordRef
from structlog.testing import capture_logs
from yarl import URL

from service.app import App
from service.settings import LinkServerSettings, LinkSettings
from tests.support.browser import IPHONE
from tests.support.clock import FakeClock
from tests.support.service import free_ports

LEAD = RecordRef("Lead", "00Q010000000001EAA")
KEYS = {"k1": "a key that two runs of the service have in common"}


class Stranger:
    """Follows one link, again and again, as one or several clients.

    Args:
        http: Sends the requests.
        url: Where the link server has the link.

    """

    def __init__(self, http: ClientSession, url: URL) -> None:
        self._http = http
        self._url = url

    async def ask(self, forwarded: str = "", *, path: str = "") -> tuple[int, str | None]:
        """Return the status, and when to come back."""
        headers = {"User-Agent": IPHONE, **({"X-Forwarded-For": forwarded} if forwarded else {})}
        url = self._url.with_path(path) if path else self._url
        async with self._http.get(url, headers=headers, allow_redirects=False) as answer:
            await answer.read()
            return answer.status, answer.headers.get("Retry-After")


@asynccontextmanager
async def link_host(clock: FakeClock, **server) -> AsyncIterator[Stranger]:
    """Run a service whose time stands still, and someone who follows a link of it."""
    settings = free_ports(
        link_server=LinkServerSettings(port=0, requests_per_second=0.5, request_burst=3, **server),
        links=LinkSettings(keys=KEYS),
    )
    async with App(settings, clock=clock) as app, ClientSession() as http:
        assert app.addresses is not None
        async with Client(app.addresses.grpc) as client:
            link = (await client.create_deep_link(LEAD)).url
        target = link.removeprefix("https://links.example.com")
        yield Stranger(http, URL(f"{app.addresses.links}{target}", encoded=True))


async def test_a_client_that_asks_too_often():
    """Beyond its burst it is told when to come back, whatever it asks for; then it may."""
    clock = FakeClock()
    async with link_host(clock) as stranger:
        with capture_logs() as lines:
            burst = [await stranger.ask() for _ in range(4)]
            other = await stranger.ask(path="/nowhere")
        clock.advance(2)
        later = [await stranger.ask() for _ in range(2)]

    assert [302, 302, 302, 429] == [status for status, _ in burst]
    assert ("2", (429, "2")) == (burst[-1][1], other)
    assert [302, 429] == [status for status, _ in later]
    assert [{"event": "a client follows links too often", "log_level": "warning"}] == [
        {name: line[name] for name in line if name in {"event", "log_level", "hint"}} for line in lines
    ]


async def test_many_at_once_get_what_one_after_the_other_gets():
    """No more than the burst comes through, however many connections it has."""
    async with link_host(FakeClock()) as stranger:
        answers = await asyncio.gather(*(stranger.ask() for _ in range(40)))

    assert 3 == sum(status == 302 for status, _ in answers)


async def test_clients_behind_a_proxy_have_limits_of_their_own():
    """Each by the address that the proxy saw; what a client writes before it counts for nothing."""
    async with link_host(FakeClock(), trusted_proxies=("127.0.0.0/8",)) as stranger:
        first = [await stranger.ask(f"192.0.2.{number}, 198.51.100.1") for number in range(5)]
        second = [await stranger.ask("198.51.100.2") for _ in range(3)]

    assert [302, 302, 302, 429, 429] == [status for status, _ in first]
    assert [302, 302, 302] == [status for status, _ in second]


async def test_a_proxy_that_nobody_named_is_a_client():
    """The header is believed of nobody else, and the log says which setting would help."""
    async with link_host(FakeClock()) as stranger:
        with capture_logs() as lines:
            answers = [await stranger.ask(f"198.51.100.{number}") for number in range(5)]

    assert [302, 302, 302, 429, 429] == [status for status, _ in answers]
    assert ["link_server.trusted_proxies" in line["hint"] for line in lines if "hint" in line] == [True]


@pytest.mark.parametrize("network", ["10.0.0.1/8", "proxy.example.com", "10.0.0.0/33", ""])
async def test_what_is_no_network(network):
    """The settings say so."""
    with pytest.raises(ValidationError, match="must be an address or a network"):
        LinkServerSettings(trusted_proxies=(network,))
