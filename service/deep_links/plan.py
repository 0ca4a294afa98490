"""What a provider offers a kind of device, in the order in which to try it: made once, filled for each link."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from service.deep_links.config import LinkProvider
from service.deep_links.device import PHONES, AppPresence, Device, Platform
from service.deep_links.template import UriTemplate


class TargetKind(StrEnum):
    """What a target opens."""

    APP_LINK = "app_link"
    APP_SCHEME = "app_scheme"
    STORE = "store"
    SALESFORCE_MOBILE = "salesforce_mobile"
    LIGHTNING = "lightning"
    WEB = "web"
    PROVIDER_LINK = "provider_link"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One thing that the provider could open and that is no target."""

    kind: TargetKind
    explanation: str
    """Why it was left out, for a person."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that may be opened."""

    kind: TargetKind
    template: UriTemplate
    explanation: str
    """Why it stands at its place, for a person."""
    last_explanation: str = ""
    """The same where it stands last; empty if it cannot: it needs an app."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one provider offers one kind of device."""

    provider: str
    """The provider's name."""
    offers: tuple[Offer, ...]
    """Best first."""
    left_out: tuple[LeftOut, ...]
    """What such a device never opens."""
    fallbacks: tuple[int, ...]
    """Which of the offers work without any app; the first of these that can be filled stands last."""
    gone: tuple[UriTemplate, ...]
    """The pages for a record that is not there, the better one first."""
    nested: tuple[tuple[str, UriTemplate], ...]
    """Templates whose filled text others stand for, by name; empty if none does."""
    is_deferred: bool
    """Whether the app may have to be installed or renewed first, and can be: then it may claim the link."""

    @classmethod
    def of(cls, name: str, provider: LinkProvider, device: Device) -> "Plan":
        """Make the plan.

        Args:
            name: The provider's name.
            provider: The templates.
            device: Its platform, app and the app's version count.

        """
        is_old = device.has_older_app_than(provider.min_app_version)
        reasons = _reasons(device, provider, is_old=is_old)
        every = list(_every(provider, device.platform, is_old=is_old))
        offers = [offer for offer in every if offer.kind not in reasons]
        of_kind = {offer.kind: index for index, offer in enumerate(offers)}
        left_out = dict.fromkeys(offer.kind for offer in every if offer.kind in reasons)
        is_missing = device.app is not AppPresence.INSTALLED or is_old
        has_way = any(offer.kind in {TargetKind.STORE, TargetKind.PROVIDER_LINK} for offer in offers)
        return cls(
            provider=name,
            offers=tuple(offers),
            left_out=tuple(LeftOut(kind, reasons[kind]) for kind in left_out),
            fallbacks=tuple(of_kind[kind] for kind in _LAST_RESORTS if kind in of_kind),
            gone=tuple(page for page in (provider.gone, provider.web) if page is not None),
            nested=_nested(provider, offers),
            is_deferred=device.platform in PHONES and is_missing and has_way,
        )


_EXPLANATIONS = {
    TargetKind.APP_LINK: "Opens the company's app where it is installed, and the browser elsewhere.",
    TargetKind.PROVIDER_LINK: "The link provider goes on to the app, its store page or the web by itself.",
    TargetKind.APP_SCHEME: "Opens the company's app through its own scheme; nothing happens where it is missing.",
    TargetKind.STORE: "The company's app can be installed here.",
    TargetKind.SALESFORCE_MOBILE: "Opens the record in Salesforce's mobile app where that is installed.",
    TargetKind.LIGHTNING: "The record in Salesforce, for people who may log in there.",
    TargetKind.WEB: "The company's web page for the record.",
}
_RENEWAL = "The company's app can be renewed here; the one on the device is too old for these links."
_LAST_RESORTS = (TargetKind.WEB, TargetKind.LIGHTNING)
_LAST = {kind: f"{_EXPLANATIONS[kind]} It works without any app." for kind in _LAST_RESORTS}
_ON_PHONES = (
    TargetKind.APP_LINK,
    TargetKind.PROVIDER_LINK,
    TargetKind.APP_SCHEME,
    TargetKind.STORE,
    TargetKind.SALESFORCE_MOBILE,
    TargetKind.LIGHTNING,
    TargetKind.WEB,
)
_ANYWHERE = (
    TargetKind.APP_LINK,
    TargetKind.PROVIDER_LINK,
    TargetKind.LIGHTNING,
    TargetKind.APP_SCHEME,
    TargetKind.SALESFORCE_MOBILE,
    TargetKind.STORE,
    TargetKind.WEB,
)
_OF_APP = (TargetKind.APP_LINK, TargetKind.APP_SCHEME)
_ONLY_ON_PHONES = (*_OF_APP, TargetKind.PROVIDER_LINK, TargetKind.STORE, TargetKind.SALESFORCE_MOBILE)
_NESTED = ("app_link", "app_scheme", "store_ios", "store_android", "web")


def _every(provider: LinkProvider, platform: Platform, *, is_old: bool) -> Iterator[Offer]:
    """Yield everything that the provider has a template for, in the order for the platform."""
    stores = [provider.store_ios] if platform is not Platform.ANDROID else []
    stores += [provider.store_android] if platform is not Platform.IOS else []
    templates: dict[TargetKind, list[UriTemplate | None]] = {
        TargetKind.APP_LINK: [provider.app_link],
        TargetKind.PROVIDER_LINK: [provider.provider_link],
        TargetKind.APP_SCHEME: [provider.app_scheme],
        TargetKind.STORE: stores,
        TargetKind.SALESFORCE_MOBILE: [provider.salesforce_mobile],
        TargetKind.LIGHTNING: [provider.lightning],
        TargetKind.WEB: [provider.web],
    }
    for kind in _ANYWHERE if platform is Platform.UNKNOWN else _ON_PHONES:
        said = _RENEWAL if kind is TargetKind.STORE and is_old else _EXPLANATIONS[kind]
        for template in templates[kind]:
            if template is not None:
                yield Offer(kind, template, said, _LAST.get(kind, ""))


def _reasons(device: Device, provider: LinkProvider, *, is_old: bool) -> dict[TargetKind, str]:
    """Return why such a device does not open some kinds."""
    if device.platform is Platform.WEB:
        return dict.fromkeys(_ONLY_ON_PHONES, "It opens nothing on a computer.")
    if device.app is AppPresence.MISSING:
        return dict.fromkeys(_OF_APP, "The company's app is not on the device.")
    if is_old:
        least = ".".join(map(str, provider.min_app_version))
        return dict.fromkeys(_OF_APP, f"The app understands these links from version {least} on, and is older there.")
    if device.app is AppPresence.INSTALLED:
        return {TargetKind.STORE: "The company's app is on the device already."}
    return {}


def _nested(provider: LinkProvider, offers: list[Offer]) -> tuple[tuple[str, UriTemplate], ...]:
    used = {name for offer in offers for name in offer.template.slots}
    found = [(name, getattr(provider, name)) for name in _NESTED if name in used]
    return tuple((name, template) for name, template in found if template is not None)
