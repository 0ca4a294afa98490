"""The demo's leads: the file that ships with it, and the many that a bulk load is made of."""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from importlib.resources import files
from itertools import cycle

from sluicegate import Value

KEY = "Ext__c"
BAD_PREFIX = "BAD-"
"""Rows of the file whose external id starts so break a rule of the sObject."""

_CHUNK_ROWS = 500
_FAULTS: Sequence[Mapping[str, str]] = (
    {"LastName": ""},
    {"Company": ""},
    {"Email": "nobody@"},
    {"LastName": "one letter too many".center(81, "-")},
)
"""Cells that no lead may have."""


@dataclass(frozen=True, slots=True)
class Lead:
    """One row of the file."""

    row: int
    """From 1; the header is not counted."""
    cells: Mapping[str, str]
    """Text by API name of the field."""

    @property
    def key(self) -> str:
        """The external id."""
        return self.cells[KEY]

    @property
    def is_bad(self) -> bool:
        """Whether the org must refuse the row."""
        return self.key.startswith(BAD_PREFIX)

    def fields(self) -> dict[str, Value]:
        """Return what is written: empty cells are left out, and numbers are numbers where they are."""
        return {name: _value(name, text) for name, text in self.cells.items() if text and name != KEY}

    def differences(self, row: Mapping[str, object]) -> list[str]:
        """Return the names of the cells that a row of a query's result does not hold as the file does."""
        return [name for name, text in self.cells.items() if row.get(name) != (_value(name, text) if text else None)]


def read_leads() -> list[Lead]:
    """Read the file that ships with the demo, in its order."""
    text = (files(__package__) / "leads.csv").read_text(encoding="utf-8")
    return [Lead(row, cells) for row, cells in enumerate(csv.DictReader(io.StringIO(text, newline="")), start=1)]


@dataclass(frozen=True)
class BulkPlan:
    """What a bulk load holds, and so what must become of it: new leads, updates of old ones, and rows to refuse."""

    leads: Sequence[Lead]
    """The leads that the org holds already, no key twice; the load's cells are mixed from theirs."""
    row_count: int
    """Rows of the load."""
    bad_count: int
    """Rows that break a rule."""

    @cached_property
    def bad_rows(self) -> Mapping[int, Mapping[str, str]]:
        """The cells that break a rule, by number of the row, from 1; spread evenly, each fault as often."""
        rows = (round((index + 0.5) * self.row_count / self.bad_count) for index in range(self.bad_count))
        return dict(zip(rows, cycle(_FAULTS), strict=False))

    @cached_property
    def updated_leads(self) -> Mapping[int, Lead]:
        """The leads that are written again, by number of the row: about one row in fifty."""
        rows = (row for row in range(1, self.row_count + 1, 50) if row not in self.bad_rows)
        return dict(zip(rows, self.leads, strict=False))

    @property
    def create_count(self) -> int:
        """How many rows are new leads."""
        return self.row_count - self.bad_count - len(self.updated_leads)

    async def csv(self) -> AsyncIterator[bytes]:
        """Write the load as CSV, some rows at a time, so that it is never whole in memory."""
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(self.leads[0].cells), lineterminator="\n")
        writer.writeheader()
        for row in range(1, self.row_count + 1):
            writer.writerow(self._cells(row))
            if row % _CHUNK_ROWS == 0 or row == self.row_count:
                yield buffer.getvalue().encode()
                buffer.seek(0)
                buffer.truncate()

    def _cells(self, row: int) -> Mapping[str, str]:
        if row in self.updated_leads:
            return self.updated_leads[row].cells
        person = self.leads[row % len(self.leads)].cells
        # The second step is prime, so that people meet other companies each time round.
        work = self.leads[row * 7_919 % len(self.leads)].cells
        company = {name: work[name] for name in ("Company", "Industry", "AnnualRevenue", "Website")}
        return {**person, **company, KEY: f"BULK-{row:06d}", **self.bad_rows.get(row, {})}


def _value(name: str, text: str) -> Value:
    try:
        match name:
            case "AnnualRevenue":
                return Decimal(text)
            case "NumberOfEmployees":
                return int(text)
    except (ValueError, InvalidOperation):
        # The file holds numbers that are none; the org is what must refuse them.
        return text
    return text
