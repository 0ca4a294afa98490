"""Repeats what is worth repeating and harmless to repeat, within the call's deadline and the org's budget."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from service.clock import backoff_seconds
from service.context import CallContext
from service.errors import DeadlineExceeded, OutcomeUnknown, UpstreamUnavailable
from service.salesforce import faults
from service.salesforce.transport.base import ConnectionLost, NotSent, Request, Response, TimedOut, Transport
from service.salesforce.transport.budget import RetryBudget, RetryCost
from service.salesforce.transport.signs import retry_after_seconds


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
    """Longest pause, also of those that Salesforce asks for: a call that is to wait longer is answered at once."""


class RetryTransport:
    """Sends a request up to three times.

    A request that never left, or that Salesforce refused before doing anything, is repeated; one whose outcome is
    unknown is repeated only if it is repeatable. Pauses have full jitter, are no shorter than Salesforce asks for, and
    never pass the call's deadline. What a stage below refuses is not repeated.

    Args:
        inner: The stage below.
        org: The org's configured name, for errors.
        budget: What retries may cost; shared by all calls of the org. One of its own if None.
        policy: How often and how fast.
        jitter: Returns a number from 0 to 1; tests give a constant.

    """

    def __init__(
        self,
        inner: Transport,
        *,
        org: str,
        budget: RetryBudget | None = None,
        policy: RetryPolicy | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._inner = inner
        self._org = org
        self._budget = RetryBudget() if budget is None else budget
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
        paid: RetryCost | None = None
        attempt = 1
        while True:
            try:
                response = await self._inner.send(request, context)
            except (NotSent, ConnectionLost) as lost:
                sent = isinstance(lost, ConnectionLost)
                again = None
                if request.repeatable or not sent:
                    again = self._again(attempt, RetryCost.TRANSIENT, None, context)
                if again is None:
                    raise self._failure(request, context, lost) from lost
            else:
                cost = _cost_of_retry(response)
                if cost is None:
                    self._budget.succeeded(paid)
                    return response
                if cost is RetryCost.TRANSIENT and not request.repeatable and faults.may_have_run(response):
                    raise self._in_doubt(f"the org {self._org!r} answered HTTP {response.status}", response.status)
                again = self._again(attempt, cost, response, context)
                if again is None:
                    return response
            pause, paid = again
            attempt += 1
            await context.clock.sleep(pause)

    def _again(
        self, attempt: int, cost: RetryCost, response: Response | None, context: CallContext
    ) -> tuple[float, RetryCost] | None:
        """Return after which pause to try once more, and what was paid for it; None if it is not to be tried."""
        policy = self._policy
        if attempt >= policy.attempts:
            return None
        pause = backoff_seconds(
            attempt,
            base_seconds=policy.throttled_delay_seconds if cost is RetryCost.THROTTLED else policy.base_delay_seconds,
            longest_seconds=policy.longest_delay_seconds,
            jitter=self._jitter,
        )
        asked = None if response is None else retry_after_seconds(response, context.clock.now())
        if asked is not None:
            pause = max(pause, asked)
        if pause > policy.longest_delay_seconds or not context.has_time_for(pause) or not self._budget.take(cost):
            return None
        return pause, cost

    def _failure(self, request: Request, context: CallContext, lost: NotSent | ConnectionLost) -> Exception:
        metadata = {"org": self._org}
        late = context.deadline is not None and context.clock.monotonic() >= context.deadline
        sent = isinstance(lost, ConnectionLost)
        why = f": {lost}" if str(lost) else ""
        if isinstance(lost, TimedOut):
            problem, why = f"the org {self._org!r} did not answer in time", ""
        elif sent:
            problem = f"the connection to the org {self._org!r} was lost"
        else:
            problem = f"the org {self._org!r} cannot be reached"
        if sent and not request.repeatable:
            return self._in_doubt("the deadline passed" if late else problem)
        if late:
            return DeadlineExceeded(f"the deadline passed while the org {self._org!r} was asked", metadata=metadata)
        return UpstreamUnavailable(f"{problem}{why}", metadata=metadata, retry_after_seconds=5.0)

    def _in_doubt(self, what: str, status: int | None = None) -> OutcomeUnknown:
        facts = {} if status is None else {"http_status": str(status)}
        return OutcomeUnknown(
            f"{what} after the write was sent, which may have happened or not; look for the record before repeating",
            metadata={"org": self._org, **facts},
        )


def _cost_of_retry(response: Response) -> RetryCost | None:
    """Return what repeating an answered request costs; None if a repeat would not change the answer."""
    if faults.is_outage(response):
        return RetryCost.TRANSIENT
    return RetryCost.THROTTLED if faults.is_throttled(response) else None
