"""A transport that answers from a script and remembers what it was sent."""

from collections.abc import Iterable

import orjson

from service.clock import Clock
from service.context import CallContext
from service.salesforce.transport.base import Request, Response


def call(clock: Clock, *, deadline: float | None = None) -> CallContext:
    """Return the context of some call."""
    return CallContext(method="test/Call", request_id="r", clock=clock, deadline=deadline)


def answer(status: int, document: object = None, **headers: str) -> Response:
    """Return an answer with a JSON body."""
    content = b"" if document is None else orjson.dumps(document)
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def fault(status: int, code: str, message: str = "", fields: Iterable[str] = ()) -> Response:
    """Return an answer with one of Salesforce's errors."""
    return answer(status, [{"errorCode": code, "message": message, "fields": list(fields)}])


class ScriptedTransport:
    """Gives the scripted answers in turn; an exception in the script is raised.

    Args:
        script: What to answer; the last entry repeats.

    """

    def __init__(self, *script: Response | Exception) -> None:
        self._script = list(script)
        self.requests: list[Request] = []

    async def send(self, request: Request, _context: CallContext) -> Response:
        """Answer with the next entry."""
        self.requests.append(request)
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(step, Exception):
            raise step
        return step
