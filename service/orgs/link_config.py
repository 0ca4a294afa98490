"""The configuration of deep links from its settings."""

import ssl
from collections.abc import Callable, Mapping

from service.deep_links.config import LinkConfig, LinkProvider
from service.deep_links.device import Platform
from service.deep_links.firebase import OldAddress, OldLinks
from service.deep_links.keys import KeyDirectory, KeyRing
from service.deep_links.providers import templates_of
from service.deep_links.short_form import ShortForm
from service.deep_links.shorteners import SHORTENERS
from service.settings import LinkProviderSettings, LinkSettings
from service.settings.links import FirebaseSettings, ShortLinkSettings

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
        # Salesforce's own pages are there in every org; no page of the company is.
        providers[settings.default_provider] = _provider(LinkProviderSettings())
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


def short_forms(settings: LinkSettings) -> Mapping[str, ShortForm]:
    """Return how links are shortened, by the name of the provider; none for providers whose links are not.

    Args:
        settings: The settings.

    Raises:
        ValueError: A setting is missing, or a file cannot be used; the text begins with its name within `links`.

    """
    forms = {}
    for name, provider in settings.providers.items():
        if provider.short.kind:
            try:
                forms[name] = _short_form(name, provider, settings)
            except ValueError as error:
                raise ValueError(f"providers.{name}.{error}") from None
        elif provider.short != ShortLinkSettings():
            raise ValueError(f"providers.{name}.short.kind is missing: name one of {', '.join(SHORTENERS)}")
    return forms


def _short_form(name: str, provider: LinkProviderSettings, settings: LinkSettings) -> ShortForm:
    short, kind = provider.short, SHORTENERS[provider.short.kind]
    if short.kind not in provider.kinds:
        raise ValueError(f"short.kind: {short.kind} shortens links of the kind {short.kind}: name it in `kinds`")
    if short.key_file is None:
        raise ValueError("short.key_file is missing: name the file that holds the key of the provider's API")
    hosts = frozenset(short.hosts or (provider.account[kind.host],))
    strange = sorted(hosts - set(settings.allowed_hosts)) if settings.allowed_hosts else []
    if strange:
        raise ValueError(f"short.hosts: short links have the host {strange[0]}, which allowed_hosts lacks")
    if short.ca_file is not None:
        try:
            ssl.create_default_context().load_verify_locations(short.ca_file)
        except OSError as error:
            raise ValueError(f"short.ca_file {short.ca_file} cannot be used: {error.strerror or 'not PEM'}") from None
    form = ShortForm(
        provider=name,
        kind=kind,
        account=provider.account,
        hosts=hosts,
        key_file=short.key_file,
        api=short.api or kind.api,
        ca_file=short.ca_file,
        long_instead=short.on_failure == "long",
        timeout_seconds=short.timeout_seconds,
        max_in_flight=short.max_in_flight,
    )
    try:
        form.key()
    except ValueError as error:
        raise ValueError(f"short.{error}") from None
    return form


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
