"""What a failed call carries."""

from dataclasses import dataclass, field
from typing import Any

from google.rpc import error_details_pb2 as details
from grpc import aio
from grpc_status import rpc_status


@dataclass
class Failure:
    """A failed call, unpacked."""

    code: str
    message: str
    reason: str = ""
    domain: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    violations: dict[str, str] = field(default_factory=dict)
    retry_after_seconds: float | None = None
    resource_type: str = ""


def failure(error: aio.AioRpcError) -> Failure:
    """Return what a failed call carries in its status details."""
    found = Failure(error.code().name, error.details() or "")
    status: Any = rpc_status.from_call(error)  # type: ignore[arg-type]
    for packed in status.details if status else ():
        info, request, retry, resource = (
            details.ErrorInfo(),
            details.BadRequest(),
            details.RetryInfo(),
            details.ResourceInfo(),
        )
        if packed.Unpack(info):
            found.reason, found.domain, found.metadata = info.reason, info.domain, dict(info.metadata)
        elif packed.Unpack(request):
            found.violations = {item.field: item.description for item in request.field_violations}
        elif packed.Unpack(retry):
            found.retry_after_seconds = retry.retry_delay.ToTimedelta().total_seconds()
        elif packed.Unpack(resource):
            found.resource_type = resource.resource_type
    return found
