"""What a load needs of one org to have its rows written by calls instead of a job: its second port."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.bulk.request import LoadRequest
from service.bulk.results.lines import RowError
from service.bulk.results.outcomes import RowOutcome
from service.bulk.ways.small_loads import Prices
from service.errors import SluicegateError


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a row that Salesforce tried."""

    outcome: RowOutcome
    record_id: str = ""
    """Empty when the row was not written."""
    error: RowError | None = None
    """Set exactly when the outcome is FAILED."""


@dataclass(frozen=True, slots=True)
class NeedsJob:
    """The rows are not to be written by calls."""

    reason: str
    """For people: one clause, without any value of the data."""


class TypedRows(Protocol):
    """The rows of a part as values that calls can write."""

    async def write(self, rows: Sequence[int], *, is_begun: bool) -> list[Tried | SluicegateError]:
        """Write some rows, and tell what became of each, in their order.

        Rows that other transactions lock are tried again. The call's deadline does not count: what is committed is
        written. Cancelling withdraws the rows that have not left.

        Args:
            rows: Which, from 0; none twice.
            is_begun: Whether rows of the part were written before.

        Returns:
            For each row what became of it. An error as a value says that Salesforce did not try it, or that nobody
            knows: it may be written again.

        Raises:
            service.errors.QueueFull: As many records wait for the org as may; none was written.

        """
        ...


class RowCalls(Protocol):
    """Writes the rows of small loads."""

    def prices(self) -> Prices:
        """Return what calls and jobs took lately, as far as that was measured."""
        ...

    async def typed(
        self, request: LoadRequest, columns: Sequence[str], rows: Iterable[Sequence[str]]
    ) -> TypedRows | NeedsJob:
        """Return rows as what their fields are, or why that cannot be done with certainty. Nothing is written.

        Args:
            request: The load.
            columns: Salesforce's names of the columns.
            rows: Cells, as they would be uploaded.

        Raises:
            service.errors.SluicegateError: The description of the sObject cannot be read.

        """
        ...
