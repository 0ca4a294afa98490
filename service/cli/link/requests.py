"""What a command line asks of DeepLinkService, as the JSON of its requests."""

import re
from collections.abc import Sequence
from typing import Any

_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_TTL = re.compile(r"(?P<number>[0-9]{1,12})(?P<unit>[smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

Request = dict[str, Any]


def record(sobject: str, key: str) -> Request:
    """Return a RecordRef.

    Args:
        sobject: API name of the sObject.
        key: `Field__c=value` for an external id; anything without `=` is a Salesforce id.

    Raises:
        ValueError: The key is neither of the two.

    """
    name, sign, value = key.partition("=")
    if not sign and _ID.fullmatch(key):
        return {"object": sobject, "id": key}
    if not (name and value):
        raise ValueError(f"the key {key!r} is neither a Salesforce id, 15 or 18 letters and digits, nor Field__c=value")
    return {"object": sobject, "externalId": {"field": name, "value": value}}


def source(what: str, key: str) -> Request:
    """Return what is resolved: a link, or a record.

    Args:
        what: The link, or API name of the sObject.
        key: The record's key as `record` takes it; empty for a link.

    Raises:
        ValueError: A record has no key, or a link has one.

    """
    if "://" in what:
        if key:
            raise ValueError("a link needs no key: it names its record itself")
        return {"url": what}
    if not key:
        raise ValueError(f"{what!r} is no link; a record is given by its sObject and its key")
    return {"record": record(what, key)}


def ttl(text: str) -> Request:
    """Return how long a link lives, as part of a request.

    Args:
        text: A number and `s`, `m`, `h` or `d`; empty for the org's default.

    Raises:
        ValueError: It is something else.

    """
    if not text:
        return {}
    found = _TTL.fullmatch(text)
    if found is None:
        raise ValueError(f"--ttl {text!r} is not a number followed by s, m, h or d")
    return {"ttl": f"{int(found['number']) * _SECONDS[found['unit']]}s"}


def campaign(given: Sequence[str]) -> Request:
    """Return the campaign fields, as part of a request.

    Args:
        given: `utm_source=mail` and the like.

    Raises:
        ValueError: One has no `=`, or a name comes twice.

    """
    fields: dict[str, str] = {}
    for item in given:
        name, sign, value = item.partition("=")
        if not sign:
            raise ValueError(f"--campaign {item!r} is not name=value")
        if name in fields:
            raise ValueError(f"--campaign {name} is given twice")
        fields[name] = value
    return {"campaign": fields} if fields else {}


def device(platform: str | None, app: str | None, version: str, locale: str) -> Request:
    """Return the device, as part of a request; what is not known is left out.

    Args:
        platform: `ios`, `android` or `web`.
        app: `installed` or `missing`.
        version: The app's version.
        locale: The person's language.

    """
    told = {
        "platform": f"PLATFORM_{platform.upper()}" if platform else "",
        "app": f"APP_PRESENCE_{app.upper()}" if app else "",
        "appVersion": version,
        "locale": locale,
    }
    known = {name: text for name, text in told.items() if text}
    return {"device": known} if known else {}
