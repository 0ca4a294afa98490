"""A job's result files: which row each line is about, and what became of it.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Get Job Successful Record Results", "… Failed …", "… Unprocessed …".
The lines come in any order and repeat the columns that were uploaded, which is all that tells one row from another.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO

from service import errors
from service.bulk.data.records import RecordBuffer
from service.bulk.data.rows import digest

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ERROR = re.compile(r"(?P<code>[A-Z][A-Z0-9_]*):(?P<rest>.*)", re.DOTALL)
_FIELDS = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9_.]*(?:\s*,\s*[A-Za-z][A-Za-z0-9_.]*)*)?\s*")


@dataclass(frozen=True, slots=True)
class RowError:
    """Why Salesforce refused a row."""

    code: str
    """Salesforce's code, for example `REQUIRED_FIELD_MISSING`; empty when it gave none."""
    message: str
    """Salesforce's own words."""
    fields: tuple[str, ...]
    """API names of the fields at fault."""
    cause: errors.SluicegateError | None = None
    """What Salesforce's answer to a call means; None if the words above are all that is known."""


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One line of a result file."""

    cells: Sequence[str]
    """The row as it was uploaded."""
    record_id: str
    """`sf__Id`; empty where there is none."""
    is_created: bool
    """`sf__Created`."""
    error: str
    """`sf__Error` as Salesforce wrote it."""

    @property
    def digest(self) -> int:
        """Digest of the row's cells; see `service.bulk.data.rows`."""
        return digest(self.cells)


class ResultReader:
    """Reads one result file incrementally.

    Args:
        columns: The columns that were uploaded; none takes all that are not Salesforce's own.

    """

    def __init__(self, columns: Sequence[str] = ()) -> None:
        self._columns = columns
        self._records = RecordBuffer(quoted=True)
        self._layout: _Layout | None = None

    @property
    def columns(self) -> Sequence[str]:
        """The columns of the cells; none before the header was read, if none were named."""
        return self._columns

    def feed(self, chunk: bytes) -> Iterator[ResultLine]:
        """Take bytes, cut anywhere, and yield the lines that are whole.

        Raises:
            errors.UpstreamProtocolError: It is not a result file of these columns.

        """
        block = self._records.feed(chunk)
        if self._records.overlong:
            raise errors.UpstreamProtocolError("a result file of a bulk job has a line that does not end")
        return self._read(block)

    def finish(self) -> Iterator[ResultLine]:
        """Yield the last lines.

        Raises:
            errors.UpstreamProtocolError: It is not a result file of these columns.

        """
        return self._read(self._records.finish())

    def count(self, chunk: bytes | None) -> int:
        """Take bytes as `feed` does, or the end with None, and return how many lines are whole. Quicker than `feed`.

        Raises:
            errors.UpstreamProtocolError: It is not a result file of these columns.

        """
        block = self._records.finish() if chunk is None else self._records.feed(chunk)
        if self._records.overlong:
            raise errors.UpstreamProtocolError("a result file of a bulk job has a line that does not end")
        with _is_csv():
            rows = self._rows(block)
            widths = Counter(map(len, rows))
        del widths[0]
        if self._layout is not None and set(widths) - {self._layout.width}:
            raise _other_width()
        return widths.total()

    def _read(self, block: bytes) -> Iterator[ResultLine]:
        with _is_csv():
            for cells in self._rows(block):
                if cells and self._layout is not None:
                    yield self._layout.line(cells)

    def _rows(self, block: bytes) -> Iterator[list[str]]:
        """Return the rows behind the header, blank ones among them."""
        if self._layout is None:
            block = block.removeprefix(_BYTE_ORDER_MARK)
        rows = csv.reader(StringIO(block.decode(), newline="\n"), strict=True)
        if self._layout is None:
            header = next(filter(None, rows), None)
            if header is not None:
                self._columns = self._columns or tuple(name for name in header if not _is_own(name))
                self._layout = _Layout.of(header, self._columns)
        return rows


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the columns of a result file stand."""

    width: int
    row: tuple[int, ...] | slice
    record_id: int | None
    created: int | None
    error: int | None

    @classmethod
    def of(cls, header: Sequence[str], columns: Sequence[str]) -> "_Layout":
        positions = {name.lower(): position for position, name in enumerate(header)}
        try:
            places = tuple(positions[name.lower()] for name in columns)
        except KeyError:
            raise errors.UpstreamProtocolError("a result file of a bulk job lacks a column of its rows") from None
        # The usual file repeats the columns as they were, one beside the other.
        side_by_side = range(places[0], places[0] + len(places))
        row = slice(side_by_side.start, side_by_side.stop) if places == tuple(side_by_side) else places
        created, error = positions.get("sf__created"), positions.get("sf__error")
        return cls(len(header), row, positions.get("sf__id"), created, error)

    def line(self, cells: list[str]) -> ResultLine:
        if len(cells) != self.width:
            raise _other_width()
        row = cells[self.row] if isinstance(self.row, slice) else [cells[position] for position in self.row]
        return ResultLine(
            cells=row,
            record_id="" if self.record_id is None else cells[self.record_id],
            is_created=self.created is not None and cells[self.created].lower() == "true",
            error="" if self.error is None else cells[self.error],
        )


@contextmanager
def _is_csv() -> Iterator[None]:
    try:
        yield
    except (csv.Error, UnicodeDecodeError) as error:
        raise errors.UpstreamProtocolError("a result file of a bulk job is not CSV") from error


def _other_width() -> errors.UpstreamProtocolError:
    return errors.UpstreamProtocolError("a result file of a bulk job has a line of another width than its header")


def _is_own(column: str) -> bool:
    """Tell whether a column is Salesforce's."""
    return column.lower().startswith("sf__")


def parse_error(text: str) -> RowError:
    """Take `CODE:message:fields --` apart.

    The message may hold colons, so the code is cut off the front and the fields off the end; what does not look like
    a list of fields belongs to the message.

    Args:
        text: `sf__Error`.

    """
    body = text.strip()
    has_end = body.endswith("--")
    body = body.removesuffix("--").rstrip()
    match = _ERROR.fullmatch(body)
    if match is None:
        return RowError("", body, ())
    message, colon, fields = match["rest"].rpartition(":")
    if not (has_end and colon and _FIELDS.fullmatch(fields)):
        return RowError(match["code"], match["rest"].strip(), ())
    return RowError(match["code"], message.strip(), tuple(name for name in re.split(r"[\s,]+", fields) if name))
