"""The forms in which rows are written for programs."""

import csv
import io
import json
from typing import Protocol

from sluicegate import Batch

from service.cli.query.cells import to_text
from service.cli.query.places import Place

COUNT = "count"
"""What the number of `SELECT COUNT()` is called where it needs a name."""


class Unwritable(Exception):
    """Rows cannot be written: the text says where, and why."""


class Writer(Protocol):
    """Writes a result in one form."""

    def count(self, number: int) -> None:
        """Write the answer of `SELECT COUNT()`, which has no rows."""

    def end(self) -> None:
        """Make what was written whole."""


class BatchWriter(Writer, Protocol):
    """Writes batches in one form."""

    def batch(self, batch: Batch) -> None:
        """Write the rows of a batch."""


class CsvWriter:
    """Comma-separated values (RFC 4180) with a head.

    Args:
        place: Where they go.
        has_head: Whether the head is there already.

    """

    def __init__(self, place: Place, *, has_head: bool) -> None:
        self._place = place
        self._has_head = has_head

    def batch(self, batch: Batch) -> None:
        """Write the rows of a batch."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if not self._has_head and batch.columns:
            writer.writerow(batch.columns)
            self._has_head = True
        columns = [list(map(to_text, values)) for values in batch.columns.values()]
        writer.writerows(zip(*columns, strict=True))
        self._place.write(text.getvalue().encode())

    def count(self, number: int) -> None:
        """Write it as a row under a head."""
        self._place.write(f"{COUNT}\r\n{number}\r\n".encode())

    def end(self) -> None:
        """Do nothing: each row is whole."""


class JsonWriter:
    """JSON: a line for each row, or an array of them.

    Args:
        place: Where it goes.
        is_array: Whether it is an array.

    """

    def __init__(self, place: Place, *, is_array: bool) -> None:
        self._place = place
        self._is_array = is_array
        self._has_rows = place.size > 0
        """An array that goes on has at least one row: without any there is nothing to go on behind."""

    def lines(self, lines: bytes) -> None:
        """Write lines as the service sends them."""
        if not self._is_array or not lines:
            self._place.write(lines)
            return
        # No line feed stands inside of a line: JSON writes those of texts as `\n`.
        self._place.write((b",\n" if self._has_rows else b"[\n") + lines[:-1].replace(b"\n", b",\n"))
        self._has_rows = True

    def count(self, number: int) -> None:
        """Write the answer of `SELECT COUNT()` as a row."""
        self.lines(json.dumps({COUNT: number}, separators=(",", ":")).encode() + b"\n")

    def end(self) -> None:
        """Make it whole."""
        if self._is_array:
            self._place.write(b"\n]\n" if self._has_rows else b"[]\n")
