"""Links followed over HTTP, by a client that is sent where browsers are and says what they say."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from aiohttp import ClientConnectionError, ClientSession
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sluicegate import Client, RecordRef, SluicegateError
from structlog.testing import capture_logs
from yarl import URL

from service.admin.links import connections
from service.app import App
from service.emulator.disturbances import Page
from service.settings import (
    AppleAppSettings,
    GrpcSettings,
    JwtBearerAuth,
    LinkProviderSettings,
    LinkServerSettings,
    LinkSettings,
    OrgSettings,
)
from tests.support.browser import COMPUTER, IPHONE, PIXEL
from tests.support.link_http import addresses, ask, target_of
from tests.support.service import free_ports

LEAD = RecordRef("Lead", "00Q010000000001EAA")
KEYS = {"k1": "a key that two runs of the service have in common"}
APP_STORE = "https://apps.apple.com/app/id0000000000"
FINGERPRINT = ":".join(["14", "6D", "E9", "AB"] * 8)


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


async def lead(client: Client, key: str) -> RecordRef:
    """Save a lead and name it by its external id."""
    await client.upsert_record("Lead", "Ext__c", key, {"LastName": "Curie", "Company": "Radium"})
    return RecordRef("Lead", external_id_field="Ext__c", external_id=key)


@asynccontextmanager
async def service(**links) -> AsyncIterator[App]:
    """Run a service whose links look as the settings say."""
    server = links.pop("server", LinkServerSettings(port=0))
    async with App(free_ports(link_server=server, links=LinkSettings(keys=KEYS, **links))) as running:
        yield running


async def test_an_iphone_is_sent_to_the_app_store(app, client, http):
    """An iPhone with the app opens it without asking anyone; the link host meets those without."""
    link = await client.create_deep_link(LEAD)

    answer = await ask(http, app, target_of(link.url), IPHONE)

    assert (302, APP_STORE) == (answer.status, answer.goes_to)


async def test_an_android_phone_takes_the_link_along_to_the_store(app, client, http):
    """Google Play hands the referrer to the app at its first start, and the app claims its record with it."""
    link = await client.create_deep_link(LEAD, campaign={"utm_source": "sms"})

    answer = await ask(http, app, target_of(link.url), PIXEL)

    address = urlsplit(str(answer.goes_to))
    [referrer] = parse_qs(address.query)["referrer"]
    assert (302, "play.google.com") == (answer.status, address.netloc)
    assert {"utm_source", "deferred_token"} == set(parse_qs(referrer))


@pytest.mark.parametrize("user_agent", [IPHONE, COMPUTER])
async def test_a_click_id_behind_a_link_changes_nothing(app, client, http, user_agent):
    """A link that a network showed leads where it did before, and the code on the page is the link without it."""
    link = target_of((await client.create_deep_link(LEAD)).url)

    plain, shown = [await ask(http, app, each, user_agent) for each in (link, link + "&fbclid=abc")]

    assert (plain.status, plain.goes_to, plain.body) == (shown.status, shown.goes_to, shown.body)
    assert plain.status in {200, 302}


async def test_a_click_id_does_not_make_a_link_too_long(app, client, http):
    """It is left out before the link is measured: the longest links open as well where a network shows them."""
    campaign = {f"utm_{letter}": "%" * 128 for letter in "abcdefghi"}
    link = target_of((await client.create_deep_link(LEAD, campaign=campaign)).url)

    plain, shown = [await ask(http, app, each, IPHONE) for each in (link, link + "&fbclid=" + "x" * 450)]

    assert len(link) < 4096 < len(link) + 450
    assert (302, plain.goes_to) == (shown.status, shown.goes_to)


async def test_a_computer_gets_a_page(app, client, http):
    """It holds a code for phones and what opens on a computer, and no page of another host."""
    link = await client.create_deep_link(LEAD)

    answer = await ask(http, app, target_of(link.url), COMPUTER)
    page = answer.body.decode()

    assert (200, "text/html; charset=utf-8") == (answer.status, answer.headers["Content-Type"])
    assert "<svg" in page
    assert "https://links.example.com/w/Lead/00Q010000000001EAA" in page


@pytest.mark.parametrize("user_agent", [IPHONE, PIXEL, COMPUTER])
async def test_head_tells_what_get_would(app, client, http, user_agent):
    """Programs that look before they follow see the same, without a body."""
    link = await client.create_deep_link(LEAD)

    got, looked = [await ask(http, app, target_of(link.url), user_agent, method=each) for each in ("GET", "HEAD")]

    assert got.status == looked.status
    assert b"" == looked.body
    assert set(got.headers) - {"Content-Length"} == set(looked.headers) - {"Content-Length"}


async def test_what_every_answer_says(app, client, http):
    """No answer is kept, indexed, framed, guessed at, or tells the next host where the browser came from."""
    link = await client.create_deep_link(LEAD)

    answers = [
        await ask(http, app, target, user_agent)
        for target in (target_of(link.url), "/l?x", "/elsewhere")
        for user_agent in (IPHONE, COMPUTER)
    ]

    assert [302, 200, 400, 400, 404, 404] == [answer.status for answer in answers]
    for answer in answers:
        assert "no-store" == answer.headers["Cache-Control"]
        assert "no-referrer" == answer.headers["Referrer-Policy"]
        assert "nosniff" == answer.headers["X-Content-Type-Options"]
        assert "noindex, nofollow" == answer.headers["X-Robots-Tag"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "sluicegate" == answer.headers["Server"]


async def test_the_persons_language_reaches_targets_that_ask_for_it(http):
    """The first language of the browser counts, and a header that is none counts nothing."""
    provider = LinkProviderSettings(web="https://www.example.com/{locale}/{object}")

    async with service(providers={"web": provider}) as app, Client(addresses(app).grpc) as client:
        target = target_of((await client.create_deep_link(LEAD)).url)
        answers = [
            await ask(http, app, target, IPHONE, Accept_Language=told)
            for told in ("de-CH,de;q=0.9,en;q=0.5", "//evil.example", "")
        ]

    assert ["de-CH", "en", "en"] == [urlsplit(str(answer.goes_to)).path.split("/")[1] for answer in answers]


async def test_an_app_of_another_host_is_tried_first(http):
    """A claimed address of another host opens the app where it is installed, so the browser is sent there."""
    provider = LinkProviderSettings(
        app_link="https://app.example.com/r/{object}/{id}", store_ios=APP_STORE, web="https://www.example.com/{id}"
    )

    async with service(providers={"web": provider}) as app, Client(addresses(app).grpc) as client:
        answer = await ask(http, app, target_of((await client.create_deep_link(LEAD)).url), IPHONE)

    assert (302, f"https://app.example.com/r/Lead/{LEAD.id}") == (answer.status, answer.goes_to)


async def test_who_asks_a_host_whose_links_an_app_claims_has_no_app(http):
    """Where the host names an app, the device opens it without asking: those who ask are sent to the store first."""
    provider = LinkProviderSettings(
        app_link="https://app.example.com/{id}",
        app_scheme="acme://{id}",
        store_ios=APP_STORE,
        store_android="https://play.google.com/store/apps/details?id=com.acme.app",
        web="https://www.example.com/{id}",
    )
    server = LinkServerSettings(port=0, apple_apps={"ABCDE12345.com.acme.app": AppleAppSettings()})

    async with service(server=server, providers={"web": provider}) as app, Client(addresses(app).grpc) as client:
        target = target_of((await client.create_deep_link(LEAD)).url)
        answers = [await ask(http, app, target, each) for each in (IPHONE, PIXEL)]

    assert [APP_STORE, f"https://app.example.com/{LEAD.id}"] == [answer.goes_to for answer in answers]


async def test_an_apps_own_scheme_is_the_persons_choice(http):
    """Nobody is sent to a scheme that may be missing: a page offers it beside the store."""
    provider = LinkProviderSettings(
        app_scheme="acme://record/{id}", store_ios=APP_STORE, web="https://www.example.com/{id}"
    )

    async with service(providers={"web": provider}) as app, Client(addresses(app).grpc) as client:
        answer = await ask(http, app, target_of((await client.create_deep_link(LEAD)).url), IPHONE)
        page = answer.body.decode()

    assert 200 == answer.status
    assert page.index(f"acme://record/{LEAD.id}") < page.index(APP_STORE) < page.index("https://www.example.com/")


async def test_other_providers_change_where_issued_links_lead(http):
    """The same link leads elsewhere once the configuration names another provider; nothing is issued anew."""
    plain = LinkProviderSettings(store_ios=APP_STORE, web="https://www.example.com/{id}")
    branch = LinkProviderSettings(
        kinds=("branch",), account={"branch_host": "acme.app.link"}, web="https://www.example.com/{id}"
    )

    async with service(providers={"web": plain}) as app, Client(addresses(app).grpc) as client:
        target = target_of((await client.create_deep_link(LEAD)).url)
        before = await ask(http, app, target, IPHONE)
    async with service(providers={"web": branch}) as app:
        after = await ask(http, app, target, IPHONE)

    assert APP_STORE == before.goes_to
    assert "acme.app.link" == urlsplit(str(after.goes_to)).netloc


async def test_an_org_without_any_provider_opens_salesforce(app, http):
    """A configured org needs no provider: links lead to Salesforce's own pages, and to none that is not there."""
    assert app.emulator is not None
    credentials = app.emulator.credentials
    auth = JwtBearerAuth(
        flow="jwt_bearer",
        client_id=credentials.client_id,
        username=credentials.username,
        private_key_file=credentials.private_key_file,
    )
    settings = free_ports(
        orgs={"prod": OrgSettings(login_url=credentials.login_url, auth=auth, allowed_hosts=("127.0.0.1",))},
        links=LinkSettings(keys=KEYS),
    )
    async with App(settings) as plain, Client(addresses(plain).grpc) as caller:
        target = target_of((await caller.create_deep_link(LEAD)).url)
        resolved = await caller.resolve_deep_link(LEAD, platform="android")
        pages = [await ask(http, plain, target, browser) for browser in (IPHONE, PIXEL, COMPUTER)]

    record = f"{app.emulator.url}/{LEAD.id}"
    assert ["salesforce_mobile", "lightning"] == [item.kind for item in resolved.targets]
    assert record == resolved.fallback_uri
    assert [200, 200, 200] == [page.status for page in pages]
    assert all(f'href="{record}"'.encode() in page.body for page in pages)
    assert all(b"links.example.com" not in page.body for page in pages)


async def test_a_link_past_its_time(app, client, http, monkeypatch):
    """It says so, and that there is nothing to wait for."""
    link = await client.create_deep_link(LEAD)
    monkeypatch.setattr(app._clock, "now", link.expire_time.timestamp)

    answer = await ask(http, app, target_of(link.url))

    assert 410 == answer.status
    assert b"expired" in answer.body


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", 404),
        ("/l/", 404),
        ("/L?x", 404),
        ("//l", 404),
        ("//evil.example/l", 404),
        ("/l%3Fx", 404),
        ("/../l", 404),
        ("/healthz/live", 404),
        ("/healthz/ready", 404),
        ("/metrics", 404),
        ("/robots.txt", 404),
        ("/.well-known/assetlinks.json", 404),
        ("/.well-known/apple-app-site-association", 404),
        ("/l?" + "a" * 4097, 414),
        ("/l?" + "a" * 16_000, 414),
        ("/l?" + "a" * 17_000, 400),
    ],
)
async def test_what_is_not_there(app, http, target, status):
    """Nothing but links is on the port: no health, and no file that no app was configured for."""
    answer = await ask(http, app, target)

    assert status == answer.status
    assert answer.goes_to is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
async def test_links_are_only_followed(app, http, method):
    """Any other method is told which there are."""
    answer = await ask(http, app, "/l", method=method)

    assert (405, "GET, HEAD") == (answer.status, answer.headers["Allow"])


async def test_those_who_hold_connections_hold_nobody_up(http):
    """The longest idle one is closed for who comes new, whether it has said anything or not."""
    server = LinkServerSettings(port=0, max_connections=8)
    async with service(server=server) as app, Client(addresses(app).grpc) as client:
        target = target_of((await client.create_deep_link(LEAD)).url)
        address = URL(str(addresses(app).links))
        held = [await asyncio.open_connection(address.host, address.port) for _ in range(8)]
        for _, writer in held[4:]:
            writer.write(b"GET /l HTTP/1.1\r\nX: ")

        answers = [await ask(http, app, target, Connection="close") for _ in range(20)]
        async with asyncio.timeout(60):
            closed = await held[0][0].read()
        for _, writer in held:
            writer.close()

    assert {(302, b"")} == {(answer.status, closed) for answer in answers}


async def test_who_reads_no_answers_is_cut_off(app, monkeypatch):
    """Requests without end, whose answers nobody takes, end when the buffers are full."""
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0.05)
    address = URL(str(addresses(app).links))
    _, writer = await asyncio.open_connection(address.host, address.port)

    async def ask_without_end() -> None:
        while True:
            writer.write(b"GET /l HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            await writer.drain()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(ask_without_end(), 60)
    writer.close()


async def test_who_never_asks_is_cut_off(app, monkeypatch):
    """A request must come as a whole, and soon."""
    monkeypatch.setattr(connections, "SILENT_SECONDS", 0.05)
    address = URL(str(addresses(app).links))
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"GET /l HTTP/1.1\r\nX: ")

    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()

    assert b"" == answer


async def test_a_record_is_looked_up_once_a_minute(app, client, http, unique):
    """However often a link is followed, Salesforce is asked for its record few times, on the server's own account."""
    link = await client.create_deep_link(await lead(client, unique("often")))
    target = target_of(link.url)
    before = (await client.get_limits(known_only=True)).governor

    answers = await asyncio.gather(*(ask(http, app, target, COMPUTER) for _ in range(50)))

    after = (await client.get_limits(known_only=True)).governor
    assert {200} == {answer.status for answer in answers}
    assert 1 <= after.own_calls - before.own_calls <= 8
    assert "link-server" in after.callers


async def test_a_link_that_was_made_wrongly_costs_one_call_a_minute(app, client, http, unique):
    """Strangers who follow it all the time spend no more of the org's calls than those of one that works."""
    record = RecordRef("Lead", external_id_field="NoSuch__c", external_id=unique("wrong"))
    target = target_of((await client.create_deep_link(record)).url)
    before = (await client.get_limits(known_only=True)).governor

    answers = [await ask(http, app, target) for _ in range(20)]

    after = (await client.get_limits(known_only=True)).governor
    assert {404} == {answer.status for answer in answers}
    # The look-up, and what describes the object if nobody asked for that before.
    assert after.own_calls - before.own_calls <= 3


async def test_what_opens_without_an_answer_is_not_asked_for(http):
    """A provider whose addresses hold external ids costs no API call, whether the record is there or not."""
    provider = LinkProviderSettings(store_ios=APP_STORE, web="https://www.example.com/{external_id}")
    record = RecordRef("Lead", external_id_field="Ext__c", external_id="nowhere")

    async with service(providers={"web": provider}) as app, Client(addresses(app).grpc) as client:
        target = target_of((await client.create_deep_link(record)).url)
        answer = await ask(http, app, target, IPHONE)
        limits = await client.get_limits(known_only=True)

    assert (302, APP_STORE) == (answer.status, answer.goes_to)
    assert 0 == limits.governor.own_calls


async def test_a_record_that_is_gone(app, client, http, unique):
    """Every device is sent to the page for such records, and Salesforce is asked for it once."""
    record = RecordRef("Lead", external_id_field="Ext__c", external_id=unique("gone"))
    target = target_of((await client.create_deep_link(record)).url)

    answers = [await ask(http, app, target, each) for each in (IPHONE, PIXEL, COMPUTER)]

    assert {(302, "https://links.example.com/gone")} == {(answer.status, answer.goes_to) for answer in answers}


async def test_a_record_that_is_gone_without_a_page_for_it(http):
    """Where no page works without the record, the person is told, each time anew."""
    provider = LinkProviderSettings(app_link="https://app.example.com/{id}")
    record = RecordRef("Lead", external_id_field="Ext__c", external_id="nowhere")

    async with service(providers={"web": provider}) as app, Client(addresses(app).grpc) as client:
        target = target_of((await client.create_deep_link(record)).url)
        answers = [await ask(http, app, target) for _ in range(2)]

    assert [404, 404] == [answer.status for answer in answers]
    assert b"gone" in answers[1].body


async def test_while_salesforce_is_out_of_order(app, client, http, disturbances, unique):
    """A link that opens nothing without an answer says when to come back, and links open again afterwards."""
    records = [await lead(client, unique(name)) for name in ("outage", "afterwards")]
    target, other = [target_of((await client.create_deep_link(record)).url) for record in records]
    disturbances.add(Page(503), path="/sobjects/", times=100)

    with capture_logs() as told:
        answers = [await ask(http, app, target) for _ in range(10)]
    disturbances.clear()
    opened = await ask(http, app, other)

    assert {(503, None)} == {(refused.status, refused.goes_to) for refused in answers}
    assert int(answers[0].headers["Retry-After"]) >= 1
    assert 1 >= len([line for line in told if line["event"] == "a link could not be followed"])
    assert (302, APP_STORE) == (opened.status, opened.goes_to)


async def test_what_opens_while_salesforce_is_out_of_order(http):
    """A page that needs the external id alone opens, though Lightning's would be better for a computer."""
    provider = LinkProviderSettings(web="https://www.example.com/{external_id}")
    record = RecordRef("Lead", external_id_field="Ext__c", external_id="L-1")

    async with service(providers={"web": provider}) as app, Client(addresses(app).grpc) as client:
        target = target_of((await client.create_deep_link(record)).url)
        assert app.emulator is not None
        app.emulator.disturbances.add(Page(503), path="/sobjects/", times=100)
        answer = await ask(http, app, target, COMPUTER)

    assert 200 == answer.status
    assert b"https://www.example.com/L-1" in answer.body
    assert b"Open in Salesforce" not in answer.body


async def test_the_files_that_apps_read(http):
    """Each is JSON of the right type at its own address, may be kept for an hour, and is not sent twice."""
    server = LinkServerSettings(
        port=0,
        apple_apps={"ABCDE12345.com.acme.app": {"paths": ["/l"]}},
        android_apps={"com.acme.app": {"fingerprints": [FINGERPRINT]}},
    )
    paths = ("/.well-known/apple-app-site-association", "/.well-known/assetlinks.json")

    async with service(server=server) as app:
        first = [await ask(http, app, path, "AASA-Bot/1.0.0") for path in paths]
        tags = [answer.headers["ETag"] for answer in first]
        again = [await ask(http, app, path, If_None_Match=tag) for path, tag in zip(paths, tags, strict=True)]

    assert [(200, "application/json", "public, max-age=3600")] * 2 == [
        (answer.status, answer.headers["Content-Type"], answer.headers["Cache-Control"]) for answer in first
    ]
    assert [(304, b"")] * 2 == [(answer.status, answer.body) for answer in again]
    assert ["ABCDE12345.com.acme.app"] == json.loads(first[0].body)["applinks"]["details"][0]["appIDs"]
    assert "com.acme.app" == json.loads(first[1].body)[0]["target"]["package_name"]


async def test_a_request_is_a_span():
    """Its name is the route, never the link; a stranger's trace is not continued."""
    kept = []

    class Keeping(InMemorySpanExporter):
        def export(self, spans):
            kept.extend(spans)
            return super().export(spans)

    async with App(free_ports(), span_exporter=Keeping()) as app, ClientSession() as http:
        async with Client(addresses(app).grpc) as client:
            link = await client.create_deep_link(LEAD)
        traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        await ask(http, app, target_of(link.url), traceparent=traceparent)
        await ask(http, app, "/l?x=secret")
        await ask(http, app, "/secret")

    spans = [span for span in kept if not span.name.startswith("sluicegate.")]
    told = [dict(span.attributes) for span in spans if span.name.startswith("GET")]
    assert [302, 400, 404] == [facts["http.response.status_code"] for facts in told]
    assert ["/l", "/l", None] == [facts.get("http.route") for facts in told]
    assert "INVALID_LINK" == told[1]["sluicegate.error.reason"]
    assert "secret" not in str(told)
    assert all(f"{span.context.trace_id:032x}" not in traceparent for span in spans)


async def test_the_server_can_be_left_out():
    """Who serves links otherwise has one port less."""
    async with App(free_ports(link_server=LinkServerSettings(enabled=False))) as app:
        assert addresses(app).links is None


async def test_links_are_followed_while_the_service_drains(http):
    """Requests arrive until balancers have heard of the end, and are answered; afterwards nobody listens."""
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(App(free_ports(grpc=GrpcSettings(port=0, drain_seconds=5))))
        async with Client(addresses(app).grpc) as client:
            target = target_of((await client.create_deep_link(LEAD)).url)
        closing = asyncio.create_task(stack.aclose())
        await asyncio.sleep(0)

        answer = await ask(http, app, target)
        is_closed = closing.done()
        await closing

    assert (302, APP_STORE, False) == (answer.status, answer.goes_to, is_closed)
    with pytest.raises(ClientConnectionError):
        await ask(http, app, target)


async def test_a_port_that_is_taken():
    """The error names the setting that would help."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(OSError, match=rf"link_server: cannot listen on 127.0.0.1:{port}: .*LINK_SERVER__PORT"):
            async with App(free_ports(link_server=LinkServerSettings(port=port))):
                pass


async def test_health_stays_on_its_own_port(app, http):
    """The admin port answers health, and follows no links."""
    async with (
        http.get(addresses(app).admin + "/l") as followed,
        http.get(addresses(app).admin + "/healthz/live") as live,
    ):
        assert (404, 200) == (followed.status, live.status)


async def test_the_service_resolves_what_the_server_followed(app, client, http):
    """Both read the same links: what one refuses, the other refuses."""
    target = target_of((await client.create_deep_link(LEAD)).url)[:-1]

    answer = await ask(http, app, target)
    with pytest.raises(SluicegateError) as raised:
        await client.resolve_deep_link("https://links.example.com" + target)

    assert (400, "INVALID_LINK") == (answer.status, raised.value.reason)
