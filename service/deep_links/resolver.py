"""What a link opens on a device: the ordered targets for one record.

Sources: Salesforce mobile app URI scheme (`salesforce1://sObject/<id>/view`); Lightning Experience record pages
(`/lightning/r/<Object>/<id>/view`); `{instance_url}/<id>`, which Salesforce redirects into the right page.
"""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from service import errors
from service.deep_links.config import LinkProvider
from service.deep_links.link import ExternalId, Link, campaign_query


class Platform(Enum):
    """A platform that links open on."""

    UNKNOWN = "unknown"
    IOS = "ios"
    ANDROID = "android"
    WEB = "web"


class AppPresence(Enum):
    """Whether the company's own app is on the device."""

    UNKNOWN = "unknown"
    INSTALLED = "installed"
    MISSING = "missing"


class TargetKind(Enum):
    """What a target opens."""

    APP_LINK = "app_link"
    APP_SCHEME = "app_scheme"
    STORE = "store"
    SALESFORCE_MOBILE = "salesforce_mobile"
    LIGHTNING = "lightning"
    WEB = "web"


@dataclass(frozen=True, slots=True)
class Device:
    """The device that followed a link."""

    platform: Platform = Platform.UNKNOWN
    app: AppPresence = AppPresence.UNKNOWN


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to open."""

    kind: TargetKind
    uri: str
    explanation: str
    """Why it stands at this place, for a person."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What to open for a link."""

    targets: tuple[Target, ...]
    """Best first. The last one works without any app."""

    @property
    def fallback_uri(self) -> str:
        """The uri of the target that works without any app."""
        return self.targets[-1].uri


def resolve(
    link: Link, device: Device, provider: LinkProvider, *, instance_url: str, record_id: str | None
) -> Resolution:
    """Tell what to open, best first.

    The company's app comes before its store page, that before Salesforce's own pages, and the company's web page is
    the last resort; without one, Lightning is. On an unknown platform what works anywhere comes first. A template
    that needs a value the link does not hold (an id, an external id) gives no target.

    Args:
        link: What was followed.
        device: Who followed it.
        provider: The templates; every other host comes from `instance_url`.
        instance_url: The org's address from its token answer, for example `https://acme.my.salesforce.com`.
        record_id: The record's Salesforce id; None when it was not looked up, and then Salesforce's targets are absent.

    Raises:
        errors.InvalidRequest: Nothing can be opened without an app.

    """
    uris = {
        **_company_uris(provider, _values(link, record_id), device.platform),
        **_salesforce_uris(link, instance_url, record_id),
    }
    fallback = TargetKind.WEB if TargetKind.WEB in uris else TargetKind.LIGHTNING
    if fallback not in uris:
        problem = (
            "has neither a web page nor a known Salesforce id: give the provider a web template that the link fills"
        )
        raise errors.InvalidRequest(
            f"the record {problem}", violations=[errors.FieldViolation("record", f"the record {problem}")]
        )
    kinds = [kind for kind in _order(device) if kind in uris and kind is not fallback]
    targets = [Target(kind, uri, _EXPLANATIONS[kind]) for kind in kinds for uri in uris[kind]]
    targets += [Target(fallback, uri, f"{_EXPLANATIONS[fallback]} It works without any app.") for uri in uris[fallback]]
    return Resolution(tuple(targets))


_EXPLANATIONS = {
    TargetKind.APP_LINK: "Opens the company's app where it is installed, and the browser elsewhere.",
    TargetKind.APP_SCHEME: "Opens the company's app through its own scheme; nothing happens where it is missing.",
    TargetKind.STORE: "The company's app can be installed here.",
    TargetKind.SALESFORCE_MOBILE: "Opens the record in Salesforce's mobile app where that is installed.",
    TargetKind.LIGHTNING: "The record in Salesforce, for people who may log in there.",
    TargetKind.WEB: "The company's web page for the record.",
}


def _order(device: Device) -> tuple[TargetKind, ...]:
    """Order the kinds for a device, those that cannot work there left out."""
    if device.platform is Platform.WEB:
        return (TargetKind.LIGHTNING, TargetKind.WEB)
    app = () if device.app is AppPresence.MISSING else (TargetKind.APP_SCHEME,)
    link = () if device.app is AppPresence.MISSING else (TargetKind.APP_LINK,)
    store = () if device.app is AppPresence.INSTALLED else (TargetKind.STORE,)
    if device.platform is Platform.UNKNOWN:
        return (*link, TargetKind.LIGHTNING, *app, TargetKind.SALESFORCE_MOBILE, *store, TargetKind.WEB)
    return (*link, *app, *store, TargetKind.SALESFORCE_MOBILE, TargetKind.LIGHTNING, TargetKind.WEB)


def _values(link: Link, record_id: str | None) -> dict[str, str | None]:
    key = link.record.key
    external = key if isinstance(key, ExternalId) else None
    return {
        "object": link.record.object,
        "id": record_id,
        "external_id": external.value if external else None,
        "external_id_field": external.field if external else None,
        "action": link.action,
        "query": campaign_query(link.campaign),
    }


def _company_uris(
    provider: LinkProvider, values: dict[str, str | None], platform: Platform
) -> dict[TargetKind, tuple[str, ...]]:
    stores = {
        Platform.IOS: (provider.store_ios,),
        Platform.ANDROID: (provider.store_android,),
        Platform.UNKNOWN: (provider.store_ios, provider.store_android),
        Platform.WEB: (),
    }
    templates = {
        TargetKind.APP_LINK: (provider.app_link,),
        TargetKind.APP_SCHEME: (provider.app_scheme,),
        TargetKind.STORE: stores[platform],
        TargetKind.WEB: (provider.web,),
    }
    filled = {
        kind: tuple(uri for template in group if template and (uri := template.fill(values)))
        for kind, group in templates.items()
    }
    return {kind: uris for kind, uris in filled.items() if uris}


def _salesforce_uris(link: Link, instance_url: str, record_id: str | None) -> dict[TargetKind, tuple[str, ...]]:
    if record_id is None:
        return {}
    # Salesforce's own pages know these two; any other action is the company's app's business.
    page = link.action if link.action in {"view", "edit"} else "view"
    return {
        TargetKind.SALESFORCE_MOBILE: (f"salesforce1://sObject/{record_id}/{page}",),
        TargetKind.LIGHTNING: (_lightning_uri(instance_url, link.record.object, record_id, page),),
    }


def _lightning_uri(instance_url: str, object_name: str, record_id: str, page: str) -> str:
    address = urlsplit(instance_url)
    domain, suffix, rest = (address.hostname or "").partition(".my.salesforce.com")
    if suffix and not rest and domain:
        return f"https://{domain}.lightning.force.com/lightning/r/{object_name}/{record_id}/{page}"
    # Other clouds have other Lightning hosts; the org itself redirects its ids into the right page.
    return f"{address.scheme}://{address.netloc}/{record_id}"
