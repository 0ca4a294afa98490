"""From the cells of a bulk upload to the values of a row."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from service.emulator.dialects import DELIMITERS
from service.emulator.jobs import JobOrder
from service.emulator.schema.model import Field, SObject

MAXIMUM_FIELDS = 5_000
"""Fields of a record. Source: Bulk API 2.0, "Limits"."""

MAXIMUM_CELL = 131_072
"""Characters of a field."""

MAXIMUM_RECORD = 400_000
"""Characters of a record."""

_NULL_CELL = "#N/A"


class InvalidBatch(Exception):
    """The upload cannot be read on; the job fails with this text as its `errorMessage`."""


@dataclass(frozen=True, slots=True)
class _Column:
    read: Callable[[str], object]
    name: str
    """What the value is called in a row: a field, or the relationship of a parent given by external id."""
    field: str
    """The field to clear for `#N/A`."""
    is_checkbox: bool = False


class RowReader:
    """The rows of one upload.

    Args:
        order: Says how the file is written and what its columns have to be.
        sobject: The rows' sObject.
        upload: The file; read from its start.

    Raises:
        InvalidBatch: The header is missing, names an unknown field, or the line ending is not the job's.

    Source: Bulk API 2.0, "Prepare Data to Ingest". Empty cells count as absent, `#N/A` as null.

    """

    def __init__(self, order: JobOrder, sobject: SObject, upload: IO[bytes]) -> None:
        self._order = order
        _check_line_ending(order, upload)
        text = io.TextIOWrapper(upload, encoding="utf-8-sig", newline="")
        self._text = text
        self._misshapen: list[str] = []
        self._lines = csv.reader(text, delimiter=DELIMITERS[order.column_delimiter])
        self.header: Sequence[str] = self._next_line() or []
        if not self.header:
            raise InvalidBatch("InvalidBatch : The upload has no header row")
        if len(self.header) > MAXIMUM_FIELDS:
            raise InvalidBatch(f"InvalidBatch : A record may have at most {MAXIMUM_FIELDS} fields")
        self._columns = [_column(sobject, name.strip()) for name in self.header]
        names = [column.name.lower() for column in self._columns]
        if len(set(names)) != len(names):
            raise InvalidBatch("InvalidBatch : A field is named twice in the header row")
        self._check_names(names)

    def chunk(self, rows: int) -> list[list[str]]:
        """Return the next rows as uploaded, fewer than asked for only at the end or before an unreadable row.

        Args:
            rows: How many at most.

        Raises:
            InvalidBatch: The next row cannot be read, or has more or fewer cells than the header; the text is
                unverified.

        """
        chunk: list[list[str]] = []
        while len(chunk) < rows:
            try:
                line = self._next_row()
            except InvalidBatch:
                if chunk:
                    return chunk
                raise
            if line is None:
                break
            chunk.append(line)
        return chunk

    def remaining(self, rows: int) -> Iterator[list[list[str]]]:
        """Yield what was not read yet in chunks of so many rows, up to the first row that is not CSV."""
        chunk: list[list[str]] = []
        if self._misshapen:
            chunk.append(self._misshapen)
        try:
            for line in iter(self._next_line, None):
                if line:
                    chunk.append(line)
                if len(chunk) == rows:
                    yield chunk
                    chunk = []
        except InvalidBatch:
            # What follows bytes that are not CSV has no rows to speak of.
            pass
        yield chunk

    def values(self, row: Sequence[str]) -> dict[str, object]:
        """Return the values of a row by field or relationship, without the cells that are empty.

        An empty checkbox of an insert is unchecked, also where the field's default is checked.
        """
        values: dict[str, object] = {}
        for column, cell in zip(self._columns, row, strict=True):
            if cell == "":
                if column.is_checkbox and self._order.operation == "insert":
                    values[column.name] = False
            elif cell == _NULL_CELL:
                values[column.field] = None
            else:
                values[column.name] = column.read(cell)
        return values

    def detach(self) -> None:
        """Let go of the file without closing it."""
        self._text.detach()

    def _next_row(self) -> list[str] | None:
        if not self._misshapen:
            line = self._next_line()
            while line == []:
                line = self._next_line()
            if line is None or len(line) == len(self.header):
                return line
            self._misshapen = line
        width = len(self._misshapen)
        raise InvalidBatch(f"InvalidBatch : Row has {width} columns and the header {len(self.header)}")

    def _next_line(self) -> list[str] | None:
        try:
            line = next(self._lines, None)
        except UnicodeDecodeError:
            raise InvalidBatch("InvalidBatch : The upload is not UTF-8") from None
        except csv.Error as error:
            raise InvalidBatch(f"InvalidBatch : The upload is not CSV: {error}") from None
        if line and sum(map(len, line)) > MAXIMUM_CELL:
            _check_size(line)
        return line

    def _check_names(self, names: Sequence[str]) -> None:
        operation = self._order.operation
        if operation in {"delete", "hardDelete"} and names != ["id"]:
            raise InvalidBatch(f"InvalidBatch : The '{operation}' batch must contain only ids")
        if operation == "update" and "id" not in names:
            raise InvalidBatch("InvalidBatch : Field name not found : Id")
        key = (self._order.external_id_field or "").lower()
        if operation == "upsert" and key not in names and key != "id":
            raise InvalidBatch(f"InvalidBatch : Field name not found : {self._order.external_id_field}")


def _check_size(line: Sequence[str]) -> None:
    if max(map(len, line)) > MAXIMUM_CELL:
        raise InvalidBatch(f"InvalidBatch : The upload is not CSV: field larger than field limit ({MAXIMUM_CELL})")
    if sum(map(len, line)) > MAXIMUM_RECORD:
        raise InvalidBatch(f"InvalidBatch : A record may have at most {MAXIMUM_RECORD} characters")


def _check_line_ending(order: JobOrder, upload: IO[bytes]) -> None:
    upload.seek(0)
    first_line = upload.readline(1_048_576)
    upload.seek(0)
    if not first_line.endswith(b"\n"):
        return
    found = "CRLF" if first_line.endswith(b"\r\n") else "LF"
    if found != order.line_ending:
        raise InvalidBatch(
            f"InvalidBatch : LineEnding is invalid on user data. Current LineEnding setting is {order.line_ending}"
        )


def _column(sobject: SObject, title: str) -> _Column:
    relationship, dot, key_field = title.partition(".")
    if not dot:
        field = sobject.field(title)
        if field is None:
            raise InvalidBatch(f"InvalidBatch : Field name not found : {title}")
        return _Column(str, field.name, field.name, is_checkbox=field.type == "boolean")
    # `User:Owner.Username` names the parent's sObject where the lookup allows several, and only there.
    parent, colon, relationship = relationship.rpartition(":")
    reference = sobject.relationship(relationship)
    if reference is None and colon:
        raise InvalidBatch(f"InvalidBatch : Unable to find relationship: {relationship}")
    if reference is None or not key_field:
        raise InvalidBatch(f"InvalidBatch : Field name not found : {title}")
    if colon and not reference.polymorphic:
        raise InvalidBatch(
            f"InvalidBatch : type is not needed for non polymorphic foreign key references: {relationship}"
        )
    return _Column(_parent_reader(reference, parent, key_field), relationship, reference.name)


def _parent_reader(reference: Field, parent: str, key_field: str) -> Callable[[str], object]:
    sobject = parent or (reference.reference_to[0] if not reference.polymorphic else "")
    attributes: dict[str, object] = {"attributes": {"type": sobject}} if sobject and reference.polymorphic else {}
    return lambda cell: attributes | {key_field: cell}
