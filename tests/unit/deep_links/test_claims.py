"""Claims: one token, one app, one platform, one time."""

import asyncio
from base64 import urlsafe_b64decode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.deep_links.claim_store import MOST_REMEMBERED, ClaimsInMemory
from service.deep_links.claims import Claim, Claims, token_of
from service.deep_links.config import LinkConfig, LinkProvider
from service.deep_links.device import Platform
from service.deep_links.keys import FixedKeys
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.resolver import Knowledge
from service.deep_links.signer import LinkSigner
from service.errors import ClaimExpired, ClaimsRefused, ClaimUsed, InvalidClaim, InvalidLink, InvalidRequest, QueueFull
from service.settings.signed_text import TextSigner
from service.settings.signing_key import SigningKey
from tests.support.clock import FakeClock

NOW = 1_800_000_000.0
KEYS = FixedKeys((SigningKey("2026", b"n" * 32), SigningKey("2025", b"o" * 32)))
LINK = Link(
    "main", LinkedRecord("Case", ExternalId("Ext__c", "A/1 ü")), "own", 0, action="edit", campaign={"utm_source": "sms"}
)


def claims(store: ClaimsInMemory | None = None, *, org: str = "main", keys: FixedKeys = KEYS) -> Claims:
    """Make the claims of an org."""
    return Claims(org, keys, ttl_seconds=3600, store=store or ClaimsInMemory(FakeClock()))


@pytest.mark.parametrize("key", [ExternalId("Ext__c", "A/1 ü"), "500000000000001AAA"])
async def test_an_app_learns_what_it_was_installed_for(key):
    """The record as the link names it, the action, the campaign, and when the link was followed."""
    made = claims()
    link = replace(LINK, record=LinkedRecord("Case", key))
    token, expires = made.make(link, Platform.ANDROID, NOW)

    claim = await made.take(token, Platform.ANDROID, NOW + 60)

    assert Claim(replace(link, expires_at=expires), int(NOW)) == claim
    assert NOW + 3600 == expires


async def test_a_token_works_once():
    """The second claim fails, and so does the third."""
    made = claims()
    token, _ = made.make(LINK, Platform.IOS, NOW)
    await made.take(token, Platform.IOS, NOW)

    for _ in range(2):
        with pytest.raises(ClaimUsed):
            await made.take(token, Platform.IOS, NOW)


async def test_a_start_that_lost_its_answer_asks_again():
    """The same claimant gets the same answer; another one gets none."""
    made = claims()
    token, _ = made.make(LINK, Platform.IOS, NOW)

    first = await made.take(token, Platform.IOS, NOW, claimant="start-1")
    again = await made.take(token, Platform.IOS, NOW, claimant="start-1")

    assert first == again
    for claimant in ("start-2", ""):
        with pytest.raises(ClaimUsed):
            await made.take(token, Platform.IOS, NOW, claimant=claimant)


async def test_of_many_at_once_one_wins():
    """However many ask together, one gets the record."""
    made = claims()
    token, _ = made.make(LINK, Platform.IOS, NOW)

    answers = await asyncio.gather(*(made.take(token, Platform.IOS, NOW) for _ in range(20)), return_exceptions=True)

    assert 1 == sum(isinstance(answer, Claim) for answer in answers)
    assert 19 == sum(isinstance(answer, ClaimUsed) for answer in answers)


@pytest.mark.parametrize("platform", [Platform.ANDROID, Platform.WEB, Platform.UNKNOWN])
async def test_another_platform_is_refused(platform):
    """A token made on an iPhone is no good elsewhere, and stays good there."""
    made = claims()
    token, _ = made.make(LINK, Platform.IOS, NOW)

    with pytest.raises(InvalidClaim) as caught:
        await made.take(token, platform, NOW)

    assert {"cause": "platform"} == caught.value.metadata
    assert isinstance(await made.take(token, Platform.IOS, NOW), Claim)


async def test_a_claim_expires_on_the_second():
    """At its expiry it is over, and the error says when that was; it is not used up by being asked for late."""
    made = claims()
    token, _ = made.make(LINK, Platform.IOS, NOW)

    with pytest.raises(ClaimExpired) as caught:
        await made.take(token, Platform.IOS, NOW + 3600)

    assert {"expired_at": "2027-01-15T09:00:00Z"} == caught.value.metadata
    assert isinstance(await made.take(token, Platform.IOS, NOW + 3599.9), Claim)


async def test_replicas_whose_clocks_differ():
    """One that is fifty minutes ahead takes a token: one that is not, and for which it is still good, knows that."""
    clock = FakeClock()
    made = claims(ClaimsInMemory(clock))
    token, _ = made.make(LINK, Platform.IOS, NOW)

    await made.take(token, Platform.IOS, NOW + 3540)
    clock.advance(3000)

    with pytest.raises(ClaimUsed):
        await made.take(token, Platform.IOS, NOW + 540 + 3000)


async def test_without_a_store_nothing_is_claimed():
    """Nobody could tell a second claim, so the first is refused, and the error names the settings."""
    made = Claims("main", KEYS, ttl_seconds=3600, store=None)
    token, _ = made.make(LINK, Platform.IOS, NOW)

    with pytest.raises(ClaimsRefused, match=r"shared_store\.url.*claims_without_store"):
        await made.take(token, Platform.IOS, NOW)


async def test_another_org_is_refused():
    """A token of one org claims nothing in another."""
    token, _ = claims(org="sandbox").make(LINK, Platform.IOS, NOW)

    with pytest.raises(InvalidClaim) as caught:
        await claims().take(token, Platform.IOS, NOW)

    assert {"cause": "org"} == caught.value.metadata


async def test_every_character_is_guarded():
    """Each character, changed to another of the alphabet, breaks the token."""
    made = claims()
    token, _ = made.make(LINK, Platform.IOS, NOW)
    taken = []

    for position, character in enumerate(token):
        for other in ("A" if character != "A" else "B", "-" if character != "-" else "_", "."):
            if other == character:
                continue
            try:
                await made.take(token[:position] + other + token[position + 1 :], Platform.IOS, NOW)
            except InvalidClaim:
                continue
            taken.append((position, other))

    assert [] == taken


async def test_a_key_is_good_for_its_purpose_only():
    """Neither a resume token nor a link of the same key is a claim, and a claim is none of them."""
    key = SigningKey("2026", b"n" * 32)
    text = TextSigner((key,), purpose="", giver="Query")
    link = LinkSigner(LinkConfig("https://l.example.com", KEYS, 3600, "own", {"own": LinkProvider()}))
    token, _ = claims().make(LINK, Platform.IOS, NOW)
    payload = token.split(".")[2]
    foreign = text.write(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))

    assert foreign.startswith(f"1.2026.{payload}.")
    with pytest.raises(InvalidClaim):
        await claims().take(foreign, Platform.IOS, NOW)
    with pytest.raises(InvalidLink):
        link.read(token, org="main", now=NOW)


async def test_keys_that_are_gone():
    """A token of a key of before works while that key is configured."""
    old = FixedKeys((SigningKey("2025", b"o" * 32),))
    token, _ = claims(keys=old).make(LINK, Platform.IOS, NOW)
    gone, _ = claims(keys=FixedKeys((SigningKey("2024", b"p" * 32),))).make(LINK, Platform.IOS, NOW)

    assert isinstance(await claims().take(token, Platform.IOS, NOW), Claim)
    with pytest.raises(InvalidClaim):
        await claims().take(gone, Platform.IOS, NOW)


@given(text=st.text(max_size=200))
async def test_whatever_it_is_it_is_refused(text):
    """No text but a token claims anything, or raises anything else."""
    for token in (text, f"1.2026.{text}.{'A' * 43}"):
        with pytest.raises(InvalidClaim):
            await claims().take(token, Platform.IOS, NOW)


@given(
    value=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255),
    campaign=st.dictionaries(
        st.from_regex(r"utm_[a-z]{1,24}", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=128),
        max_size=16,
    ),
)
async def test_what_stands_in_a_link_stands_in_a_claim(value, campaign):
    """Every link that can be written, however long, gives a token that can be taken."""
    link = replace(LINK, record=LinkedRecord("Case", ExternalId("Ext__c", value)), campaign=campaign)
    signer = LinkSigner(LinkConfig("https://l.example.com", KEYS, 3600, "own", {"own": LinkProvider()}))
    try:
        signer.write(replace(link, expires_at=int(NOW)))
    except InvalidRequest:
        return
    made = claims()
    token, expires = made.make(link, Platform.ANDROID, NOW)

    claim = await made.take(token, Platform.ANDROID, NOW)

    assert replace(link, expires_at=expires) == claim.link


def test_tokens_stay_out_of_repr():
    """Printing what is known of a link shows no token."""
    known = Knowledge("https://acme.my.salesforce.com", "500000000000001AAA", deferred_token="1.2026.secret.x")

    assert "secret" not in repr(known)
    assert "500000000000001AAA" in repr(known)


def test_a_token_says_nothing_of_who_made_it():
    """Two tokens of one link differ, and neither holds a secret."""
    made = claims()

    first, second = (made.make(LINK, Platform.IOS, NOW)[0] for _ in range(2))

    assert first != second
    assert "nnnn" not in first


@pytest.mark.parametrize(
    ("referrer", "token"),
    [
        ("deferred_token=1.k.a.b", "1.k.a.b"),
        ("utm_source=sms&deferred_token=1.k.a.b&utm_medium=x", "1.k.a.b"),
        ("deferred_token=1%2Ek%2Ea%2Eb", "1.k.a.b"),
    ],
)
def test_the_referrer_tells_the_token(referrer, token):
    """It stands among campaign fields, encoded or not."""
    assert token == token_of(referrer)


@pytest.mark.parametrize(
    "referrer",
    ["utm_source=google-play&utm_medium=organic", "deferred_token=", "deferred_token=a&deferred_token=b", "x"],
)
def test_a_referrer_without_a_claim(referrer):
    """An app that was not installed from a link hears so; two tokens are none."""
    with pytest.raises(InvalidClaim) as caught:
        token_of(referrer)

    assert "install_referrer" == caught.value.violations[0].field


async def test_memory_forgets_what_has_expired(monkeypatch):
    """A process remembers so many claims and no more: expired ones make room, others do not."""
    monkeypatch.setattr("service.deep_links.claim_store.MOST_REMEMBERED", 3)
    clock = FakeClock()
    store = ClaimsInMemory(clock)
    for number in range(3):
        await store.take(f"t{number}", "me", 10 + number)

    with pytest.raises(QueueFull):
        await store.take("t3", "me", 10)
    clock.advance(10)
    taken = await store.take("t3", "me", 10)

    assert (True, False) == (taken, await store.take("t1", "you", 10))
    assert MOST_REMEMBERED > 3
