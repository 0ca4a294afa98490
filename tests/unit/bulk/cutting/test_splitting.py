"""Data is cut in a thread: the event loop goes on, the order stays, and nothing is left behind."""

import asyncio
import threading
from contextlib import aclosing

import pytest

from service import errors
from service.bulk.cutting.csv_parts import CsvSplitter
from service.bulk.cutting.parts import Part, PartLimits, Position
from service.bulk.cutting.splitting import first_parts, next_part
from service.bulk.data.dialect import Delimiter, Dialect
from service.bulk.data.mapping import FieldMapping
from service.bulk.data.spool import Spool
from service.bulk.load import Loader
from service.bulk.request import Commit, LoadRequest, Operation
from service.bulk.telling.events import Finished
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.unit.bulk.loading import SIGNER, new_ledger, nothing_to_check

INSERT = LoadRequest("Lead", Operation.INSERT, commit=Commit.AT_END)
_SECONDS = 30
"""How long a thread waits before a test fails."""


def part_of(number):
    content = Spool()
    content.write(b"A\n1\n")
    return Part(Position(number), Position(number + 1), ("A",), Delimiter.COMMA, b"", content)


def is_closed(part):
    try:
        part.content.write(b"")
    except ValueError:
        return True
    return False


async def test_others_have_their_turns_while_data_is_cut():
    """What a splitter does between two parts keeps no other task waiting."""
    turn = threading.Event()
    threads: list[int] = []

    def parts():
        threads.append(threading.get_ident())
        assert turn.wait(_SECONDS)
        yield part_of(1)

    async def other():
        turn.set()

    async with asyncio.TaskGroup() as group:
        cutting = group.create_task(next_part(parts()))
        group.create_task(other())

    part = cutting.result()
    assert part is not None
    part.content.close()
    assert [threading.get_ident()] != threads


async def test_the_end_of_parts_is_none():
    """After the last part there is none, and there is none where there never was one."""
    only = part_of(1)
    parts = iter([only])

    assert [only, None] == [await next_part(parts), await next_part(parts)]
    only.content.close()


async def test_a_cancellation_waits_for_the_thread_and_closes_what_it_made():
    """Nobody closes a splitter that is at work, and a part that nobody is given is freed."""
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    made: list[Part] = []

    def parts():
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(_SECONDS)
        made.append(part_of(1))
        yield made[0]

    cutting = asyncio.ensure_future(next_part(parts()))
    await begun.wait()
    cutting.cancel()
    await asyncio.sleep(0)
    was_done = cutting.done()
    go_on.set()
    await asyncio.wait([cutting])

    assert not was_done
    assert cutting.cancelled()
    assert is_closed(made[0])


class Scripted(CsvSplitter):
    """A splitter whose parts are given."""

    def __init__(self, *parts, error=None):
        super().__init__(FieldMapping(), Dialect(), PartLimits(), Position())
        self.parts = parts
        self.error = error

    def feed(self, _data):
        """Yield all but the last."""
        yield from self.parts[:-1]
        if self.error:
            raise self.error

    def finish(self):
        """Yield the last."""
        yield from self.parts[-1:]


async def test_no_more_parts_are_made_than_wanted():
    """Of data that is to be one part a second one says that it is not, and a third one is not made."""
    few, many = Scripted(part_of(1)), Scripted(part_of(1), part_of(2), part_of(3))

    assert list(few.parts) == await first_parts(few, b"", most=2)
    assert list(many.parts[:2]) == await first_parts(many, b"", most=2)
    for part in few.parts + many.parts:
        part.content.close()


async def test_parts_before_a_row_at_fault_are_freed_where_they_are_of_no_use():
    """Whoever wants all parts at once is given none with an error."""
    splitter = Scripted(part_of(1), part_of(2), error=errors.InvalidData("row 7 is odd", row=7))

    with pytest.raises(errors.InvalidData, match="row 7"):
        await first_parts(splitter, b"", most=2)

    assert is_closed(splitter.parts[0])
    splitter.parts[1].content.close()


async def test_the_next_message_comes_in_while_one_is_cut():
    """Reading ahead is by one message, and the rows stay in their order."""
    came = [threading.Event() for _ in range(3)]
    threads: set[int] = set()
    ahead: list[list[bool]] = []

    async def messages():
        for number, event in enumerate(came):
            event.set()
            yield b"LastName\n" if number == 0 else b"row %d\n" % number

    class Watched(CsvSplitter):
        """A splitter that waits for the message after the one it is given."""

        def feed(self, data):
            threads.add(threading.get_ident())
            assert came[min(len(ahead) + 1, 2)].wait(_SECONDS)
            ahead.append([event.is_set() for event in came])
            yield from super().feed(data)

    def watched(request, limits, start):
        return Watched(request.mapping, request.dialect, limits, start)

    org = FakeBulkOrg()
    running = Loader(org, FakeClock(), SIGNER, watched, nothing_to_check)
    async with aclosing(running.run(INSERT, new_ledger(INSERT), messages())) as events:
        last = [event async for event in events][-1]

    assert isinstance(last, Finished)
    assert 2 == last.counts.created
    assert [[True, True, False], [True, True, True], [True, True, True]] == ahead
    assert threading.get_ident() not in threads


async def test_a_cancelled_load_cuts_no_more_of_its_message():
    """Who ends a load waits for a slice of what it sent last, and not for all of a large message."""
    began, ended = threading.Event(), threading.Event()
    fed: list[int] = []

    class Slow(CsvSplitter):
        """A splitter that waits to be told to go on."""

        def feed(self, data):
            fed.append(len(data))
            began.set()
            assert ended.wait(_SECONDS)
            yield from super().feed(data)

    def slow(request, limits, start):
        return Slow(request.mapping, request.dialect, limits, start)

    async def messages():
        yield b"LastName\n" + b"row\n" * 500_000

    async def load():
        running = Loader(FakeBulkOrg(), FakeClock(), SIGNER, slow, nothing_to_check)
        async with aclosing(running.run(INSERT, new_ledger(INSERT), messages())) as events:
            async for _ in events:
                pass

    task = asyncio.create_task(load())
    assert await asyncio.to_thread(began.wait, _SECONDS)
    task.cancel()
    for _ in range(50):
        # The cancellation passes from the load to what reads its messages.
        await asyncio.sleep(0)
    ended.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert 1 == len(fed)
