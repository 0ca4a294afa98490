"""The Limits resource (Salesforce REST API, "Limits")."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from service.errors import UpstreamProtocolError
from service.salesforce import faults
from service.salesforce.answers import UNREADABLE, Int64
from service.salesforce.transport.base import Request, Response

_OK = 200


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of the org."""

    name: str
    maximum: int
    remaining: int


class _Entry(msgspec.Struct):
    Max: Int64
    Remaining: Int64


def get(base: str) -> Request:
    """Return the request for every limit of the org.

    Args:
        base: Path of the API version, `/services/data/v66.0`.

    """
    return Request("GET", f"{base}/limits", template=f"{base}/limits", repeatable=True)


def parse(response: Response, *, org: str) -> tuple[Limit, ...]:
    """Return the limits by name, ascending; nested per-app entries are left out.

    Raises:
        service.errors.SluicegateError: Salesforce refused.

    """
    if response.status != _OK:
        raise faults.from_response(response, org=org)
    try:
        entries = msgspec.json.decode(response.content, type=Mapping[str, _Entry])
    except UNREADABLE as error:
        raise UpstreamProtocolError("the limits cannot be read", metadata={"org": org}) from error
    return tuple(Limit(name, entry.Max, entry.Remaining) for name, entry in sorted(entries.items()))
