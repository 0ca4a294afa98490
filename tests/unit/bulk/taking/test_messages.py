"""The order that the messages of a caller keep."""

import asyncio
from contextlib import aclosing

import pytest

from service import errors
from service.bulk.request import LoadRequest, Operation
from service.bulk.taking.messages import DataEnd, PartCommit
from service.bulk.telling.events import Finished
from tests.support.bulk import FakeBulkOrg
from tests.unit.bulk.loading import SIGNER, loader, new_ledger, stream
from tests.unit.bulk.sixty_names import DATA, INSERT, SMALL


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ((DATA,), "end"),
        ((DATA, DataEnd()), "commit"),
        ((DATA, DataEnd(), DATA), "data"),
        ((DATA, PartCommit(9, "")), "resume_token"),
        ((DATA, PartCommit(9, SIGNER.write(new_ledger(INSERT).token()))), "commit"),
        ((DATA, PartCommit(1, SIGNER.write(new_ledger(INSERT).token()))), "commit"),
    ],
)
async def test_messages_that_are_not_in_order_are_refused(messages, field):
    """The refusal names what the caller has to say instead."""
    org = FakeBulkOrg()

    async def patient():
        for message in messages:
            yield message
            for _ in range(50):
                await asyncio.sleep(0)

    async with aclosing(loader(org).run(INSERT, new_ledger(INSERT, SMALL), patient())) as events:
        with pytest.raises((errors.InvalidRequest, errors.InvalidToken)) as caught:
            assert [event async for event in events]

    assert field == caught.value.violations[0].field
    assert [] == org.written


async def test_a_caller_that_closes_at_once_is_told_what_it_owes():
    """A part that is prepared only after the stream was closed cannot be committed, and nobody waits for it."""
    org = FakeBulkOrg()

    async with aclosing(loader(org).run(INSERT, new_ledger(INSERT, SMALL), stream(DATA, DataEnd()))) as events:
        with pytest.raises(errors.InvalidRequest, match="closed before"):
            await asyncio.wait_for(anext(event async for event in events if isinstance(event, Finished)), 10)

    assert [] == org.written


async def test_an_end_belongs_to_loads_by_part():
    """A load that its end commits is ended by closing the stream alone."""
    request = LoadRequest("Lead", Operation.INSERT)

    async with aclosing(loader(FakeBulkOrg()).run(request, new_ledger(request), stream(DATA, DataEnd()))) as events:
        with pytest.raises(errors.InvalidRequest) as caught:
            assert [event async for event in events]

    assert "end" == caught.value.violations[0].field
