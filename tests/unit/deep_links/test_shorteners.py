"""What each provider's API is asked for."""

import pytest

from service.deep_links.shorteners import SHORTENERS
from service.deep_links.shorteners.kind import Order

URL = "https://links.example.com/l?p=web&t=record&o=Case&k=C-1&f=Ext__c&s=abc"
ENCODED = "https://links.example.com/l%3Fp%3Dweb%26t%3Drecord%26o%3DCase%26k%3DC-1%26f%3DExt__c%26s%3Dabc"
ACCOUNT = {"onelink_template": "AbCd", "onelink_media_source": "sms", "adjust_tracker": "tr4cker"}


def order(lives_seconds: int = 3600) -> Order:
    """Make an order."""
    campaign = {"utm_source": "sms", "utm_medium": "invite", "utm_campaign": "spring", "utm_term": "", "utm_x": "y"}
    return Order(URL, "record/Case/C-1", "edit", campaign, lives_seconds, ACCOUNT)


def test_branch():
    """The key stands in the body; without the app all platforms go to the signed link, and the app gets it."""
    asked = SHORTENERS["branch"].ask(order(), "key_live_x")

    assert ("/v1/url", {}) == (asked.path, asked.headers)
    assert {
        "branch_key": "key_live_x",
        "channel": "sms",
        "feature": "invite",
        "campaign": "spring",
        "data": {
            "$deeplink_path": "record/Case/C-1",
            "$fallback_url": URL,
            "$desktop_url": URL,
            "action": "edit",
            "link": URL,
        },
    } == asked.body


def test_onelink():
    """The token stands in the header; the query of the signed link is encoded, so that it stays one value."""
    asked = SHORTENERS["onelink"].ask(order(), "t0ken")

    assert ("/api/v2.0/shortlinks/AbCd", {"Authorization": "t0ken"}) == (asked.path, asked.headers)
    assert {
        "ttl": "60m",
        "data": {
            "pid": "sms",
            "c": "spring",
            "af_channel": "sms",
            "deep_link_value": "record/Case/C-1",
            "deep_link_sub1": "edit",
            "deep_link_sub3": ENCODED,
            "af_ios_url": ENCODED,
            "af_android_url": ENCODED,
            "af_web_dp": ENCODED,
        },
    } == asked.body


@pytest.mark.parametrize(
    ("seconds", "ttl"),
    [(1, "1m"), (61, "2m"), (86_399, "1440m"), (86_400, "1d"), (86_401, "2d"), (315_576_000, "730d")],
)
def test_a_onelink_lives_as_long_as_the_link_or_as_it_may(seconds, ttl):
    """In minutes below a day, rounded up; two years at most."""
    assert ttl == SHORTENERS["onelink"].ask(order(seconds), "t0ken").body["ttl"]


def test_adjust():
    """The token is a bearer; the app's path holds the signed link."""
    asked = SHORTENERS["adjust"].ask(order(), "t0ken")

    path = asked.body["ios_deep_link_path"]
    assert ("/engage/deep-links", {"Authorization": "Bearer t0ken"}) == (asked.path, asked.headers)
    assert path.startswith("record/Case/C-1?action=edit&link=https%3A%2F%2Flinks.example.com%2Fl%3Fp%3Dweb%26")
    assert {
        "link_token": "tr4cker",
        "shorten_url": True,
        "ios_deep_link_path": path,
        "android_deep_link_path": path,
        "fallback": URL,
        "redirect_macos": URL,
    } == asked.body


@pytest.mark.parametrize("name", [*SHORTENERS])
def test_keys_stay_out_of_repr(name):
    """Neither the key nor what is sent shows."""
    told = repr(SHORTENERS[name].ask(order(), "s3cret"))

    assert "s3cret" not in told
    assert "links.example.com" not in told
