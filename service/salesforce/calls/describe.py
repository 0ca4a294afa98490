"""sObject describe (Salesforce REST API, "sObject Describe")."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from service.errors import UpstreamProtocolError
from service.salesforce import faults
from service.salesforce.answers import UNREADABLE
from service.salesforce.transport.base import Request, Response

_OK = 200


class Field(msgspec.Struct, frozen=True):
    """What the service needs to know of a field."""

    name: str
    type: str
    precision: int = 0
    relationshipName: str | None = None  # noqa: N815 - Salesforce's spelling
    referenceTo: tuple[str, ...] = ()  # noqa: N815 - Salesforce's spelling
    externalId: bool = False  # noqa: N815 - Salesforce's spelling
    idLookup: bool = False  # noqa: N815 - Salesforce's spelling


class _Describe(msgspec.Struct, frozen=True):
    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class SObject:
    """The fields of an sObject, by lower-case name."""

    name: str
    fields: Mapping[str, Field]
    relationships: Mapping[str, Field]
    """Lookup fields by lower-case relationship name."""


def get(base: str, sobject: str) -> Request:
    """Return the request for one sObject's description.

    Args:
        base: Path of the API version, `/services/data/v66.0`.
        sobject: API name; letters, digits and underscores only.

    """
    return Request(
        "GET",
        f"{base}/sobjects/{sobject}/describe",
        template=f"{base}/sobjects/{{sobject}}/describe",
        repeatable=True,
    )


def parse(response: Response, *, org: str, sobject: str) -> SObject:
    """Return the description.

    Raises:
        UnknownObject: The org has no such sObject, or its user may not see it.
        service.errors.SluicegateError: Salesforce refused otherwise.

    """
    if response.status != _OK:
        raise faults.from_response(response, org=org, subject={"object": sobject}, object_may_be_missing=True)
    try:
        found = msgspec.json.decode(response.content, type=_Describe)
    except UNREADABLE as error:
        raise UpstreamProtocolError("a description cannot be read", metadata={"org": org}) from error
    return SObject(
        found.name,
        {field.name.lower(): field for field in found.fields},
        {field.relationshipName.lower(): field for field in found.fields if field.relationshipName},
    )
