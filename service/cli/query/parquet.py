"""Rows as a Parquet file, with the types of their columns."""

import io
import os
from typing import TYPE_CHECKING, Any

from sluicegate import Batch, ColumnDescription

from service.cli.query.places import Place
from service.cli.query.writers import COUNT

if TYPE_CHECKING:
    from service.cli.query.arrow import ArrowBatches

_GROUP_BYTES = 8 * 2**20
"""From which size on rows are written: groups of rows that are read together should be large, and are in memory."""


class ParquetWriter:
    """A Parquet file that is written group by group; what stands at its end makes it whole.

    Args:
        place: Where it goes.

    Raises:
        ValueError: pyarrow is not installed, or a terminal would show the file.

    """

    def __init__(self, place: Place) -> None:
        if place.is_terminal:
            raise ValueError("a Parquet file is not for a terminal; name a file with --output")
        # Arrow's own allocator keeps what it was given back: some 30 MiB more for a million rows than the system's.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        try:
            import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: F401, PLC0415 - large, and only for this
        except ImportError as error:
            raise ValueError(
                "-o parquet needs pyarrow: install the extra `parquet` (sluicegate[parquet]), or do pip install pyarrow"
            ) from error
        self._sink = _Sink(place)
        self._batches: ArrowBatches | None = None
        self._file: Any = None
        self._waiting: list[Any] = []
        self._waiting_bytes = 0

    def batch(self, batch: Batch) -> None:
        """Take the rows of a batch; they are written when there are enough of them.

        Raises:
            Unwritable: A value does not fit the type of its column.
            OSError: They cannot be written.

        """
        rows = self._begun(batch.descriptions).batch(batch)
        if batch.row_count:
            self._waiting.append(rows)
        self._waiting_bytes += rows.nbytes
        if self._waiting_bytes >= _GROUP_BYTES:
            self._write()

    def count(self, number: int) -> None:
        """Write it as the only row."""
        column = ColumnDescription(COUNT, "int64")
        self.batch(Batch({COUNT: [number]}, 1, number, descriptions=(column,)))

    def end(self) -> None:
        """Write what is waiting, and what makes the file whole."""
        if self._file is not None:
            self._write()
            self._file.close()

    def notes(self) -> list[str]:
        """Say what is not as it came."""
        rounded = {} if self._batches is None else self._batches.rounded
        return [
            f"column {name}: rounded {number:,} with more than 18 decimal places, the most that the file has"
            for name, number in rounded.items()
        ]

    def _begun(self, columns: tuple[ColumnDescription, ...]) -> "ArrowBatches":
        if self._batches is None:
            import pyarrow.parquet  # noqa: PLC0415 - large, and only for this

            from service.cli.query.arrow import ArrowBatches  # noqa: PLC0415 - imports pyarrow

            self._batches = ArrowBatches(columns)
            self._file = pyarrow.parquet.ParquetWriter(self._sink, self._batches.schema)
        return self._batches

    def _write(self) -> None:
        if self._waiting:
            import pyarrow as pa  # noqa: PLC0415 - large, and only for this

            rows = pa.Table.from_batches(self._waiting)
            self._file.write_table(rows, row_group_size=rows.num_rows)
            self._waiting, self._waiting_bytes = [], 0


class _Sink(io.RawIOBase):
    """A place as pyarrow writes to files."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = len(data)
        self._place.write(data)
        return size

    def tell(self) -> int:
        return self._place.size
