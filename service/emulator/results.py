"""The result files of an ingest job: which rows went through, which did not and why."""

import csv
import io
import random
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO

from service.emulator.faults import SalesforceFault

BATCH_ROWS = 10_000
"""Rows Salesforce processes as one internal batch; batches end in any order."""

_IN_MEMORY_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
_SEED = 20_100  # any number: the order has to differ from the upload's, and be the same in every run


class _ResultFile:
    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - see close

    def append(self, rows: Sequence[Sequence[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        self._file.seek(0, io.SEEK_END)
        self._file.write(text.getvalue().encode())

    def pieces(self) -> Iterator[bytes]:
        position = 0
        while True:
            # The place is kept here: two downloads may be under way at once.
            self._file.seek(position)
            piece = self._file.read(_PIECE_BYTES)
            if not piece:
                return
            position += len(piece)
            yield piece

    def close(self) -> None:
        self._file.close()


class Results:
    """The outcomes of one job, as CSV in no useful order: each batch's rows are shuffled, the same way in every run.

    Source: Bulk API 2.0, "Get Job Successful Record Results", "… Failed …" and "… Unprocessed Record Results".
    """

    def __init__(self) -> None:
        self._random = random.Random(_SEED)  # noqa: S311 - no secret
        self._succeeded = _ResultFile()
        self._failed = _ResultFile()
        self._unprocessed = _ResultFile()
        self._succeeded_batch: list[Sequence[str]] = []
        self._failed_batch: list[Sequence[str]] = []

    def start(self, header: Sequence[str]) -> None:
        """Write the header rows.

        Args:
            header: The columns of the upload.

        """
        self._succeeded.append([["sf__Id", "sf__Created", *header]])
        self._failed.append([["sf__Id", "sf__Error", *header]])
        self._unprocessed.append([header])

    def succeed(self, record_id: str, row: Sequence[str], *, created: bool) -> None:
        """Note a row that was written."""
        self._succeeded_batch.append([record_id, "true" if created else "false", *row])

    def fail(self, record_id: str, row: Sequence[str], fault: SalesforceFault) -> None:
        """Note a row that was refused.

        Args:
            record_id: The id the row named; empty when it named none.
            row: The cells as uploaded.
            fault: Why.

        """
        fields = f"{' '.join(fault.fields)} --" if fault.fields else "--"
        self._failed_batch.append([record_id, f"{fault.error_code}:{fault.message}:{fields}", *row])

    def skip(self, rows: Sequence[Sequence[str]]) -> None:
        """Note rows that were never tried."""
        self._unprocessed.append(rows)

    def flush(self) -> None:
        """End a batch: write its outcomes to the files."""
        for batch, file in ((self._succeeded_batch, self._succeeded), (self._failed_batch, self._failed)):
            file.append(_shuffled(batch, self._random))
            batch.clear()

    def succeeded(self) -> Iterator[bytes]:
        """Return the file of `successfulResults` in pieces."""
        return self._succeeded.pieces()

    def failed(self) -> Iterator[bytes]:
        """Return the file of `failedResults` in pieces."""
        return self._failed.pieces()

    def unprocessed(self) -> Iterator[bytes]:
        """Return the file of `unprocessedrecords` in pieces."""
        return self._unprocessed.pieces()

    def close(self) -> None:
        """Free the files."""
        for file in (self._succeeded, self._failed, self._unprocessed):
            file.close()


def _shuffled(rows: list[Sequence[str]], source: random.Random) -> list[Sequence[str]]:
    shuffled = list(rows)
    source.shuffle(shuffled)
    if shuffled == rows:
        # Few rows may come out unchanged, and a client would come to rely on that.
        shuffled.reverse()
    return shuffled
