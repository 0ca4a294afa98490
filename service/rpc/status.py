"""An error of the service as `google.rpc.Status`: ErrorInfo always, and what else fits."""

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2 as details
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from service.errors import Exhausted, NotFound, SluicegateError

DOMAIN = "sluicegate"
_LONGEST_MESSAGE = 1024
_LONGEST_VALUE = 512
_MOST_VIOLATIONS = 8
"""Details ride in trailers, which vanish above 16 KiB; these bounds keep them below 4 KiB in every usual case."""


def to_status(error: SluicegateError) -> Status:
    """Return the status that tells a caller everything about an error.

    Args:
        error: The error; its text and metadata are cut to bounds.

    """
    code: grpc.StatusCode = grpc.StatusCode[error.code]
    status = Status(code=code.value[0], message=error.message[:_LONGEST_MESSAGE])
    metadata = {key: value[:_LONGEST_VALUE] for key, value in error.metadata.items() if value}
    _add(status, details.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata))
    if error.violations:
        request = details.BadRequest()
        for violation in error.violations[:_MOST_VIOLATIONS]:
            request.field_violations.add(
                field=violation.field[:_LONGEST_VALUE], description=violation.description[:_LONGEST_VALUE]
            )
        _add(status, request)
    if isinstance(error, Exhausted):
        quota = details.QuotaFailure()
        quota.violations.add(subject=f"org:{metadata.get('org', '')}", description=error.message[:_LONGEST_VALUE])
        _add(status, quota)
    if isinstance(error, NotFound):
        _add(status, _resource(error, metadata))
    if error.retry_after_seconds is not None:
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_after_seconds * 1000))
        _add(status, details.RetryInfo(retry_delay=delay))
    return status


def to_grpc(error: SluicegateError) -> grpc.Status:
    """Return the error in the form that `context.abort_with_status` takes."""
    return rpc_status.to_status(to_status(error))


def _add(
    status: Status,
    detail: details.ErrorInfo | details.BadRequest | details.QuotaFailure | details.ResourceInfo | details.RetryInfo,
) -> None:
    packed = Any()
    packed.Pack(detail)
    status.details.append(packed)


def _resource(error: NotFound, metadata: dict[str, str]) -> details.ResourceInfo:
    kind = metadata.get("object") or {"UNKNOWN_ORG": "org", "LOAD_NOT_FOUND": "load"}.get(error.reason, "record")
    name = metadata.get("id") or metadata.get("job_id") or metadata.get("external_id_field") or metadata.get("org", "")
    return details.ResourceInfo(resource_type=kind, resource_name=name, description=error.message[:_LONGEST_VALUE])
