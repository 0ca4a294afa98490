"""What the client tells of how a query would be run."""

from dataclasses import dataclass

from sluicegate.columns import ColumnDescription, decode_descriptions
from sluicegate.v1 import query_service_pb2
from sluicegate.words import to_word

_ROUTES = query_service_pb2.QueryRoute.DESCRIPTOR


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """One plan of Salesforce's optimizer."""

    leading_operation: str
    """What it begins with: `Index`, `TableScan`, `Sharing`, `Other`."""
    cardinality: int
    """About how many rows it returns."""
    object_cardinality: int
    """About how many records the sObject has."""
    relative_cost: float
    """Above 1 the query is not selective."""
    fields: tuple[str, ...]
    """The indexed fields that it uses."""
    notes: tuple[str, ...]
    """What kept it from being better."""


@dataclass(frozen=True, slots=True)
class QueryExplanation:
    """How a query would be run."""

    route: str
    """`rest` or `bulk`."""
    reason: str
    """Why it is this one, in a sentence."""
    bulk_obstacles: tuple[str, ...]
    """Why it cannot be read in bulk, one sentence each; empty if it can."""
    estimated_rows: int | None
    """About how many rows the result has; None if nobody knows."""
    estimated_api_calls: int | None
    """About how many API calls reading all of it takes; None if nobody knows."""
    plans: tuple[QueryPlan, ...]
    """What Salesforce's optimizer says, the plan it would use first."""
    objects: tuple[str, ...]
    """Every sObject that the query reads."""
    fields: tuple[str, ...]
    """Every field that it reads, `Object.Field`."""
    restartable: bool
    """Whether a call that broke off can be restarted when Salesforce no longer has its result."""
    columns: tuple[ColumnDescription, ...]
    """The columns of the result, in order."""


def decode_explanation(response: query_service_pb2.ExplainQueryResponse) -> QueryExplanation:
    """Read an explanation from its message."""
    return QueryExplanation(
        route=to_word(_ROUTES, response.route),
        reason=response.reason,
        bulk_obstacles=tuple(response.bulk_obstacles),
        estimated_rows=response.estimated_rows if response.HasField("estimated_rows") else None,
        estimated_api_calls=response.estimated_api_calls if response.HasField("estimated_api_calls") else None,
        plans=tuple(map(_plan, response.plans)),
        objects=tuple(response.objects),
        fields=tuple(response.fields),
        restartable=response.restartable,
        columns=decode_descriptions(response.columns),
    )


def _plan(plan: query_service_pb2.QueryPlan) -> QueryPlan:
    return QueryPlan(
        leading_operation=plan.leading_operation,
        cardinality=plan.cardinality,
        object_cardinality=plan.object_cardinality,
        relative_cost=plan.relative_cost,
        fields=tuple(plan.fields),
        notes=tuple(plan.notes),
    )
