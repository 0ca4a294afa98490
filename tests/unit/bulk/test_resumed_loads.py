"""A load by part that is gone on with: where it begins again, and with which data."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from service import errors
from service.bulk.cutting.parts import PartLimits
from service.bulk.data.batches import CellColumn, CellKind, RowColumns
from service.bulk.data.formats import Format
from service.bulk.failpoints import Failpoint
from service.bulk.ledger import Ledger
from service.bulk.results.outcomes import RowCounts
from service.bulk.taking.messages import DataEnd, PartCommit
from service.bulk.telling.events import Accepted, Finished, Prepared
from tests.support.bulk import FakeBulkOrg
from tests.unit.bulk.loading import SIGNER, Caller, Killed, Process, loader, new_ledger, stream
from tests.unit.bulk.sixty_names import DATA, INSERT, NAMES, SMALL, call, call_until_finished, names


async def test_a_resumed_load_says_so():
    """ACCEPTED of a load that begins names no place to go on from."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)

    await call(caller, loader(org))

    (accepted,) = caller.accepted
    assert isinstance(accepted, Accepted)
    assert accepted.resume_from is None


async def test_what_is_done_is_not_sent_again():
    """The load goes on at the first part that is not done."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.DONE, 4))

    await call_until_finished(caller, org)

    again = caller.accepted[1].resume_from
    assert again is not None
    assert again.header_bytes == 9
    assert again.next_row >= 11
    assert again.next_byte == 9 + 4 * (again.next_row - 1)


@pytest.mark.parametrize(
    "change", [lambda data: data.replace(b"N4", b"M4"), lambda data: data[:-20], lambda data: data[:-40]]
)
async def test_other_data_is_refused(change):
    """Rows that are not those which the token tells of are refused before they are written."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.COMMIT_RECEIVED, 6))
    written = len(org.written)

    caller.data = change(DATA)
    with pytest.raises(errors.InvalidData, match="is not the data that this load began with"):
        await call(caller, loader(org))

    assert written <= len(org.written) <= 50


async def test_rows_behind_the_end_are_refused():
    """Data that has grown since the load knew all of it is other data, of which nothing is written."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.REPORTED, 6))
    assert SIGNER.read(caller.stored, org="prod").has_ended

    caller.data = DATA + b"N60\n" * 20
    with pytest.raises(errors.InvalidData, match=r"from row 61 on \(part 7\) this is not the data"):
        await call(caller, loader(org))

    assert NAMES == names(org)


async def test_another_header_is_refused_though_no_known_part_is_left():
    """Where the token tells of parts that are done alone, columns that moved would not be found by their digests."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    token = new_ledger(INSERT, SMALL)
    token.header_bytes = len(b"LastName\n")
    caller.stored = SIGNER.write(token.token())

    caller.data = b"Name\n" + DATA
    with pytest.raises(errors.InvalidData, match="in its header row this is not the data that this load began with"):
        await call(caller, loader(org))

    assert [] == org.jobs


async def test_columns_that_changed_places_are_refused_though_no_known_part_is_left():
    """A header row of the same length has another digest, which every token has that was given since it was read."""
    org, caller = FakeBulkOrg(), Caller(INSERT, b"LastName,FirstNam\nCurie,Marie\n", SMALL)
    await call(caller, loader(org))
    known = Ledger.of(SIGNER.read(caller.stored, org="prod"))
    known.parts, known.has_ended = [], False
    caller.stored = SIGNER.write(known.token())
    written = len(org.written)

    caller.data = b"FirstNam,LastName\nMarie,Curie\n"
    with pytest.raises(errors.InvalidData, match="in its header row this is not the data that this load began with"):
        await call(caller, loader(org))

    assert written == len(org.written)


async def test_a_load_goes_on_behind_a_row_that_was_mended():
    """The token of a load that a bad row ended takes the rest of the data, once it can be read."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA + b'"cut in the mid', SMALL)
    with pytest.raises(errors.InvalidData):
        await call(caller, loader(org))

    caller.data = DATA + b"N60\n"
    await call_until_finished(caller, org)

    assert [*NAMES, "N60"] == names(org)
    assert RowCounts(created=61) == caller.counts


async def test_json_lines_go_on_too():
    """Parts have columns of their own, and are found again all the same."""
    request = replace(INSERT, format=Format.JSON_LINES)
    data = "".join(f'{{"LastName": "{name}", "F{name[1]}__c": 1}}\n' for name in NAMES).encode()
    org, caller = FakeBulkOrg(), Caller(request, data, PartLimits(10_000, 10))
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.COMMITTED, 3))

    await call_until_finished(caller, org)

    assert NAMES == names(org)


async def test_batches_go_on_by_their_rows():
    """Rows that come as columns are sent again from a row on, however they were cut before."""
    request = replace(INSERT, format=Format.BATCHES)
    org, tokens, finished = FakeBulkOrg(), [""], []

    async def listen(process, is_resumed):
        outgoing: asyncio.Queue[RowColumns | PartCommit | DataEnd] = asyncio.Queue()

        async def incoming():
            while True:
                yield await outgoing.get()

        ledger = Ledger.of(SIGNER.read(tokens[-1], org="prod")) if is_resumed else new_ledger(request, SMALL)
        running = process.loader().run(request, ledger, incoming(), is_resumed=is_resumed)
        async with aclosing(running) as events:
            async for event in events:
                tokens.append(event.resume_token)
                if isinstance(event, Accepted):
                    first = event.resume_from.next_row - 1 if event.resume_from else 0
                    for start in range(first, 60, 7):
                        some = NAMES[start : start + 7]
                        outgoing.put_nowait(RowColumns(len(some), (CellColumn("LastName", CellKind.TEXT, some),)))
                    outgoing.put_nowait(DataEnd())
                elif isinstance(event, Prepared):
                    outgoing.put_nowait(PartCommit(event.part.number, event.resume_token))
                elif isinstance(event, Finished):
                    finished.append(event)

    with pytest.raises(Killed):
        await asyncio.wait_for(listen(Process(org, Failpoint.DONE, 2), is_resumed=False), 10)
    await asyncio.wait_for(listen(Process(org), is_resumed=True), 10)

    assert NAMES == names(org)
    assert [RowCounts(created=60)] == [event.counts for event in finished]


async def test_results_are_told_again():
    """A load that is over tells its results once more to who sends the data again, with the numbers of the rows."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    await call(caller, loader(org))
    again = Caller(replace(INSERT, repeats_results=True), DATA, SMALL, stored=caller.stored)

    await call(again, loader(org))

    assert caller.told == again.told
    assert caller.counts == again.counts
    assert 6 == len(org.jobs)


async def test_a_load_that_is_over_finishes_at_once():
    """Its token needs no data."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    await call(caller, loader(org))
    ledger = Ledger.of(SIGNER.read(caller.stored, org="prod"))

    async with aclosing(loader(org).run(INSERT, ledger, stream(DATA[:9], DataEnd()), is_resumed=True)) as events:
        seen = [event async for event in events]

    assert isinstance(seen[-1], Finished)
    assert RowCounts(created=60) == seen[-1].counts
