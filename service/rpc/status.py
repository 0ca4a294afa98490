"""An error of the service as `google.rpc.Status`: ErrorInfo always, and what else fits."""

from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2 as details
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from service.errors import CallerQuotaExceeded, Exhausted, NotFound, SluicegateError

DOMAIN = "sluicegate"
_LONGEST_MESSAGE = 768
_LONGEST_VALUE = 384
_LARGEST_INFO = 1536
_LARGEST_STATUS = 4096
"""Bytes of UTF-8. Details ride in trailers, in base64 and beside the message with every byte beyond ASCII as three:
above 16 KiB both vanish, and the caller sees another error. Whatever the caller sent, these bounds hold."""
_PACKING = 64
"""More bytes than a detail's type URL and lengths take."""
_PUSHBACK = "grpc-retry-pushback-ms"
_PUSHED_BACK = frozenset({"RESOURCE_EXHAUSTED", "UNAVAILABLE"})
_LONGEST_PUSHBACK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Status(grpc.Status):
    """What gRPC takes for a status."""

    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, str | bytes], ...]


def to_status(error: SluicegateError) -> Status:
    """Return the status that tells a caller everything about an error.

    Args:
        error: The error; its text, metadata and violations are cut so that the status has at most 4 KiB.

    """
    code: grpc.StatusCode = grpc.StatusCode[error.code]
    status = Status(code=code.value[0], message=cut(error.message, _LONGEST_MESSAGE))
    info = _info(error)
    _add(status, info)
    if error.retry_after_seconds is not None:
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_after_seconds * 1000))
        _add(status, details.RetryInfo(retry_delay=delay))
    if isinstance(error, Exhausted):
        quota = details.QuotaFailure()
        quota.violations.add(subject=_whose(error, info.metadata), description=cut(error.message, _LONGEST_VALUE))
        _add(status, quota)
    if isinstance(error, NotFound):
        _add(status, _resource(error, info.metadata))
    if error.violations:
        _add(status, _violations(error, room=_LARGEST_STATUS - status.ByteSize()))
    return status


def to_grpc(error: SluicegateError) -> grpc.Status:
    """Return the error in the form that `context.abort_with_status` takes.

    Where a repeat helps, the trailers say when in gRPC's own words, too: clients that retry by themselves keep to it.
    One that would have to wait for more than a minute is told not to, so that its caller hears of it (gRPC proposal A6,
    "Pushback").
    """
    status = rpc_status.to_status(to_status(error))
    seconds = error.retry_after_seconds
    if seconds is None or error.code not in _PUSHED_BACK:
        return status
    pushback = str(round(seconds * 1000)) if seconds <= _LONGEST_PUSHBACK_SECONDS else "-1"
    return _Status(status.code, status.details, (*status.trailing_metadata, (_PUSHBACK, pushback)))


def _add(
    status: Status,
    detail: details.ErrorInfo | details.BadRequest | details.QuotaFailure | details.ResourceInfo | details.RetryInfo,
) -> None:
    packed = Any()
    packed.Pack(detail)
    status.details.append(packed)


def _info(error: SluicegateError) -> details.ErrorInfo:
    info = details.ErrorInfo(reason=error.reason, domain=DOMAIN)
    for key, value in error.metadata.items():
        if value:
            info.metadata[key] = cut(value, _LONGEST_VALUE)
            if info.ByteSize() > _LARGEST_INFO:
                del info.metadata[key]
    return info


def _whose(error: Exhausted, metadata: Mapping[str, str]) -> str:
    """Return whose quota it is: the caller's own, or that of all who use the org."""
    if isinstance(error, CallerQuotaExceeded):
        return f"caller:{metadata.get('caller', '')}"
    return f"org:{metadata.get('org', '')}"


def _violations(error: SluicegateError, *, room: int) -> details.BadRequest:
    """Return as many violations as fit into `room` bytes."""
    request = details.BadRequest()
    for violation in error.violations:
        request.field_violations.add(
            field=cut(violation.field, _LONGEST_VALUE), description=cut(violation.description, _LONGEST_VALUE)
        )
        if request.ByteSize() + _PACKING > room:
            del request.field_violations[-1]
            break
    return request


def cut(text: str, longest: int) -> str:
    """Return the text, shortened to whole characters of at most `longest` bytes; a lone surrogate becomes `?`."""
    return text.encode(errors="replace")[:longest].decode(errors="ignore")


def _resource(error: NotFound, metadata: Mapping[str, str]) -> details.ResourceInfo:
    kind = metadata.get("object") or {"UNKNOWN_ORG": "org", "LOAD_NOT_FOUND": "load"}.get(error.reason, "record")
    name = metadata.get("id") or metadata.get("job_id") or metadata.get("external_id_field") or metadata.get("org", "")
    return details.ResourceInfo(resource_type=kind, resource_name=name, description=cut(error.message, _LONGEST_VALUE))
