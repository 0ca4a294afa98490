"""Where a browser goes."""

import pytest

from service.admin.links.landing import Landing, landing
from service.admin.links.link_host import LinkHost
from service.deep_links.device import Platform
from service.deep_links.plan import TargetKind
from service.deep_links.resolver import Target

ORIGIN = "https://links.example.com"
HOST = LinkHost(ORIGIN)
PHONES = [Platform.IOS, Platform.ANDROID]


def target(kind: TargetKind, uri: str) -> Target:
    """Return a target."""
    return Target(kind, uri, "because")


CLAIMED_HERE = target(TargetKind.APP_LINK, f"{ORIGIN}/r/Case/1")
CLAIMED = target(TargetKind.APP_LINK, "https://app.example.com/r/Case/1")
SCHEME = target(TargetKind.APP_SCHEME, "acme://record/1")
STORE = target(TargetKind.STORE, "https://store.example.com/app")
MOBILE = target(TargetKind.SALESFORCE_MOBILE, "salesforce1://sObject/1/view")
LIGHTNING = target(TargetKind.LIGHTNING, "https://acme.lightning.force.com/lightning/r/Case/1/view")
WEB = target(TargetKind.WEB, "https://www.example.com/1")
WEB_HERE = target(TargetKind.WEB, f"{ORIGIN}/w/Case/1")


@pytest.mark.parametrize("platform", PHONES)
@pytest.mark.parametrize(
    ("targets", "goes_to"),
    [
        ([CLAIMED, SCHEME, STORE, MOBILE, LIGHTNING, WEB], CLAIMED),
        ([CLAIMED_HERE, SCHEME, STORE, MOBILE, LIGHTNING, WEB], STORE),
        ([CLAIMED_HERE, SCHEME, WEB], WEB),
        ([CLAIMED_HERE, WEB_HERE], WEB_HERE),
        ([CLAIMED_HERE], CLAIMED_HERE),
        ([STORE, MOBILE, LIGHTNING, WEB], STORE),
        ([MOBILE, LIGHTNING, WEB], WEB),
        ([LIGHTNING], LIGHTNING),
    ],
)
def test_a_phone_is_sent_on(platform, targets, goes_to):
    """It goes to the best that works whether or not the app is there, the company's own before Salesforce's."""
    assert Landing(goes_to.uri, ()) == landing(platform, targets, HOST)


@pytest.mark.parametrize("platform", PHONES)
@pytest.mark.parametrize(
    ("targets", "choices"),
    [([SCHEME, STORE, MOBILE, LIGHTNING, WEB], [SCHEME, STORE, WEB]), ([MOBILE, LIGHTNING], [MOBILE, LIGHTNING])],
)
def test_a_phone_is_asked_where_an_app_may_be_missing(platform, targets, choices):
    """Nobody is sent to an app's own scheme unasked: without the app the browser would show an error."""
    assert Landing(None, tuple(choices)) == landing(platform, targets, HOST)


@pytest.mark.parametrize(
    ("targets", "goes_to"), [([CLAIMED, SCHEME, STORE, WEB], STORE), ([SCHEME, WEB], WEB), ([CLAIMED], CLAIMED)]
)
def test_a_phone_whose_app_opens_links_itself(targets, goes_to):
    """It asks the host only without the app, so the store comes first; other platforms are not concerned."""
    host = LinkHost(ORIGIN, frozenset({Platform.ANDROID}))

    android, ios = (landing(platform, targets, host) for platform in (Platform.ANDROID, Platform.IOS))

    assert Landing(goes_to.uri, ()) == android
    assert ios == landing(Platform.IOS, targets, HOST)


def test_a_record_that_is_gone():
    """Every device goes to the page that says so, computers without a code for phones."""
    pages = {platform: landing(platform, [WEB], HOST, is_gone=True) for platform in (*PHONES, Platform.WEB)}

    assert {Landing(WEB.uri, ())} == set(pages.values())


def test_a_computer_gets_a_page():
    """Everything that opens there is offered."""
    assert Landing(None, (LIGHTNING, WEB)) == landing(Platform.WEB, [LIGHTNING, WEB], HOST)
