"""Salesforce's side of small loads, in memory: rows that calls write, as often as they do."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from service.bulk.request import LoadRequest
from service.bulk.results.lines import RowError
from service.bulk.results.outcomes import RowOutcome
from service.bulk.ways.row_calls import NeedsJob, Tried
from service.bulk.ways.small_loads import Prices
from service.errors import SluicegateError

Judge = Callable[[Sequence[str]], str]


def written(_row: Sequence[str]) -> str:
    """Judge every row as written."""
    return ""


@dataclass
class FakeRowCalls:
    """A `service.bulk.ways.row_calls.RowCalls` without an org: an upsert by the first column."""

    judge: Judge = written
    """Tells why a row is refused; empty when it is written."""
    given: Prices = field(default_factory=Prices)
    unsure: str = ""
    """Why rows are for a job; empty when they are not."""
    faults: list[dict[int, SluicegateError] | BaseException | asyncio.Event] = field(default_factory=list)
    """What befalls the next calls: errors by row, what they raise, or what they wait for before any row is written."""
    after: Callable[[], None] = lambda: None
    """Called when rows of a call are written; may raise."""

    def __post_init__(self) -> None:
        self.records: dict[str, Sequence[str]] = {}
        """The org's records by key."""
        self.calls: list[tuple[int, bool]] = []
        """How many rows each call had, and whether rows of the part had been written before."""

    def prices(self) -> Prices:
        """Return the prices that the test gave."""
        return self.given

    async def typed(
        self, _request: LoadRequest, _columns: Sequence[str], rows: Iterable[Sequence[str]]
    ) -> "FakeTypedRows | NeedsJob":
        """Return the rows."""
        return NeedsJob(self.unsure) if self.unsure else FakeTypedRows(self, list(rows))


class FakeTypedRows:
    """Rows of a part.

    Args:
        org: Where they are written.
        rows: The cells.

    """

    def __init__(self, org: FakeRowCalls, rows: list[Sequence[str]]) -> None:
        self._org = org
        self._rows = rows

    async def write(self, rows: Sequence[int], *, is_begun: bool) -> list[Tried | SluicegateError]:
        """Write some rows."""
        org = self._org
        org.calls.append((len(rows), is_begun))
        fault = org.faults.pop(0) if org.faults else {}
        if isinstance(fault, BaseException):
            raise fault
        if isinstance(fault, asyncio.Event):
            await fault.wait()
            fault = {}
        answers = [fault.get(row) or self._write(self._rows[row]) for row in rows]
        org.after()
        return answers

    def _write(self, row: Sequence[str]) -> Tried:
        org = self._org
        if problem := org.judge(row):
            code, _, message = problem.partition(":")
            return Tried(RowOutcome.FAILED, error=RowError(code, message, ()))
        outcome = RowOutcome.UPDATED if row[0] in org.records else RowOutcome.CREATED
        org.records[row[0]] = row
        return Tried(outcome, f"00Q{row[0]}")
