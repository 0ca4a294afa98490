"""The batches that an org still takes today."""

import pytest

from service.bulk.ways.allowance import BATCH_ROWS, Allowance
from service.errors import AllocationExceeded
from tests.support.bulk import FakeBulkOrg


async def test_parts_share_what_is_left():
    """What one part took another does not have; Salesforce is asked once as long as its answer suffices."""
    org = FakeBulkOrg(batches=3)
    allowance = Allowance(org, org="prod")

    await allowance.take(BATCH_ROWS + 1)
    await allowance.take(BATCH_ROWS)

    assert ["batches_left"] == org.calls
    with pytest.raises(AllocationExceeded, match="takes 3 more"):
        await allowance.take(BATCH_ROWS * 4)


async def test_what_did_not_suffice_is_asked_for_again():
    """The window of 24 hours moves: batches that are back count."""
    org = FakeBulkOrg(batches=0)
    allowance = Allowance(org, org="prod")
    with pytest.raises(AllocationExceeded):
        await allowance.take(1)

    org.batches = 1
    await allowance.take(1)

    assert ["batches_left"] * 2 == org.calls
    assert not await allowance.has_any()


async def test_rows_that_nobody_has_counted_need_one_batch_and_take_none():
    """A job is opened before its rows have come; they are counted when they have."""
    allowance = Allowance(FakeBulkOrg(batches=1), org="prod")

    await allowance.take(0)
    await allowance.take(0)

    assert await allowance.has_any()


async def test_an_org_that_does_not_tell_is_not_held_to_anything():
    """The limit may be missing from its answer; then Salesforce judges each job."""
    allowance = Allowance(FakeBulkOrg(batches=None), org="prod")

    await allowance.take(10**9)

    assert await allowance.has_any()
