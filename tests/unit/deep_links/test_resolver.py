"""What a link opens on each device."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service import errors
from service.deep_links.config import LinkConfig, LinkProvider
from service.deep_links.device import AppPresence, Device, Platform
from service.deep_links.keys import FixedKeys
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.plan import TargetKind
from service.deep_links.providers import KINDS
from service.deep_links.resolver import Knowledge, RecordState, Resolution, Resolver
from service.settings.signing_key import SigningKey

ID = "500000000000001AAA"
INSTANCE = "https://acme.my.salesforce.com"
SALESFORCE = {**KINDS["lightning"].templates, **KINDS["salesforce_mobile"].templates}
TEMPLATES = {
    "app_link": "https://open.example.com/{object}/{external_id}?f={external_id_field}&{query}",
    "app_scheme": "acme://{object}/{id}/{action}",
    "store_ios": "https://apps.apple.com/app/id42",
    "store_android": "https://play.google.com/store/apps/details?id=com.acme&referrer={query}",
    "web": "https://app.example.com/{object}/{id}?{query}",
    **SALESFORCE,
}
LINK = Link("main", LinkedRecord("Case", ExternalId("Ext__c", "A/1")), "own", 1, campaign={"utm_source": "a b"})
ANYWHERE = Device()
BY_ID = replace(LINK, record=LinkedRecord("Case", ID))


def resolver(*providers: LinkProvider, **named: LinkProvider) -> Resolver:
    """Make a resolver, the first provider of which is the default."""
    found = {"own": providers[0] if providers else LinkProvider.of(TEMPLATES), **named}
    keys = FixedKeys((SigningKey("k", b"k" * 32),))
    return Resolver(LinkConfig("https://links.example.com", keys, 3600, "own", found))


def followed(by: Resolver, link: Link, device: Device, known: Knowledge) -> Resolution:
    """Plan and resolve."""
    return by.resolve(by.plan(link, device), link, device, known)


def resolve(
    link: Link = LINK,
    device: Device = ANYWHERE,
    templates: Mapping[str, str] = TEMPLATES,
    *,
    instance: str | None = INSTANCE,
    record_id: str | None = ID,
) -> Resolution:
    """Resolve a link of one provider."""
    return followed(resolver(LinkProvider.of(templates)), link, device, Knowledge(instance, record_id))


def kinds(resolution: Resolution) -> list[str]:
    """Name the targets."""
    return [target.kind.value for target in resolution.targets]


@pytest.mark.parametrize(
    ("platform", "app", "expected"),
    [
        ("ios", "installed", ["app_link", "app_scheme", "salesforce_mobile", "lightning", "web"]),
        ("ios", "missing", ["store", "salesforce_mobile", "lightning", "web"]),
        ("android", "unknown", ["app_link", "app_scheme", "store", "salesforce_mobile", "lightning", "web"]),
        ("web", "installed", ["lightning", "web"]),
        (
            "unknown",
            "unknown",
            ["app_link", "lightning", "app_scheme", "salesforce_mobile", "store", "store", "web"],
        ),
        ("unknown", "missing", ["lightning", "salesforce_mobile", "store", "store", "web"]),
    ],
)
def test_the_order_follows_the_device(platform, app, expected):
    """Each device gets what works on it, best first."""
    assert expected == kinds(resolve(device=Device(Platform(platform), AppPresence(app))))


def test_every_uri_is_built_from_its_template():
    """Values are percent-encoded, a campaign stays a query, and a referrer is encoded once more."""
    resolution = resolve(device=Device(Platform.ANDROID))

    assert [target.uri for target in resolution.targets] == [
        "https://open.example.com/Case/A%2F1?f=Ext__c&utm_source=a%20b",
        f"acme://Case/{ID}/view",
        "https://play.google.com/store/apps/details?id=com.acme&referrer=utm_source%3Da%2520b",
        f"salesforce1://sObject/{ID}/view",
        f"https://acme.lightning.force.com/lightning/r/Case/{ID}/view",
        f"https://app.example.com/Case/{ID}?utm_source=a%20b",
    ]
    assert resolution.fallback_uri == resolution.targets[-1].uri
    assert all(target.explanation for target in resolution.targets)


def test_without_a_web_page_lightning_is_the_last_resort():
    """The last target works without any app, on an unknown platform too."""
    templates = {**TEMPLATES, "web": ""}

    assert [kinds(resolve(device=Device(platform), templates=templates))[-1] for platform in Platform] == [
        "lightning"
    ] * 4


def test_a_template_without_its_value_gives_no_target():
    """A link by id has no external id, so a template that needs one is left out and says so; the id's stay."""
    resolution = resolve(BY_ID, Device(Platform.IOS, AppPresence.INSTALLED))

    assert ["app_scheme", "salesforce_mobile", "lightning", "web"] == kinds(resolution)
    left_out = {item.kind: item.explanation for item in resolution.left_out}
    assert {TargetKind.APP_LINK, TargetKind.STORE} == left_out.keys()
    assert "{external_id}" in left_out[TargetKind.APP_LINK]
    assert "on the device already" in left_out[TargetKind.STORE]


def test_without_an_id_only_the_company_remains():
    """Salesforce's own targets need the id, and say why there is none."""
    templates = {"web": "https://app.example.com/{external_id}?{query}", **SALESFORCE}
    known = Knowledge(INSTANCE, None, why_no_id="Salesforce cannot be asked for it now")

    resolution = followed(resolver(LinkProvider.of(templates)), replace(LINK, campaign={}), Device(), known)

    assert [target.uri for target in resolution.targets] == ["https://app.example.com/A%2F1"]
    assert [True, True] == ["cannot be asked" in item.explanation for item in resolution.left_out]


def test_nothing_to_open_is_an_error():
    """Without an id and without a web page there is no fallback, and the error says what to configure."""
    with pytest.raises(errors.InvalidRequest, match="web template"):
        resolve(templates=SALESFORCE, record_id=None)


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        ("https://acme.my.salesforce.com", f"https://acme.lightning.force.com/lightning/r/Case/{ID}/edit"),
        (
            "https://acme--qa.sandbox.my.salesforce.com",
            f"https://acme--qa.sandbox.lightning.force.com/lightning/r/Case/{ID}/edit",
        ),
        ("https://acme.my.salesforce.mil", f"https://acme.my.salesforce.mil/{ID}"),
        ("https://acme.my.salesforce.com.evil.com", f"https://acme.my.salesforce.com.evil.com/{ID}"),
        ("http://127.0.0.1:8090", f"http://127.0.0.1:8090/{ID}"),
    ],
)
def test_the_lightning_host_follows_the_instance(instance, expected):
    """A My Domain host becomes its Lightning host; any other org redirects its own ids."""
    resolution = resolve(replace(LINK, action="edit"), Device(Platform.WEB), SALESFORCE, instance=instance)

    assert expected == resolution.fallback_uri


def test_an_action_of_the_app_is_not_sent_to_salesforce():
    """Salesforce's pages know view and edit; other actions view."""
    resolution = resolve(replace(LINK, action="approve"), Device(Platform.IOS), SALESFORCE)

    assert f"salesforce1://sObject/{ID}/view" == resolution.targets[0].uri


def test_a_provider_that_goes_on_by_itself_gets_the_other_targets():
    """Its link carries the app's, the store's and the web's address, encoded once more, and drops what is not there."""
    templates = {
        "web": "https://app.example.com/{key}?{query}",
        "app_scheme": "acme://{key}",
        "provider_link": "https://go.example.com/?to={app_scheme?}&else={web?}&ios={store_ios?}&c={utm_campaign?}",
    }

    resolution = resolve(device=Device(Platform.IOS), templates=templates)

    assert TargetKind.PROVIDER_LINK is resolution.targets[0].kind
    assert (
        "https://go.example.com/?to=acme%3A%2F%2FA%252F1&else=https%3A%2F%2Fapp.example.com%2FA%252F1%3Futm_source%3Da%2520b"
        == resolution.targets[0].uri
    )


def test_an_app_that_is_too_old_goes_to_the_store():
    """An app below the least version is renewed first; one of that version, or of an unknown one, opens the link."""
    found = resolver(LinkProvider.of(TEMPLATES, min_app_version="4.2"))
    known = Knowledge(INSTANCE, ID)

    first = {
        version: followed(found, LINK, Device(Platform.IOS, AppPresence.INSTALLED, version), known).targets[0].kind
        for version in ("4.1.9", "4.2", "4.2.0", "4.10", "nightly", "")
    }

    assert {
        "4.1.9": TargetKind.STORE,
        **dict.fromkeys(("4.2", "4.2.0", "4.10", "nightly", ""), TargetKind.APP_LINK),
    } == first


def test_a_provider_may_stand_in_on_one_platform():
    """The platform chooses the provider; the answer names it."""
    own = LinkProvider.of(TEMPLATES, instead={Platform.ANDROID: "play"})
    play = LinkProvider.of({"web": "https://play.example.com/{key}"})
    found = resolver(own, play=play)

    names = {
        platform: followed(found, LINK, Device(platform), Knowledge(INSTANCE, ID)).provider for platform in Platform
    }

    assert {**dict.fromkeys(Platform, "own"), Platform.ANDROID: "play"} == names


@pytest.mark.parametrize("locale", ["", "de-CH", "de_CH"])
def test_the_language_is_the_device_s_or_the_default(locale):
    """A template may choose its page by language."""
    templates = {"web": "https://app.example.com/{language}/{key}?l={locale}"}

    uri = resolve(device=Device(locale=locale), templates=templates).fallback_uri

    expected = "de/A%2F1?l=de-CH" if locale else "en/A%2F1?l=en"
    assert f"https://app.example.com/{expected}" == uri


@pytest.mark.parametrize(
    ("templates", "expected"),
    [
        ({"gone": "https://app.example.com/gone"}, "https://app.example.com/gone"),
        ({"web": "https://app.example.com/{key}"}, "https://app.example.com/A%2F1"),
        ({"web": "https://app.example.com/{id}"}, None),
        (SALESFORCE, None),
    ],
)
def test_a_record_that_is_gone_opens_its_page(templates, expected):
    """There is one target, the page for records that are gone or else the web page, and it says what happened."""
    found_by, device = resolver(LinkProvider.of(templates)), Device(Platform.IOS)

    found = found_by.resolve_gone(
        found_by.plan(LINK, device), LINK, device, Knowledge(INSTANCE, None), RecordState.DELETED
    )

    assert expected == (found.fallback_uri if found else None)
    assert found is None or "recycle bin" in found.targets[0].explanation


@pytest.mark.parametrize(
    ("platform", "app", "version", "expected"),
    [
        (Platform.IOS, AppPresence.MISSING, "", True),
        (Platform.IOS, AppPresence.UNKNOWN, "", True),
        (Platform.IOS, AppPresence.INSTALLED, "", False),
        (Platform.IOS, AppPresence.INSTALLED, "1.0", True),
        (Platform.WEB, AppPresence.MISSING, "", False),
        (Platform.UNKNOWN, AppPresence.MISSING, "", False),
    ],
)
def test_a_claim_is_made_where_the_app_may_have_to_be_installed(platform, app, version, expected):
    """On phones without the app, or with one that is too old, if there is a store page."""
    with_store = resolver(LinkProvider.of(TEMPLATES, min_app_version="2"))
    without = resolver(LinkProvider.of({"web": "https://app.example.com/{key}"}))
    device = Device(platform, app, version)

    assert expected is with_store.plan(LINK, device).is_deferred
    assert without.plan(LINK, device).is_deferred is False


@given(value=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@example(value="..")
@example(value="../../logout")
@example(value="a\\..\\b")
@example(value="a/...")
def test_no_value_leaves_its_place(value):
    """Whatever an external id holds, the host, path depth and query of the address stay the operator's.

    One that would mean another place to a server that decodes slashes gives no address.
    """
    link = replace(LINK, record=LinkedRecord("Case", ExternalId("Ext__c", value)))

    try:
        resolution = resolve(link, templates={"web": "https://app.example.com/r/{external_id}/end"}, record_id=None)
    except errors.InvalidRequest:
        assert {".", ".."} & set(re.split(r"[/\\]", value))
        return

    uri = resolution.fallback_uri
    assert not {".", ".."} & set(re.split(r"[/\\]", value))
    middle = uri.removeprefix("https://app.example.com/r/").removesuffix("/end")
    assert not set(middle) & set("/?#@:\\ ")
    assert uri == f"https://app.example.com/r/{middle}/end"
