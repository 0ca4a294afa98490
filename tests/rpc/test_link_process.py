"""Links followed at a service in a process of its own, whose event loop is not the one that tests run on."""

from aiohttp import ClientSession
from sluicegate import Client, RecordRef
from yarl import URL

from tests.load.processes import FREE_PORTS, running
from tests.support.browser import PIXEL


async def test_a_phone_is_sent_on():
    """`sluicegate serve` answers browsers: uvloop's connections are none of asyncio's by descent."""
    record = RecordRef("Lead", "00Q010000000001EAA")
    async with running("service", "serve", "--json", environment=FREE_PORTS) as service:
        async with Client(service.addresses["grpc"]) as client:
            link = await client.create_deep_link(record)
        target = link.url.removeprefix("https://links.example.com")
        url = URL(service.addresses["links"] + target, encoded=True)

        async with ClientSession() as http, http.get(url, headers={"User-Agent": PIXEL}, allow_redirects=False) as sent:
            status, place = sent.status, sent.headers["Location"]

    assert 302 == status
    assert place.startswith(
        "https://play.google.com/store/apps/details?id=com.example.app&referrer=deferred_token%3D1."
    )
