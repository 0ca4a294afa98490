"""Whatever is handed in, what is opened was configured: no input chooses where people are sent."""

import re
from dataclasses import replace
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.deep_links.config import LinkConfig, LinkProvider
from service.deep_links.device import AppPresence, Device, Platform
from service.deep_links.firebase import OldAddress, OldLinks
from service.deep_links.keys import FixedKeys
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.plan import TargetKind
from service.deep_links.providers import templates_of
from service.deep_links.resolver import Knowledge, RecordState, Resolver
from service.deep_links.signer import LinkSigner
from service.errors import InvalidLink, InvalidRequest, LinkExpired
from service.settings.signing_key import SigningKey

NOW = 1_800_000_000.0
ID = "500000000000001AAA"
ACCOUNT = {
    "host": "open.acme.com",
    "scheme": "acme",
    "app_store_id": "4711",
    "package": "com.acme.app",
    "web_host": "www.acme.com",
    "branch_host": "acme.app.link",
}
KINDS = ("app_links", "custom_scheme", "app_store", "play_store", "web", "branch")
OWN = {"gone": "https://www.acme.com/{language}/gone?{query}"}
ORIGINS = {
    ("https", "open.acme.com"),
    ("https", "acme.app.link"),
    ("https", "apps.apple.com"),
    ("https", "play.google.com"),
    ("https", "www.acme.com"),
    ("https", "acme.lightning.force.com"),
    ("acme", "record"),
    ("salesforce1", "sObject"),
}
KEYS = FixedKeys((SigningKey("k", b"k" * 32),))
CONFIG = LinkConfig(
    "https://links.acme.com",
    KEYS,
    3600,
    "own",
    {"own": LinkProvider.of(templates_of(KINDS, ACCOUNT, OWN, with_salesforce=True), min_app_version="2.0")},
    allowed_hosts=("open.acme.com", "acme.app.link", "apps.apple.com", "play.google.com", "www.acme.com"),
    old_links=OldLinks(
        frozenset({"acme.page.link"}),
        (OldAddress.of("https://www.acme.com/c/{external_id}", object_name="Case", external_id_field="Ext__c"),),
    ),
)
SIGNER = LinkSigner(CONFIG)
RESOLVER = Resolver(CONFIG)
LINK = Link("main", LinkedRecord("Case", ID), "own", int(NOW) + 60, campaign={"utm_source": "sms"})

HOSTILE = (
    "//evil.com",
    "\\\\evil.com",
    "/\\evil.com",
    "%2f%2fevil.com",
    "%252f%252fevil.com",
    "https://evil.com",
    "https:evil.com",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>",
    "@evil.com",
    ":pw@evil.com/",
    "user:pw@evil.com",
    ".evil.com",
    "evil.com#",
    "?x=https://evil.com",
    "&af_web_dp=https://evil.com",
    "\r\nLocation: https://evil.com",
    "%0d%0aSet-Cookie: a=b",
    "\t//evil.com",
    "\x00",
    "\u2028",
    "\uff0f\uff0fevil.com",
    "xn--80ak6aa92e.com",
    "\u0430\u0440\u0440\u04cf\u0435.com",
    ".",
    "..",
    "../../../evil",
    "..;/evil",
    "{id}",
    "%(id)s",
    "%s%n",
    "<a href='//evil.com'>",
    "a" * 5000,
)
hostile = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=60),
    st.tuples(st.text(max_size=8), st.sampled_from(HOSTILE), st.text(max_size=8)).map("".join),
)
campaigns = st.dictionaries(st.sampled_from(["utm_source", "utm_campaign"]), hostile)
devices = st.builds(
    Device,
    st.sampled_from(Platform),
    st.sampled_from(AppPresence),
    st.one_of(st.just(""), hostile),
    st.one_of(st.just(""), hostile),
)


def check(link: Link, device: Device, *, record_id: str | None, token: str = "") -> None:
    """Resolve a link in every way, and hold each target to what was configured."""
    known = Knowledge("https://acme.my.salesforce.com", record_id, deferred_token=token)
    plan = RESOLVER.plan(link, device)
    gone = RESOLVER.resolve_gone(plan, link, device, known, RecordState.DELETED)
    try:
        targets = RESOLVER.resolve(plan, link, device, known).targets
    except InvalidRequest:
        # Nothing can be built without the id.
        assert record_id is None
        targets = ()
    for target in (*targets, *(gone.targets if gone else ())):
        parts = urlsplit(target.uri)
        assert (parts.scheme, parts.netloc) in ORIGINS, target.uri
        assert re.fullmatch(r"[!-~]+", target.uri), target.uri
        assert not set(target.uri) & set('\\<>"^`{|}'), target.uri
        # A server behind the host may decode slashes before it looks at the parts of a path.
        assert not {".", ".."} & set(re.split(r"[/\\]", unquote(parts.path))), target.uri
        names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
        assert len(names) == len(set(names)), target.uri


@given(
    value=hostile.filter(bool),
    campaign=st.dictionaries(st.sampled_from(["utm_source", "utm_campaign"]), hostile),
    device=devices,
)
def test_no_value_of_a_link_chooses_where_it_leads(value, campaign, device):
    """Whatever stands in a record's key, a campaign, a locale or a version, hosts stay those of the configuration."""
    link = replace(LINK, record=LinkedRecord("Case", ExternalId("Ext__c", value)), campaign=campaign)

    try:
        read = SIGNER.read(SIGNER.write(link), org="main", now=NOW)
    except InvalidRequest:
        return

    assert link == read
    check(read, device, record_id=ID, token="1.k.a.b")
    check(read, device, record_id=None)


@pytest.mark.parametrize("value", HOSTILE)
def test_every_known_attack_in_every_place(value):
    """The attacks that are known by name, one by one."""
    for platform in Platform:
        device = Device(platform, AppPresence.UNKNOWN, value, value)
        for external_id in (value, f"A{value}", f"{value}A"):
            record = LinkedRecord("Case", ExternalId("Ext__c", external_id))
            check(replace(LINK, record=record, campaign={"utm_source": value}), device, record_id=ID, token="1.k.a.b")
            check(replace(LINK, record=record, action="view"), device, record_id=None)


@given(text=hostile, position=st.integers(min_value=0, max_value=400), length=st.integers(min_value=0, max_value=40))
def test_a_link_with_anything_in_it_opens_nothing(text, position, length):
    """Whatever is put into a link, in place of however much of it, it is refused unless nothing changed."""
    url = SIGNER.write(LINK)
    altered = url[:position] + text + url[position + length :]

    if altered == url:
        return
    with pytest.raises((InvalidLink, LinkExpired)):
        SIGNER.read(altered, org="main", now=NOW)


@given(text=hostile)
def test_an_address_that_is_no_link_opens_nothing(text):
    """However much it looks like a link, it is refused."""
    query = SIGNER.write(LINK).partition("?")[2]
    for url in (
        text,
        f"{text}?{query}",
        f"https://links.acme.com{text}/l?{query}",
        f"https://links.acme.com/{text}l?{query}",
        f"https://{text}links.acme.com/l?{query}",
    ):
        if url == SIGNER.write(LINK):
            continue
        with pytest.raises(InvalidLink):
            SIGNER.read(url, org="main", now=NOW)


@given(text=hostile, device=devices)
def test_an_old_link_leads_where_a_signed_one_would(text, device):
    """Nobody signed it, so it may name any record; it cannot name a host, not by `link=` nor by `ofl=` or `efr=`."""
    encoded = quote(text, safe="", errors="replace")
    for link in (f"https://www.acme.com/c/{encoded}", text, f"https://www.acme.com{text}"):
        url = f"https://acme.page.link/?link={quote(link, safe='', errors='replace')}&ofl={encoded}&afl={encoded}"
        try:
            read = CONFIG.old_links.read(url, org="main")
        except InvalidLink:
            continue
        check(read, device, record_id=None)


def test_the_provider_of_a_link_is_a_name_only():
    """A provider that is not configured opens what the default one says, and its name is nowhere in it."""
    link = replace(LINK, provider="evil-com")

    found = RESOLVER.resolve(
        RESOLVER.plan(link, Device()), link, Device(), Knowledge("https://acme.my.salesforce.com", ID)
    )

    assert "own" == found.provider
    assert not any("evil" in target.uri for target in found.targets)


def test_a_kind_that_could_be_hostile_would_be_found():
    """The check itself finds a target that leads elsewhere."""
    evil = LinkProvider.of({"web": "https://evil.com/{key}"})
    resolver = Resolver(replace(CONFIG, providers={"own": evil}, allowed_hosts=()))

    found = resolver.resolve(resolver.plan(LINK, Device()), LINK, Device(), Knowledge(None, ID))

    assert TargetKind.WEB is found.targets[0].kind
    assert ("https", "evil.com") not in ORIGINS
