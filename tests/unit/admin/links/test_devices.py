"""The platform by the name that a browser gives itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.admin.links.devices import platform_of
from service.deep_links.device import Platform

SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "platform"),
    [
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {SAFARI}", Platform.IOS),
        (f"Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) {SAFARI}", Platform.IOS),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {SAFARI} CriOS/126.0.6478.54", Platform.IOS),
        (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36", Platform.ANDROID),
        ("Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0", Platform.ANDROID),
        (f"Mozilla/5.0 (Linux; Android 13; SM-X906C) {CHROME} Safari/537.36", Platform.ANDROID),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {CHROME} Safari/537.36", Platform.WEB),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/126.0.0.0", Platform.WEB),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36", Platform.WEB),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", Platform.WEB),
        ("Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; ARM) like iPhone OS 7_0_3 Safari/537", Platform.WEB),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", Platform.WEB),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", Platform.WEB),
        ("curl/8.5.0", Platform.WEB),
        ("", Platform.WEB),
    ],
)
def test_platforms(user_agent, platform):
    """Phones and tablets are told by their browsers; whatever else is a computer."""
    assert platform == platform_of(user_agent)


def test_only_the_beginning_is_read():
    """What stands far behind was written by nobody's browser."""
    assert Platform.WEB == platform_of("x" * 512 + " iPhone")


@given(st.text(max_size=2000))
def test_any_text_has_a_platform(text):
    """No name makes it fail."""
    assert platform_of(text) in {Platform.IOS, Platform.ANDROID, Platform.WEB}
