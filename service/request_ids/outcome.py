"""What became of a request, as a value that can be kept as bytes and given to every caller who repeats it."""

import asyncio

import msgspec

from service import errors
from service.errors import FieldViolation, SluicegateError

_NOTHING_WRITTEN: tuple[type[SluicegateError], ...] = (
    errors.Unavailable,
    errors.Exhausted,
    errors.RowLocked,
    errors.OrgAuthenticationFailed,
    errors.AccessDenied,
)
"""Failures that wrote nothing and that may pass: a repeat is carried out anew."""
_DEFINITE: tuple[type[SluicegateError], ...] = (
    errors.InvalidArgument,
    errors.NotFound,
    errors.Conflict,
    errors.Refused,
)
"""Failures that a repeat would meet again, or that must not be tried again. What is in neither may have written."""


def _leaves(kind: type[SluicegateError]) -> list[type[SluicegateError]]:
    below = kind.__subclasses__()
    return [leaf for sub in below for leaf in _leaves(sub)] if below else [kind]


_KINDS = {leaf.reason: leaf for leaf in _leaves(SluicegateError) if issubclass(leaf, _NOTHING_WRITTEN + _DEFINITE)}
"""The class of each reason; a class that groups others shares its reason with one of them."""


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """The request was carried out."""

    content: bytes
    """What the caller is answered, as the RPC layer made it."""

    @property
    def is_lasting(self) -> bool:
        """Whether a repeat gets this outcome again."""
        return True

    def give(self) -> bytes:
        """Return the answer."""
        return self.content


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """The request failed with one of `service.errors`."""

    reason: str
    message: str
    metadata: dict[str, str]
    violations: list[FieldViolation]
    retry_after_seconds: float | None

    @property
    def is_lasting(self) -> bool:
        """Whether a repeat gets this outcome again: not where nothing was written and a repeat may succeed."""
        return not issubclass(_KINDS[self.reason], _NOTHING_WRITTEN)

    def give(self) -> bytes:
        """Raise the error, a new one for each caller."""
        kind = _KINDS[self.reason]
        # Not its own constructor: a few take what they make their metadata of.
        error = kind.__new__(kind)
        SluicegateError.__init__(
            error,
            self.message,
            metadata=self.metadata,
            violations=self.violations,
            retry_after_seconds=self.retry_after_seconds,
        )
        raise error


Outcome = Answer | Failure

_decoder: msgspec.msgpack.Decoder[Outcome] = msgspec.msgpack.Decoder(Outcome)


def of_error(error: BaseException) -> Failure:
    """Return the outcome of a request whose making ended in an exception.

    What says for certain whether something was written stays what it is. Everything else, a deadline, a cancellation
    and a fault of this service among it, becomes OUTCOME_UNKNOWN.
    """
    if not isinstance(error, SluicegateError):
        return unknown("was cut off" if isinstance(error, asyncio.CancelledError) else "met an unexpected error")
    if error.reason not in _KINDS or not isinstance(error, _NOTHING_WRITTEN + _DEFINITE):
        is_late = isinstance(error, errors.DeadlineExceeded)
        why = "ran out of time" if is_late else "got no answer that can be understood"
        return unknown(why, org=error.metadata.get("org", ""))
    return Failure(
        error.reason,
        _plain(error.message),
        {_plain(name): _plain(value) for name, value in error.metadata.items()},
        [FieldViolation(_plain(item.field), _plain(item.description)) for item in error.violations],
        error.retry_after_seconds,
    )


def unknown(why: str, *, org: str = "") -> Failure:
    """Return the outcome of a request of which nobody can tell whether it was carried out.

    Args:
        why: What happened to the request, as the end of a sentence that begins with it.
        org: The org's configured name, where it is known.

    """
    return Failure(
        errors.OutcomeUnknown.reason,
        f"the request {why} after it may have been sent to Salesforce; read the record, and if it is not there repeat "
        "the request under another request id",
        {"org": org} if org else {},
        [],
        None,
    )


def encode(outcome: Outcome) -> bytes:
    """Return an outcome as bytes."""
    return msgspec.msgpack.encode(outcome)


def decode(content: bytes) -> Outcome:
    """Return the outcome that bytes hold.

    Raises:
        ValueError: They hold none that this version knows.

    """
    try:
        outcome = _decoder.decode(content)
    except msgspec.MsgspecError as error:
        raise ValueError("the bytes are no outcome") from error
    if isinstance(outcome, Failure) and outcome.reason not in _KINDS:
        raise ValueError("the bytes hold a failure of another version")
    return outcome


def _plain(text: str) -> str:
    """Return text that is UTF-8; a lone surrogate becomes `?`."""
    return text.encode(errors="replace").decode()
