"""Templates of URIs: what they are filled with, and what they leave out."""

import pytest

from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.placeholders import ALL, ORIGINS, TARGETS, Values
from service.deep_links.template import UriTemplate

LINK = Link("main", LinkedRecord("Case", ExternalId("Ext__c", "A/1")), "own", 1, campaign={"utm_source": "a b"})
NOTHING = Link("main", LinkedRecord("Case", ExternalId("Ext__c", "A/1")), "own", 1)


def fill(text: str, link: Link = LINK, *, token: str = "", record_id: str | None = None) -> str | None:
    """Fill a template."""
    origins = {"instance": "https://acme.my.salesforce.com", "lightning": None, "web": None, "store_ios": None}
    values = Values(link, record_id=record_id, locale="de-CH", deferred_token=token, origins=origins)
    return UriTemplate.https(f"https://a.example.com{text}", field="web").fill(values)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("/{object}/{key}", "/Case/A%2F1"),
        ("/{path}", "/record%2FCase%2FA%252F1"),
        ("/r?k={external_id}&f={key_field}&l={locale}", "/r?k=A%2F1&f=Ext__c&l=de-CH"),
        ("/r?{query}", "/r?utm_source=a%20b"),
        ("/r?x=1&{query}&y=2#{action}", "/r?x=1&utm_source=a%20b&y=2#view"),
        ("/r?q={query}", "/r?q=utm_source%3Da%2520b"),
        ("/r?c={utm_campaign?}&s={utm_source?}", "/r?s=a%20b"),
        ("/r?c={utm_campaign?}#top", "/r#top"),
        ("/r?x={id?}&a=1", "/r?a=1"),
        ("/100%25/{key}?to={web?}", "/100%25/A%2F1"),
        ("/r?t={deferred_token?}", "/r"),
        ("/r?x=?&y=%7B", "/r?x=?&y=%7B"),
        ("", ""),
    ],
)
def test_values_stand_in_their_places(text, filled):
    """Values are encoded once for where they stand; an optional parameter without one is left out."""
    assert f"https://a.example.com{filled}" == fill(text)


@pytest.mark.parametrize("text", ["/{id}", "/r?x={id}", "/r?x={utm_source?}&y={id}", "/r#{id}", "/{utm_campaign}"])
def test_what_a_template_needs_must_be_there(text):
    """Without the value of a placeholder that is not optional there is no URI."""
    assert fill(text) is None


def test_a_campaign_that_is_empty_leaves_nothing():
    """Neither mark nor separator is left of it."""
    assert ["https://a.example.com/r", "https://a.example.com/r?x=1"] == [
        fill("/r?{query}", NOTHING),
        fill("/r?x=1&{query}", NOTHING),
    ]


def test_the_referrer_holds_the_claim():
    """The campaign and the token are one value, as Google Play hands it on."""
    assert [
        "https://a.example.com/?referrer=utm_source%3Da%2520b%26deferred_token%3D1.k.x.y",
        "https://a.example.com/?referrer=deferred_token%3D1.k.x.y",
        "https://a.example.com/",
    ] == [
        fill("/?referrer={referrer?}", token="1.k.x.y"),
        fill("/?referrer={referrer?}", NOTHING, token="1.k.x.y"),
        fill("/?referrer={referrer?}", NOTHING),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("https://a.example.com/{id?}", "outside its query"),
        ("https://a.example.com/#{id?}", "outside its query"),
        ("https://a.example.com/{secret}", "placeholders are"),
        ("https://a.example.com/}{", "brace"),
        ("https://a.example.com/\n", "characters of a URI"),
        ("https://bücher.example.com/", "characters of a URI"),
        ("https://{lightning}/", "literal lower-case host"),
        ("{lightning}/x", "literal lower-case host"),
        ("https://a.example.com.", "literal lower-case host"),
        ("https://A.example.com", "literal lower-case host"),
        ("https://localhost/", "literal lower-case host"),
        ("HTTPS://a.example.com/", "literal lower-case host"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused(text, problem):
    """The error names the setting and what is wrong."""
    with pytest.raises(ValueError, match=f"^web .*{problem}"):
        UriTemplate.https(text, field="web")


@pytest.mark.parametrize("scheme", ["intent", "android-app", "javascript", "https", "view-source", "ACME", ""])
def test_an_apps_scheme_is_one_that_an_app_registers(scheme):
    """None that a browser runs, or in which another address stands that no list of hosts was held against."""
    with pytest.raises(ValueError, match=r"^app_scheme must begin with the app's own"):
        UriTemplate.app_scheme(f"{scheme}://evil.com/#Intent;scheme=https;end", field="app_scheme")


@pytest.mark.parametrize("text", ["https://a.example.com/", "x{lightning}/", "{lightning}.evil.com/", "{web}/"])
def test_a_page_in_salesforce_begins_with_the_org_s_origin(text):
    """No other host can stand there."""
    with pytest.raises(ValueError, match=r"^lightning must begin with"):
        UriTemplate.on_salesforce(text, field="lightning")


def test_every_placeholder_can_be_filled():
    """What is documented has a value, be it none."""
    values = Values(LINK, record_id="500000000000001AAA", locale="en", deferred_token="t", origins={})
    values.update(dict.fromkeys((*ORIGINS, *TARGETS)))

    assert ALL == {name for name in ALL if values[name] is None or values[name]}
