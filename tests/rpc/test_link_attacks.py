"""Attacks on links over real sockets, by family: forged links, hostile targets, replayed claims, hostile requests.

The same families against the parts: `tests/unit/deep_links/test_attacks.py` and `test_claims.py`; two replicas at once:
`tests/faults/test_link_claims.py`; answers of link providers: `tests/unit/deep_links/test_shortener.py`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from grpc import aio
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from sluicegate import Client
from sluicegate import RecordRef as Reference
from sluicegate.v1 import deep_link_pb2 as pb
from sluicegate.v1.record_pb2 import RecordRef
from yarl import URL

from service.admin.links import connections
from tests.support.browser import COMPUTER, IPHONE, PIXEL
from tests.support.link_calls import claim, create, refused, resolve
from tests.support.link_http import addresses, ask, target_of

LEAD = RecordRef(object="Lead", id="00Q010000000001EAA")
SAME_LEAD = Reference("Lead", LEAD.id)
APP_STORE = "https://apps.apple.com/app/id0000000000"
PHONE = pb.DeviceContext(platform=pb.PLATFORM_IOS, app=pb.APP_PRESENCE_INSTALLED)
MISSING = pb.DeviceContext(platform=pb.PLATFORM_ANDROID, app=pb.APP_PRESENCE_MISSING)


@pytest_asyncio.fixture(loop_scope="session")
async def client(app) -> AsyncIterator[Client]:
    """A client of the service."""
    async with Client(addresses(app).grpc) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[ClientSession]:
    """A client of the link server, which follows no redirect by itself."""
    async with ClientSession() as opened:
        yield opened


# Forged links


async def test_forged_links_open_nothing(channel):
    """A link with any part changed, added or moved to another host opens nothing."""
    url = (await create(channel, LEAD, campaign={"utm_source": "mail & more"})).url
    altered = [
        url.replace("00Q010000000001EAA", "00Q010000000002EAA"),
        url.replace("p=web", "p=other"),
        url.replace("mail", "post"),
        url + "&x=1",
        url + "&fbclid=x&x=1",
        url + "&fbclid=x" * 9,
        url.replace("&v=2", "&gclid=x&v=2"),
        url.replace("links.example.com", "links.example.org"),
        url.replace("https://", "http://"),
    ]

    failures = [await refused(resolve(channel, url=link)) for link in altered]

    assert [("INVALID_ARGUMENT", "INVALID_LINK", ["url"])] * len(altered) == [
        (item.code, item.reason, list(item.violations)) for item in failures
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("o=Lead", "o=Case"),
        ("&s=", "&s=A"),
        ("kid=", "kid=other"),
        ("p=web&t=record", "t=record&p=web"),
        ("?p=web", "?p=web&p=web"),
        ("https://links.example.com", "//links.example.com"),
        ("https://", "https:\\\\"),
        ("https://", "https:/"),
        ("links.example.com", "links.example.com@evil.com"),
        ("links.example.com", "evil.com\\@links.example.com"),
        ("links.example.com/l", "links.example.com/%2f%2fevil.com/l"),
        ("links.example.com", "xn--lnks-6oa.example.com"),
        ("links.example.com", "l\u0131nks.example.com"),
        ("https://", "javascript://"),
        ("utm_source=a", "utm_source=a%0d%0aLocation:%20https://evil.com"),
        ("utm_source=a", "utm_source=a\r\nLocation: https://evil.com"),
        ("utm_source=a", "utm_source=" + "a" * 3900),
    ],
)
async def test_forged_links_by_every_known_trick(channel, old, new):
    """Tampered, doubled, moved, smuggled or oversize: each is refused as no link of this service."""
    url = (await create(channel, LEAD, campaign={"utm_source": "a"})).url
    assert old in url

    failed = await refused(resolve(channel, url=url.replace(old, new, 1)))

    assert ("INVALID_ARGUMENT", "INVALID_LINK", ["url"]) == (failed.code, failed.reason, list(failed.violations))
    assert "evil.com/" not in failed.message


async def test_forged_links_that_are_too_long_are_not_read(channel):
    """Above what the contract takes nothing is looked at."""
    failed = await refused(resolve(channel, url="https://links.example.com/l?" + "a" * 4096))

    assert ("INVALID_REQUEST", ["url"]) == (failed.reason, list(failed.violations))


async def test_forged_links_send_nobody_anywhere(app, client, http):
    """Whatever was changed, added, doubled or left out, nobody is sent anywhere."""
    target = target_of((await client.create_deep_link(SAME_LEAD, campaign={"utm_source": "mail"})).url)
    altered = [
        target.replace("00Q010000000001EAA", "00Q010000000002EAA"),
        target.replace("utm_source=mail", "utm_source=post"),
        target.replace("g=emulator", "g=other"),
        target.replace("g=emulator", "g=emulator&g=emulator"),
        target.replace("g=emulator", "g="),
        target.replace("g=emulator", "g=%FF%00"),
        target + "&x=1",
        target + "&gclid=1&x=1",
        target + "&",
        target[:-1],
        target[:-1] + ("A" if target[-1] != "A" else "B"),
        target.replace("&", ";"),
        target.replace("%", "%25"),
        "/l",
        "/l?",
        "/l?url=https://evil.example",
        "/l?g=emulator&next=//evil.example",
    ]

    answers = [await ask(http, app, each) for each in altered if each != target]

    assert len(altered) - 1 == len(answers)
    assert {(400, None)} == {(answer.status, answer.goes_to) for answer in answers}


# Hostile targets


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[str, float, str]]:
    """Draw what an attacker does to a link: at a place, a piece is put in, put over or doubled."""
    hosts = ["//evil.example", "@evil.example", "\\\\", "%2f%2f"]
    piece = st.sampled_from(["", "x", "&", "=", "%", "%00", "%0d%0a", "#", "?", ";", "\x00", *hosts])
    pieces = st.one_of(piece, st.text(max_size=3), st.sampled_from(["&g=other", "&s=", "&p=evil", "&i=001"]))
    edit = st.tuples(st.sampled_from(["in", "over", "twice"]), st.floats(0, 1), pieces)
    return draw(st.lists(edit, min_size=1, max_size=3))


def edited(query: str, changes: list[tuple[str, float, str]]) -> str:
    """Return a link after an attack."""
    for how, share, piece in changes:
        place = int(share * len(query))
        if how == "twice":
            query += "&" + query[place:]
        else:
            query = query[:place] + piece + query[place + (len(piece) if how == "over" else 0) :]
    return query


async def test_no_target_is_the_attackers(app, client, http):
    """However a link is altered, it leads where the configuration says or nowhere."""
    target = target_of((await client.create_deep_link(SAME_LEAD, campaign={"utm_source": "sms"})).url)
    attacks: list[str] = []

    @given(edits())
    @example_settings(max_examples=200, database=None)
    def collect(changes: list[tuple[str, float, str]]) -> None:
        attacks.append(edited(target.removeprefix("/l?"), changes))

    collect()

    answers = [await ask(http, app, "/l?" + quote(each, safe="&=%/@;?:\\")) for each in attacks]

    assert {(400, None), (414, None)} >= {
        (answer.status, answer.goes_to) for answer in answers if answer.goes_to != APP_STORE
    }


async def test_no_target_is_of_a_host_in_the_request(app, client, http):
    """What the request says of hosts changes nothing: the answer comes from the configuration."""
    target = target_of((await client.create_deep_link(SAME_LEAD)).url)

    answer = await ask(
        http, app, target, IPHONE, Host="evil.example", X_Forwarded_Host="evil.example", X_Forwarded_Proto="javascript"
    )
    page = (await ask(http, app, target, COMPUTER, Host="evil.example")).body.decode()

    assert APP_STORE == answer.goes_to
    assert "evil.example" not in page


# Replayed claims


async def test_claims_that_were_replayed(channel):
    """A token that was used is good nowhere: not again, not elsewhere, not with a piece of another."""
    first, second = [(await resolve(channel, record=LEAD, device=MISSING)).deferred_token for _ in range(2)]
    await claim(channel, token=first, device=MISSING)
    mixed = ".".join([*first.split(".")[:2], second.split(".")[2], first.split(".")[3]])

    failures = [
        await refused(claim(channel, token=first, device=MISSING)),
        await refused(claim(channel, token=first, device=MISSING, request_id="later")),
        await refused(claim(channel, install_referrer=f"deferred_token={first}", device=MISSING)),
        await refused(claim(channel, token=first, device=pb.DeviceContext(platform=pb.PLATFORM_IOS))),
        await refused(claim(channel, token=mixed, device=MISSING)),
    ]

    assert [*["CLAIM_USED"] * 3, *["INVALID_CLAIM"] * 2] == [failed.reason for failed in failures]


async def test_claims_replayed_at_once(channel):
    """Of twenty that come at the same time one wins."""
    token = (await resolve(channel, record=LEAD, device=MISSING)).deferred_token

    async def won() -> bool:
        try:
            await claim(channel, token=token, device=MISSING)
        except aio.AioRpcError:
            return False
        return True

    assert 1 == sum(await asyncio.gather(*(won() for _ in range(20))))


@pytest.mark.parametrize(
    ("request_", "reason", "fields"),
    [
        ({}, "INVALID_REQUEST", ["source", "device"]),
        ({"token": "x"}, "INVALID_REQUEST", ["device"]),
        ({"token": "x", "device": PHONE}, "INVALID_CLAIM", ["token"]),
        ({"token": "x", "device": pb.DeviceContext()}, "INVALID_CLAIM", ["device.platform"]),
        ({"install_referrer": "deferred_token=x", "device": PHONE}, "INVALID_CLAIM", ["install_referrer"]),
        (
            {"install_referrer": "utm_source=x", "device": pb.DeviceContext(platform=pb.PLATFORM_ANDROID)},
            "INVALID_CLAIM",
            ["install_referrer"],
        ),
    ],
)
async def test_claims_that_are_none(channel, request_, reason, fields):
    """What claims nothing is refused with its reason and the field."""
    failed = await refused(claim(channel, **request_))

    assert (reason, fields) == (failed.reason, list(failed.violations))


# Hostile requests


async def test_hostile_requests_with_any_query(app, http):
    """No query, however strange, fails the server or sends a browser anywhere."""

    @given(st.text(max_size=300), st.sampled_from([IPHONE, PIXEL, COMPUTER]))
    @example_settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
    def hold(query: str, user_agent: str) -> None:
        seen.append((query, user_agent))

    seen: list[tuple[str, str]] = []
    hold()

    answers = [await ask(http, app, "/l?" + str(URL.build(query_string=query))[1:], agent) for query, agent in seen]

    assert {(400, None)} >= {(answer.status, answer.goes_to) for answer in answers}


@pytest.mark.parametrize(
    "sent",
    [
        b"GET http://evil.example/l?x=1 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /l?a=\xff\xfe HTTP/1.1\r\nHost: links.example.com\r\n\r\n",
        b"GET /l?a=%0d%0aSet-Cookie:%20x=1 HTTP/1.1\r\nHost: links.example.com\r\n\r\n",
        b"GET /l?a=b HTTP/1.1\r\nHost: links.example.com\r\nUser-Agent: \xff\xfe\r\n\r\n",
        b"GET \\\\evil.example\\l HTTP/1.1\r\nHost: links.example.com\r\n\r\n",
        b"GET l HTTP/1.1\r\nHost: links.example.com\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00" * 100 + b"\r\n\r\n",
        b"<evil>" * 5_000 + b"\r\n\r\n",
        b"GET /l?" + b"<evil>" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /l HTTP/1.1\r\nHost: x\r\nContent-Length: <evil>\r\n\r\n",
        b"GET /l HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n<evil>\r\n",
    ],
    ids=range(13),
)
async def test_hostile_requests_that_are_none(app, sent, caplog):
    """Bytes that no browser sends are refused; they send nobody anywhere and fill no log."""
    address = URL(str(addresses(app).links))
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(sent)

    async with asyncio.timeout(60):
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.read(10_000)
    writer.close()

    assert head.split()[1] in {b"400", b"404"}
    assert b"\r\nServer: sluicegate\r\n" in head
    assert b"\r\nX-Content-Type-Options: nosniff\r\n" in head
    assert b"location:" not in head.lower()
    assert b"set-cookie" not in head.lower()
    assert b"aiohttp" not in head + body
    assert b"evil" not in body
    assert [] == caplog.records


async def test_hostile_requests_that_aiohttp_refuses_by_itself(app, http):
    """It says what every answer says."""
    refused = await ask(http, app, "/nowhere", Expect="<b>", Accept="text/html")

    assert 417 == refused.status
    assert ("sluicegate", "nosniff") == (refused.headers["Server"], refused.headers["X-Content-Type-Options"])


async def test_hostile_requests_with_bodies(app, client, caplog):
    """A link is followed whatever comes behind it, and what cannot be unpacked fills no log."""
    target = target_of((await client.create_deep_link(SAME_LEAD)).url)
    address = URL(str(addresses(app).links))
    reader, writer = await asyncio.open_connection(address.host, address.port)
    head = f"GET {target} HTTP/1.1\r\nHost: x\r\nUser-Agent: {IPHONE}\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\nxxxxxxxxxx".encode())

    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()

    assert f"Location: {APP_STORE}".encode() in answer
    assert [] == caplog.records


@pytest.mark.parametrize(
    "framing",
    [
        "HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde",
        "HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nabcde",
    ],
)
async def test_hostile_requests_that_hide_another(app, client, framing):
    """What stands behind a body is never taken for a request: a proxy may have counted the body otherwise."""
    target = target_of((await client.create_deep_link(SAME_LEAD)).url)
    address = URL(str(addresses(app).links))
    reader, writer = await asyncio.open_connection(address.host, address.port)
    first, _, rest = framing.partition("\r\n")
    hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    writer.write(f"GET {target} {first}\r\nHost: x\r\nUser-Agent: {IPHONE}\r\n{rest}{hidden}".encode())

    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()

    assert 1 == answer.count(b"Server: sluicegate")
    assert f"Location: {APP_STORE}".encode() in answer


async def test_hostile_requests_that_never_end_are_not_kept(app):
    """A request of a megabyte, most of it in small headers, is not held in memory until its time is over."""
    address = URL(str(addresses(app).links))
    reader, writer = await asyncio.open_connection(address.host, address.port)

    writer.write(b"GET /l HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 8000) for n in range(100)))
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(connections.SILENT_SECONDS / 2):
            assert b"" == await reader.read()
    writer.close()
