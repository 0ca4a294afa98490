"""Signed links to records: `https://<host>/l?p=…&t=record&o=<Object>&i=<id>&a=…&g=<org>&e=<expiry>&v=1&kid=…&s=…`.

The parameters, each at most once:

* `p` provider · `t` always `record` · `o` sObject · `i` Salesforce id, or `k` external id with `f` its field
* `a` action · `utm_…` campaign · `g` org · `e` expiry in seconds since the Unix epoch · `v` always 1
* `kid` the key's id · `s` HMAC-SHA256 in base64url, over the address and the sorted parameters but `s`
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from service import errors
from service.deep_links.config import MAX_TTL_SECONDS, MIN_TTL_SECONDS, LinkConfig

MAX_LINK_LENGTH = 4096
"""What `ResolveDeepLinkRequest.url` takes. Links stay under 2,000 unless external id or campaign are very long."""
MAX_CAMPAIGN_FIELDS = 16

_API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_SHAPES = {
    "p": re.compile(r"[a-z0-9_-]{1,63}"),
    "t": re.compile(r"record"),
    "o": _API_NAME,
    "i": re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?"),
    "k": re.compile(r".{1,255}", re.DOTALL),
    "f": _API_NAME,
    "a": re.compile(r"[a-z][a-z0-9_-]{0,31}"),
    "g": re.compile(r".{1,63}", re.DOTALL),
    "e": re.compile(r"[1-9][0-9]{0,10}"),
    "v": re.compile(r"1"),
    "kid": re.compile(r"[A-Za-z0-9_-]{1,32}"),
    "s": re.compile(r"[A-Za-z0-9_-]{43}"),
}
_CAMPAIGN_NAME = re.compile(r"utm_[a-z]{1,24}")
_CAMPAIGN_VALUE = re.compile(r".{0,128}", re.DOTALL)
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")
_REQUIRED = ("p", "t", "o", "a", "g", "e", "v", "kid", "s")
_REQUEST_FIELDS = {
    "p": "provider",
    "o": "record.object",
    "i": "record.id",
    "k": "record.external_id.value",
    "f": "record.external_id.field",
    "a": "action",
    "g": "org",
    "e": "ttl",
}


@dataclass(frozen=True, slots=True)
class ExternalId:
    """A record's external id."""

    field: str
    """API name of the external-id field."""
    value: str
    """The value, of any characters."""


@dataclass(frozen=True, slots=True)
class LinkedRecord:
    """The record a link opens, by one of two keys."""

    object: str
    """API name of the sObject."""
    key: str | ExternalId
    """The Salesforce id (15 or 18 characters) or the external id."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says."""

    org: str
    """Name of the org the link was made for."""
    record: LinkedRecord
    """The record."""
    provider: str
    """Name of the provider; it may no longer be configured."""
    expires_at: int
    """Seconds since the Unix epoch; from then on the link is refused."""
    action: str = "view"
    """What the app should do with the record."""
    campaign: Mapping[str, str] = field(default_factory=dict)
    """`utm_…` fields that travel with the link."""


class LinkSigner:
    """Writes and reads the links of one org. It keeps no state beyond its configuration."""

    def __init__(self, config: LinkConfig) -> None:
        self._config = config
        self._address = f"{config.host}/l?"
        self._secrets = {key.id: key.secret for key in config.keys}

    def expiry(self, now: float, ttl_seconds: int | None) -> int:
        """Return the expiry of a link made now.

        Args:
            now: Seconds since the Unix epoch.
            ttl_seconds: How long the link is valid; None means the org's default.

        Raises:
            errors.InvalidRequest: The time is under a minute or over ten years.

        """
        ttl = self._config.default_ttl_seconds if ttl_seconds is None else ttl_seconds
        if not MIN_TTL_SECONDS <= ttl <= MAX_TTL_SECONDS:
            raise _invalid_request("ttl", f"must be {MIN_TTL_SECONDS} to {MAX_TTL_SECONDS} seconds")
        return int(now) + ttl

    def write(self, link: Link) -> str:
        """Return the signed link.

        Args:
            link: What it says. An empty provider means the org's default.

        Raises:
            errors.InvalidRequest: A part has a shape that a link cannot carry, the provider is not configured, or
                the link would be longer than 4,096 characters; the violation names the field.

        """
        provider = link.provider or self._config.default_provider
        if provider not in self._config.providers:
            raise _invalid_request("provider", f"must be one of: {', '.join(sorted(self._config.providers))}")
        if len(link.campaign) > MAX_CAMPAIGN_FIELDS:
            raise _invalid_request("campaign", f"holds more than {MAX_CAMPAIGN_FIELDS} fields")
        key_id = self._config.keys[0].id
        pairs = [_encode(name, value) for name, value in _parameters(link, provider, key_id)]
        url = f"{self._address}{'&'.join(pairs)}&s={self._signature(pairs, key_id)}"
        if len(url) > MAX_LINK_LENGTH:
            raise _invalid_request("record", f"makes a link longer than {MAX_LINK_LENGTH} characters")
        return url

    def read(self, url: str, *, org: str, now: float) -> Link:
        """Check a link and return what it says.

        Args:
            url: The link, exactly as it was written; the order of its parameters is free.
            org: Name of the org it must have been made for.
            now: Seconds since the Unix epoch.

        Raises:
            errors.InvalidLink: It is not a link of this org, or any byte of it was changed; metadata: parameter.
            errors.LinkExpired: It was valid and its time is over; metadata: expired_at.

        """
        if len(url) > MAX_LINK_LENGTH:
            raise _invalid_link("url", f"is longer than {MAX_LINK_LENGTH} characters")
        if not url.startswith(self._address):
            raise self._wrong_address(url)
        pairs = url[len(self._address) :].split("&")
        values = _decode(pairs)
        key_id = values["kid"]
        if key_id not in self._secrets:
            raise _invalid_link("kid", "names a key that is not configured")
        signed = [pair for pair in pairs if not pair.startswith("s=")]
        if not hmac.compare_digest(self._signature(signed, key_id), values["s"]):
            raise _invalid_link("s", "is not the signature of this link")
        if values["g"] != org:
            raise _invalid_link("g", "names another org than the request")
        link = _link(values)
        if now >= link.expires_at:
            moment = datetime.fromtimestamp(link.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            raise errors.LinkExpired(
                f"the link expired at {moment}; ask its sender for a new one", metadata={"expired_at": moment}
            )
        return link

    def _signature(self, pairs: Sequence[str], key_id: str) -> str:
        text = self._address + "&".join(sorted(pairs))
        digest = hmac.digest(self._secrets[key_id], text.encode("ascii"), "sha256")
        return urlsafe_b64encode(digest)[:-1].decode("ascii")

    def _wrong_address(self, url: str) -> errors.InvalidLink:
        try:
            parts = urlsplit(url)
        except ValueError:
            return _invalid_link("url", "is not an address")
        host = self._config.host.removeprefix("https://")
        if parts.scheme != "https":
            return _invalid_link("scheme", "must be https")
        if "@" in parts.netloc:
            return _invalid_link("user", "must be absent")
        if parts.netloc.partition(":")[0] == host and parts.netloc != host:
            return _invalid_link("port", "must be absent")
        if parts.netloc != host:
            return _invalid_link("host", f"must be {host}")
        return _invalid_link("path", "must be /l, followed by the parameters")


def campaign_query(campaign: Mapping[str, str]) -> str:
    """Write campaign fields as a query: `utm_source=mail&utm_medium=…`, sorted by name."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(campaign.items()))


def _parameters(link: Link, provider: str, key_id: str) -> list[tuple[str, str]]:
    key = link.record.key
    record = [("i", key)] if isinstance(key, str) else [("k", key.value), ("f", key.field)]
    return [
        ("p", provider),
        ("t", "record"),
        ("o", link.record.object),
        *record,
        ("a", link.action or "view"),
        *sorted(link.campaign.items()),
        ("g", link.org),
        ("e", str(link.expires_at)),
        ("v", "1"),
        ("kid", key_id),
    ]


def _encode(name: str, value: str) -> str:
    if not _has_shape(name, value):
        raise _invalid_request(_REQUEST_FIELDS.get(name, "campaign"), "has a form that a link cannot carry")
    try:
        return f"{name}={value if _UNRESERVED.fullmatch(value) else quote(value, safe='')}"
    except UnicodeEncodeError:
        raise _invalid_request(_REQUEST_FIELDS.get(name, "campaign"), "holds half of a surrogate pair") from None


def _decode(pairs: Sequence[str]) -> dict[str, str]:
    """Decode parameters whose encoding is canonical, so that no two texts are the same link."""
    values: dict[str, str] = {}
    for pair in pairs:
        name, _, raw = pair.partition("=")
        if name not in _SHAPES and not _CAMPAIGN_NAME.fullmatch(name):
            raise _invalid_link(name, "is not a parameter of a link")
        if name in values:
            raise _invalid_link(name, "is given twice")
        value = raw if _UNRESERVED.fullmatch(raw) else _unquote(name, raw)
        if not _has_shape(name, value):
            raise _invalid_link(name, "has a form that no link carries")
        values[name] = value
    for name in _REQUIRED:
        if name not in values:
            raise _invalid_link(name, "is missing")
    if ("i" in values) == ("k" in values) or ("k" in values) != ("f" in values):
        raise _invalid_link("i", "must be given, or else both k and f")
    return values


def _unquote(name: str, raw: str) -> str:
    try:
        value = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise _invalid_link(name, "is not UTF-8") from None
    if quote(value, safe="") != raw:
        raise _invalid_link(name, "is not percent-encoded the way links are")
    return value


def _has_shape(name: str, value: str) -> bool:
    shape = _SHAPES.get(name)
    if shape is None:
        return bool(_CAMPAIGN_NAME.fullmatch(name) and _CAMPAIGN_VALUE.fullmatch(value))
    return bool(shape.fullmatch(value))


def _link(values: Mapping[str, str]) -> Link:
    return Link(
        org=values["g"],
        record=LinkedRecord(values["o"], values["i"] if "i" in values else ExternalId(values["f"], values["k"])),
        provider=values["p"],
        expires_at=int(values["e"]),
        action=values["a"],
        campaign={name: value for name, value in values.items() if name.startswith("utm_")},
    )


def _invalid_link(parameter: str, problem: str) -> errors.InvalidLink:
    # The name comes from the link: it is cut and escaped before it reaches a log or a terminal.
    name = parameter[:32].encode("ascii", "backslashreplace").decode("ascii")
    name = "".join(character if character.isprintable() else "?" for character in name)
    return errors.InvalidLink(
        f"the link's parameter {name!r} {problem}",
        metadata={"parameter": name},
        violations=[errors.FieldViolation("url", f"parameter {name!r} {problem}")],
    )


def _invalid_request(path: str, problem: str) -> errors.InvalidRequest:
    return errors.InvalidRequest(f"{path} {problem}", violations=[errors.FieldViolation(path, problem)])
