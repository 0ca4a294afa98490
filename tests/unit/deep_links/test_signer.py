"""Signed links: what is written is read back, and nothing else is."""

import hmac
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service import errors
from service.deep_links.click_ids import CLICK_IDS
from service.deep_links.config import LinkConfig, LinkProvider
from service.deep_links.grammar import parse, print_link
from service.deep_links.keys import FixedKeys
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.signer import LinkSigner
from service.settings.signing_key import SigningKey

NOW = 1_800_000_000.0
OLD_KEY = SigningKey("2025", b"o" * 32)
NEW_KEY = SigningKey("2026", b"n" * 32)
CONFIG = LinkConfig(
    host="https://links.example.com",
    keys=FixedKeys((NEW_KEY, OLD_KEY)),
    default_ttl_seconds=3600,
    default_provider="own",
    providers={"own": LinkProvider(), "partner": LinkProvider()},
)
SIGNER = LinkSigner(CONFIG)
LINK = Link(
    org="main",
    record=LinkedRecord("Case", "500000000000001AAA"),
    provider="own",
    expires_at=int(NOW) + 60,
    campaign={"utm_source": "mail"},
)


def written_by_version_1(link: Link) -> str:
    """Write a link as the service did before version 2."""
    address = "https://links.example.com/l?"
    pairs = print_link(link, NEW_KEY.id).replace("&v=2", "&v=1").split("&")
    digest = hmac.digest(NEW_KEY.secret, (address + "&".join(sorted(pairs))).encode(), "sha256")
    return f"{address}{'&'.join(pairs)}&s={urlsafe_b64encode(digest)[:-1].decode()}"


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(value=text, campaign=st.dictionaries(st.sampled_from(["utm_source", "utm_medium", "utm_term"]), text))
def test_any_text_comes_back(value, campaign):
    """A link carries any external id and any campaign, whatever the script."""
    link = replace(LINK, record=LinkedRecord("Lead", ExternalId("Ext__c", value)), campaign=campaign)

    read = SIGNER.read(SIGNER.write(link), org="main", now=NOW)

    assert link == read


@pytest.mark.parametrize("byte", range(256))
def test_each_byte_has_one_spelling(byte):
    """A byte stands for itself or as capital hexadecimal digits, never both."""
    taken = []
    for raw in {f"%{byte:02X}", f"%{byte:02x}", chr(byte)}:
        query = SIGNER.write(LINK).partition("?")[2].replace("utm_source=mail", f"utm_source={raw}")
        try:
            taken.append((raw, parse(query)["utm_source"]))
        except errors.InvalidLink:
            continue

    # From 128 on bytes are parts of characters only.
    assert ([(quote(chr(byte), safe=""), chr(byte))] if byte < 128 else []) == taken


@given(raw=st.text(st.sampled_from("%0123456789ABCDEFabcdef~_-.zé+ "), max_size=24))
def test_each_value_has_one_spelling(raw):
    """What is read is what would be written: no other text is taken for the same value."""
    query = SIGNER.write(LINK).partition("?")[2].replace("utm_source=mail", f"utm_source={raw}")

    try:
        value = parse(query)["utm_source"]
    except errors.InvalidLink:
        # Nothing that is written as it should be is refused.
        with suppress(UnicodeDecodeError):
            assert quote(unquote(raw, errors="strict"), safe="") != raw
        return

    assert raw == quote(value, safe="")


@given(position=st.integers(min_value=0), replacement=st.integers(min_value=1, max_value=0x10FF))
def test_an_altered_character_is_refused(position, replacement):
    """No single character of a link can be changed, not even into an equal spelling."""
    url = SIGNER.write(replace(LINK, record=LinkedRecord("Lead", ExternalId("Ext__c", "ä b%~-_"))))
    position %= len(url)
    changed = chr((ord(url[position]) + replacement) % 0xD800)
    altered = url[:position] + changed + url[position + 1 :]

    with pytest.raises(errors.InvalidLink):
        SIGNER.read(altered, org="main", now=NOW)


def test_every_single_byte_is_guarded():
    """Each byte, set to every other ASCII value, breaks the link."""
    url = SIGNER.write(LINK)
    accepted = []

    for position, character in enumerate(url):
        for code in range(128):
            if chr(code) == character:
                continue
            try:
                SIGNER.read(url[:position] + chr(code) + url[position + 1 :], org="main", now=NOW)
            except errors.InvalidLink:
                continue
            accepted.append((position, code))

    assert accepted == []


def test_the_form_is_the_documented_one():
    """The parameters stand in their documented order and `s` is last."""
    url = SIGNER.write(LINK)

    unsigned = "https://links.example.com/l?p=own&t=record&o=Case&i=500000000000001AAA&a=view"
    assert url.startswith(f"{unsigned}&utm_source=mail&g=main&e=1800000060&v=2&kid=2026&s=")
    assert len(url) < 2000


def test_a_link_of_before_still_works():
    """A link of version 1 is read, whatever the order of its parameters."""
    address, _, query = written_by_version_1(LINK).partition("?")
    reordered = f"{address}?{'&'.join(reversed(query.split('&')))}"

    read = [SIGNER.read(url, org="main", now=NOW) for url in (f"{address}?{query}", reordered)]

    assert [LINK, LINK] == read


@pytest.mark.parametrize(("old", "new"), [("&v=1", "&v=2"), ("&v=2", "&v=1")])
def test_one_version_is_not_taken_for_another(old, new):
    """What was signed as one version does not verify as the other."""
    url = written_by_version_1(LINK) if old == "&v=1" else SIGNER.write(LINK)

    with pytest.raises(errors.InvalidLink) as caught:
        SIGNER.read(url.replace(old, new), org="main", now=NOW)

    assert {"parameter": "s"} == caught.value.metadata


@given(order=st.permutations(range(11)))
def test_another_order_is_refused(order):
    """Parameters stand where they were written: any other order names the first that does not."""
    address, _, query = SIGNER.write(LINK).partition("?")
    pairs = query.split("&")
    reordered = [pairs[index] for index in order]
    assume(reordered != pairs)

    with pytest.raises(errors.InvalidLink, match="in another place") as caught:
        SIGNER.read(f"{address}?{'&'.join(reordered)}", org="main", now=NOW)

    assert caught.value.metadata["parameter"] in {pair.partition("=")[0] for pair in pairs}


def test_an_old_key_still_verifies():
    """After a change of keys the links of the key before still work."""
    before = LinkSigner(replace(CONFIG, keys=FixedKeys((OLD_KEY,))))

    read = SIGNER.read(before.write(LINK), org="main", now=NOW)

    assert read == LINK


def test_a_forgotten_key_is_named():
    """A link of a key that is gone is refused with the parameter `kid`."""
    url = LinkSigner(replace(CONFIG, keys=FixedKeys((SigningKey("2024", b"x" * 32),)))).write(LINK)

    with pytest.raises(errors.InvalidLink) as caught:
        SIGNER.read(url, org="main", now=NOW)

    assert caught.value.metadata == {"parameter": "kid"}


def test_a_link_expires_on_the_second():
    """At its expiry a link is over, and the error says when that was."""
    url = SIGNER.write(LINK)
    SIGNER.read(url, org="main", now=NOW + 59.9)

    with pytest.raises(errors.LinkExpired) as caught:
        SIGNER.read(url, org="main", now=NOW + 60)

    expected = datetime.fromtimestamp(NOW + 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert caught.value.metadata == {"expired_at": expected}


def test_another_org_is_refused():
    """A link of one org opens nothing in another."""
    with pytest.raises(errors.InvalidLink) as caught:
        SIGNER.read(SIGNER.write(LINK), org="sandbox", now=NOW)

    assert caught.value.metadata == {"parameter": "g"}


def test_another_org_of_the_same_host_does_not_verify_it():
    """An attacker cannot move a link between hosts that share a key."""
    elsewhere = LinkSigner(replace(CONFIG, host="https://links.example.org")).write(LINK)
    moved = elsewhere.replace("example.org", "example.com")

    with pytest.raises(errors.InvalidLink) as caught:
        SIGNER.read(moved, org="main", now=NOW)

    assert caught.value.metadata == {"parameter": "s"}


@pytest.mark.parametrize(
    ("old", "new", "parameter"),
    [
        ("https://", "http://", "scheme"),
        ("https://", "javascript:https://", "scheme"),
        ("https://links", "https://admin@links", "user"),
        ("example.com", "example.com:8443", "port"),
        ("links.example.com", "evil.example.com", "host"),
        ("https://links.example.com", "https://links.example.com.evil.com", "host"),
        ("https://links.example.com", "https://[", "url"),
        ("/l?", "/login?", "path"),
        ("?p=", "?x=1&p=", "x"),
        ("?p=", "?fbclid=abc&p=", "fbclid"),
        ("?p=", "?p=own&p=", "p"),
        ("&v=2", "", "v"),
        ("&v=2", "&v=3", "v"),
        ("t=record", "t=flow", "t"),
        ("i=500000000000001AAA", "i=5", "i"),
        ("&i=500000000000001AAA", "", "i"),
        ("i=500000000000001AAA", "k=A", "i"),
        ("i=500000000000001AAA", "i=500000000000001AAA&k=A&f=B", "i"),
        ("o=Case", "o=%43ase", "o"),
        ("utm_source=mail", "utm_source=%FF", "utm_source"),
        ("utm_source=mail", "utm_source=%4", "utm_source"),
        ("utm_source=mail", "utm_source", "s"),
        ("e=18", "e=0", "e"),
        ("&s=", "&s=A", "s"),
        ("?p=", f"?{'x' * 90}\x1b=&p=", "x" * 32),
        ("?p=", "?\x1bé=1&p=", "?\\xe9"),
        ("mail", "m" * 5000, "url"),
    ],
)
def test_what_is_wrong_is_named(old, new, parameter):
    """The error names the parameter at fault, cut and without control characters."""
    url = SIGNER.write(LINK).replace(old, new, 1)

    with pytest.raises(errors.InvalidLink) as caught:
        SIGNER.read(url, org="main", now=NOW)

    assert caught.value.metadata == {"parameter": parameter}
    assert caught.value.violations[0].field == "url"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"provider": "unknown"}, "provider"),
        ({"record": LinkedRecord("Case'", "500000000000001AAA")}, "record.object"),
        ({"record": LinkedRecord("Case", "5")}, "record.id"),
        ({"record": LinkedRecord("Case", ExternalId("Ext__c", ""))}, "record.external_id.value"),
        ({"record": LinkedRecord("Case", ExternalId("Ext__c", "\ud800"))}, "record.external_id.value"),
        ({"record": LinkedRecord("Case", ExternalId("Ext c", "1"))}, "record.external_id.field"),
        ({"action": "Drop Table"}, "action"),
        ({"campaign": {"source": "mail"}}, "campaign"),
        ({"campaign": {"utm_source": "m" * 129}}, "campaign"),
        ({"campaign": {f"utm_{'a' * n}": "" for n in range(1, 18)}}, "campaign"),
        ({"org": ""}, "org"),
        ({"expires_at": -1}, "ttl"),
        ({"campaign": {f"utm_{'a' * n}": "ü" * 128 for n in range(1, 17)}}, "record"),
    ],
)
def test_a_link_that_could_not_be_read_is_not_written(change, field):
    """Whatever reading would refuse, writing refuses first, with the field of the request."""
    with pytest.raises(errors.InvalidRequest) as caught:
        SIGNER.write(replace(LINK, **change))

    assert caught.value.violations[0].field == field


def test_an_empty_provider_means_the_default():
    """A link that names no provider carries the org's default one."""
    read = SIGNER.read(SIGNER.write(replace(LINK, provider="", action="")), org="main", now=NOW)

    assert read == LINK


def test_the_expiry_follows_the_default_and_the_request():
    """The request's time wins over the default."""
    assert SIGNER.expiry(NOW, None) == 1_800_003_600
    assert SIGNER.expiry(NOW, 60) == 1_800_000_060


@pytest.mark.parametrize("ttl", [59, 315_576_001, -1])
def test_a_ttl_outside_a_minute_and_ten_years_is_refused(ttl):
    """A link neither dies at once nor lives for ever."""
    with pytest.raises(errors.InvalidRequest) as caught:
        SIGNER.expiry(NOW, ttl)

    assert caught.value.violations[0].field == "ttl"


def test_secrets_stay_out_of_repr():
    """Printing the configuration shows no secret."""
    assert "nnnn" not in repr(CONFIG)


@pytest.mark.parametrize("behind", ["&fbclid=IwAR0-x_y.z~1", "&_gl=1*abc*_ga*MTIz", "&mc_cid=a&mc_eid=b", "&gclid="])
def test_click_ids_behind_a_link_are_left_out(behind):
    """Networks append them to whatever they show; the link that they were appended to is read."""
    assert LINK == SIGNER.read(SIGNER.write(LINK) + behind, org="main", now=NOW)
    assert LINK == SIGNER.read(written_by_version_1(LINK) + behind, org="main", now=NOW)


def test_no_click_id_has_a_links_parameter_for_a_name():
    """What is left out never was a part of a link."""
    for name in CLICK_IDS:
        with pytest.raises(errors.InvalidLink, match="is not a parameter"):
            parse(f"{name}=x")
