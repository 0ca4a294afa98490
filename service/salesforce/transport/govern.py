"""One permit for each HTTP attempt, and what the answer tells of the org's usage."""

from service.context import CallContext
from service.governor.base import Governor
from service.salesforce.transport.base import Request, Response, Transport
from service.salesforce.usage import usage_of


class GovernedTransport:
    """Sends an attempt only with a permit.

    Args:
        inner: The stage below.
        governor: The org's governor.

    """

    def __init__(self, inner: Transport, governor: Governor) -> None:
        self._inner = inner
        self._governor = governor

    async def send(self, request: Request, context: CallContext) -> Response:
        """Send with a permit; see `Transport.send`."""
        async with self._governor.permit(request.cost, context):
            response = await self._inner.send(request, context)
        usage = usage_of(response)
        if usage is not None:
            self._governor.learn(usage)
        return response
