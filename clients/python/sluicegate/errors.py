"""The one exception of the client: why a call failed, read from the rich status that the service sends."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import aio

_DOMAIN = "sluicegate"
_DETAILS_KEY = "grpc-status-details-bin"
"""Trailer of a `google.rpc.Status` (gRPC, "Richer error model")."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of the request and what is wrong with it."""

    field: str
    """Path of the field, for example `fields.LastName`."""
    description: str
    """What is wrong and what would be right."""


class SluicegateError(Exception):
    """A call that failed.

    Args:
        code: Name of the canonical gRPC code, for example `UNAVAILABLE`.
        reason: The documented reason, a name of the contract's `ErrorReason` without its prefix, for example
            `RECORD_NOT_FOUND`. Empty when the failure is not the service's own word: no connection, a proxy between.
        message: One sentence for a person; it may change from release to release.
        metadata: Facts for a program; the keys are documented under the reason in `error_reason.proto`.
        violations: The fields of the request at fault.
        retry_after_seconds: When a repeat is worth trying; None when the service names no time.

    """

    def __init__(
        self,
        code: str,
        reason: str,
        message: str,
        metadata: Mapping[str, str] | None = None,
        violations: tuple[FieldViolation, ...] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = violations
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        further = (violation for violation in self.violations if violation.description not in self.message)
        fields = "; ".join(f"{violation.field}: {violation.description}" for violation in further)
        return f"{self.reason or self.code}: {self.message}{f' ({fields})' if fields else ''}"

    def __reduce__(self) -> tuple[type["SluicegateError"], tuple[object, ...]]:
        arguments = (self.code, self.reason, self.message, self.metadata, self.violations, self.retry_after_seconds)
        return type(self), arguments


def from_rpc_error(error: aio.AioRpcError) -> SluicegateError:
    """Read the failure of a call; details that are missing or unreadable leave their parts empty."""
    details = _Details.of(error)
    return SluicegateError(
        error.code().name,
        details.reason,
        error.details() or "",
        details.metadata,
        details.violations,
        details.retry_after_seconds,
    )


@dataclass(slots=True)
class _Details:
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    violations: tuple[FieldViolation, ...] = ()
    retry_after_seconds: float | None = None

    @classmethod
    def of(cls, error: aio.AioRpcError) -> "_Details":
        details = cls()
        try:
            for detail in _status(error).details:
                for kind in (ErrorInfo, BadRequest, RetryInfo):
                    if detail.Is(kind.DESCRIPTOR):
                        details.add(kind.FromString(detail.value))
        except DecodeError:
            # A proxy may cut trailers. The code and the message still stand, and they are what is left to tell.
            return cls()
        return details

    def add(self, detail: Message) -> None:
        match detail:
            case ErrorInfo() if detail.domain == _DOMAIN:
                self.reason = detail.reason
                self.metadata = dict(detail.metadata)
            case BadRequest():
                self.violations = tuple(FieldViolation(v.field, v.description) for v in detail.field_violations)
            case RetryInfo():
                self.retry_after_seconds = detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9


def _status(error: aio.AioRpcError) -> Status:
    # Not `rpc_status.from_call`: it raises where a proxy has changed the message, but the details still hold.
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            return Status.FromString(value)
    return Status()
