"""The configuration of an org's deep links: the link host, its signing keys and its providers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from service.deep_links.template import UriTemplate
from service.settings.signing_key import SigningKey

MIN_TTL_SECONDS = 60
MAX_TTL_SECONDS = 315_576_000

_HOST = re.compile(r"https://[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_PROVIDER = re.compile(r"[a-z0-9_-]{1,63}")


@dataclass(frozen=True, slots=True)
class LinkProvider:
    """What the links of one provider open. Every template may be absent; absent ones give no target."""

    app_link: UriTemplate | None = None
    """An https address that the company's app claims (Universal Link, App Link)."""
    app_scheme: UriTemplate | None = None
    """The app's own URI scheme."""
    store_ios: UriTemplate | None = None
    """The app's page in the App Store."""
    store_android: UriTemplate | None = None
    """The app's page in Google Play."""
    web: UriTemplate | None = None
    """The company's web page for a record."""

    @classmethod
    def of(
        cls,
        *,
        app_link: str | None = None,
        app_scheme: str | None = None,
        store_ios: str | None = None,
        store_android: str | None = None,
        web: str | None = None,
    ) -> "LinkProvider":
        """Check the templates and make a provider of them.

        Args:
            app_link: Template of an https address.
            app_scheme: Template of the app's own scheme.
            store_ios: Template of an https address.
            store_android: Template of an https address.
            web: Template of an https address.

        Raises:
            ValueError: A template could lead elsewhere than where the operator wrote; the text names it.

        """
        https = {
            name: UriTemplate.https(text, field=name)
            for name, text in {
                "app_link": app_link,
                "store_ios": store_ios,
                "store_android": store_android,
                "web": web,
            }.items()
            if text
        }
        scheme = UriTemplate.app_scheme(app_scheme, field="app_scheme") if app_scheme else None
        return cls(app_scheme=scheme, **https)


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """The deep links of one org.

    Raises:
        ValueError: A setting is out of range or contradicts another; the text names it.

    """

    host: str
    """Scheme and host of every link, for example `https://links.example.com`."""
    keys: tuple[SigningKey, ...]
    """The first signs; all verify."""
    default_ttl_seconds: int
    """How long a link is valid when its maker does not say."""
    default_provider: str
    """Name of the provider of links that name none."""
    providers: Mapping[str, LinkProvider]
    """The providers by name."""

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.host):
            raise ValueError("host must be https:// and a lower-case host, without user, port or path")
        if not self.keys:
            raise ValueError("keys must hold at least one key")
        if len({key.id for key in self.keys}) != len(self.keys):
            raise ValueError("keys must have different ids")
        if not MIN_TTL_SECONDS <= self.default_ttl_seconds <= MAX_TTL_SECONDS:
            raise ValueError(f"default_ttl_seconds must be {MIN_TTL_SECONDS} to {MAX_TTL_SECONDS}")
        for name in self.providers:
            if not _PROVIDER.fullmatch(name):
                raise ValueError("names of providers must be 1 to 63 of a-z, 0-9, '-' and '_'")
        if self.default_provider not in self.providers:
            raise ValueError(f"default_provider {self.default_provider!r} is not one of providers")
        object.__setattr__(self, "providers", MappingProxyType(dict(self.providers)))

    def provider(self, name: str) -> LinkProvider:
        """Return the provider of that name, or the default one when it is gone.

        Links outlive configurations: one that names a provider of last year must still open something.
        """
        return self.providers.get(name, self.providers[self.default_provider])
