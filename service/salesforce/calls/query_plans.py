"""What Salesforce tells of a query without running it: its plans, and how many records there are about.

Sources: Salesforce REST API, "Get Feedback on Query Performance" (beta) and "Record Count".
"""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from service.errors import UpstreamProtocolError
from service.salesforce import faults
from service.salesforce.answers import UNREADABLE, Int64
from service.salesforce.transport.base import Request, Response

_OK = 200


class Note(msgspec.Struct, frozen=True):
    """What kept a plan from being better."""

    description: str = ""
    fields: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, rename="camel"):
    """One way to run a query. Whatever is not told is empty: the resource is a beta."""

    leading_operation_type: str = ""
    """What it begins with: `Index`, `TableScan`, `Sharing`, `Other`."""
    cardinality: Int64 = 0
    """About how many rows it returns."""
    sobject_cardinality: Int64 = 0
    """About how many records the sObject has."""
    relative_cost: float = 0.0
    """Above 1 the query is not selective."""
    fields: tuple[str, ...] = ()
    """The indexed fields that it uses."""
    notes: tuple[Note, ...] = ()


class _Plans(msgspec.Struct):
    plans: tuple[Plan, ...]


class _Count(msgspec.Struct):
    count: Int64
    name: str


class _Counts(msgspec.Struct):
    sObjects: list[_Count]  # noqa: N815 - Salesforce's spelling


_plans = msgspec.json.Decoder(_Plans)
_counts = msgspec.json.Decoder(_Counts)


def explain(base: str, soql: str) -> Request:
    """Return the request for a query's plans.

    Args:
        base: Path of the API version, `/services/data/v66.0`.
        soql: The query with its parameters bound.

    """
    path = f"{base}/query"
    return Request("GET", f"{path}?explain={quote(soql, safe='')}", template=path, repeatable=True)


def plans(response: Response, *, org: str) -> tuple[Plan, ...]:
    """Return the plans, the best one first.

    Raises:
        service.errors.SluicegateError: Salesforce refused the query, or to explain it.

    """
    if response.status != _OK:
        raise faults.from_response(response, org=org)
    try:
        return _plans.decode(response.content).plans
    except UNREADABLE as error:
        raise UpstreamProtocolError("the plans of a query cannot be read", metadata={"org": org}) from error


def record_counts(base: str, sobjects: Sequence[str]) -> Request:
    """Return the request for about how many records sObjects have; Salesforce counts them now and then.

    Args:
        base: Path of the API version.
        sobjects: API names.

    """
    path = f"{base}/limits/recordCount"
    return Request("GET", f"{path}?sObjects={quote(','.join(sobjects), safe='')}", template=path, repeatable=True)


def counts(response: Response, *, org: str) -> dict[str, int]:
    """Return the counts by lower-case name; sObjects that Salesforce does not count are left out.

    Raises:
        service.errors.SluicegateError: Salesforce refused.

    """
    if response.status != _OK:
        raise faults.from_response(response, org=org)
    try:
        return {found.name.lower(): found.count for found in _counts.decode(response.content).sObjects}
    except UNREADABLE as error:
        raise UpstreamProtocolError("the record counts cannot be read", metadata={"org": org}) from error
