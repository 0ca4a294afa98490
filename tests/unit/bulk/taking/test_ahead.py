"""One message of a load comes in while another is cut, and a thread that is through takes it over."""

import asyncio
from contextlib import aclosing

import pytest

from service.bulk.taking.ahead import Ahead
from service.bulk.taking.messages import DataEnd

_MOST = 100


class Caller:
    """Says some things, and remembers how much of it was asked for."""

    def __init__(self, *messages, error=None):
        self._messages = messages
        self._error = error
        self.said = 0

    async def talk(self):
        for message in self._messages:
            self.said += 1
            yield message
        if self._error is not None:
            raise self._error


async def settled():
    """Let everything come to rest that only needs turns."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_messages_keep_their_order_and_one_is_read_ahead():
    """Whoever works on a message has the next one at hand, and nobody asked for the one after."""
    caller = Caller(b"1", b"2", b"3")
    found: list[tuple[object, int]] = []

    async with aclosing(Ahead(caller.talk())) as ahead:
        async for message in ahead:
            await settled()
            found.append((message, caller.said))

    assert [(b"1", 2), (b"2", 3), (b"3", 3)] == found


async def test_a_thread_takes_data_over():
    """What a thread takes does not come again, and the message after it is asked for."""
    caller = Caller(b"1", b"2", b"3", b"4")

    async with aclosing(Ahead(caller.talk())) as ahead:
        first = await anext(ahead)
        await settled()
        taken = await asyncio.to_thread(ahead.take_data, _MOST)
        await settled()
        said = caller.said
        rest = [message async for message in ahead]

    assert (b"1", b"2", 3, [b"3", b"4"]) == (first, taken, said, rest)


async def test_a_thread_takes_nothing_that_has_not_come():
    """The thread does not wait, and the message comes as it would have come."""
    has_come = asyncio.Event()

    async def talk():
        yield b"1"
        await has_come.wait()
        yield b"2"

    async with aclosing(Ahead(talk())) as ahead:
        await anext(ahead)
        await settled()
        taken = await asyncio.to_thread(ahead.take_data, _MOST)
        has_come.set()
        rest = [message async for message in ahead]

    assert (b"", [b"2"]) == (taken, rest)


@pytest.mark.parametrize("following", [DataEnd(), b"x" * (_MOST + 1)])
async def test_a_thread_takes_only_data_and_not_too_much(following):
    """Anything else is the event loop's to judge, and a long message waits for a turn of its own."""
    async with aclosing(Ahead(Caller(b"1", following, b"2").talk())) as ahead:
        await anext(ahead)
        await settled()
        taken = await asyncio.to_thread(ahead.take_data, _MOST)
        rest = [message async for message in ahead]

    assert (b"", [following, b"2"]) == (taken, rest)


async def test_a_thread_leaves_a_failure_to_the_event_loop():
    """What the caller's messages end with is raised where messages are awaited."""
    async with aclosing(Ahead(Caller(b"1", error=ValueError("broken")).talk())) as ahead:
        await anext(ahead)
        await settled()
        taken = await asyncio.to_thread(ahead.take_data, _MOST)
        with pytest.raises(ValueError, match="broken"):
            await anext(ahead)

    assert b"" == taken


async def test_nothing_is_asked_for_once_closed():
    """A thread that takes a message in the moment of closing has no further one read."""
    caller = Caller(b"1", b"2", b"3")
    ahead = Ahead(caller.talk())
    await anext(ahead)
    await settled()

    # The loop has no turn between both, as when a cancelled load ends.
    taken = ahead.take_data(_MOST)
    await ahead.aclose()
    await settled()

    assert (b"2", 2) == (taken, caller.said)


async def test_no_message_is_taken_twice():
    """A thread that is faster than the event loop finds nothing where it took a message before."""
    async with aclosing(Ahead(Caller(b"1", b"2", b"3").talk())) as ahead:
        await anext(ahead)
        await settled()
        taken = [ahead.take_data(_MOST), ahead.take_data(_MOST)]
        await settled()
        rest = [message async for message in ahead]

    assert ([b"2", b""], [b"3"]) == (taken, rest)
