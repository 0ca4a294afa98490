"""A part that a call of its own brings."""

import asyncio
from dataclasses import replace

import pytest

from service import errors
from service.bulk.cutting.parts import PartLimits, Position
from service.bulk.cutting.splitting import splitter_of
from service.bulk.desk import Desk, Slots
from service.bulk.failpoints import pass_by
from service.bulk.job import JobState
from service.bulk.part_upload import add_part, only_part
from service.bulk.request import Commit
from service.bulk.ways.allowance import Allowance
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.unit.bulk.loading import SIGNER, new_ledger
from tests.unit.bulk.sixty_names import DATA, INSERT


def test_data_of_several_parts_tells_how_much_one_takes():
    """A call that brings too much is told what would fit."""
    splitter = splitter_of(INSERT, PartLimits(rows=25), Position())

    with pytest.raises(errors.MessageTooLarge, match="of which the first takes 25 rows") as caught:
        only_part([*splitter.feed(DATA), *splitter.finish()])

    assert 0 < int(caught.value.metadata["limit_bytes"]) < int(caught.value.metadata["size_bytes"])


@pytest.mark.parametrize("fault", [errors.AccessDenied("no"), asyncio.CancelledError()])
async def test_a_part_that_a_call_could_not_bring_leaves_no_open_job(fault):
    """Its job is named by no token, so it is aborted whatever ended the call."""
    org = FakeBulkOrg(faults={"upload": [fault]})
    request = replace(INSERT, commit=Commit.BY_CALL)
    known, clock = new_ledger(request), FakeClock()
    slots = Slots(asyncio.Semaphore(1))
    desk = Desk(request, org, clock, known, SIGNER, pass_by, Allowance(org, org="prod"), slots)
    splitter = splitter_of(request, known.limits, known.end)
    part = only_part([*splitter.feed(DATA), *splitter.finish()])

    with part.content, pytest.raises(type(fault)):
        await add_part(desk, part)

    assert [JobState.ABORTED] == [job.state for job in org.jobs]
