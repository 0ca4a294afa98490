"""What a link opens on each device."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.deep_links.config import LinkProvider
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.resolver import AppPresence, Device, Platform, TargetKind, resolve

ID = "500000000000001AAA"
INSTANCE = "https://acme.my.salesforce.com"
PROVIDER = LinkProvider.of(
    app_link="https://open.example.com/{object}/{external_id}?f={external_id_field}&{query}",
    app_scheme="acme://{object}/{id}/{action}",
    store_ios="https://apps.apple.com/app/id42",
    store_android="https://play.google.com/store/apps/details?id=com.acme&referrer={query}",
    web="https://app.example.com/{object}/{id}?{query}",
)
LINK = Link("main", LinkedRecord("Case", ExternalId("Ext__c", "A/1")), "own", 1, campaign={"utm_source": "a b"})


def kinds(device, provider=PROVIDER):
    return [
        target.kind.value for target in resolve(LINK, device, provider, instance_url=INSTANCE, record_id=ID).targets
    ]


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
    assert expected == kinds(Device(Platform(platform), AppPresence(app)))


def test_every_uri_is_built_from_its_template():
    """Values are percent-encoded, a campaign stays a query, and a referrer is encoded once more."""
    device = Device(Platform.ANDROID)

    resolution = resolve(LINK, device, PROVIDER, instance_url=INSTANCE, record_id=ID)

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
    provider = replace(PROVIDER, web=None)

    assert [kinds(Device(platform), provider)[-1] for platform in Platform] == ["lightning"] * 4


def test_a_template_without_its_value_gives_no_target():
    """A link by id has no external id, so a template that needs one is left out; the id's stay."""
    link = replace(LINK, record=LinkedRecord("Case", ID))

    resolution = resolve(link, Device(Platform.IOS), PROVIDER, instance_url=INSTANCE, record_id=ID)

    assert TargetKind.APP_LINK not in {target.kind for target in resolution.targets}
    assert TargetKind.APP_SCHEME in {target.kind for target in resolution.targets}


def test_without_an_id_only_the_company_remains():
    """Salesforce's own targets need the id."""
    provider = LinkProvider.of(web="https://app.example.com/{external_id}?{query}")

    resolution = resolve(replace(LINK, campaign={}), Device(), provider, instance_url=INSTANCE, record_id=None)

    assert [target.uri for target in resolution.targets] == ["https://app.example.com/A%2F1"]


def test_nothing_to_open_is_an_error():
    """Without an id and without a web page there is no fallback, and the error says what to configure."""
    with pytest.raises(errors.InvalidRequest, match="web template"):
        resolve(LINK, Device(), LinkProvider(), instance_url=INSTANCE, record_id=None)


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        ("https://acme.my.salesforce.com", f"https://acme.lightning.force.com/lightning/r/Case/{ID}/edit"),
        (
            "https://acme--qa.sandbox.my.salesforce.com/",
            f"https://acme--qa.sandbox.lightning.force.com/lightning/r/Case/{ID}/edit",
        ),
        ("https://acme.my.salesforce.mil", f"https://acme.my.salesforce.mil/{ID}"),
        ("https://acme.my.salesforce.com.evil.com", f"https://acme.my.salesforce.com.evil.com/{ID}"),
        ("http://127.0.0.1:8090", f"http://127.0.0.1:8090/{ID}"),
    ],
)
def test_the_lightning_host_follows_the_instance(instance, expected):
    """A My Domain host becomes its Lightning host; any other org redirects its own ids."""
    link = replace(LINK, action="edit")

    resolution = resolve(link, Device(Platform.WEB), LinkProvider(), instance_url=instance, record_id=ID)

    assert expected == resolution.fallback_uri


def test_an_action_of_the_app_is_not_sent_to_salesforce():
    """Salesforce's pages know view and edit; other actions view."""
    link = replace(LINK, action="approve")

    resolution = resolve(link, Device(Platform.IOS), LinkProvider(), instance_url=INSTANCE, record_id=ID)

    assert f"salesforce1://sObject/{ID}/view" == resolution.targets[0].uri


@given(value=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_value_leaves_its_place(value):
    """Whatever an external id holds, the host, path depth and query of the address stay the operator's."""
    provider = LinkProvider.of(web="https://app.example.com/r/{external_id}/end")
    link = replace(LINK, record=LinkedRecord("Case", ExternalId("Ext__c", value)))

    uri = resolve(link, Device(), provider, instance_url=INSTANCE, record_id=None).fallback_uri

    middle = uri.removeprefix("https://app.example.com/r/").removesuffix("/end")
    assert not set(middle) & set("/?#@:\\ ")
    assert uri == f"https://app.example.com/r/{middle}/end"
