"""What the caller of a load says after its header."""

from dataclasses import dataclass

from service.bulk.data.batches import RowColumns
from service.errors import FieldViolation, InvalidRequest


@dataclass(frozen=True, slots=True)
class PartCommit:
    """The caller has a prepared part written."""

    part: int
    """Its number."""
    resume_token: str
    """A token that names the job which waits."""


@dataclass(frozen=True, slots=True)
class DataEnd:
    """The data is complete."""


Message = bytes | RowColumns | PartCommit | DataEnd
"""Data, cut anywhere or as rows, and what is said of it."""


def disorder(field: str, problem: str) -> InvalidRequest:
    """Return the refusal of a message that does not stand where it may, or of the end of the messages.

    Args:
        field: The message's name in the contract.
        problem: What is wrong, and what would be right.

    """
    return InvalidRequest(problem, violations=[FieldViolation(field, problem)])
