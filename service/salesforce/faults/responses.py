"""What an unsuccessful answer means: by its status, and by the errors of its body."""

from collections.abc import Mapping, Sequence

import orjson

from service import errors
from service.errors import SluicegateError
from service.salesforce.faults import codes, meanings
from service.salesforce.faults.codes import from_fault, is_row_lock
from service.salesforce.faults.fault import Fault, long_ids, read
from service.salesforce.transport.base import Response

_DEAD_SESSION_CODES = frozenset({"INVALID_SESSION_ID", "INVALID_AUTH_HEADER"})
_POLICIES = ("This session is not valid for use with", "not attached to Agent")
"""Refusals of any session, which a new one would meet, too."""
_OUTAGE_STATUSES = frozenset({406, 420, 500, 502, 503, 504})
"""406 is none by its name; clients have met it as one, and it passed."""
_NEVER_RAN_STATUSES = frozenset({420})
_ELSEWHERE_STATUSES = frozenset({301, 302, 303, 307, 308})
_TOO_LARGE_STATUSES = frozenset({413, 414, 431})
_MULTIPLE_CHOICES = 300
_UNAUTHORIZED = 401
_GONE = 410
_SERVER_ERROR = 500
_ELSEWHERE_SECONDS = 60.0
_LONGEST_PAGE = 500
_MOST_WORDS = 5
"""Most errors of one record whose texts are told."""
_PLAIN_STATUSES = {
    405: "does not allow this operation on the resource",
    409: "is in a state, or asked in a version of its API, that stands in the way",
    412: "refuses because the record was changed meanwhile",
    415: "does not take this form of data",
    428: "asks for a condition that the request does not have",
}
"""Refusals that are one without a readable body, too."""


def is_dead_session(response: Response) -> bool:
    """Tell whether a new token would help: the session expired, was revoked, or the token is malformed."""
    if response.status != _UNAUTHORIZED:
        return False
    return any(
        fault.code in _DEAD_SESSION_CODES and not any(policy in fault.message for policy in _POLICIES)
        for fault in read(response.content)
    )


def is_outage(response: Response) -> bool:
    """Tell whether the instance or the edge in front of it is out of order."""
    return response.status in _OUTAGE_STATUSES


def may_have_run(response: Response) -> bool:
    """Tell whether a write may have been carried out although an outage was answered."""
    return response.status not in _NEVER_RAN_STATUSES


def is_throttled(response: Response) -> bool:
    """Tell whether the same request is worth repeating within seconds: too many at once, or a locked row.

    The daily limit has the same code as the concurrent one and is not worth repeating; the message tells them apart.
    """
    found = read(response.content) if response.status in {400, 403} else ()
    return any(
        is_row_lock(fault) or (fault.code == "REQUEST_LIMIT_EXCEEDED" and not meanings.is_daily(fault))
        for fault in found
    )


def from_response(
    response: Response, *, org: str, subject: Mapping[str, str] | None = None, object_may_be_missing: bool = False
) -> SluicegateError:
    """Return the error that an unsuccessful answer means.

    Args:
        response: The answer; its status is not one of success.
        org: The org's configured name.
        subject: What was asked for, as metadata: object, id, external_id_field.
        object_may_be_missing: What NOT_FOUND means, which Salesforce answers for records and sObjects alike: True
            where no record was asked for.

    """
    metadata = {"org": org, "http_status": str(response.status), **(subject or {})}
    found = read(response.content)
    by_status = _from_status(response, found, metadata)
    if by_status is not None:
        return by_status
    if not found:
        return _unreadable(response, metadata)
    if found[0].code == "NOT_FOUND" and object_may_be_missing:
        return meanings.unknown_object({"salesforce_error_code": found[0].code, **metadata})
    if is_outage(response) and not codes.is_known(found[0]):
        return _out_of_order({"salesforce_error_code": found[0].code, **metadata})
    return from_faults(found, metadata=metadata)


def from_faults(faults: Sequence[Fault], *, metadata: Mapping[str, str]) -> SluicegateError:
    """Return the error that the faults of one record mean: the first one's, with the fields and the texts of all.

    Args:
        faults: What Salesforce said, at least one.
        metadata: What is known of the request.

    """
    first, *others = [from_fault(fault, metadata=metadata) for fault in faults]
    told = list(dict.fromkeys([first.message, *(error.message for error in others)]))
    violations = [*first.violations, *(item for error in others for item in error.violations)]
    if len(told) == 1 and len(violations) == len(first.violations):
        return first
    listed = [error.metadata["fields"] for error in (first, *others) if "fields" in error.metadata]
    first.violations = tuple(dict.fromkeys(violations))
    first.metadata |= {"fields": ",".join(dict.fromkeys(",".join(listed).split(",")))} if listed else {}
    first.message = "; ".join(told[:_MOST_WORDS])
    first.args = (first.message,)
    return first


def _from_status(response: Response, found: Sequence[Fault], metadata: dict[str, str]) -> SluicegateError | None:
    """Return what an answer means whose status says more than the code in its body."""
    status, org = response.status, metadata["org"]
    facts = {**metadata, "salesforce_error_code": found[0].code} if found else metadata
    if status == _MULTIPLE_CHOICES:
        return meanings.ambiguous(_alternatives(response), (), facts)
    if status in _ELSEWHERE_STATUSES:
        return errors.UpstreamUnavailable(
            f"the org {org!r} answers HTTP {status} and points elsewhere: it is being maintained, or was given another "
            "domain",
            metadata=facts,
            retry_after_seconds=_ELSEWHERE_SECONDS,
        )
    if status == _UNAUTHORIZED:
        text = found[0].message if found else response.content[:_LONGEST_PAGE].decode(errors="replace")
        return meanings.refused_session(text, facts)
    if status in _TOO_LARGE_STATUSES:
        return errors.MessageTooLarge(
            "the request is larger than Salesforce takes; ask for less at once", metadata=facts
        )
    if status == _GONE:
        return errors.SalesforceRejected(
            f"the org {org!r} no longer has this version of its API; an operator has to set a later one", metadata=facts
        )
    return None


def _unreadable(response: Response, metadata: dict[str, str]) -> SluicegateError:
    """Return what an answer means that has no error of Salesforce's in it."""
    if response.status >= _SERVER_ERROR or is_outage(response):
        return _out_of_order(metadata)
    if response.status in _PLAIN_STATUSES:
        return errors.SalesforceRejected(
            f"the org {metadata['org']!r} {_PLAIN_STATUSES[response.status]}", metadata=metadata
        )
    return errors.UpstreamProtocolError(
        f"the org {metadata['org']!r} answered HTTP {response.status} without a readable error", metadata=metadata
    )


def _out_of_order(metadata: dict[str, str]) -> SluicegateError:
    return errors.UpstreamUnavailable(
        f"the org {metadata['org']!r} answers HTTP {metadata['http_status']}",
        metadata=metadata,
        retry_after_seconds=meanings.SOON_SECONDS,
    )


def _alternatives(response: Response) -> tuple[str, ...]:
    """Return the ids of the records that an external id matched; their answer is an array of paths."""
    try:
        paths = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return ()
    names = [path.rpartition("/")[2] for path in paths if isinstance(path, str)] if isinstance(paths, list) else []
    return long_ids(iter(names))
