"""Reads the long links of Firebase Dynamic Links, which Google shut down on 25 August 2025, as links to records.

A long link carries the company's own address in `link`: `https://<sub>.page.link/?link=https%3A%2F%2F…&apn=…&ibi=…`.
Patterns tell which record such an address stood for. Nothing is fetched: a short link, whose address only Firebase
knew, says nothing any more.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from service.deep_links.grammar import MAX_CAMPAIGN_FIELDS, MAX_LINK_LENGTH, has_shape, invalid_link
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.template import HOST_NAME

PLACEHOLDERS: Mapping[str, str] = {"id": "i", "external_id": "k", "action": "a"}
"""What an address may hold, by the parameter that holds it in a link of today."""

_SLOT = re.compile(r"\{([^{}]*)\}")
_MOST_PARAMETERS = 40


@dataclass(frozen=True, slots=True)
class OldAddress:
    """Which records addresses of one form stood for."""

    object: str
    """API name of the sObject."""
    host: str
    path: tuple[str, ...]
    """The parts between slashes; one in braces is a value."""
    query: Mapping[str, str]
    """Parameters that the address must have; one in braces is a value."""
    external_id_field: str = ""
    """API name of the field that `{external_id}` is a value of."""

    @classmethod
    def of(cls, url: str, *, object_name: str, external_id_field: str = "") -> "OldAddress":
        """Check a pattern and take it apart.

        Args:
            url: An https address with `{id}` or `{external_id}`, and perhaps `{action}`, each as a whole part of the
                path or value of the query, for example `https://www.acme.com/cases/{external_id}`.
            object_name: API name of the sObject.
            external_id_field: API name of the field of `{external_id}`; empty for a pattern with `{id}`.

        Raises:
            ValueError: The pattern finds no record, or could find one in several ways; the text says why.

        """
        parts = urlsplit(url)
        if parts.scheme != "https" or not HOST_NAME.fullmatch(parts.netloc) or parts.fragment:
            raise ValueError("url must begin with https:// and a lower-case host, and have no fragment")
        path = tuple(parts.path.split("/")[1:])
        query = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair)
        slots = [slot[1] for text in (*path, *query.values()) if (slot := _SLOT.fullmatch(text))]
        if len(_SLOT.findall(url)) != len(slots):
            raise ValueError("url must hold each placeholder as a whole part of its path or value of its query")
        if set(slots) - PLACEHOLDERS.keys() or len(set(slots)) != len(slots):
            raise ValueError("url takes the placeholders {id}, {external_id} and {action}, each once")
        if ("id" in slots) == ("external_id" in slots):
            raise ValueError("url must hold either {id} or {external_id}")
        if ("external_id" in slots) != bool(external_id_field):
            raise ValueError("external_id_field must be given with {external_id}, and only with it")
        for name in filter(None, (object_name, external_id_field)):
            if not has_shape("o", name):
                raise ValueError("object and external_id_field must be API names")
        return cls(object_name, parts.netloc, path, query, external_id_field)

    def record_of(self, address: SplitResult, query: Mapping[str, str]) -> tuple[LinkedRecord, str] | None:
        """Return the record that an address stood for, and the action; None if it has another form."""
        parts = address.path.split("/")[1:]
        if address.netloc.lower() != self.host or len(parts) != len(self.path):
            return None
        found: dict[str, str] = {}
        pairs = [(text, unquote(part)) for text, part in zip(self.path, parts, strict=True)]
        pairs += [(text, query.get(name, "")) for name, text in self.query.items()]
        for text, value in pairs:
            slot = _SLOT.fullmatch(text)
            if slot is None:
                if text != value:
                    return None
            elif not has_shape(PLACEHOLDERS[slot[1]], value):
                return None
            else:
                found[slot[1]] = value
        key = found["id"] if "id" in found else ExternalId(self.external_id_field, found["external_id"])
        return LinkedRecord(self.object, key), found.get("action", "view")


@dataclass(frozen=True, slots=True)
class OldLinks:
    """The long links of some hosts.

    Raises:
        ValueError: A host is none.

    """

    hosts: frozenset[str] = frozenset()
    """For example `acme.page.link`."""
    addresses: Sequence[OldAddress] = field(default=())
    """Tried in this order."""

    def __post_init__(self) -> None:
        for host in self.hosts:
            if not HOST_NAME.fullmatch(host):
                raise ValueError(f"firebase.hosts: {host!r} is no lower-case host")

    def are_at(self, url: str) -> bool:
        """Tell whether an address is at one of the hosts."""
        if not self.hosts or not url.startswith("https://"):
            return False
        return url[8:].partition("/")[0].partition("?")[0].lower() in self.hosts

    def read(self, url: str, *, org: str) -> Link:
        """Return the record link that a long link stands for. It is not signed and does not expire.

        Args:
            url: The long link; `are_at` is true of it.
            org: Name of the org that is asked.

        Raises:
            errors.InvalidLink: It is a short link, or no pattern tells the record; metadata: parameter.

        """
        if len(url) > MAX_LINK_LENGTH:
            raise invalid_link("url", f"is longer than {MAX_LINK_LENGTH} characters")
        parameters = _parameters(urlsplit(url).query)
        target = parameters.get("link")
        if target is None:
            raise invalid_link("link", "is missing: only Firebase knew where its short links led")
        address = _address(target)
        query = _parameters(address.query)
        for pattern in self.addresses:
            found = pattern.record_of(address, query)
            if found is not None:
                return Link(org, found[0], provider="", expires_at=0, action=found[1], campaign=_campaign(parameters))
        raise invalid_link("link", "is no address that a pattern of links.firebase.patterns tells the record of")


def _campaign(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return as many campaign fields as a link of today holds."""
    fields = [(name, value) for name, value in parameters.items() if name.startswith("utm_") and has_shape(name, value)]
    return dict(fields[:MAX_CAMPAIGN_FIELDS])


def _address(text: str) -> SplitResult:
    if not text.isprintable() or "\\" in text or not text.isascii():
        raise invalid_link("link", "is not an address")
    try:
        address = urlsplit(text)
    except ValueError:
        raise invalid_link("link", "is not an address") from None
    if address.scheme != "https" or address.fragment:
        raise invalid_link("link", "must be https, without a fragment")
    return address


def _parameters(query: str) -> dict[str, str]:
    """Return parameters by name; one that is given twice could be read in two ways."""
    found: dict[str, str] = {}
    for pair in query.split("&")[:_MOST_PARAMETERS]:
        name, _, raw = pair.partition("=")
        if name in found:
            raise invalid_link(name, "is given twice")
        try:
            found[name] = unquote(raw.replace("+", " "), errors="strict")
        except UnicodeDecodeError:
            raise invalid_link(name, "is not UTF-8") from None
    return found


NO_OLD_LINKS = OldLinks()
"""No link of before is read."""
