"""Rows of one parent in a bulk job whose batches run at the same time."""

import pytest
from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb
from sluicegate.v1.bulk_service_pb2_grpc import BulkServiceStub

from service.bulk.running import job_run, parent_order
from service.emulator import ingest
from service.emulator.effects import LockParents
from tests.support.loading import FileCaller

BATCH, ACCOUNTS, CONTACTS = 400, 8, 1_600


@pytest.mark.parametrize("parent_column", ["account", ""])
async def test_rows_by_parent_meet_in_no_lock(org, channel, disturbances, unique, tmp_path, monkeypatch, parent_column):
    """Contacts whose accounts are scattered over the data lock them for each other, unless their column is named."""
    # A batch of ten thousand rows would take as long as all other tests of the folder.
    monkeypatch.setattr(ingest, "BATCH_ROWS", BATCH)
    monkeypatch.setattr(parent_order, "BATCH_ROWS", BATCH)
    monkeypatch.setattr(job_run, "PAUSES_SECONDS", (0.0, 0.0, 0.0))
    name = unique("Parents")
    for number in range(ACCOUNTS):
        org.create("Account", {"Name": name, "Ext__c": f"{name}-{number}"}, user_id=org.admin_id)
    rows = "".join(f"{name}-C{number},{name},{name}-{number % ACCOUNTS}\n" for number in range(CONTACTS))
    header = pb.BulkLoadHeader(
        object="Contact",
        operation=nouns.BULK_OPERATION_UPSERT,
        external_id_field="Ext__c",
        commit=pb.BULK_COMMIT_BY_PART,
        mapping=[pb.BulkColumn(name="account", field="Account.Ext__c")],
        parent_column=parent_column,
        key_column="Ext__c",
    )
    caller = FileCaller(header, f"Ext__c,LastName,account\n{rows}".encode(), tmp_path / "token")
    rule = disturbances.add(LockParents(0.02), times=None)

    await caller.call(BulkServiceStub(channel))

    assert caller.finished is not None
    assert CONTACTS == caller.finished.rows_received
    if parent_column:
        assert (0, CONTACTS) == (rule.hits, caller.finished.rows_created)
    else:
        assert rule.hits > 0
