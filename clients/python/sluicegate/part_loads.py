"""A bulk load that is committed by part, over as many calls as it takes."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from sluicegate.bulk import Event, Finished, PartDone
from sluicegate.bulk_data import Source
from sluicegate.bulk_messages import decode_event
from sluicegate.connection import translated
from sluicegate.errors import SluicegateError
from sluicegate.reconnecting import Reconnecting
from sluicegate.upload import ByPart, Call, exchange
from sluicegate.v1.bulk_service_pb2 import BulkLoadHeader


class PartLoad:
    """Sends a load by part, and goes on with it in another call where one breaks.

    Args:
        begin: Begins a call.
        header: The first message; its token names a load that is gone on with.
        source: The data.
        store: Keeps the token.
        reconnect_seconds: How long after a loss the service may be away.

    """

    def __init__(
        self,
        begin: Callable[[], Call],
        header: BulkLoadHeader,
        source: Source,
        store: Callable[[str], Awaitable[None]],
        reconnect_seconds: float,
    ) -> None:
        self._begin = begin
        self._header = header
        self._source = source
        self._store = store
        self._losses = Reconnecting(reconnect_seconds)

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield what happens.

        The token of a part that is done is stored when the next event is asked for: its results were told by then, and
        taken.

        Raises:
            SluicegateError: The load was refused, or the service stayed away.

        """
        while True:
            try:
                with translated():
                    async with aclosing(self._one_call()) as events:
                        async for event in events:
                            yield event
            except SluicegateError as error:
                pause = self._losses.pause_after(error) if self._source.is_repeatable else None
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                return

    async def _one_call(self) -> AsyncGenerator[Event, None]:
        talk = ByPart(self._header, self._source)
        async with aclosing(exchange(self._begin(), talk.send)) as responses:
            async for response in responses:
                self._losses.answered()
                token, kind = response.resume_token, response.WhichOneof("event")
                if kind in {"accepted", "prepared"}:
                    await self._keep(token)
                if kind == "accepted":
                    talk.accept(response)
                elif kind == "prepared":
                    talk.commit(response.prepared.part.number, token)
                event = decode_event(response)
                if event is not None:
                    yield event
                if isinstance(event, PartDone | Finished):
                    await self._keep(token)

    async def _keep(self, token: str) -> None:
        if token:
            await self._store(token)
            self._header.resume_token = token
