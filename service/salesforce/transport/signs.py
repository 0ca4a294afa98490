"""What the end of an attempt tells of the org's health, read from the answer or from how it was lost."""

import math
from email.utils import parsedate_to_datetime

from service.governor.base import Sign
from service.salesforce import faults
from service.salesforce.faults.codes import is_row_lock
from service.salesforce.faults.meanings import is_daily
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response, TimedOut

_ERROR = 400
_REFUSED_STATUSES = frozenset({400, 403})
_AMBIGUOUS_STATUSES = frozenset({406, 500})
"""Outages, unless the body is an error of the API: then it is one request that an org which is well cannot answer."""
_TOO_LARGE_STATUSES = frozenset({413, 414, 431})
"""The edge's refusals of one request that is too large."""
_LIMIT = "REQUEST_LIMIT_EXCEEDED"
_ROW_LOCK = b"UNABLE_TO_LOCK_ROW"
_HTML = "text/html"
_LONGEST_WAIT_SECONDS = 86_400.0
"""Nobody waits longer on a server's word, and numbers without end fit into no message."""


def sign_of(request: Request, response: Response) -> Sign | None:
    """Return what an answer tells; None if it tells nothing of the org, which the request never reached.

    Source: Salesforce REST API, "Status Codes and Error Responses". One code stands for both limits, and its text tells
    the calls of 24 hours from the requests open at a time. Pages of HTML come from the edge in front of the instance.
    """
    status = response.status
    if status in _REFUSED_STATUSES:
        for fault in faults.read(response.content):
            if fault.code == _LIMIT:
                return Sign.USED_UP if is_daily(fault) else Sign.OVERLOADED
            if is_row_lock(fault):
                return Sign.LOCKED
    if status in _TOO_LARGE_STATUSES:
        return None
    if faults.is_outage(response):
        is_one_request = status in _AMBIGUOUS_STATUSES and faults.read(response.content)
        return Sign.WELL if is_one_request else Sign.DOWN
    if response.headers.get("content-type", "").startswith(_HTML):
        return Sign.DOWN
    # Answers to reads hold what callers wrote, which may be anything.
    if request.method != "GET" and _ROW_LOCK in response.content and _tells_of_locked_row(response.content):
        return Sign.LOCKED
    return Sign.WELL


def _tells_of_locked_row(content: bytes) -> bool:
    """Tell whether an error of the answer, whichever row's, says so: the code may stand in a value that one repeats."""
    return any(is_row_lock(fault) for fault in faults.read_all(content))


def sign_of_loss(lost: NotSent | ConnectionLost, *, was_long: bool) -> Sign | None:
    """Return what a lost attempt tells; None if it tells nothing.

    Args:
        lost: How it was lost.
        was_long: Whether it was open for longer than a healthy org takes to answer.

    """
    if not isinstance(lost, TimedOut):
        return Sign.DOWN
    return Sign.TIMED_OUT if was_long else None


def retry_after_seconds(response: Response, now: float) -> float | None:
    """Return how long an unsuccessful answer asks to wait; None if it does not, or what it says cannot be read.

    It is a day at most, whatever the answer says.

    Args:
        response: The answer. RFC 9110, "Retry-After": seconds, or a date.
        now: Seconds since the Unix epoch.

    """
    text = response.headers.get("retry-after", "").strip() if response.status >= _ERROR else ""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(0.0, seconds), _LONGEST_WAIT_SECONDS) if math.isfinite(seconds) else None
