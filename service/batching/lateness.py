"""What is told of records whose caller must have an answer before theirs has come."""

from service.batching.item import Item, State
from service.context import CallContext
from service.errors import DeadlineExceeded, OutcomeUnknown, RowLocked, SluicegateError
from service.salesforce.calls.writes import Operation

_SHARE = 0.1
"""Of the time that a call has left, what is kept to tell its answers in."""
_LONGEST_SECONDS = 0.5


def patience_seconds(context: CallContext) -> float | None:
    """Return how long the answers of several records may be waited for, so that there is time to tell them.

    A tenth of the time that is left is kept for that, at most half a second. None if the call has no deadline.
    """
    if context.deadline is None:
        return None
    left = context.deadline - context.clock.monotonic()
    return max(0.0, left - min(_LONGEST_SECONDS, left * _SHARE))


def unanswered(item: Item) -> SluicegateError:
    """Return what is known of a record that has no outcome yet, as an error of its own."""
    if item.state is State.AWAY:
        if item.row.write.operation is Operation.CREATE:
            return OutcomeUnknown("the call's deadline came while the record was being created; it may exist")
        return DeadlineExceeded(
            "the call's deadline came while the record was on its way; it may have been written, and a repeat does no "
            "harm"
        )
    if item.attempt and not item.company:
        return still_locked(item)
    return DeadlineExceeded("the call's deadline came before the record left; nothing of it was written")


def still_locked(item: Item) -> RowLocked:
    """Return what is told of a record that was locked whenever it was sent."""
    return RowLocked(
        "another transaction holds the record or its parent",
        metadata={"object": item.row.sobject, "attempts": str(item.attempt)},
        retry_after_seconds=1.0,
    )
