"""One permit for each HTTP attempt, and what its end tells: of the org's usage, its health, and whether to go on."""

import asyncio

from service.context import CallContext
from service.governor.base import Governor, Observed, Sign
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response, TimedOut, Transport
from service.salesforce.transport.breaker import Circuit
from service.salesforce.transport.durations import Durations
from service.salesforce.transport.signs import retry_after_seconds, sign_of, sign_of_loss
from service.salesforce.usage import usage_of

_DEADLINE_SLACK_SECONDS = 0.1
"""A call that is cancelled so shortly before its deadline was cancelled for it."""


class GovernedTransport:
    """Sends an attempt only with a permit, and only while the circuit is closed.

    Args:
        inner: The stage below.
        governor: The org's governor.
        circuit: Whether the host is worth asking.

    """

    def __init__(self, inner: Transport, governor: Governor, circuit: Circuit) -> None:
        self._inner = inner
        self._governor = governor
        self._circuit = circuit
        self._durations = Durations()

    async def send(self, request: Request, context: CallContext) -> Response:
        """Send with a permit; see `Transport.send`.

        Raises:
            service.errors.UpstreamUnavailable: The circuit is open.
            service.errors.Exhausted: The governor refuses; see `Governor.permit`.

        """
        is_probe = self._circuit.begin()
        started: float | None = None
        clock = context.clock
        try:
            async with self._governor.permit(request.cost, context):
                if not is_probe:
                    # It may have opened while the permit was waited for.
                    self._circuit.check()
                started = clock.monotonic()
                response = await self._inner.send(request, context)
        except (NotSent, ConnectionLost) as lost:
            if started is not None:
                self._lost(lost, request, clock.monotonic() - started)
            raise
        except asyncio.CancelledError:
            # Whoever enforces the deadline above cancels, and what was not answered by then says as much as a timeout.
            if started is not None and _is_overdue(context):
                self._lost(TimedOut(), request, clock.monotonic() - started)
            raise
        self._answered(request, response, context, clock.monotonic() - started)
        return response

    def _answered(self, request: Request, response: Response, context: CallContext, seconds: float) -> None:
        usage = usage_of(response)
        if usage is not None:
            self._governor.learn(usage)
        sign = sign_of(request, response)
        if sign is Sign.WELL:
            self._durations.answered(request, seconds, context.clock.monotonic())
        if sign is not None:
            self._ended(sign, seconds, retry_after_seconds(response, context.clock.now()))

    def _lost(self, lost: NotSent | ConnectionLost, request: Request, seconds: float) -> None:
        sign = sign_of_loss(lost, was_long=self._durations.is_long(request, seconds))
        if sign is not None:
            self._ended(sign, seconds, None)

    def _ended(self, sign: Sign, seconds: float, retry_after: float | None) -> None:
        self._circuit.end(sign, seconds)
        self._governor.observe(Observed(sign, seconds, retry_after))


def _is_overdue(context: CallContext) -> bool:
    return context.deadline is not None and context.clock.monotonic() >= context.deadline - _DEADLINE_SLACK_SECONDS
