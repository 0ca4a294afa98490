"""Salesforce's error answers, translated once (Salesforce REST API, "Status Codes and Error Responses").

Bodies are arrays of `{message, errorCode, fields}`; OAuth answers objects, the edge answers HTML. Texts of Salesforce
reach the caller only for codes that are known to describe the caller's own input.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from service import errors
from service.errors import FieldViolation, SluicegateError
from service.salesforce.transport.base import Response

_DEAD_SESSION_CODES = frozenset({"INVALID_SESSION_ID", "INVALID_AUTH_HEADER"})
_POLICY_TEXT = "This session is not valid for use with"
_OUTAGE_STATUSES = frozenset({420, 500, 502, 503, 504})
_NEVER_RAN_STATUSES = frozenset({420})
_ROW_LOCK = "UNABLE_TO_LOCK_ROW"
_NO_PARENT = "Foreign key external ID"
_NO_LOOKUP = "The external foreign key reference does not reference a valid entity"
_LONGEST_MESSAGE = 500
_LONGEST_CODE = 100
_RECORD_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_MULTIPLE_CHOICES = 300
_UNAUTHORIZED = 401
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """One error as Salesforce words it."""

    code: str
    message: str
    fields: tuple[str, ...] = ()
    duplicate_rule: str = ""


def read(content: bytes) -> tuple[Fault, ...]:
    """Return the faults of an error body; none if the body is not one of Salesforce's JSON errors."""
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        return ()
    items = document if isinstance(document, list) else [document]
    return tuple(read_item(item) for item in items if isinstance(item, dict) and _code(item))


def read_item(item: Mapping[str, Any]) -> Fault:
    """Return one fault of an error array; collections say `statusCode` where the rest says `errorCode`."""
    duplicates = item.get("duplicateResult")
    rule = _text(duplicates, "duplicateRule") if isinstance(duplicates, dict) else ""
    fields = item.get("fields")
    names = tuple(name for name in fields if isinstance(name, str)) if isinstance(fields, list) else ()
    return Fault(_code(item), _text(item, "message")[:_LONGEST_MESSAGE], names, rule)


def is_dead_session(response: Response) -> bool:
    """Tell whether a new token would help: the session expired, was revoked, or the token is malformed."""
    if response.status != _UNAUTHORIZED:
        return False
    return any(f.code in _DEAD_SESSION_CODES and _POLICY_TEXT not in f.message for f in read(response.content))


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
    faults = read(response.content) if response.status in {400, 403} else ()
    return any(is_row_lock(f) or (f.code == "REQUEST_LIMIT_EXCEEDED" and not _is_daily(f)) for f in faults)


def is_row_lock(fault: Fault) -> bool:
    """Tell whether another transaction held the row; triggers bury the code in their message."""
    return fault.code == _ROW_LOCK or (fault.code.startswith("CANNOT_INSERT_UPDATE") and _ROW_LOCK in fault.message)


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
    faults = read(response.content)
    if response.status == _MULTIPLE_CHOICES:
        return _ambiguous(response, metadata)
    if faults and faults[0].code == "NOT_FOUND" and object_may_be_missing:
        return _unknown_object(metadata)
    if faults:
        return from_fault(faults[0], metadata=metadata)
    if response.status >= _SERVER_ERROR or is_outage(response):
        return errors.UpstreamUnavailable(
            f"the org {org!r} answers HTTP {response.status}", metadata=metadata, retry_after_seconds=5.0
        )
    return errors.UpstreamProtocolError(
        f"the org {org!r} answered HTTP {response.status} without a readable error", metadata=metadata
    )


def from_fault(fault: Fault, *, metadata: Mapping[str, str]) -> SluicegateError:
    """Return the error that one fault means.

    Args:
        fault: What Salesforce said.
        metadata: What is known of the request.

    """
    facts = {**metadata, "salesforce_error_code": fault.code}
    if fault.fields:
        facts["fields"] = ",".join(fault.fields)
    if is_row_lock(fault):
        return errors.RowLocked(
            "another transaction holds the record or its parent", metadata=facts, retry_after_seconds=1.0
        )
    builder = _BUILDERS.get(fault.code)
    if builder is not None:
        return builder(fault, facts)
    message = without_value(fault) or f"Salesforce refused with {fault.code}"
    violations = [FieldViolation(f"fields.{name}", message) for name in fault.fields]
    kind = _CLASSES.get(fault.code, errors.SalesforceRejected)
    return kind(message, metadata=facts, violations=violations)


def without_value(fault: Fault) -> str:
    """Return a fault's text without the caller's value in it, which must not wander into logs."""
    for code, pattern, replacement in _VALUES:
        if fault.code == code:
            return pattern.sub(replacement, fault.message)
    return fault.message


def _code(item: Mapping[str, Any]) -> str:
    code = _text(item, "errorCode") or _text(item, "statusCode") or _text(item, "exceptionCode")
    return code[:_LONGEST_CODE]


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _is_daily(fault: Fault) -> bool:
    return "TotalRequests" in fault.message


def _ambiguous(response: Response, metadata: dict[str, str]) -> SluicegateError:
    try:
        paths = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        paths = []
    names = [path.rpartition("/")[2] for path in paths if isinstance(path, str)] if isinstance(paths, list) else []
    ids = [name for name in names if _RECORD_ID.fullmatch(name)]
    return errors.AmbiguousExternalId(
        "the external id matches several records; nothing was written",
        metadata={**metadata, "record_ids": ",".join(ids[:20])},
    )


def _limit(fault: Fault, facts: dict[str, str]) -> SluicegateError:
    if _is_daily(fault):
        return errors.DailyLimitExceeded(
            "the org's API calls of the last 24 hours are used up",
            metadata={**facts, "limit": "DailyApiRequests"},
            retry_after_seconds=900.0,
        )
    return errors.ConcurrencyLimitExceeded(
        "too many requests are open in the org",
        metadata={**facts, "limit": fault.message.split(" ", 1)[0]},
        retry_after_seconds=5.0,
    )


def _unknown_field(fault: Fault, facts: dict[str, str]) -> SluicegateError:
    if fault.message.startswith(_NO_PARENT):
        text = without_value(fault)
        violations = [FieldViolation(f"fields.{name}", text) for name in fault.fields]
        return errors.InvalidReference(text, metadata=facts, violations=violations)
    lookup = re.search(_NO_LOOKUP + r": (\w{1,80})", fault.message)
    if lookup is not None:
        problem = f"{lookup[1]!r} is no lookup that an external id can fill, or leads to several sObjects: name one"
        field = FieldViolation(f"fields.{lookup[1]}", problem)
        return errors.UnknownField(problem, metadata={**facts, "field": lookup[1]}, violations=[field])
    found = re.search(r"No such column '([^']{1,200})' on (?:sobject of type|entity) '?(\w{1,80})", fault.message)
    if found is None:
        return errors.UnknownField(fault.message, metadata=facts)
    message = f"{found[2]} has no field {found[1]!r}"
    field = FieldViolation(f"fields.{found[1]}", message)
    return errors.UnknownField(message, metadata={**facts, "field": found[1], "object": found[2]}, violations=[field])


def _query_fault(fault: Fault, facts: dict[str, str]) -> SluicegateError:
    position = re.search(r"ERROR at Row:(\d{1,9}):Column:(\d{1,9})\s*(.*)", fault.message, re.DOTALL)
    if position is None:
        if fault.code == "INVALID_TYPE":
            return errors.UnknownObject(fault.message, metadata=facts)
        return errors.MalformedQuery(fault.message.strip(), row=0, column=0, metadata=facts)
    return errors.MalformedQuery(
        position[3].strip() or fault.message.strip(), row=int(position[1]), column=int(position[2]), metadata=facts
    )


def _field_or_query(fault: Fault, facts: dict[str, str]) -> SluicegateError:
    return _query_fault(fault, facts) if "ERROR at Row:" in fault.message else _unknown_field(fault, facts)


def _unknown_object(facts: dict[str, str]) -> SluicegateError:
    named, field = facts.get("object", ""), facts.get("external_id_field")
    doubt = f", or {field!r} is no external id of it" if field else ""
    return errors.UnknownObject(
        f"the org has no sObject {named!r}{doubt}",
        metadata={"salesforce_error_code": "NOT_FOUND", **facts},
        violations=[FieldViolation("object", "no such sObject, or not visible to the org's user")],
    )


def _not_found(_fault: Fault, facts: dict[str, str]) -> SluicegateError:
    named, field = facts.get("object"), facts.get("external_id_field")
    return errors.RecordNotFound(
        f"no {named} has that {field}" if named and field else "no such record", metadata=facts
    )


def _deleted(_fault: Fault, facts: dict[str, str]) -> SluicegateError:
    return errors.RecordDeleted("the record is deleted", metadata=facts)


def _session(_fault: Fault, facts: dict[str, str]) -> SluicegateError:
    return errors.OrgAuthenticationFailed(
        f"Salesforce refuses the session of the org {facts.get('org', '')!r}", metadata=facts
    )


def _server(_fault: Fault, facts: dict[str, str]) -> SluicegateError:
    return errors.UpstreamUnavailable("Salesforce failed to answer", metadata=facts, retry_after_seconds=5.0)


def _duplicates(fault: Fault, facts: dict[str, str]) -> SluicegateError:
    return errors.DuplicatesDetected(
        "a duplicate rule refused the record", metadata={**facts, "duplicate_rule": fault.duplicate_rule}
    )


def _classes(kind: type[SluicegateError], codes: Sequence[str]) -> dict[str, type[SluicegateError]]:
    return dict.fromkeys(codes, kind)


_VALUES: Sequence[tuple[str, re.Pattern[str], str]] = (
    (
        "STRING_TOO_LONG",
        re.compile(r"data value too large: .*\(max length=(\d+)\)", re.DOTALL),
        r"longer than \1 characters",
    ),
    ("INVALID_EMAIL_ADDRESS", re.compile(r"invalid email address: .*", re.DOTALL), "no e-mail address"),
    (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        re.compile(r"bad value for restricted picklist field: .*", re.DOTALL),
        "not a value of the restricted picklist",
    ),
    ("JSON_PARSER_ERROR", re.compile(r" value .*", re.DOTALL), ""),
    ("NUMBER_OUTSIDE_VALID_RANGE", re.compile(r" on numeric field: .*", re.DOTALL), ""),
    ("MALFORMED_ID", re.compile(r"(id value of incorrect type): .*", re.DOTALL), r"\1"),
    (
        "INVALID_FIELD",
        re.compile(_NO_PARENT + r": (?:.* (?=not found for field)|.*)", re.DOTALL),
        _NO_PARENT + " ",
    ),
    ("DUPLICATE_VALUE", re.compile(r"(Duplicate external id specified): .*", re.DOTALL), r"\1"),
)
"""Texts of Salesforce that repeat the value, and what stands in its place."""

_BUILDERS: Mapping[str, Callable[[Fault, dict[str, str]], SluicegateError]] = {
    "REQUEST_LIMIT_EXCEEDED": _limit,
    "INVALIDENTITY": lambda _fault, facts: _unknown_object(facts),
    "INVALID_FIELD": _field_or_query,
    "MALFORMED_QUERY": _query_fault,
    "INVALID_TYPE": _query_fault,
    "NOT_FOUND": _not_found,
    "ENTITY_IS_DELETED": _deleted,
    "INVALID_SESSION_ID": _session,
    "INVALID_AUTH_HEADER": _session,
    "SERVER_UNAVAILABLE": _server,
    "UNKNOWN_EXCEPTION": _server,
    "DUPLICATES_DETECTED": _duplicates,
}

_CLASSES: Mapping[str, type[SluicegateError]] = {
    **_classes(
        errors.InvalidFieldValue,
        [
            "STRING_TOO_LONG",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "INVALID_EMAIL_ADDRESS",
            "NUMBER_OUTSIDE_VALID_RANGE",
            "JSON_PARSER_ERROR",
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "MALFORMED_ID",
        ],
    ),
    **_classes(errors.RequiredFieldMissing, ["REQUIRED_FIELD_MISSING"]),
    **_classes(errors.FieldNotWriteable, ["INVALID_FIELD_FOR_INSERT_UPDATE"]),
    **_classes(errors.InvalidReference, ["INVALID_CROSS_REFERENCE_KEY"]),
    **_classes(errors.DuplicateValue, ["DUPLICATE_VALUE"]),
    **_classes(errors.AmbiguousExternalId, ["DUPLICATE_EXTERNAL_ID"]),
    **_classes(
        errors.AccessDenied,
        [
            "INSUFFICIENT_ACCESS_OR_READONLY",
            "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
            "INSUFFICIENT_ACCESS",
            "API_DISABLED_FOR_ORG",
            "API_CURRENTLY_DISABLED",
        ],
    ),
    **_classes(
        errors.ValidationRuleFailed, ["FIELD_CUSTOM_VALIDATION_EXCEPTION", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"]
    ),
    **_classes(errors.AllocationExceeded, ["STORAGE_LIMIT_EXCEEDED", "LIMIT_EXCEEDED", "EXCEEDED_QUOTA"]),
}
