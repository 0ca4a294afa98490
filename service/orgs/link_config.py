"""The configuration of deep links from its settings."""

from collections.abc import Callable

from service.deep_links.config import LinkConfig, LinkProvider
from service.deep_links.device import Platform
from service.deep_links.firebase import OldAddress, OldLinks
from service.deep_links.keys import KeyDirectory, KeyRing
from service.deep_links.providers import templates_of
from service.settings import LinkProviderSettings, LinkSettings
from service.settings.links import FirebaseSettings

_TEMPLATES = (
    "app_link",
    "provider_link",
    "app_scheme",
    "store_ios",
    "store_android",
    "web",
    "gone",
    "lightning",
)

_WITHOUT_APP = {"web", "lightning"}
"""Templates that open without any app: a provider has one of them, or its links fail where the app is missing."""


def link_config(settings: LinkSettings, keys: KeyRing) -> LinkConfig:
    """Return the configuration of deep links.

    Args:
        settings: The settings.
        keys: What signs.

    Raises:
        ValueError: A template or another setting cannot be used; the text begins with its name within `links`.

    """
    providers: dict[str, LinkProvider] = {}
    for name, provider in settings.providers.items():
        try:
            providers[name] = _provider(provider)
        except ValueError as error:
            raise ValueError(f"providers.{name}.{error}") from None
    if not providers:
        providers[settings.default_provider] = _provider(LinkProviderSettings(web=settings.host + "/r/{object}/{id}"))
    return LinkConfig(
        host=settings.host,
        keys=keys,
        default_ttl_seconds=settings.default_ttl_seconds,
        default_provider=settings.default_provider,
        providers=providers,
        allowed_hosts=settings.allowed_hosts,
        default_locale=settings.default_locale,
        claim_ttl_seconds=settings.claim_ttl_seconds,
        old_links=_old_links(settings.firebase),
    )


def with_example(settings: LinkSettings) -> LinkSettings:
    """Return settings with links of an imaginary app, if there are no providers, which show every kind of target."""
    if settings.providers:
        return settings
    example = LinkProviderSettings(
        app_link=settings.host + "/r/{object}/{id}?action={action}",
        app_scheme="acme://record/{object}/{id}?action={action}",
        store_ios="https://apps.apple.com/app/id0000000000",
        store_android="https://play.google.com/store/apps/details?id=com.example.app&referrer={referrer?}",
        web=settings.host + "/w/{object}/{id}",
        gone=settings.host + "/gone",
    )
    return settings.model_copy(update={"providers": {settings.default_provider: example}})


def key_directory(settings: LinkSettings, monotonic: Callable[[], float]) -> KeyDirectory | None:
    """Return the directory of keys; None if the settings name none.

    Args:
        settings: The settings.
        monotonic: Returns seconds that never go back.

    Raises:
        ValueError: Keys are given in both places, or a file is no key; the text begins with the setting's name.

    """
    if settings.keys_dir is None:
        return None
    if settings.keys:
        raise ValueError("keys and links.keys_dir exclude each other: give the keys in one of them")
    return KeyDirectory(settings.keys_dir, monotonic)


def _provider(settings: LinkProviderSettings) -> LinkProvider:
    own = {name: getattr(settings, name) for name in _TEMPLATES}
    templates = templates_of(settings.kinds, settings.account, own, with_salesforce=settings.salesforce)
    if not templates.keys() & _WITHOUT_APP:
        raise ValueError("web is missing: without an app nothing opens; give a page, the kind web, or salesforce: true")
    instead = {
        Platform.IOS: settings.on_ios,
        Platform.ANDROID: settings.on_android,
        Platform.WEB: settings.on_web,
    }
    return LinkProvider.of(
        templates,
        min_app_version=settings.min_app_version,
        instead={platform: name for platform, name in instead.items() if name},
    )


def _old_links(settings: FirebaseSettings) -> OldLinks:
    if bool(settings.hosts) != bool(settings.patterns):
        lacking, given = ("patterns", "hosts") if settings.hosts else ("hosts", "patterns")
        raise ValueError(f"firebase.{lacking} is missing: links.firebase.{given} alone reads no old link")
    addresses = []
    for name, pattern in settings.patterns.items():
        try:
            found = OldAddress.of(pattern.url, object_name=pattern.object, external_id_field=pattern.external_id_field)
        except ValueError as error:
            raise ValueError(f"firebase.patterns.{name}.{error}") from None
        addresses.append(found)
    return OldLinks(frozenset(settings.hosts), tuple(addresses))
