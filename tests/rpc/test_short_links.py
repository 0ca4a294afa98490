"""Short links over real sockets: asked for by RPC, made by a provider's API, followed, resolved and claimed."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientSession, web
from grpc import aio
from pydantic import ValidationError
from sluicegate import Client, DeepLink, DeepLinkDraft, DeepLinkError, RecordRef, SluicegateError
from sluicegate.v1.deep_link_service_pb2 import CreateDeepLinkRequest
from sluicegate.v1.deep_link_service_pb2_grpc import DeepLinkServiceStub
from sluicegate.v1.record_pb2 import RecordRef as MessageRef
from structlog.testing import capture_logs
from yarl import URL

from service import app as composition
from service.app import App
from service.settings import LinkProviderSettings, LinkSettings, SettingsError
from service.settings.links import ShortLinkSettings
from tests.support.browser import PIXEL
from tests.support.rich_status import Failure, failure
from tests.support.service import free_ports
from tests.support.short_link_api import KEY, ShortLinkApi, short_link_api

LEAD = RecordRef("Lead", "00Q010000000001EAA")
KEYS = {"k1": "a key that two runs of the service have in common"}
ACCOUNT = {
    "branch_host": "acme.app.link",
    "onelink_host": "acme.onelink.me",
    "onelink_template": "AbCd",
    "onelink_media_source": "sms",
    "adjust_host": "acme.go.link",
    "adjust_tracker": "tr4cker",
}
PARTS = {
    "branch": ("branch_host",),
    "onelink": ("onelink_host", "onelink_template", "onelink_media_source"),
    "adjust": ("adjust_host", "adjust_tracker"),
}
PLAY = "https://play.google.com/store/apps/details?id=com.acme.app&referrer={referrer?}"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """The file with the API's key."""
    file = tmp_path / "short-key"
    file.write_text(KEY + "\n", encoding="ascii")
    return file


def provider(kind: str = "branch", **short) -> LinkProviderSettings:
    """Return the settings of a provider whose links have a short form."""
    return LinkProviderSettings(
        kinds=(kind,),
        account={name: ACCOUNT[name] for name in PARTS[kind]},
        store_android=PLAY,
        web="https://www.acme.example/{key}",
        short=ShortLinkSettings(kind=kind, **short),
    )


@asynccontextmanager
async def serving(key_file: Path, kind: str = "branch", **short) -> AsyncIterator[tuple[App, Client, ShortLinkApi]]:
    """Run a service and the API that it asks for short links."""
    host = ACCOUNT[PARTS[kind][0]]
    async with short_link_api(key_file.parent, host) as api:
        settings = {"key_file": key_file, "api": api.url, "ca_file": api.certificate, **short}
        plain = LinkProviderSettings(web="https://www.acme.example/{key}")
        links = LinkSettings(keys=KEYS, providers={"web": provider(kind, **settings), "plain": plain})
        async with App(free_ports(links=links)) as app:
            assert app.addresses is not None
            async with Client(app.addresses.grpc) as client:
                yield app, client, api


async def refused_short_link(app: App) -> Failure:
    """Ask for a short link by a caller that tries once, and return what it is told."""
    assert app.addresses is not None
    async with aio.insecure_channel(app.addresses.grpc) as channel:
        request = CreateDeepLinkRequest(record=MessageRef(object="Lead", id=LEAD.id), short=True)
        with pytest.raises(aio.AioRpcError) as refused:
            await DeepLinkServiceStub(channel).CreateDeepLink(request)
    return failure(refused.value)


@pytest.mark.parametrize("kind", [*PARTS])
async def test_a_short_link_leads_to_the_signed_one(key_file, kind):
    """The provider is asked once, with what the link says; its short link comes with the long one."""
    async with serving(key_file, kind) as (_, client, api):
        link = await client.create_deep_link(LEAD, short=True, campaign={"utm_campaign": "spring"})
        followed = api.follow(link.short_url)
        resolved = await client.resolve_deep_link(followed)

    assert (link.url, None, 1) == (followed, link.short_error, len(api.asked))
    assert ACCOUNT[PARTS[kind][0]] == urlsplit(link.short_url).netloc
    assert (LEAD, {"utm_campaign": "spring"}) == (resolved.record, resolved.campaign)


async def test_an_app_that_is_installed_from_a_short_link_claims_it(key_file):
    """Whoever has no app comes to the link host, and from there to the store with a claim of his own, each time."""
    async with serving(key_file) as (app, client, api), ClientSession() as http:
        link = await client.create_deep_link(LEAD, short=True, provider="web")
        claimed = []
        for _ in range(2):
            assert app.addresses is not None
            target = URL(
                f"{app.addresses.links}{api.follow(link.short_url).removeprefix('https://links.example.com')}",
                encoded=True,
            )
            async with http.get(target, headers={"User-Agent": PIXEL}, allow_redirects=False) as answer:
                [token] = parse_qs(urlsplit(answer.headers["Location"]).query)["deferred_token"]
            claimed.append((await client.claim_deep_link(token, platform="android")).record)
            with pytest.raises(SluicegateError, match="claimed with this token before"):
                await client.claim_deep_link(token, platform="android")

    assert [LEAD, LEAD] == claimed


async def test_without_being_asked_for_there_is_none(key_file):
    """Nobody is called for a long link."""
    async with serving(key_file) as (_, client, api):
        link = await client.create_deep_link(LEAD)

    assert ("", []) == (link.short_url, api.asked)


async def test_a_provider_without_short_links(key_file):
    """The caller hears which field to leave out and which setting is missing."""
    async with serving(key_file) as (_, client, api):
        with pytest.raises(SluicegateError, match=r"links\.providers\.plain\.short") as refused:
            await client.create_deep_link(LEAD, provider="plain", short=True)

    assert ("INVALID_REQUEST", []) == (refused.value.reason, api.asked)
    assert ["short"] == [violation.field for violation in refused.value.violations]


async def test_while_the_provider_gives_none_the_call_fails(key_file):
    """The reason is documented, the cause told, and the key is nowhere."""
    async with serving(key_file) as (app, _, api):
        api.script = [web.Response(status=503), web.Response(status=503)]
        with capture_logs() as lines:
            failed = await refused_short_link(app)

    assert ("UNAVAILABLE", "SHORT_LINK_UNAVAILABLE") == (failed.code, failed.reason)
    assert {"provider": "web", "cause": "outage", "http_status": "503"} == failed.metadata
    assert KEY not in f"{failed!r} {lines}"


async def test_or_gives_the_long_link_and_says_so(key_file):
    """Where the settings want it so, the link is made all the same."""
    async with serving(key_file, on_failure="long") as (_, client, api):
        api.script = [web.Response(status=302, headers={"Location": "https://evil.example/"})]
        link = await client.create_deep_link(LEAD, short=True)

    assert "" == link.short_url
    assert link.url.startswith("https://links.example.com/l?")
    assert link.short_error is not None
    assert ("SHORT_LINK_UNAVAILABLE", ()) == (link.short_error.reason, link.short_error.fields)


async def test_an_answer_that_leads_elsewhere_reaches_nobody(key_file):
    """A provider that was taken over cannot put another host into the company's messages."""
    async with serving(key_file) as (app, _, api):
        api.script = [web.json_response({"url": "https://evil.example/Xy1"})]
        failed = await refused_short_link(app)

    assert "host" == failed.metadata["cause"]


async def test_an_answer_without_end(key_file):
    """No more is read than a short link takes."""
    async with serving(key_file) as (app, _, api):
        api.script = [web.json_response({"url": "https://acme.app.link/s1", "more": "x" * 10_000_000})]
        failed = await refused_short_link(app)

    assert "answer" == failed.metadata["cause"]


async def test_an_api_that_says_nothing(key_file):
    """Two attempts within their bound, and then the answer."""
    async with serving(key_file, timeout_seconds=0.1) as (app, _, api):
        api.seconds = 60.0
        failed = await refused_short_link(app)

    assert "timeout" == failed.metadata["cause"]


async def test_an_api_that_nobody_vouches_for(key_file, tmp_path):
    """Without its authority its certificate is not trusted, and the key is not sent."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    async with short_link_api(elsewhere) as stranger, serving(key_file, api=stranger.url) as (app, _, _api):
        failed = await refused_short_link(app)

    assert ("connection", []) == (failed.metadata["cause"], stranger.asked)


async def test_many_short_links_at_once(key_file):
    """A few are asked for at a time; each has its own result, in the order of the drafts."""
    records = [RecordRef("Lead", external_id_field="Ext__c", external_id=f"L-{number}") for number in range(40)]
    drafts = [DeepLinkDraft(record, short=number % 4 != 0) for number, record in enumerate(records)]
    drafts[7] = DeepLinkDraft(records[7], provider="plain", short=True)
    async with serving(key_file, max_in_flight=3) as (_, client, api):
        api.seconds = 0.005
        made = await client.create_deep_links(drafts)
        led = {
            link.short_url: api.follow(link.short_url) for link in made if isinstance(link, DeepLink) and link.short_url
        }

    refused = made.pop(7)
    drafts.pop(7)
    assert isinstance(refused, DeepLinkError)
    assert ("INVALID_REQUEST", ("short",)) == (refused.reason, refused.fields)
    assert [draft.short for draft in drafts] == [bool(isinstance(link, DeepLink) and link.short_url) for link in made]
    assert all(led[link.short_url] == link.url for link in made if isinstance(link, DeepLink) and link.short_url)
    assert (3, 29) == (api.most_at_once, len(led))


@pytest.mark.parametrize(
    ("short", "words"),
    [
        ({"key_file": None}, "short.key_file is missing"),
        ({"key_file": Path("nowhere")}, "key_file nowhere cannot be read"),
        ({"kind": "onelink"}, "name it in `kinds`"),
        ({"kind": ""}, "short.kind is missing"),
        ({"hosts": ("evil.example",)}, "which allowed_hosts lacks"),
        ({"ca_file": Path(__file__)}, "cannot be used"),
    ],
)
async def test_settings_that_cannot_be_used(key_file, short, words):
    """`sluicegate config check` and the start say which setting it is, and what helps."""
    made = ShortLinkSettings(**{"kind": "branch", "key_file": key_file, **short})
    hosts = ("acme.app.link", "play.google.com", "www.acme.example")
    links = LinkSettings(
        keys=KEYS, allowed_hosts=hosts, providers={"web": provider().model_copy(update={"short": made})}
    )

    with pytest.raises(SettingsError) as refused:
        composition.check(free_ports(links=links))

    assert str(refused.value).startswith("links.providers.web.short.")
    assert words in str(refused.value)


@pytest.mark.parametrize("api", ["http://api2.branch.io", "https://api2.branch.io/v2", "https://u@api2.branch.io", "x"])
async def test_an_api_is_an_https_origin(api):
    """Neither plaintext nor a path nor a user."""
    with pytest.raises(ValidationError):
        ShortLinkSettings(api=api)


async def test_the_command_prints_the_short_link(key_file):
    """And the long one where there is no short one and the service does without, with the reason beside."""
    async with serving(key_file, on_failure="long") as (app, _, api):
        assert app.addresses is not None
        arguments = ("link", "create", "Lead", LEAD.id, "--short", "--target", app.addresses.grpc)
        told = []
        for script in ([], [web.Response(status=400)]):
            api.script = script
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "service", *arguments), stdout=PIPE, stderr=PIPE
            )
            output, errors = await process.communicate()
            told.append((process.returncode, output.decode().strip(), errors.decode()))

    assert (0, "https://acme.app.link/s1", "") == told[0]
    assert 0 == told[1][0]
    assert told[1][1].startswith("https://links.example.com/l?")
    assert "gives no short link: its API refuses the request" in told[1][2]
