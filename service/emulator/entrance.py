"""Where connections to the emulator are accepted, or reset as soon as they are there."""

import asyncio
import ssl

from aiohttp import web

from service.emulator.cutting import TurnedAway
from service.emulator.disturbances import Disturbances


class Entrance(web.BaseSite):
    """Listens at one address.

    Args:
        runner: Serves the connections, and stops listening when it is cleaned up.
        host: Name or address.
        port: 0 for any that is free.
        context: For TLS; None for plain HTTP.
        disturbances: Say which connections are reset.

    """

    def __init__(
        self,
        runner: web.AppRunner,
        host: str,
        port: int,
        context: ssl.SSLContext | None,
        disturbances: Disturbances,
    ) -> None:
        super().__init__(runner, ssl_context=context)
        self._host = host
        self._port = port
        self._disturbances = disturbances

    @property
    def name(self) -> str:
        """The address as it was given."""
        return f"{'https' if self._ssl_context else 'http'}://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The address cannot be listened on.

        """
        await super().start()
        self._server = await asyncio.get_running_loop().create_server(
            self._protocol, self._host, self._port, ssl=self._ssl_context, backlog=self._backlog
        )

    def _protocol(self) -> asyncio.BaseProtocol:
        serve = self._runner.server
        return TurnedAway() if serve is None or self._disturbances.turns_away() else serve()
