"""A real browser follows links: as an iPhone, as an Android phone and as a computer."""

import os
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from sluicegate import Client, RecordRef

from service.app import App
from service.settings import LinkProviderSettings, LinkSettings
from tests.support.browser import COMPUTER, IPHONE, PIXEL, Browser, Visit, browser, is_here
from tests.support.service import free_ports

pytestmark = pytest.mark.skipif(
    "CI" not in os.environ and not is_here(), reason="no Chromium is on this machine; `make test` installs one"
)

LEAD = RecordRef("Lead", "00Q010000000001EAA")
KEYS = {"k1": "a key that two runs of the service have in common"}
APP_STORE = "https://apps.apple.com/app/id0000000000"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    async with browser() as running:
        yield running


async def link(app: App) -> str:
    """Make a link."""
    assert app.addresses is not None
    async with Client(app.addresses.grpc) as client:
        return (await client.create_deep_link(LEAD)).url


async def follow(chromium: Browser, app: App, url: str, user_agent: str) -> Visit:
    """Follow a link to where the link host's server listens."""
    assert app.addresses is not None
    assert app.addresses.links is not None
    return await chromium.follow(app.addresses.links + url.removeprefix("https://links.example.com"), user_agent)


async def test_an_iphone_lands_in_the_app_store(app, chromium):
    """One redirect, and the browser is there."""
    visit = await follow(chromium, app, await link(app), IPHONE)

    assert [APP_STORE] == visit.went_to[1:]


async def test_an_android_phone_lands_in_google_play(app, chromium):
    """The store's address takes along what the app claims the link with."""
    visit = await follow(chromium, app, await link(app), PIXEL)

    [store] = visit.went_to[1:]
    [referrer] = parse_qs(urlsplit(store).query)["referrer"]
    assert "play.google.com" == urlsplit(store).netloc
    assert referrer.startswith("deferred_token=")


async def test_a_computer_stays_on_a_page(app, chromium):
    """The browser asks for nothing else, keeps to the page's policy without complaint, and shows what opens there."""
    visit = await follow(chromium, app, await link(app), COMPUTER)

    assert (1, 200, []) == (len(visit.went_to), visit.status, visit.complaints)
    assert "camera" in visit.text
    assert "https://links.example.com/w/Lead/00Q010000000001EAA" in visit.targets


async def test_the_page_has_its_style(app, chromium):
    """The policy lets the one style sheet through: the code stands white in the middle, not as wide as the window."""
    visit = await follow(chromium, app, await link(app), COMPUTER)

    assert {"max-width": "384px", "text-align": "center"}.items() <= visit.style.items()


async def test_the_page_can_be_read(app, chromium):
    """Its words take room: a browser without fonts shows nothing, and no picture of it would tell anything."""
    visit = await follow(chromium, app, (await link(app)).replace("a=view", "a=edit"), IPHONE)

    assert float(visit.style["height"].removesuffix("px")) >= 60


async def test_a_link_that_was_altered_goes_nowhere(app, chromium):
    """The person reads what is wrong, with the right status, and the browser stays."""
    visit = await follow(chromium, app, (await link(app)).replace("a=view", "a=edit"), IPHONE)

    assert (1, 400, []) == (len(visit.went_to), visit.status, visit.targets)
    assert "does not work" in visit.text


@pytest.mark.parametrize(
    ("user_agent", "plain", "other"),
    [(IPHONE, "apps.apple.com", "acme.app.link"), (PIXEL, "play.google.com", "acme.app.link")],
)
async def test_other_providers_lead_elsewhere(chromium, user_agent, plain, other):
    """Links that were issued under one configuration open what the next one says."""
    stores = LinkProviderSettings(
        store_ios=APP_STORE,
        store_android="https://play.google.com/store/apps/details?id=com.example.app",
        web="https://www.example.com/{id}",
    )
    branch = LinkProviderSettings(
        kinds=("branch",), account={"branch_host": "acme.app.link"}, web="https://www.example.com/{id}"
    )
    visits = []

    url = ""
    for provider in (stores, branch):
        async with App(free_ports(links=LinkSettings(keys=KEYS, providers={"web": provider}))) as app:
            url = url or await link(app)
            visits.append(await follow(chromium, app, url, user_agent))

    assert [plain, other] == [urlsplit(visit.went_to[-1]).netloc for visit in visits]
    assert [plain, other] == [urlsplit(visit.went_to[1]).netloc for visit in visits]


async def test_an_apps_own_scheme_is_offered(chromium):
    """A person without the app is not met by an error: the page has a button for each way."""
    provider = LinkProviderSettings(
        app_scheme="acme://record/{id}", store_ios=APP_STORE, web="https://www.example.com/{id}"
    )

    async with App(free_ports(links=LinkSettings(keys=KEYS, providers={"web": provider}))) as app:
        visit = await follow(chromium, app, await link(app), IPHONE)

    assert (1, 200, []) == (len(visit.went_to), visit.status, visit.complaints)
    assert [f"acme://record/{LEAD.id}", APP_STORE, f"https://www.example.com/{LEAD.id}"] == visit.targets


async def test_another_provider_changes_the_page_of_a_computer(chromium):
    """A person at a computer who follows a link of before finds what today's configuration offers."""
    pages = []

    url = ""
    for host in ("www.example.com", "new.example.com"):
        provider = LinkProviderSettings(web=f"https://{host}/{{id}}", salesforce=False)
        async with App(free_ports(links=LinkSettings(keys=KEYS, providers={"web": provider}))) as app:
            url = url or await link(app)
            pages.append(await follow(chromium, app, url, COMPUTER))

    assert [(200, [f"https://{host}/{LEAD.id}"]) for host in ("www.example.com", "new.example.com")] == [
        (page.status, page.targets) for page in pages
    ]
