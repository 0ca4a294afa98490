"""The two ways that rows are written."""

from enum import Enum


class Way(Enum):
    """How the rows of a part are written."""

    JOB = "job"
    COLLECTIONS = "collections"
    """By calls of at most 200 rows, which answer at once; there is no job then."""
