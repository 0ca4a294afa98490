"""Conditional requests: answers only for what has changed, writes only where nothing has.

Source: Salesforce REST API, "Conditional Request Headers". Dates have whole seconds. A header that is no HTTP date
counts as absent, as HTTP says.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime

from service.emulator.exchange import Answer, OrgCall
from service.emulator.faults import precondition_failed

_CONDITIONS = ("If-Modified-Since", "If-Unmodified-Since")


def is_conditional(call: OrgCall) -> bool:
    """Tell whether a call has conditions, so that others need not find out when something changed."""
    return any(name in call.headers for name in _CONDITIONS)


def unchanged(call: OrgCall, modified_at: int) -> Answer | None:
    """Return the answer 304 when a caller who reads has the newest state already, or None to go on.

    Args:
        call: Its headers say what the caller has.
        modified_at: When the resource changed last, in epoch seconds.

    Raises:
        SalesforceFault: 412 when it changed after `If-Unmodified-Since`.

    """
    refuse_changed(call, modified_at)
    since = _moment(call.headers, "If-Modified-Since")
    if since is None or modified_at > since:
        return None
    return Answer.nothing(304, last_modified(modified_at))


def refuse_changed(call: OrgCall, modified_at: int) -> None:
    """Refuse a call about what changed after the caller saw it.

    Raises:
        SalesforceFault: 412 when it changed after `If-Unmodified-Since`.

    """
    since = _moment(call.headers, "If-Unmodified-Since")
    if since is not None and modified_at > since:
        raise precondition_failed()


def last_modified(modified_at: int) -> dict[str, str]:
    """Return the header that tells when a resource changed last.

    Args:
        modified_at: Epoch seconds.

    """
    return {"Last-Modified": formatdate(modified_at, usegmt=True)}


def _moment(headers: Mapping[str, str], name: str) -> float | None:
    value = headers.get(name)
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value)
        aware: datetime = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.timestamp()
    except (ValueError, OverflowError):
        return None
