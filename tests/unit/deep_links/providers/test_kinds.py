"""The kinds of providers: each says what it needs, and its links go where the company said and nowhere else."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from service.deep_links.config import LinkConfig, LinkProvider
from service.deep_links.device import AppPresence, Device, Platform
from service.deep_links.keys import FixedKeys
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.plan import TargetKind
from service.deep_links.providers import KINDS, templates_of
from service.deep_links.resolver import Knowledge, Resolver
from service.settings.signing_key import SigningKey

ACCOUNT = {
    "host": "links.acme.com",
    "scheme": "acme",
    "app_store_id": "4711",
    "package": "com.acme.app",
    "web_host": "www.acme.com",
    "branch_host": "acme.app.link",
    "onelink_host": "acme.onelink.me",
    "onelink_template": "AbCd",
    "onelink_media_source": "sms",
    "adjust_host": "acme.go.link",
    "adjust_tracker": "abc123",
}
ID = "500000000000001AAA"
LINK = Link(
    "main",
    LinkedRecord("Case", ExternalId("Ext__c", "A/1")),
    "own",
    0,
    campaign={"utm_source": "sms", "utm_campaign": "brake pads"},
)
KNOWN = Knowledge("https://acme.my.salesforce.com", ID, deferred_token="1.k.a.b")
BASE = ("custom_scheme", "app_store", "play_store", "web")


def account_of(*kinds: str) -> dict[str, str]:
    """Return what some kinds must know."""
    needed = {name for kind in kinds for name in KINDS[kind].account}
    return {name: value for name, value in ACCOUNT.items() if name in needed}


def opened(*kinds: str, platform: Platform = Platform.IOS) -> dict[TargetKind, str]:
    """Resolve a link of a provider of some kinds."""
    templates = templates_of(kinds, account_of(*kinds), {}, with_salesforce=True)
    keys = FixedKeys((SigningKey("k", b"k" * 32),))
    config = LinkConfig("https://l.acme.com", keys, 3600, "own", {"own": LinkProvider.of(templates)})
    resolver, device = Resolver(config), Device(platform)
    found = resolver.resolve(resolver.plan(LINK, device), LINK, device, KNOWN)
    return {target.kind: target.uri for target in found.targets}


def query(uri: str) -> dict[str, str]:
    """Return the parameters of an address, decoded once."""
    return dict(parse_qsl(urlsplit(uri).query, keep_blank_values=True, strict_parsing=True))


def test_the_kinds_are_those_of_the_folder():
    """A module is a kind."""
    assert {
        "adjust",
        "app_links",
        "app_store",
        "branch",
        "custom_scheme",
        "lightning",
        "onelink",
        "play_store",
        "salesforce_mobile",
        "web",
    } == KINDS.keys()


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_says_what_it_is_and_needs(name):
    """It has a title, says what each value of the account is, misses none in silence, and its templates pass."""
    kind = KINDS[name]
    needed = account_of(name)

    assert kind.title
    assert all(value.meaning for value in kind.account.values())
    assert list(LinkProvider.of(templates_of((name,), needed, {}, with_salesforce=False)).templates())
    for missing in needed:
        rest = {key: value for key, value in needed.items() if key != missing}
        with pytest.raises(ValueError, match=f"account.{missing} is missing"):
            templates_of((name,), rest, {}, with_salesforce=False)


def test_app_links():
    """The address names the record by what the link names it by, and carries the campaign."""
    uri = opened("app_links", "web")[TargetKind.APP_LINK]

    assert uri.startswith("https://links.acme.com/r/Case/A%2F1?")
    assert {"field": "Ext__c", "action": "view", "utm_source": "sms", "utm_campaign": "brake pads"} == query(uri)


def test_custom_scheme():
    """The same in the app's own scheme."""
    uri = opened("custom_scheme", "web")[TargetKind.APP_SCHEME]

    assert uri.startswith("acme://record/Case/A%2F1?field=Ext__c&action=view&utm_campaign=brake%20pads")


def test_app_store():
    """Its campaign is all that the App Store takes; a provider token that is not given is left out."""
    uri = opened("app_store", "web")[TargetKind.STORE]

    assert "https://apps.apple.com/app/id4711?ct=brake%20pads&mt=8" == uri


def test_play_store():
    """The install referrer holds campaign and claim."""
    uri = opened("play_store", "web", platform=Platform.ANDROID)[TargetKind.STORE]

    assert {
        "id": "com.acme.app",
        "referrer": "utm_campaign=brake%20pads&utm_source=sms&deferred_token=1.k.a.b",
    } == query(uri)


def test_branch():
    """Control parameters say where to go without the app, `$deeplink_path` what to open in it."""
    uri = opened("branch", *BASE)[TargetKind.PROVIDER_LINK]

    assert uri.startswith("https://acme.app.link/?")
    web = opened(*BASE)[TargetKind.WEB]
    assert {
        "$deeplink_path": "record/Case/A%2F1",
        "$canonical_url": web,
        "$desktop_url": web,
        "$fallback_url": web,
        "$ios_url": "https://apps.apple.com/app/id4711?ct=brake%20pads&mt=8",
        "~channel": "sms",
        "~campaign": "brake pads",
        "action": "view",
        "deferred_token": "1.k.a.b",
    } == {key: value for key, value in query(uri).items() if key != "$android_url"}


def test_onelink():
    """AppsFlyer's names for the same."""
    uri = opened("onelink", *BASE)[TargetKind.PROVIDER_LINK]

    assert uri.startswith("https://acme.onelink.me/AbCd?pid=sms&c=brake%20pads&")
    found = query(uri)
    assert ("record/Case/A%2F1", "view", "1.k.a.b") == (
        found["deep_link_value"],
        found["deep_link_sub1"],
        found["deep_link_sub2"],
    )
    assert opened(*BASE)[TargetKind.APP_SCHEME] == found["af_dp"]
    assert opened(*BASE)[TargetKind.WEB] == found["af_web_dp"]


def test_adjust():
    """Adjust's names for the same."""
    uri = opened("adjust", *BASE)[TargetKind.PROVIDER_LINK]

    assert uri.startswith("https://acme.go.link/record/Case/A%2F1?adj_t=abc123&adj_campaign=brake%20pads")
    assert opened(*BASE)[TargetKind.APP_SCHEME] == query(uri)["adj_deep_link"]
    assert opened(*BASE)[TargetKind.WEB] == query(uri)["adj_fallback"]


def test_web_and_salesforce():
    """Pages that need no app: the company's, Lightning's, and Salesforce's own app."""
    found = opened("web")

    assert found[TargetKind.WEB].startswith("https://www.acme.com/record/Case/A%2F1?field=Ext__c")
    assert f"https://acme.lightning.force.com/lightning/r/Case/{ID}/view" == found[TargetKind.LIGHTNING]
    assert f"salesforce1://sObject/{ID}/view" == found[TargetKind.SALESFORCE_MOBILE]


def test_swapping_the_provider_moves_every_link():
    """One word of configuration sends the same link through another service."""
    hosts = [urlsplit(opened(kind, *BASE)[TargetKind.PROVIDER_LINK]).netloc for kind in ("branch", "onelink", "adjust")]

    assert ["acme.app.link", "acme.onelink.me", "acme.go.link"] == hosts


def test_own_templates_stand_in_for_those_of_a_kind():
    """An operator who writes a template means it."""
    own = {"web": "https://shop.acme.com/{key}", "app_link": ""}

    found = templates_of(("web",), account_of("web"), own, with_salesforce=False)

    assert {"web": "https://shop.acme.com/{key}"} == found


@pytest.mark.parametrize(
    ("kinds", "account", "problem"),
    [
        (("firebase",), {}, "'firebase' is none of adjust, app_links"),
        (("branch", "onelink"), account_of("branch", "onelink"), "onelink gives a provider_link"),
        (("web",), {"web_host": "www.acme.com", "hots": "x"}, "account.hots is nothing .*: they need web_host"),
        ((), {"web_host": "www.acme.com"}, "account.web_host is nothing .*: name those kinds in `kinds`"),
        (("web",), {"web_host": "www.acme.com/x?"}, "account.web_host takes a host"),
        (("web",), {"web_host": "https://www.acme.com"}, "account.web_host takes a host .* without https://"),
        (("web",), {"web_host": "WWW.acme.com"}, "account.web_host takes a host in small letters"),
        (("web",), {"web_host": "{object}.acme.com"}, "account.web_host takes a host"),
        (("web",), {"web_host": ""}, "account.web_host takes a host"),
        (("custom_scheme",), {"scheme": "acme://"}, "account.scheme takes a scheme .* without ://"),
        (("app_store",), {"app_store_id": "id4711"}, "account.app_store_id takes digits only"),
        (("play_store",), {"package": "com.acme app"}, "account.package takes letters"),
    ],
)
def test_what_cannot_be_put_together_is_refused(kinds, account, problem):
    """The error says which kind or value is wrong."""
    with pytest.raises(ValueError, match=problem):
        templates_of(kinds, account, {}, with_salesforce=False)


def test_the_app_s_presence_counts():
    """With the app there, no store and no claim; the provider's link remains for what the app does not catch."""
    templates = templates_of(("branch", *BASE), account_of("branch", *BASE), {}, with_salesforce=False)
    keys = FixedKeys((SigningKey("k", b"k" * 32),))
    resolver = Resolver(LinkConfig("https://l.acme.com", keys, 3600, "own", {"own": LinkProvider.of(templates)}))
    device = Device(Platform.IOS, AppPresence.INSTALLED)

    plan = resolver.plan(LINK, device)

    assert [TargetKind.PROVIDER_LINK, TargetKind.APP_SCHEME, TargetKind.WEB] == [offer.kind for offer in plan.offers]
    assert plan.is_deferred is False
