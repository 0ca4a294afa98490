"""Why a row of many was not written, as the contract says it."""

from collections.abc import Sequence

from sluicegate.v1.error_reason_pb2 import ErrorReason
from sluicegate.v1.record_pb2 import RecordError

from service.salesforce.faults import Fault, from_fault, without_value


def to_record_error(code: str, message: str, fields: Sequence[str]) -> RecordError:
    """Return a row's error with its documented reason.

    Args:
        code: Salesforce's code.
        message: Salesforce's text; values of the row are cut out of it.
        fields: API names of the fields at fault.

    """
    fault = Fault(code, message, tuple(fields))
    error = from_fault(fault, metadata={})
    return RecordError(
        reason=ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
        message=without_value(fault) or error.message,
        fields=fields,
        salesforce_code=code,
    )
