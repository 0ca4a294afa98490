"""What a template of a link provider can stand in for: the names, and their values for one link on one device."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from service.deep_links.link import ExternalId, Link, LinkedRecord, campaign_query

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
_DOTS = re.compile(r"(?:^|[/\\])\.\.?(?:[/\\]|$)")
"""As parts of a path they mean another place: browsers take them so even encoded, and many servers decode slashes."""
# Salesforce's own pages know these two; any other action is the company's app's business.
_PAGES = frozenset({"view", "edit"})


class Values(dict[str, str | None]):
    """The percent-encoded value of each placeholder, made when it is first asked for; None for what is not known.

    Args:
        link: What was followed.
        record_id: The record's Salesforce id; None if nobody looked it up.
        locale: A BCP 47 language tag.
        deferred_token: What lets an app claim the link after its installation; empty if nothing does.
        origins: Scheme and host of the org's own pages, as they are.

    """

    def __init__(
        self,
        link: Link,
        *,
        record_id: str | None,
        locale: str,
        deferred_token: str,
        origins: Mapping[str, str | None],
    ) -> None:
        super().__init__(origins)
        self.link = link
        self.record_id = record_id
        self.locale = locale
        self.deferred_token = deferred_token

    def __missing__(self, name: str) -> str | None:
        """Make a value."""
        make = _MAKERS.get(name)
        # Targets stand here only once they are filled; a campaign's field is none of the names below.
        value = make(self) if make is not None else self.link.campaign.get(name) or None
        if value is not None and "." in value and _DOTS.search(value):
            value = None
        if value is not None and name != PLAIN_QUERY:
            value = quoted(value)
        self[name] = value
        return value

    @property
    def external_id(self) -> ExternalId | None:
        """The external id that names the record; None if its Salesforce id does."""
        key = self.link.record.key
        return key if isinstance(key, ExternalId) else None

    @property
    def key(self) -> str:
        """What the link names the record by."""
        key = self.link.record.key
        return key.value if isinstance(key, ExternalId) else key


def _referrer(values: Values) -> str:
    token = f"deferred_token={values.deferred_token}" if values.deferred_token else ""
    return "&".join(filter(None, (campaign_query(values.link.campaign), token)))


_MAKERS: Mapping[str, Callable[[Values], str | None]] = {
    "object": lambda values: values.link.record.object,
    "id": lambda values: values.record_id,
    "external_id": lambda values: values.external_id.value if values.external_id else None,
    "external_id_field": lambda values: values.external_id.field if values.external_id else None,
    "key": lambda values: values.key,
    "key_field": lambda values: values.external_id.field if values.external_id else "Id",
    "path": lambda values: path_of(values.link.record),
    "action": lambda values: values.link.action,
    "page": lambda values: values.link.action if values.link.action in _PAGES else "view",
    "query": lambda values: campaign_query(values.link.campaign),
    PLAIN_QUERY: lambda values: campaign_query(values.link.campaign),
    "referrer": lambda values: _referrer(values) or None,
    "deferred_token": lambda values: values.deferred_token or None,
    "locale": lambda values: values.locale,
    "language": lambda values: values.locale.partition("-")[0],
}


def path_of(record: LinkedRecord) -> str | None:
    """Return what an app opens for a record, `record/<sObject>/<key>`; None if the key means another place."""
    key = record.key.value if isinstance(record.key, ExternalId) else record.key
    path = f"record/{record.object}/{quoted(key)}"
    return None if _DOTS.search(path) else path


def quoted(value: str) -> str:
    """Percent-encode everything but letters, digits and `-._~`."""
    return value if _UNRESERVED.fullmatch(value) else quote(value, safe="")
