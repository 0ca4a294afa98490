"""The outcomes of one batch, in the order of its rows."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from service.emulator.faults import SalesforceFault
from service.emulator.results import Results


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row."""

    record_id: str
    """Empty when it was refused."""
    created: bool = False
    fault: SalesforceFault | None = None


class BatchResults(Results):
    """Collects outcomes; rows that were never tried have none."""

    def __init__(self) -> None:
        super().__init__()
        super().close()  # a batch is small: no files
        self._outcomes: list[Outcome] = []

    def start(self, header: Sequence[str]) -> None:
        """Take no notice of the columns: outcomes do not repeat the rows."""

    def skip(self, rows: Sequence[Sequence[str]]) -> None:
        """Take no notice of rows that were never tried."""

    def flush(self) -> None:
        """Do nothing: outcomes are noted at once."""

    def succeed(self, record_id: str, row: Sequence[str], *, created: bool) -> None:
        """Note a row that was written."""
        del row
        self._outcomes.append(Outcome(record_id, created))

    def fail(self, record_id: str, row: Sequence[str], fault: SalesforceFault) -> None:
        """Note a row that was refused."""
        del record_id, row
        self._outcomes.append(Outcome("", fault=fault))

    def as_csv(self) -> str:
        """Return the outcomes as CSV with the columns Id, Success, Created and Error."""
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(["Id", "Success", "Created", "Error"])
        for outcome in self._outcomes:
            fault = outcome.fault
            error = f"{fault.error_code}:{fault.message}:{' '.join([*fault.fields, '--'])}" if fault else ""
            writer.writerow([outcome.record_id, _word(value=fault is None), _word(value=outcome.created), error])
        return text.getvalue()

    def as_json(self) -> list[dict[str, object]]:
        """Return the outcomes as JSON; the shape of errors is that of collections, as clients read it."""
        return [
            {
                "success": outcome.fault is None,
                "created": outcome.created,
                "id": outcome.record_id or None,
                "errors": [_error(outcome.fault)] if outcome.fault else [],
            }
            for outcome in self._outcomes
        ]


def _error(fault: SalesforceFault) -> dict[str, object]:
    return {
        "message": fault.message,
        "fields": list(fault.fields),
        "statusCode": fault.error_code,
        "extendedErrorDetails": None,
    }


def _word(*, value: bool) -> str:
    return "true" if value else "false"
