"""Plans of loads, as the client asks for them and tells them."""

import pytest
from sluicegate import BulkLoadDraft, BulkLoadReference, BulkLoadStep
from sluicegate.v1.bulk_load_pb2 import BULK_OPERATION_UPSERT, BulkLoad, BulkLoadPart, BulkRowCounts
from sluicegate.v1.bulk_plan_pb2 import BULK_PASS_SECOND
from sluicegate.v1.bulk_plan_pb2 import BulkLoadReference as ReferenceMessage
from sluicegate.v1.bulk_plan_pb2 import BulkLoadStep as StepMessage
from sluicegate.v1.bulk_service_pb2 import GetBulkLoadResponse, PlanBulkLoadsResponse

DRAFT = BulkLoadDraft("Account", "upsert", ["Ext__c", "Parent.Ext__c"], "Ext__c")


async def test_plans_are_told(client, script):
    """Every fact of a step and of its references is there."""
    reference = ReferenceMessage(
        column="Parent.Ext__c",
        field="ParentId",
        parent_objects=["Account"],
        external_id_field="Ext__c",
        parent_loads=[0],
        is_deferred=True,
    )
    step = StepMessage(
        load=0,
        bulk_pass=BULK_PASS_SECOND,
        operation=BULK_OPERATION_UPSERT,
        external_id_field="Ext__c",
        columns=["Ext__c", "Parent.Ext__c"],
        references=[reference],
        parent_column="Parent.Ext__c",
    )
    script.answers = [PlanBulkLoadsResponse(steps=[step])]

    (told,) = await client.plan_bulk_loads([DRAFT])

    expected = BulkLoadReference("Parent.Ext__c", "ParentId", ("Account",), "Ext__c", (0,), is_deferred=True)
    columns = ("Ext__c", "Parent.Ext__c")
    assert BulkLoadStep(0, True, "upsert", "Ext__c", columns, (expected,), "Parent.Ext__c") == told
    (asked,) = script.requests[0].loads
    assert ("Account", BULK_OPERATION_UPSERT, "Ext__c", [*columns]) == (
        asked.object,
        asked.operation,
        asked.external_id_field,
        list(asked.columns),
    )


async def test_words_that_are_no_operation_are_refused(client):
    """Before any call."""
    with pytest.raises(ValueError, match="operation"):
        await client.plan_bulk_loads([BulkLoadDraft("Account", "upsrt", [])])  # type: ignore[arg-type]


async def test_parts_tell_their_counts(client, script):
    """What became of a part's rows is there once it is done."""
    counts = BulkRowCounts(rows_created=1, rows_updated=2, rows_deleted=3, rows_failed=4, rows_not_processed=5)
    script.answers = [GetBulkLoadResponse(load=BulkLoad(parts=[BulkLoadPart(number=1, counts=counts)]))]

    (part,) = (await client.get_bulk_load("t")).parts

    assert (1, 2, 3, 4, 5) == (
        part.rows_created,
        part.rows_updated,
        part.rows_deleted,
        part.rows_failed,
        part.rows_not_processed,
    )
