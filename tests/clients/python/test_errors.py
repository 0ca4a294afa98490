"""A failed call becomes one exception that holds what the service said."""

import pickle

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode, aio
from sluicegate import FieldViolation
from sluicegate.errors import from_rpc_error


def failure(*details, message="no", trailers=None):
    """Make the error that grpc raises for a status with details."""
    packed = []
    for detail in details:
        packed.append(Any())
        packed[-1].Pack(detail)
    status = Status(code=StatusCode.INVALID_ARGUMENT.value[0], message="no", details=packed)
    metadata = aio.Metadata(*(trailers or [("grpc-status-details-bin", status.SerializeToString())]))
    return aio.AioRpcError(StatusCode.INVALID_ARGUMENT, aio.Metadata(), metadata, details=message)


def test_details():
    """Reason, metadata, violations and the time to come back are read from the details."""
    error = from_rpc_error(
        failure(
            ErrorInfo(reason="INVALID_FIELD_VALUE", domain="sluicegate", metadata={"fields": "Email"}),
            BadRequest(field_violations=[BadRequest.FieldViolation(field="fields.Email", description="no address")]),
            RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
        ),
    )

    assert error.code == "INVALID_ARGUMENT"
    assert error.reason == "INVALID_FIELD_VALUE"
    assert error.message == "no"
    assert error.metadata == {"fields": "Email"}
    assert (FieldViolation("fields.Email", "no address"),) == error.violations
    assert error.retry_after_seconds == 1.5
    assert str(error) == "INVALID_FIELD_VALUE: no (fields.Email: no address)"


@pytest.mark.parametrize(
    "trailers",
    [
        [("other", "x")],
        [("grpc-status-details-bin", b"\xff\xff\xff")],
        [("grpc-status-details-bin", Status(details=[Any(type_url="t/google.rpc.ErrorInfo", value=b"\xff")]))],
    ],
)
def test_without_details(trailers):
    """Details that are missing or cut leave the code and the message, and no reason."""
    trailers = [(key, value.SerializeToString() if isinstance(value, Status) else value) for key, value in trailers]

    error = from_rpc_error(failure(trailers=trailers))

    assert error.code == "INVALID_ARGUMENT"
    assert error.reason == ""
    assert error.violations == ()
    assert error.retry_after_seconds is None
    assert str(error) == "INVALID_ARGUMENT: no"


def test_without_trailers():
    """A call that never reached a service has no trailers at all."""
    error = from_rpc_error(aio.AioRpcError(StatusCode.UNAVAILABLE, None, None))

    assert str(error) == "UNAVAILABLE: "


def test_other_domain():
    """The reason of a proxy between is not taken for the service's own."""
    error = from_rpc_error(failure(ErrorInfo(reason="ROUTE", domain="envoy", metadata={"a": "b"})))

    assert error.reason == ""
    assert error.metadata == {}


def test_changed_message():
    """A message that a proxy has changed does not cost the details."""
    error = from_rpc_error(failure(ErrorInfo(reason="ROW_LOCKED", domain="sluicegate"), message="no (via proxy)"))

    assert error.reason == "ROW_LOCKED"
    assert error.message == "no (via proxy)"


def test_text_does_not_repeat():
    """A violation that says no more than the message is not said again."""
    violation = BadRequest.FieldViolation(field="data", description="row 1 has no end")

    error = from_rpc_error(failure(BadRequest(field_violations=[violation]), message="row 1 has no end"))

    assert str(error) == "INVALID_ARGUMENT: row 1 has no end"


def test_pickle():
    """The exception crosses process borders whole."""
    error = from_rpc_error(failure(ErrorInfo(reason="ROW_LOCKED", domain="sluicegate", metadata={"a": "b"})))

    copy = pickle.loads(pickle.dumps(error))

    assert vars(error) == vars(copy)
    assert str(error) == str(copy)
