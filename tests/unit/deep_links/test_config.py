"""The configuration of links: what could lead astray is refused at start."""

from typing import Any

import pytest

from service.deep_links.config import LinkConfig, LinkProvider
from service.deep_links.device import Platform
from service.deep_links.keys import FixedKeys
from service.settings.signing_key import SigningKey

KEY = SigningKey("a", b"k" * 32)


@pytest.mark.parametrize(
    ("field", "template"),
    [
        ("web", "javascript:alert(1)"),
        ("web", "data:text/html,x"),
        ("web", "http://app.example.com/{id}"),
        ("web", "https://{object}.example.com/"),
        ("web", "https://{id}/"),
        ("web", "https://user@app.example.com/"),
        ("web", "https://app.example.com:8443/"),
        ("web", "https://app.example.com\\@evil.com/"),
        ("web", "//app.example.com/{id}"),
        ("web", "https://app.example.com/{record}"),
        ("web", "https://app.example.com/{id"),
        ("web", "https://app.example.com/ {id}"),
        ("web", "https://[x/{id}"),
        ("web", "https:///{id}"),
        ("app_link", "acme://record/{id}"),
        ("store_ios", "itms-apps://apps.apple.com/app/id1"),
        ("store_android", "market://details?id=com.acme"),
        ("app_scheme", "javascript://%0aalert(1)"),
        ("app_scheme", "data://text/html"),
        ("app_scheme", "https://app.example.com/{id}"),
        ("app_scheme", "{object}://record"),
        ("app_scheme", "Acme://record"),
        ("app_scheme", "acme:record/{id}"),
    ],
)
def test_templates_that_lead_elsewhere_are_refused(field, template):
    """Only literal https hosts and the app's own scheme pass, and the error names the setting."""
    with pytest.raises(ValueError, match=f"^{field} "):
        LinkProvider.of({field: template})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"host": "http://links.example.com"}, "host"),
        ({"host": "https://links.example.com/"}, "host"),
        ({"host": "https://links.example.com:443"}, "host"),
        ({"host": "https://u@links.example.com"}, "host"),
        ({"default_ttl_seconds": 59}, "default_ttl_seconds"),
        ({"default_provider": "x"}, "default_provider"),
        ({"providers": {"own": LinkProvider(), "A B": LinkProvider()}}, "providers"),
    ],
)
def test_a_wrong_setting_is_named(change, message):
    """The error says which setting is wrong."""
    good: dict[str, Any] = {
        "host": "https://links.example.com",
        "keys": FixedKeys((KEY,)),
        "default_ttl_seconds": 3600,
        "default_provider": "own",
        "providers": {"own": LinkProvider()},
    }
    LinkConfig(**good)

    with pytest.raises(ValueError, match=message):
        LinkConfig(**{**good, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"claim_ttl_seconds": 59}, "claim_ttl_seconds"),
        ({"claim_ttl_seconds": 7_776_001}, "claim_ttl_seconds"),
        ({"default_locale": "de_CH!"}, "default_locale"),
        ({"allowed_hosts": ("www.acme.com",)}, r"providers\.own\.web leads to app\.example\.com"),
        ({"providers": {"own": LinkProvider(instead={Platform.IOS: "x"})}}, r"providers\.own\.on_ios: 'x' is not one"),
        (
            {
                "providers": {
                    "own": LinkProvider(instead={Platform.WEB: "b"}),
                    "b": LinkProvider(instead={Platform.IOS: "own"}),
                }
            },
            "others stand in itself",
        ),
    ],
)
def test_what_links_may_not_do(change, message):
    """Hosts outside the allow-list, providers that are not there and chains of them are refused at start."""
    providers = {"own": LinkProvider.of({"web": "https://app.example.com/", "app_scheme": "acme://x"})}
    good: dict[str, Any] = {
        "host": "https://links.example.com",
        "keys": FixedKeys((KEY,)),
        "default_ttl_seconds": 3600,
        "default_provider": "own",
        "providers": providers,
    }
    LinkConfig(**{**good, "allowed_hosts": ("app.example.com",)})

    with pytest.raises(ValueError, match=message):
        LinkConfig(**{**good, **change})


def test_a_least_version_must_be_numbers():
    """What could not be compared is refused."""
    with pytest.raises(ValueError, match="min_app_version"):
        LinkProvider.of({}, min_app_version="4.x")


def test_an_org_may_have_a_default_of_its_own():
    """Its links that name no provider get that one."""
    config = LinkConfig(
        "https://links.example.com", FixedKeys((KEY,)), 3600, "a", {"a": LinkProvider(), "b": LinkProvider()}
    )

    assert ("b", "a") == (config.with_default("b").default_provider, config.with_default("").default_provider)
    with pytest.raises(ValueError, match="default_provider"):
        config.with_default("c")


def test_a_provider_that_is_gone_becomes_the_default():
    """A link of last year's provider still opens something."""
    own = LinkProvider.of({"web": "https://app.example.com/"})
    config = LinkConfig(
        "https://links.example.com", FixedKeys((KEY,)), 3600, "own", {"own": own, "other": LinkProvider()}
    )

    assert ("own", own) == config.provider("gone")
