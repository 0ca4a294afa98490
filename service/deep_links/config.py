"""The configuration of an org's deep links: the link host, its signing keys and its providers."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType

from service.deep_links.device import Platform
from service.deep_links.firebase import NO_OLD_LINKS, OldLinks
from service.deep_links.grammar import invalid_request
from service.deep_links.keys import KeyRing
from service.deep_links.template import UriTemplate

MIN_TTL_SECONDS = 60
MAX_TTL_SECONDS = 315_576_000
MAX_CLAIM_TTL_SECONDS = 7_776_000
"""Google Play keeps an install referrer for 90 days."""

_HOST = re.compile(r"https://[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_PROVIDER = re.compile(r"[a-z0-9_-]{1,63}")
_LOCALE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+){0,3}")


@dataclass(frozen=True, slots=True)
class LinkProvider:
    """What the links of one provider open. Every template may be absent; absent ones give no target."""

    app_link: UriTemplate | None = None
    """An https address that the company's app claims (Universal Link, App Link)."""
    provider_link: UriTemplate | None = None
    """The address of a service that itself goes on to the app, the store or the web."""
    app_scheme: UriTemplate | None = None
    """The app's own URI scheme."""
    store_ios: UriTemplate | None = None
    """The app's page in the App Store."""
    store_android: UriTemplate | None = None
    """The app's page in Google Play."""
    web: UriTemplate | None = None
    """The company's web page for a record."""
    gone: UriTemplate | None = None
    """The company's web page for a record that is not there."""
    salesforce_mobile: UriTemplate | None = None
    """The record in Salesforce's mobile app."""
    lightning: UriTemplate | None = None
    """The record in Lightning Experience."""
    min_app_version: tuple[int, ...] = ()
    """The least version of the app that understands the links; empty for any."""
    instead: Mapping[Platform, str] = field(default_factory=dict)
    """Names of the providers that stand in on some platforms."""

    @classmethod
    def of(
        cls, templates: Mapping[str, str], *, min_app_version: str = "", instead: Mapping[Platform, str] | None = None
    ) -> "LinkProvider":
        """Check the templates and make a provider of them.

        Args:
            templates: Text of each template, by the name of the field above; an empty one is absent.
            min_app_version: Numbers with dots, for example `4.2`; empty for any version.
            instead: Names of the providers that stand in on some platforms.

        Raises:
            ValueError: A template could lead elsewhere than where the operator wrote; the text names it.

        """
        makers = {
            "app_scheme": UriTemplate.app_scheme,
            "salesforce_mobile": UriTemplate.app_scheme,
            "lightning": UriTemplate.on_salesforce,
        }
        made = {name: makers.get(name, UriTemplate.https)(text, field=name) for name, text in templates.items() if text}
        if min_app_version and not _VERSION.fullmatch(min_app_version):
            raise ValueError("min_app_version must be one to four numbers with dots, for example 4.2")
        least = tuple(int(part) for part in min_app_version.split(".")) if min_app_version else ()
        return cls(**made, min_app_version=least, instead=MappingProxyType(dict(instead or {})))

    def templates(self) -> Iterator[tuple[str, UriTemplate]]:
        """Yield the templates that are there, by name."""
        for item in fields(self):
            found = getattr(self, item.name)
            if isinstance(found, UriTemplate):
                yield item.name, found


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """The deep links of one org.

    Raises:
        ValueError: A setting is out of range or contradicts another; the text names it.

    """

    host: str
    """Scheme and host of every link, for example `https://links.example.com`."""
    keys: KeyRing
    """What signs links and claims, and what verifies them."""
    default_ttl_seconds: int
    """How long a link is valid when its maker does not say."""
    default_provider: str
    """Name of the provider of links that name none."""
    providers: Mapping[str, LinkProvider]
    """The providers by name."""
    allowed_hosts: tuple[str, ...] = ()
    """The hosts that templates may lead to, beside the link host; empty for those that they name."""
    default_locale: str = "en"
    """The language of people whose own is not known."""
    claim_ttl_seconds: int = 604_800
    """How long after a link was followed an app may claim it."""
    old_links: OldLinks = NO_OLD_LINKS
    """The links of before that still open records."""

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.host):
            raise ValueError("host must be https:// and a lower-case host, without user, port or path")
        if not MIN_TTL_SECONDS <= self.default_ttl_seconds <= MAX_TTL_SECONDS:
            raise ValueError(f"default_ttl_seconds must be {MIN_TTL_SECONDS} to {MAX_TTL_SECONDS}")
        if not MIN_TTL_SECONDS <= self.claim_ttl_seconds <= MAX_CLAIM_TTL_SECONDS:
            raise ValueError(f"claim_ttl_seconds must be {MIN_TTL_SECONDS} to {MAX_CLAIM_TTL_SECONDS}")
        if not _LOCALE.fullmatch(self.default_locale):
            raise ValueError("default_locale must be a language tag, for example en or de-CH")
        if self.default_provider not in self.providers:
            raise ValueError(f"default_provider {self.default_provider!r} is not one of providers")
        for name, provider in self.providers.items():
            if not _PROVIDER.fullmatch(name):
                raise ValueError("names of providers must be 1 to 63 of a-z, 0-9, '-' and '_'")
            self._check(name, provider)
        object.__setattr__(self, "providers", MappingProxyType(dict(self.providers)))

    def _check(self, name: str, provider: LinkProvider) -> None:
        for platform, other in provider.instead.items():
            if other not in self.providers or self.providers[other].instead:
                problem = "is not one of providers" if other not in self.providers else "has others stand in itself"
                raise ValueError(f"providers.{name}.on_{platform.value}: {other!r} {problem}")
        allowed = {*self.allowed_hosts, self.host.removeprefix("https://")}
        for field_name, template in provider.templates():
            if self.allowed_hosts and template.host and template.host not in allowed:
                raise ValueError(f"providers.{name}.{field_name} leads to {template.host}, which allowed_hosts lacks")

    def provider(self, name: str, platform: Platform = Platform.UNKNOWN) -> tuple[str, LinkProvider]:
        """Return the provider of that name, or the default one when it is gone, as it is on a platform.

        Links outlive configurations: one that names a provider of last year must still open something.

        Args:
            name: What the link says.
            platform: Where it is followed.

        Returns:
            The name of what was found, and the provider.

        """
        found = name if name in self.providers else self.default_provider
        found = self.providers[found].instead.get(platform, found)
        return found, self.providers[found]

    def check_provider(self, name: str) -> None:
        """Raise InvalidRequest if no provider of that name is configured."""
        if name not in self.providers:
            raise invalid_request("provider", f"must be one of: {', '.join(sorted(self.providers))}")

    def with_default(self, provider: str) -> "LinkConfig":
        """Return the same with another provider for links that name none.

        Raises:
            ValueError: It is not one of the providers.

        """
        return replace(self, default_provider=provider) if provider else self
