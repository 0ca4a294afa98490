"""Reading sObject rows (Salesforce REST API, "sObject Rows" and "sObject Rows by External ID")."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from service.errors import UpstreamProtocolError
from service.governor.base import Cost
from service.salesforce import faults
from service.salesforce.answers import UNREADABLE, RecordId
from service.salesforce.calls.paths import LONGEST_PATH, segment
from service.salesforce.calls.writes import ExternalKey
from service.salesforce.ids import answered_id
from service.salesforce.transport.base import Request, Response

_LARGEST_EXPONENT = 400


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        # No field holds it, and written out it would fill the memory.
        raise ArithmeticError("a number out of all bounds")
    return number


_record = msgspec.json.Decoder(dict[str, Any], float_hook=_decimal)
_OK = 200


class _Identified(msgspec.Struct):
    Id: RecordId


def lookup(base: str, sobject: str, field: str, value: str) -> Request:
    """Return the request for the id of the record that an external id names.

    Args:
        base: Path of the API version.
        sobject: API name of the sObject.
        field: API name of the external-id field.
        value: The external id, any characters.

    Raises:
        InvalidRequest: The external id is `.` or `..`.

    """
    return retrieve(base, sobject, ExternalKey(field, value), ["Id"])


def retrieve(base: str, sobject: str, key: str | ExternalKey, fields: Sequence[str]) -> Request:
    """Return the request for a record's fields.

    Args:
        base: Path of the API version.
        sobject: API name of the sObject.
        key: The record's id, or its external id.
        fields: API names; empty for all that the org's user may see. What does not fit into a URL asks for all, too.

    Raises:
        InvalidRequest: The external id is `.` or `..`.

    """
    if isinstance(key, str):
        path, template = f"{base}/sobjects/{sobject}/{key}", f"{base}/sobjects/{{sobject}}/{{id}}"
    else:
        path = f"{base}/sobjects/{sobject}/{key.field}/{segment(key.value)}"
        template = f"{base}/sobjects/{{sobject}}/{{field}}/{{value}}"
    some = f"{path}?fields={','.join(fields)}"
    return Request(
        "GET",
        some if fields and len(some) <= LONGEST_PATH else path,
        template=template,
        repeatable=True,
        cost=Cost(bulkhead=sobject.lower()),
    )


def retrieved(response: Response, *, org: str, subject: Mapping[str, str]) -> dict[str, Any]:
    """Return a record's JSON by field, its `attributes` among them; numbers are whole or Decimals, digit for digit.

    Args:
        response: The answer.
        org: The org's configured name.
        subject: What was asked for, as metadata: object, and id or external_id_field.

    Raises:
        RecordNotFound: There is no such record.
        service.errors.SluicegateError: Salesforce refused otherwise.

    """
    if response.status != _OK:
        raise faults.from_response(response, org=org, subject=subject)
    try:
        return _record.decode(response.content)
    except (*UNREADABLE, ArithmeticError) as error:
        raise UpstreamProtocolError("a record cannot be read", metadata={"org": org, **subject}) from error


def looked_up(response: Response, *, org: str, sobject: str, field: str) -> str:
    """Return the record's id, 18 characters.

    Raises:
        RecordNotFound: No record has the external id, or the org has no such sObject or field.
        service.errors.SluicegateError: Salesforce refused otherwise.

    """
    if response.status != _OK:
        raise faults.from_response(response, org=org, subject={"object": sobject, "external_id_field": field})
    try:
        return answered_id(msgspec.json.decode(response.content, type=_Identified).Id)
    except UNREADABLE as error:
        raise UpstreamProtocolError("a record was answered without an id", metadata={"org": org}) from error
