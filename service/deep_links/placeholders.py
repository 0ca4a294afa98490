"""What a template of a link provider can stand in for: the names, and their values for one link on one device."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from service.deep_links.link import ExternalId, Link, campaign_query

RECORD = frozenset({"object", "id", "external_id", "external_id_field", "key", "key_field", "path", "action", "page"})
CAMPAIGN = frozenset({"query", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"})
DEVICE = frozenset({"locale", "language", "referrer", "deferred_token"})
ORIGINS = frozenset({"lightning", "instance"})
TARGETS = ("app_link", "app_scheme", "store_ios", "store_android", "web")
"""Other templates of the same provider, for the links of providers that go on by themselves."""
ALL = RECORD | CAMPAIGN | DEVICE | ORIGINS | frozenset(TARGETS)

PLAIN_QUERY = "&query"
"""Under this name the campaign's pairs stand as they are."""

_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")
# Salesforce's own pages know these two; any other action is the company's app's business.
_PAGES = frozenset({"view", "edit"})


def values_of(
    link: Link, *, record_id: str | None, locale: str, deferred_token: str | None, origins: Mapping[str, str | None]
) -> dict[str, str | None]:
    """Return the percent-encoded value of each placeholder; None for what is not known.

    Args:
        link: What was followed.
        record_id: The record's Salesforce id; None if nobody looked it up.
        locale: A BCP 47 language tag.
        deferred_token: What lets an app claim the link after its installation.
        origins: Scheme and host of the org's own pages, as they are.

    """
    key = link.record.key
    external = key if isinstance(key, ExternalId) else None
    name = external.value if external else str(key)
    query = campaign_query(link.campaign)
    token_pair = f"deferred_token={deferred_token}" if deferred_token else ""
    plain = {
        "object": link.record.object,
        "id": record_id,
        "external_id": external.value if external else None,
        "external_id_field": external.field if external else None,
        "key": name,
        "key_field": external.field if external else "Id",
        "path": f"record/{link.record.object}/{quoted(name)}",
        "action": link.action,
        "page": link.action if link.action in _PAGES else "view",
        "query": query,
        "referrer": "&".join(filter(None, (query, token_pair))),
        "deferred_token": deferred_token,
        "locale": locale,
        "language": locale.partition("-")[0],
    }
    values = {name: None if value is None else quoted(value) for name, value in plain.items()}
    for field in CAMPAIGN - {"query"}:
        value = link.campaign.get(field)
        values[field] = quoted(value) if value else None
    values[PLAIN_QUERY] = query
    values.update(origins)
    values.update(dict.fromkeys(TARGETS))
    return values


def quoted(value: str) -> str:
    """Percent-encode everything but letters, digits and `-._~`."""
    return value if _UNRESERVED.fullmatch(value) else quote(value, safe="")
