"""What the settings make of links: providers by name, platform and org, old links, and orgs that are out of order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from grpc import aio
from pydantic import SecretStr
from sluicegate.v1 import deep_link_pb2 as pb
from sluicegate.v1.deep_link_service_pb2 import CreateDeepLinkRequest, ResolveDeepLinkRequest, ResolveDeepLinkResponse
from sluicegate.v1.deep_link_service_pb2_grpc import DeepLinkServiceStub
from sluicegate.v1.field_value_pb2 import ExternalId
from sluicegate.v1.record_pb2 import RecordRef

from service.app import App
from service.emulator.disturbances import Page
from service.settings import FirebaseSettings, LinkProviderSettings, LinkSettings, OldAddressSettings, SettingsError
from tests.support.rich_status import failure
from tests.support.service import free_ports

KEYS = {"k1": SecretStr("a secret of at least thirty-two bytes")}
RECORD = RecordRef(object="Lead", external_id=ExternalId(field="Ext__c", value="L-1"))
BY_ID = RecordRef(object="Lead", id="00Q010000000001EAA")
IPHONE = pb.DeviceContext(platform=pb.PLATFORM_IOS)
SMILE = "\U0001f600"
COMPANY = LinkProviderSettings(
    kinds=("custom_scheme", "app_store", "play_store", "web"),
    account={"scheme": "acme", "app_store_id": "4711", "package": "com.acme.app", "web_host": "www.acme.com"},
)


@asynccontextmanager
async def serving(app: App) -> AsyncIterator[Any]:
    """Run a service and call it."""
    async with app:
        assert app.addresses is not None
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            yield DeepLinkServiceStub(channel)


def links(**settings) -> App:
    """Make a service on its embedded org."""
    return App(free_ports(links=LinkSettings(keys=KEYS, **settings)))


def kinds(found: ResolveDeepLinkResponse) -> list[str]:
    """Name the targets."""
    return [pb.DeepLinkTargetKind.Name(item.kind).removeprefix("DEEP_LINK_TARGET_KIND_") for item in found.targets]


async def test_a_link_opens_what_needs_no_answer_while_salesforce_is_out_of_order():
    """The app and the web page still open; what needs the id says why it is left out; who wants fields is refused."""
    app = links(providers={"web": COMPANY})
    async with serving(app) as service:
        assert app.emulator is not None
        app.emulator.disturbances.add(Page(503), path="/sobjects", times=None)

        found = await service.ResolveDeepLink(ResolveDeepLinkRequest(record=RECORD, device=IPHONE))
        with pytest.raises(aio.AioRpcError) as refused:
            await service.ResolveDeepLink(ResolveDeepLinkRequest(record=RECORD, device=IPHONE, fields=["Company"]))
        with pytest.raises(aio.AioRpcError) as wanted:
            await service.ResolveDeepLink(ResolveDeepLinkRequest(record=RECORD, lookup=pb.RECORD_LOOKUP_ALWAYS))

    assert ["APP_SCHEME", "STORE", "WEB"] == kinds(found)
    assert (pb.LINKED_RECORD_STATE_UNSPECIFIED, RECORD) == (found.record_state, found.record)
    assert ["Salesforce cannot be asked for it now" in item.explanation for item in found.left_out] == [True, True]
    assert ["UPSTREAM_UNAVAILABLE"] * 2 == [failure(error.value).reason for error in (refused, wanted)]


async def test_where_nothing_opens_without_an_answer_the_outage_is_the_answer():
    """The caller hears why, and when to come back."""
    app = links(providers={"web": LinkProviderSettings(web="https://www.acme.com/{id}")})
    async with serving(app) as service:
        assert app.emulator is not None
        app.emulator.disturbances.add(Page(503), path="/sobjects", times=None)

        with pytest.raises(aio.AioRpcError) as refused:
            await service.ResolveDeepLink(ResolveDeepLinkRequest(record=RECORD, device=IPHONE))

    assert "UPSTREAM_UNAVAILABLE" == failure(refused.value).reason


async def test_where_no_page_is_for_records_that_are_gone_the_call_fails():
    """Without such a page, and with a web page that needs the id, there is nothing to open."""
    app = links(providers={"web": LinkProviderSettings(web="https://www.acme.com/{id}")})
    async with serving(app) as service:
        with pytest.raises(aio.AioRpcError) as refused:
            await service.ResolveDeepLink(ResolveDeepLinkRequest(record=RECORD, device=IPHONE))

    failed = failure(refused.value)
    assert ("NOT_FOUND", "RECORD_NOT_FOUND") == (failed.code, failed.reason)
    assert ("no Lead has that Ext__c", "Ext__c") == (failed.message, failed.metadata["external_id_field"])


async def test_nothing_is_asked_where_nothing_must_be():
    """With NEVER a link by external id opens the company's pages, and no call is spent."""
    app = links(providers={"web": COMPANY})
    async with serving(app) as service:
        assert app.emulator is not None
        app.emulator.disturbances.add(Page(503), times=None)

        found = await service.ResolveDeepLink(
            ResolveDeepLinkRequest(record=RECORD, device=IPHONE, lookup=pb.RECORD_LOOKUP_NEVER)
        )

    assert ["APP_SCHEME", "STORE", "WEB"] == kinds(found)
    assert ["was not looked up" in item.explanation for item in found.left_out] == [True, True]


async def test_swapping_the_provider_moves_links_that_are_issued():
    """The same link goes through Branch today and OneLink tomorrow; only the configuration changes."""
    base = COMPANY.account | {"branch_host": "acme.app.link"}
    branch = COMPANY.model_copy(update={"kinds": ("branch", *COMPANY.kinds), "account": base})
    onelink = COMPANY.model_copy(
        update={
            "kinds": ("onelink", *COMPANY.kinds),
            "account": COMPANY.account
            | {"onelink_host": "acme.onelink.me", "onelink_template": "AbCd", "onelink_media_source": "sms"},
        }
    )
    hosts, url = [], ""
    for provider in (branch, onelink, COMPANY):
        async with serving(links(providers={"web": provider})) as service:
            url = url or (await service.CreateDeepLink(CreateDeepLinkRequest(record=BY_ID))).url
            found = await service.ResolveDeepLink(ResolveDeepLinkRequest(url=url, device=IPHONE))
            hosts.append(urlsplit(found.targets[0].uri).netloc)

    assert ["acme.app.link", "acme.onelink.me", "record"] == hosts


async def test_a_provider_is_chosen_by_link_platform_and_request():
    """The link names one, the platform may have another stand in, and a request may want yet another."""
    providers = {
        "web": COMPANY,
        "mobile": LinkProviderSettings(web="https://m.acme.com/{key}", on_android="droid"),
        "droid": LinkProviderSettings(web="https://d.acme.com/{key}"),
    }
    async with serving(links(providers=providers)) as service:
        url = (await service.CreateDeepLink(CreateDeepLinkRequest(record=BY_ID, provider="mobile"))).url
        android = pb.DeviceContext(platform=pb.PLATFORM_ANDROID)
        asked: list[dict[str, Any]] = [{"device": IPHONE}, {"device": android}, {"device": android, "provider": "web"}]

        found = [await service.ResolveDeepLink(ResolveDeepLinkRequest(url=url, **more)) for more in asked]

    assert ["mobile", "droid", "web"] == [item.provider for item in found]


async def test_an_old_link_opens_its_record_and_is_renewed():
    """A long link of Firebase opens what a signed one would, and the answer holds one; nothing is fetched."""
    firebase = FirebaseSettings(
        hosts=("acme.page.link",),
        patterns={"leads": OldAddressSettings(url="https://www.acme.com/l/{id}", object="Lead")},
    )
    old = f"https://acme.page.link/?link=https%3A%2F%2Fwww.acme.com%2Fl%2F{BY_ID.id}&apn=x&utm_source=sms"
    async with serving(links(providers={"web": COMPANY}, firebase=firebase)) as service:
        found = await service.ResolveDeepLink(ResolveDeepLinkRequest(url=old, device=IPHONE))
        renewed = await service.ResolveDeepLink(ResolveDeepLinkRequest(url=found.renewed_url, device=IPHONE))
        with pytest.raises(aio.AioRpcError) as refused:
            await service.ResolveDeepLink(ResolveDeepLinkRequest(url="https://acme.page.link/AbCd"))

    assert (BY_ID, {"utm_source": "sms"}, "") == (found.record, dict(found.campaign), renewed.renewed_url)
    assert found.targets[0].uri == renewed.targets[0].uri
    assert "only Firebase knew" in failure(refused.value).message


async def test_what_has_the_form_of_a_signed_link_must_be_signed():
    """A link host that was the host of old links opens both kinds, and no link of today without a signature."""
    firebase = FirebaseSettings(
        hosts=("links.example.com",),
        patterns={"leads": OldAddressSettings(url="https://www.acme.com/l/{id}", object="Lead")},
    )
    said = f"link=https%3A%2F%2Fwww.acme.com%2Fl%2F{BY_ID.id}"
    async with serving(links(providers={"web": COMPANY}, firebase=firebase)) as service:
        url = (await service.CreateDeepLink(CreateDeepLinkRequest(record=BY_ID))).url
        signed = await service.ResolveDeepLink(ResolveDeepLinkRequest(url=url))
        old = await service.ResolveDeepLink(ResolveDeepLinkRequest(url=f"https://links.example.com/?{said}"))
        with pytest.raises(aio.AioRpcError) as refused:
            await service.ResolveDeepLink(ResolveDeepLinkRequest(url=f"https://links.example.com/l?{said}"))

    assert [BY_ID, BY_ID] == [signed.record, old.record]
    assert "INVALID_LINK" == failure(refused.value).reason


@pytest.mark.parametrize(
    ("campaign", "fields", "is_renewed"),
    [
        ("".join(f"&utm_{chr(97 + index)}=x" for index in range(26)), 16, True),
        ("".join(f"&utm_{chr(97 + index)}={SMILE * 100}" for index in range(16)), 16, False),
    ],
)
async def test_an_old_link_that_holds_more_than_a_link_may(campaign, fields, is_renewed):
    """It opens its record all the same, with as many campaign fields as fit."""
    firebase = FirebaseSettings(
        hosts=("acme.page.link",),
        patterns={"leads": OldAddressSettings(url="https://www.acme.com/l/{id}", object="Lead")},
    )
    old = f"https://acme.page.link/?link=https%3A%2F%2Fwww.acme.com%2Fl%2F{BY_ID.id}{campaign}"
    async with serving(links(providers={"web": COMPANY}, firebase=firebase)) as service:
        found = await service.ResolveDeepLink(ResolveDeepLinkRequest(url=old))

    assert (BY_ID, fields, is_renewed) == (found.record, len(found.campaign), bool(found.renewed_url))


async def test_keys_may_be_files(tmp_path):
    """Links are signed with the key that the directory names, and links of the others still open."""
    (tmp_path / "2026a").write_text("a" * 40)
    made = []
    for current in ("2026a", "2026b"):
        (tmp_path / "2026b").write_text("b" * 40)
        (tmp_path / "current").write_text(current)
        settings = LinkSettings(keys_dir=tmp_path, providers={"web": COMPANY})
        async with serving(App(free_ports(links=settings))) as service:
            made.append((await service.CreateDeepLink(CreateDeepLinkRequest(record=BY_ID))).url)
            for url in made:
                assert await service.ResolveDeepLink(ResolveDeepLinkRequest(url=url))

    assert ["kid=2026a", "kid=2026b"] == [url.split("&")[-2] for url in made]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"providers": {"web": LinkProviderSettings(web="https://{key}.com")}},
            r"links\.providers\.web\.web must begin",
        ),
        ({"providers": {"web": LinkProviderSettings(kinds=("x",))}}, r"links\.providers\.web\.kinds: 'x' is none of"),
        ({"providers": {"web": LinkProviderSettings(on_ios="x")}}, r"providers\.web\.on_ios: 'x' is not one"),
        ({"providers": {"web": COMPANY}, "allowed_hosts": ("acme.com",)}, "which allowed_hosts lacks"),
        ({"keys": KEYS, "keys_dir": "/nowhere"}, r"links\.keys and links\.keys_dir exclude each other"),
        ({"keys_dir": "/nowhere"}, "keys_dir /nowhere cannot be read"),
        (
            {"firebase": {"hosts": ["a.page.link"], "patterns": {"p": {"url": "https://a.com/", "object": "Lead"}}}},
            r"links\.firebase\.patterns\.p\.url must hold either",
        ),
    ],
)
async def test_settings_that_cannot_be_used(settings, problem):
    """The service does not start, and says which setting is wrong."""
    with pytest.raises(SettingsError, match=problem):
        async with App(free_ports(links=LinkSettings(**settings))):
            raise AssertionError("it started")
