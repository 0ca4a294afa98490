"""The one interface of the transport stack: a request and a call go in, a response comes out."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Protocol

from service.context import CallContext
from service.governor.base import Cost

Body = bytes | Callable[[], AsyncIterator[bytes]]
"""A request's body: bytes, or a function that begins the stream anew for each attempt."""


class Session:
    """The session that opened something in Salesforce which ends with it, as the cursor of a query does.

    Args:
        is_open: Whether it was opened before, by whomever; otherwise the next request that is answered opens it.

    """

    __slots__ = ("answered_at", "asked_at", "is_open", "token")

    def __init__(self, *, is_open: bool = False) -> None:
        self.is_open = is_open
        self.token: object = None
        """The access token that opened it; None if that was another process's."""
        self.asked_at: float | None = None
        """When it was not open yet, by Salesforce's own clock, in seconds since the epoch; None if it does not tell."""
        self.answered_at: float | None = None
        """When it was open, by the same clock."""

    def open(self, token: object, answer: "Response", seconds: float) -> None:
        """Take note of what opened it; only the first time counts.

        Args:
            token: The access token.
            answer: The answer.
            seconds: How long it took.

        """
        if self.is_open:
            return
        self.is_open = True
        self.token = token
        dated = answer.dated
        if dated is not None:
            # A date is cut to whole seconds.
            self.asked_at, self.answered_at = dated - seconds, dated + 1


class Sink(Protocol):
    """Takes the body of an answer that is not to be held in memory."""

    def write(self, part: bytes, /) -> object:
        """Append a part; it must not wait."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """A request to Salesforce, without host and token. Its repr holds no value, SOQL or secret."""

    method: str
    path: str = field(repr=False)
    """Path and query below the instance URL, percent-encoded."""
    template: str
    """The path with placeholders for what varies, for spans: no ids, values or SOQL."""
    repeatable: bool
    """True if sending it twice has the effect of sending it once."""
    body: Body = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    cost: Cost = field(default_factory=Cost)
    timeout_seconds: float | None = None
    """Bound on one attempt; None leaves it to the org's settings."""
    largest_answer_bytes: int = 67_108_864
    """Most bytes of the answer, decompressed; a larger one is a protocol error."""
    sink: Callable[[], Sink] | None = field(default=None, repr=False)
    """Begins anew, for each attempt, what takes the body of a successful answer; None reads it whole."""
    session: Session | None = field(default=None, repr=False)
    """What the request opens, or uses if it is open: it cannot be used from another session."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of Salesforce, read to its end. Its repr holds nothing of what it says."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By lower-case name."""
    content: bytes = field(repr=False)
    """The body; empty if the request's sink took it."""

    @property
    def dated(self) -> float | None:
        """When it was made, by the org's clock, in whole seconds since the epoch (RFC 9110, "Date"); None if untold."""
        try:
            return parsedate_to_datetime(self.headers["date"]).timestamp()
        except (KeyError, ValueError, OverflowError):
            return None


class NotSent(Exception):
    """The request never left: no connection could be made. Repeating it is harmless."""


class ConnectionLost(Exception):
    """The connection broke or timed out after the request may have left: its outcome is unknown."""


class TimedOut(ConnectionLost):
    """No answer came in time, be it the attempt's own bound or the call's deadline."""


class Transport(Protocol):
    """A stage of the stack."""

    async def send(self, request: Request, context: CallContext) -> Response:
        """Send one request.

        Cancelling abandons the attempt: the connection is closed, and a write may or may not have happened.

        Args:
            request: What to send.
            context: The call it is made for; its deadline bounds the attempt.

        Returns:
            The answer, whatever its status.

        Raises:
            NotSent: No connection could be made.
            ConnectionLost: The connection broke or timed out after the request may have left; TimedOut if it did.
            service.errors.SluicegateError: A stage refused: no token, no permit, no time.

        """
        ...
