"""An explanation of a query as a message."""

from sluicegate.v1.query_service_pb2 import ExplainQueryResponse, QueryPlan, QueryRoute

from service.query.explanation import Explanation
from service.rpc.columns import to_descriptions
from service.salesforce.calls.query_plans import Plan


def to_response(explanation: Explanation) -> ExplainQueryResponse:
    """Return the message that tells how a query would be run."""
    studied = explanation.studied
    return ExplainQueryResponse(
        route=QueryRoute.Value(f"QUERY_ROUTE_{explanation.choice.route.value}"),
        reason=explanation.choice.reason,
        bulk_obstacles=map(str, studied.obstacles),
        estimated_rows=explanation.estimated_rows,
        estimated_api_calls=explanation.estimated_api_calls,
        plans=map(_plan, explanation.plans),
        objects=studied.references.objects,
        fields=studied.references.field_names,
        restartable=explanation.is_restartable,
        columns=to_descriptions(studied.columns),
    )


def _plan(plan: Plan) -> QueryPlan:
    return QueryPlan(
        leading_operation=plan.leading_operation_type,
        cardinality=plan.cardinality,
        object_cardinality=plan.sobject_cardinality,
        relative_cost=plan.relative_cost,
        fields=plan.fields,
        notes=[
            f"{note.description}: {', '.join(note.fields)}" if note.fields else note.description for note in plan.notes
        ],
    )
