"""What a link opens on a device: the ordered targets for one record, and why each stands where it does.

Sources: Salesforce mobile app URI scheme (`salesforce1://sObject/<id>/view`); Lightning Experience record pages
(`/lightning/r/<Object>/<id>/view`); `{instance_url}/<id>`, which Salesforce redirects into the right page.
"""

from enum import StrEnum
from urllib.parse import urlsplit

from msgspec import Struct

from service.deep_links.config import LinkConfig
from service.deep_links.device import AppPresence, Device, Platform
from service.deep_links.grammar import invalid_request
from service.deep_links.link import Link
from service.deep_links.placeholders import ORIGINS, Values, quoted
from service.deep_links.plan import LeftOut, Offer, Plan, TargetKind


class RecordState(StrEnum):
    """What is known of the record."""

    UNKNOWN = "unknown"
    FOUND = "found"
    MISSING = "missing"
    DELETED = "deleted"


GONE = frozenset({RecordState.MISSING, RecordState.DELETED})
"""There is nothing to show."""


class Target(Struct, frozen=True, gc=False):
    """One thing to open."""

    kind: TargetKind
    uri: str
    explanation: str
    """Why it stands at this place, for a person."""


class Resolution(Struct, frozen=True, gc=False):
    """What to open for a link."""

    provider: str
    """Name of the provider whose targets these are."""
    targets: tuple[Target, ...]
    """Best first. The last one works without any app."""
    left_out: tuple[LeftOut, ...] = ()
    """What the provider could open, and why it does not here."""

    @property
    def fallback_uri(self) -> str:
        """The uri of the target that works without any app."""
        return self.targets[-1].uri


class Knowledge(Struct, frozen=True, gc=False):
    """What is known when a link is resolved, beside what it says itself."""

    instance_url: str | None
    """The org's address from its token answer, for example `https://acme.my.salesforce.com`; None if not known."""
    record_id: str | None
    """The record's Salesforce id; None if not known."""
    deferred_token: str = ""
    """What lets an app claim the link after its installation; empty if nothing does."""
    why_no_id: str = "the record was not looked up"
    """Why there is no id, where there is none: the end of a sentence."""

    def __repr__(self) -> str:
        """Name the record; the token is a secret of whoever follows the link."""
        return f"Knowledge(instance_url={self.instance_url!r}, record_id={self.record_id!r})"


class Resolver:
    """Tells what links open. Safe to share between tasks.

    Args:
        config: The providers.

    """

    def __init__(self, config: LinkConfig) -> None:
        self._config = config
        self._origins: dict[str, str | None] = {"instance": None, "lightning": None}
        """Of the org's address that was last seen, which all but never changes."""
        self._plans: dict[tuple[str, Platform, AppPresence, bool], Plan] = {}

    def plan(self, link: Link, device: Device) -> Plan:
        """Return what the link's provider offers such a device."""
        name, provider = self._config.provider(link.provider, device.platform)
        is_old = bool(device.app_version) and device.has_older_app_than(provider.min_app_version)
        key = (name, device.platform, device.app, is_old)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = Plan.of(name, provider, device)
        return plan

    def resolve(self, plan: Plan, link: Link, device: Device, known: Knowledge) -> Resolution:
        """Tell what to open, best first.

        The company's app comes before its store page, that before Salesforce's own pages, and the company's web page
        is the last resort; without one, Lightning is. On an unknown platform what works anywhere comes first. A
        template that needs a value which is not known (an id, an external id) gives no target.

        Args:
            plan: What `plan` returned for this link and device.
            link: What was followed.
            device: Who followed it.
            known: What else is known. Every host comes from the configuration, or from its `instance_url`.

        Raises:
            errors.InvalidRequest: Nothing can be opened without an app.

        """
        values = self._values(link, device, known)
        for nested, template in plan.nested:
            text = template.fill(values)
            values[nested] = None if text is None else quoted(text)
        uris = [_filled(offer, values, known) for offer in plan.offers]
        last = next((index for index in plan.fallbacks if uris[index]), None)
        if last is None:
            problem = "has neither a web page nor a known Salesforce id: give the provider a web template that it fills"
            raise invalid_request("record", problem)
        targets, left_out = [], [*plan.left_out]
        for index, (offer, uri) in enumerate(zip(plan.offers, uris, strict=True)):
            if uri is None:
                left_out.append(LeftOut(offer.kind, _lack(offer, values, known)))
            elif index != last:
                targets.append(Target(offer.kind, uri, offer.explanation))
        offer = plan.offers[last]
        targets.append(Target(offer.kind, uris[last] or "", offer.last_explanation))
        return Resolution(plan.provider, tuple(targets), tuple(left_out))

    def resolve_gone(
        self, plan: Plan, link: Link, device: Device, known: Knowledge, state: RecordState
    ) -> Resolution | None:
        """Tell what to open for a record that is not there: the page for such records, or else the web page.

        Args:
            plan: What `plan` returned for this link and device.
            link: What was followed.
            device: Who followed it.
            known: What else is known.
            state: MISSING or DELETED.

        Returns:
            One target; None if neither page can be built.

        """
        values = self._values(link, device, known)
        uri = next((text for template in plan.gone if (text := template.fill(values))), None)
        if uri is None:
            return None
        missing = f"The record is {_GONE_WORDS[state]}."
        kinds = dict.fromkeys(offer.kind for offer in plan.offers if offer.kind is not TargetKind.WEB)
        left_out = (*plan.left_out, *(LeftOut(kind, missing) for kind in kinds))
        return Resolution(
            plan.provider, (Target(TargetKind.WEB, uri, f"{missing} This page works without it."),), left_out
        )

    def _values(self, link: Link, device: Device, known: Knowledge) -> Values:
        if known.instance_url != self._origins["instance"]:
            self._origins = {"instance": known.instance_url, "lightning": _lightning_origin(known.instance_url)}
        return Values(
            link,
            record_id=known.record_id,
            locale=(device.locale or self._config.default_locale).replace("_", "-"),
            deferred_token=known.deferred_token,
            origins=self._origins,
        )


_GONE_WORDS = {RecordState.MISSING: "not there", RecordState.DELETED: "in the recycle bin"}


def _filled(offer: Offer, values: Values, known: Knowledge) -> str | None:
    uri = offer.template.fill(values)
    if uri is None and offer.kind is TargetKind.LIGHTNING and known.record_id and known.instance_url:
        # Other clouds have other Lightning hosts; the org itself redirects its ids into the right page.
        return f"{known.instance_url}/{known.record_id}"
    return uri


def _lack(offer: Offer, values: Values, known: Knowledge) -> str:
    missing = sorted(name for name in offer.template.needs if values[name] is None)
    if "id" in missing:
        return f"Its address needs the record's Salesforce id, and {known.why_no_id}."
    if known.instance_url is None and ORIGINS & set(missing):
        return f"Its address needs that of the org, and {known.why_no_id}."
    return f"Its address needs {{{missing[0] if missing else 'query'}}}, which the link does not hold."


def _lightning_origin(instance_url: str | None) -> str | None:
    """Return the origin of Lightning Experience; None where it does not follow from the org's address."""
    domain, suffix, rest = (urlsplit(instance_url or "").hostname or "").partition(".my.salesforce.com")
    return f"https://{domain}.lightning.force.com" if suffix and not rest and domain else None
