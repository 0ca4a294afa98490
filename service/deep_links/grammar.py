"""The text of a link: its parameters, the form of each, and the one way to write them.

`https://<host>/l?p=…&t=record&o=<Object>&i=<id>&a=…&g=<org>&e=<expiry>&v=2&kid=…&s=…`, each parameter at most once:

* `p` provider · `t` always `record` · `o` sObject · `i` Salesforce id, or `k` external id with `f` its field
* `a` action · `utm_…` campaign, sorted by name · `g` org · `e` expiry in seconds since the Unix epoch · `v` version
* `kid` the key's id · `s` the signature

From version 2 on the order is this one and no other. Links of version 1 may have theirs in any order.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote_to_bytes

from service import errors
from service.deep_links.link import ExternalId, Link, LinkedRecord

VERSION = "2"
"""Of the links that are written."""
UNORDERED = "1"
"""The version whose parameters have no order."""
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
    "v": re.compile(r"[12]"),
    "kid": re.compile(r"[A-Za-z0-9_-]{1,32}"),
    "s": re.compile(r"[A-Za-z0-9_-]{43}"),
}
_ORDER = {name: rank for rank, name in enumerate(("p", "t", "o", "i", "k", "f", "a", "utm", "g", "e", "v", "kid", "s"))}
_CAMPAIGN_RANK = _ORDER.pop("utm")
_CAMPAIGN_NAME = re.compile(r"utm_[a-z]{1,24}")
_CAMPAIGN_VALUE = re.compile(r".{0,128}", re.DOTALL)
# Capital hexadecimal digits, and only for bytes that do not stand for themselves: the one way `quote` has.
_ENCODED = re.compile(r"(?:[A-Za-z0-9_.~-]|%(?!3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE]|2[DE])[0-9A-F]{2})*")
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


def print_link(link: Link, key_id: str) -> str:
    """Return the parameters of a link, all but the signature.

    Args:
        link: What it says.
        key_id: The key that will sign it.

    Raises:
        errors.InvalidRequest: A part has a form that a link cannot carry; the violation names the field.

    """
    if len(link.campaign) > MAX_CAMPAIGN_FIELDS:
        raise invalid_request("campaign", f"holds more than {MAX_CAMPAIGN_FIELDS} fields")
    key = link.record.key
    record = [("i", key)] if isinstance(key, str) else [("k", key.value), ("f", key.field)]
    pairs = [
        ("p", link.provider),
        ("t", "record"),
        ("o", link.record.object),
        *record,
        ("a", link.action or "view"),
        *sorted(link.campaign.items()),
        ("g", link.org),
        ("e", str(link.expires_at)),
        ("v", VERSION),
        ("kid", key_id),
    ]
    return "&".join([_encode(name, value) for name, value in pairs])


def parse(query: str) -> dict[str, str]:
    """Return the parameters of a link by name, in their order; nothing is known of the signature yet.

    Only the one way to write each value is taken, so that no two texts are the same link.

    Args:
        query: What follows the question mark.

    Raises:
        errors.InvalidLink: It is no text that `print_link` and a signature make; metadata: parameter.

    """
    values: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, raw = pair.partition("=")
        if name not in _SHAPES and not _CAMPAIGN_NAME.fullmatch(name):
            raise invalid_link(name, "is not a parameter of a link")
        if name in values:
            raise invalid_link(name, "is given twice")
        value = raw if _UNRESERVED.fullmatch(raw) else _unquote(name, raw)
        if not has_shape(name, value):
            raise invalid_link(name, "has a form that no link carries")
        values[name] = value
    for name in _REQUIRED:
        if name not in values:
            raise invalid_link(name, "is missing")
    if ("i" in values) == ("k" in values) or ("k" in values) != ("f" in values):
        raise invalid_link("i", "must be given, or else both k and f")
    if values["v"] != UNORDERED:
        _check_order(values)
    return values


def link_of(values: Mapping[str, str]) -> Link:
    """Return what the parameters of a link say."""
    return Link(
        org=values["g"],
        record=LinkedRecord(values["o"], values["i"] if "i" in values else ExternalId(values["f"], values["k"])),
        provider=values["p"],
        expires_at=int(values["e"]),
        action=values["a"],
        campaign={name: value for name, value in values.items() if name.startswith("utm_")},
    )


def invalid_link(parameter: str, problem: str) -> errors.InvalidLink:
    """Return the error that names a parameter.

    The name comes from the link: it is cut and escaped before it reaches a log or a terminal.
    """
    name = parameter[:32].encode("ascii", "backslashreplace").decode("ascii")
    name = "".join(character if character.isprintable() else "?" for character in name)
    return errors.InvalidLink(
        f"the link's parameter {name!r} {problem}",
        metadata={"parameter": name},
        violations=[errors.FieldViolation("url", f"parameter {name!r} {problem}")],
    )


def invalid_request(path: str, problem: str) -> errors.InvalidRequest:
    """Return the error that names a field of the request."""
    return errors.InvalidRequest(f"{path} {problem}", violations=[errors.FieldViolation(path, problem)])


def has_shape(name: str, value: str) -> bool:
    """Tell whether a value may stand in a link under the name of a parameter: for example `k` or `utm_source`."""
    shape = _SHAPES.get(name)
    if shape is None:
        return bool(_CAMPAIGN_NAME.fullmatch(name) and _CAMPAIGN_VALUE.fullmatch(value))
    return bool(shape.fullmatch(value))


def _check_order(names: Iterable[str]) -> None:
    before: tuple[int, str] = (-1, "")
    for name in names:
        place = (_ORDER.get(name, _CAMPAIGN_RANK), name)
        if place < before:
            raise invalid_link(name, "stands in another place than in a link as it was made")
        before = place


def _encode(name: str, value: str) -> str:
    if not has_shape(name, value):
        raise invalid_request(_REQUEST_FIELDS.get(name, "campaign"), "has a form that a link cannot carry")
    try:
        return f"{name}={value if _UNRESERVED.fullmatch(value) else quote(value, safe='')}"
    except UnicodeEncodeError:
        raise invalid_request(_REQUEST_FIELDS.get(name, "campaign"), "holds half of a surrogate pair") from None


def _unquote(name: str, raw: str) -> str:
    if not _ENCODED.fullmatch(raw):
        raise invalid_link(name, "is not percent-encoded the way links are")
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise invalid_link(name, "is not UTF-8") from None
