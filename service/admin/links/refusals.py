"""What a person is told, and with which status, when a link leads nowhere."""

import math
from dataclasses import dataclass

from service.errors import (
    AccessDenied,
    DeadlineExceeded,
    Exhausted,
    InvalidArgument,
    LinkExpired,
    NotFound,
    OrgAuthenticationFailed,
    SluicegateError,
    Unavailable,
    UnknownField,
    UnknownObject,
)

_LATER_SECONDS = 30
"""When to come back, if nobody knows."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no target."""

    status: int
    title: str
    text: str
    retry_after_seconds: int | None = None


TAMPERED = Refusal(
    400, "This link does not work", "It was cut off or changed on its way. Ask whoever sent it to send it again."
)
TOO_LONG = Refusal(414, TAMPERED.title, TAMPERED.text)
NOTHING_HERE = Refusal(404, "There is nothing here", "Check the address, or follow the link again.")
GONE = Refusal(404, "What this link led to is gone", "Ask whoever sent it where to find it now.")
EXPIRED = Refusal(410, "This link has expired", "Ask whoever sent it for a new one.")
LATE = Refusal(504, "Not right now", "Please try again in a minute.")
NO_REQUEST = Refusal(400, "This was no request", "Follow the link with a browser.")
BROKEN = Refusal(500, "Something went wrong", "Try again in a while.")


def refusal_of(error: SluicegateError) -> Refusal:
    """Return what a person is told of an error. Nothing of the error's own text is: it is for operators and callers."""
    match error:
        case LinkExpired():
            return EXPIRED
        case UnknownObject() | UnknownField() | NotFound() | AccessDenied():
            return GONE
        case InvalidArgument():
            return TAMPERED
        case Exhausted() | Unavailable() | OrgAuthenticationFailed():
            return later(error.retry_after_seconds)
        case DeadlineExceeded():
            return LATE
        case _:
            return BROKEN


def wrong_method() -> Refusal:
    """Return the answer to a method that is neither GET nor HEAD."""
    return Refusal(405, "There is nothing here", "Links are only for following.")


def too_often(seconds: float) -> Refusal:
    """Return the answer to a client that asks too often.

    Args:
        seconds: When it may ask again.

    """
    return Refusal(429, "Too many at once", "Please try again in a minute.", max(1, math.ceil(seconds)))


def later(seconds: float | None = None) -> Refusal:
    """Return the answer while a link cannot be followed for now.

    Args:
        seconds: When to come back; None if nobody knows.

    """
    wait = _LATER_SECONDS if seconds is None else max(1, math.ceil(seconds))
    return Refusal(503, "Not right now", "Please try again in a minute.", wait)
