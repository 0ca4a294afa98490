"""The formats of bulk data, and the one face of their readers."""

from collections.abc import Iterator
from enum import Enum
from typing import Protocol

from service.bulk.csv_rows import CsvReader
from service.bulk.json_lines import JsonLinesReader
from service.bulk.rows import RowIndex


class Format(Enum):
    """How the caller writes bulk data."""

    CSV = "csv"
    JSON_LINES = "json_lines"
    BATCHES = "batches"


class DataReader(Protocol):
    """Turns the caller's bytes into CSV for Salesforce while it remembers each row."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns as far as they are known."""
        ...

    @property
    def index(self) -> RowIndex:
        """The rows so far."""
        ...

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes, cut anywhere; return CSV as far as it is ready."""
        ...

    def finish(self) -> Iterator[bytes]:
        """Yield the rest of the CSV."""
        ...

    def close(self) -> None:
        """Free what the reader holds."""
        ...


def reader_for(data_format: Format) -> DataReader:
    """Return a new reader of a format."""
    return CsvReader() if data_format is Format.CSV else JsonLinesReader()
