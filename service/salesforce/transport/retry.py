"""Repeats what is worth repeating and harmless to repeat, within the call's deadline."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from service.clock import backoff_seconds
from service.context import CallContext
from service.errors import DeadlineExceeded, OutcomeUnknown, UpstreamUnavailable
from service.salesforce import faults
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response, Transport


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how fast."""

    attempts: int = 3
    """Most attempts, the first one included."""
    base_delay_seconds: float = 0.05
    """Mean-doubling base of the pause after an outage."""
    throttled_delay_seconds: float = 1.0
    """The same after a refusal for load or a row lock."""
    longest_delay_seconds: float = 20.0


class RetryTransport:
    """Sends a request up to three times.

    A request that never left, or that Salesforce refused before doing anything, is repeated; one whose outcome is
    unknown is repeated only if it is repeatable. Pauses have full jitter and never pass the call's deadline.

    Args:
        inner: The stage below.
        org: The org's configured name, for errors.
        policy: How often and how fast.
        jitter: Returns a number from 0 to 1; tests give a constant.

    """

    def __init__(
        self,
        inner: Transport,
        *,
        org: str,
        policy: RetryPolicy | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._inner = inner
        self._org = org
        self._policy = policy or RetryPolicy()
        self._jitter = jitter

    async def send(self, request: Request, context: CallContext) -> Response:
        """Send, and send again where that helps; see `Transport.send`.

        Returns:
            The last answer, whatever its status.

        Raises:
            UpstreamUnavailable: No connection could be made, or a harmless request was lost each time.
            OutcomeUnknown: The request may have been carried out and must not be repeated.
            DeadlineExceeded: The call's deadline passed while an answer was awaited.

        """
        for attempt in range(1, self._policy.attempts + 1):
            last = attempt == self._policy.attempts
            try:
                response = await self._inner.send(request, context)
            except (NotSent, ConnectionLost) as lost:
                sent = isinstance(lost, ConnectionLost)
                pause = self._pause(self._policy.base_delay_seconds, attempt)
                if (sent and not request.repeatable) or last or not context.has_time_for(pause):
                    raise self._failure(request, context, sent=sent, why=f": {lost}" if str(lost) else "") from lost
            else:
                outage = faults.is_outage(response)
                if outage and not request.repeatable and faults.may_have_run(response):
                    raise self._in_doubt(f"the org {self._org!r} answered HTTP {response.status}", response.status)
                throttled = faults.is_throttled(response)
                base = self._policy.throttled_delay_seconds if throttled else self._policy.base_delay_seconds
                pause = self._pause(base, attempt)
                if not (outage or throttled) or last or not context.has_time_for(pause):
                    return response
            await context.clock.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, base_seconds: float, attempt: int) -> float:
        return backoff_seconds(
            attempt,
            base_seconds=base_seconds,
            longest_seconds=self._policy.longest_delay_seconds,
            jitter=self._jitter,
        )

    def _failure(self, request: Request, context: CallContext, *, sent: bool, why: str = "") -> Exception:
        metadata = {"org": self._org}
        late = context.deadline is not None and context.clock.monotonic() >= context.deadline
        lost = f"the connection to the org {self._org!r} was lost"
        if sent and not request.repeatable:
            return self._in_doubt("the deadline passed" if late else lost)
        if late:
            return DeadlineExceeded(f"the deadline passed while the org {self._org!r} was asked", metadata=metadata)
        problem = lost if sent else f"the org {self._org!r} cannot be reached"
        return UpstreamUnavailable(f"{problem}{why}", metadata=metadata, retry_after_seconds=5.0)

    def _in_doubt(self, what: str, status: int | None = None) -> OutcomeUnknown:
        facts = {} if status is None else {"http_status": str(status)}
        return OutcomeUnknown(
            f"{what} after the write was sent, which may have happened or not; look for the record before repeating",
            metadata={"org": self._org, **facts},
        )
