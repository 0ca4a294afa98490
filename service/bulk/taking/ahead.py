"""A load's messages, of which the next one comes in while one is cut, and is cut right behind it.

Were each message handed to the cutting thread by the event loop, the thread would wait for its turns: the loop has as
much to do with a message as the thread.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from service.bulk.taking.messages import Message


class Ahead:
    """Messages, in their order. Close it when leaving early.

    One message is read ahead, and no more: it is what a caller's memory here is bounded by.

    Args:
        messages: The messages.

    """

    def __init__(self, messages: AsyncIterator[Message]) -> None:
        self._messages = messages
        self._loop = asyncio.get_running_loop()
        self._is_closed = False
        self._receiving: asyncio.Task[Message | None] | None = None
        """The next message, while nobody else waits for one."""
        self._receive()

    def __aiter__(self) -> Self:
        """Be the iterator."""
        return self

    async def __anext__(self) -> Message:
        """Return the next message, and have the one after it come in.

        Raises:
            StopAsyncIteration: There are no more.

        """
        # Whoever took a message in a thread has had the next one asked for before the loop heard of anything else.
        assert self._receiving is not None
        message = await self._receiving
        if message is None:
            raise StopAsyncIteration
        self._receive()
        return message

    def take_data(self, most: int) -> bytes:
        """Return the next message if it is data that has come, and have the one after it come in.

        For the thread that cuts what was returned last, while the event loop waits for it.

        Args:
            most: How many bytes it may have.

        Returns:
            The data; nothing if there is none, it is too long, or something else comes next.

        """
        receiving = self._receiving
        if receiving is None or not receiving.done() or receiving.cancelled() or receiving.exception() is not None:
            return b""
        message = receiving.result()
        if not isinstance(message, bytes) or len(message) > most:
            return b""
        self._receiving = None
        self._loop.call_soon_threadsafe(self._receive)
        return message

    async def aclose(self) -> None:
        """Read no more."""
        self._is_closed = True
        if self._receiving is not None:
            self._receiving.cancel()
            # What it ended with is of no use: the load is over, or was told.
            await asyncio.gather(self._receiving, return_exceptions=True)

    def _receive(self) -> None:
        if not self._is_closed:
            self._receiving = self._loop.create_task(self._next())

    async def _next(self) -> Message | None:
        return await anext(self._messages, None)
