"""Decides for each part of a load how its rows are written, once the data says enough."""

import asyncio
import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO

from service.bulk.cutting.parts import Part
from service.bulk.request import LoadRequest
from service.bulk.room import LoadRoom
from service.bulk.ways.allowance import Allowance
from service.bulk.ways.row_calls import NeedsJob, RowCalls, TypedRows
from service.bulk.ways.small_loads import MAX_BYTES, MAX_CELLS, MAX_KEY_CHARACTERS, MAX_ROWS, Choice, choose, only_a_job
from service.bulk.ways.way import Way

_CELL_BYTES = 150
"""What a cell takes beside its text, as a value that is ready to be written."""


@dataclass(frozen=True, slots=True)
class SmallPart:
    """The rows of a part that is to be written by calls."""

    rows: TypedRows
    keys: tuple[str, ...]
    """Each row's cell in the caller's key column; empty texts if there is none."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways that the loads of an org may go.

    Args:
        calls: Writes rows without a job; None if all loads are jobs.

    """

    calls: RowCalls | None = None

    def may_be_small(self, request: LoadRequest, rows: int, size: int) -> bool:
        """Tell whether a load of which so much has come may turn out to need no job.

        Args:
            request: The load.
            rows: How many rows have come.
            size: How many bytes.

        """
        return self.calls is not None and rows <= MAX_ROWS and size <= MAX_BYTES and not only_a_job(request)

    def early_reason(self, request: LoadRequest) -> str:
        """Return why a load is a job without a look at its rows."""
        if self.calls is None:
            return "the org's settings have all loads go as jobs"
        return only_a_job(request) or f"more than {MAX_ROWS:,} rows, {MAX_BYTES:,} bytes or one part"

    async def choose(
        self, request: LoadRequest, part: Part, allowance: Allowance, room: LoadRoom, *, is_whole: bool
    ) -> tuple[str, SmallPart | None]:
        """Return why a part goes its way, and its rows if that is by calls.

        Whether the day has batches left is asked only where a job would be chosen, which asks for them anyway.

        Args:
            request: The load.
            part: The part.
            allowance: The batches that are left.
            room: Tells whether there is memory for the rows.
            is_whole: Whether the part is all of the load's data.

        Raises:
            service.errors.SluicegateError: Salesforce did not tell what was asked.

        """
        if self.calls is None or only_a_job(request) or not is_whole or part.content.size > MAX_BYTES:
            return self.early_reason(request), None
        choice = await _choice(self.calls, request, part, allowance)
        if choice.way is Way.JOB:
            return choice.reason, None
        cells = part.rows * len(part.columns)
        if cells > MAX_CELLS:
            return f"more than {MAX_CELLS:,} cells", None
        if not room.hold(part.content.size + _CELL_BYTES * cells):
            return "the rows of other small loads take all memory that there is for them", None
        found = await _small(self.calls, request, part)
        if isinstance(found, NeedsJob):
            room.hold(0)
            return found.reason, None
        return choice.reason, found


async def _choice(calls: RowCalls, request: LoadRequest, part: Part, allowance: Allowance) -> Choice:
    prices = calls.prices()
    choice = choose(request, part.rows, prices)
    if choice.way is Way.JOB and part.rows <= MAX_ROWS and not await allowance.has_any():
        return choose(request, part.rows, replace(prices, batches_left=0))
    return choice


async def _small(calls: RowCalls, request: LoadRequest, part: Part) -> SmallPart | NeedsJob:
    rows = await asyncio.to_thread(list, _rows(part))
    if len(rows) != part.rows or any(len(row) != len(part.columns) for row in rows):
        return NeedsJob("some rows have another number of cells than the header")
    wanted = request.key_field.lower()
    place = next((place for place, name in enumerate(part.columns) if wanted and name.lower() == wanted), None)
    keys = tuple("" if place is None else row[place] for row in rows)
    if sum(map(len, keys)) > MAX_KEY_CHARACTERS:
        return NeedsJob(f"the keys of the rows have more than {MAX_KEY_CHARACTERS:,} characters")
    typed = await calls.typed(request, part.columns, rows)
    return typed if isinstance(typed, NeedsJob) else SmallPart(typed, keys)


def _rows(part: Part) -> Iterator[list[str]]:
    """Yield the cells of a part's rows, all of which are in memory meanwhile."""
    text = b"".join(part.content.chunks()).decode()
    lines = csv.reader(StringIO(text, newline="\n"), delimiter=part.delimiter.text, strict=True)
    next(lines, None)
    return (cells for cells in lines if cells)
