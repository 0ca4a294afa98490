"""Plans of bulk loads: what the caller asks, and what it is told."""

from sluicegate.v1 import bulk_plan_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb

from service.orgs.load_plans import LoadDraft, LoadReference, LoadStep
from service.rpc.load_requests import OPERATIONS

_OPERATION_VALUES = {operation: value for value, operation in OPERATIONS.items()}


def load_drafts(request: pb.PlanBulkLoadsRequest) -> list[LoadDraft]:
    """Return the loads that are to be planned."""
    return [
        LoadDraft(draft.object, OPERATIONS[draft.operation], draft.external_id_field, tuple(draft.columns))
        for draft in request.loads
    ]


def step_message(step: LoadStep) -> nouns.BulkLoadStep:
    """Return a step of a plan as a message."""
    return nouns.BulkLoadStep(
        load=step.load,
        bulk_pass=nouns.BULK_PASS_SECOND if step.is_second else nouns.BULK_PASS_FIRST,
        operation=_OPERATION_VALUES[step.draft.operation],
        external_id_field=step.draft.external_id_field,
        columns=step.columns,
        references=map(_reference, step.references),
        parent_column=step.parent_column,
    )


def _reference(reference: LoadReference) -> nouns.BulkLoadReference:
    return nouns.BulkLoadReference(
        column=reference.column,
        field=reference.field,
        parent_objects=reference.parent_objects,
        external_id_field=reference.external_id_field,
        parent_loads=reference.parent_loads,
        is_deferred=reference.is_deferred,
    )
