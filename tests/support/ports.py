"""Ports that stay free when a test lets go of them: no system gives them away by itself."""

import errno
import random
import socket

_NOT_EPHEMERAL = range(20_000, 30_000)
"""Below what Linux, macOS and Windows give to connections, and to listeners that do not mind."""


def listener() -> socket.socket:
    """Return a socket that listens on such a port of this machine.

    Raises:
        OSError: Nothing can listen here.

    """
    while True:
        try:
            return socket.create_server(("127.0.0.1", random.choice(_NOT_EPHEMERAL)))
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise


def lasting_port() -> int:
    """Return such a port, free now, for a server that will be ended and started again."""
    with listener() as found:
        port: int = found.getsockname()[1]
    return port
