"""Faults as the answers callers see: Salesforce's error array, the same for a call and for a subrequest."""

from http import HTTPStatus

from service.emulator.exchange import Answer
from service.emulator.faults import SalesforceFault

_ROW_FAULTS = frozenset(
    {
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "DELETE_FAILED",
        "DUPLICATE_VALUE",
        "ENTITY_IS_DELETED",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "UNABLE_TO_LOCK_ROW",
    }
)
"""Codes that come from writing a row: their entries name `fields` even when there are none."""


def fault_answer(fault: SalesforceFault) -> Answer:
    """Return the answer that tells a caller of a fault.

    Args:
        fault: What was refused. Source: Salesforce REST API, "Status Codes and Error Responses".

    """
    headers = {"WWW-Authenticate": "Token"} if fault.http_status == HTTPStatus.UNAUTHORIZED else {}
    return Answer(fault.http_status, [_entry(each) for each in (fault, *fault.also)], headers)


def _entry(fault: SalesforceFault) -> dict[str, object]:
    entry: dict[str, object] = {"message": fault.message, "errorCode": fault.error_code, **fault.details}
    if fault.fields or fault.error_code in _ROW_FAULTS:
        entry["fields"] = list(fault.fields)
    return entry
