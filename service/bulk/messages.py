"""What the caller of a load says after its header."""

from dataclasses import dataclass

from service.bulk.batches import RowColumns


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
