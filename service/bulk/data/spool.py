"""Bytes kept until they are needed, and needed perhaps more than once: in memory at first, then in a temporary file."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from tempfile import TemporaryFile
from threading import Lock
from types import TracebackType
from typing import BinaryIO, Self, cast

from service import errors

LONGEST_BYTES = 100_000_000
"""As much as a spool takes that is given no limit: the upload of one job."""
MEMORY_BYTES = 1024 * 1024
CHUNK_BYTES = 256 * 1024
MOST_SPARE = 3
"""Files that wait for their next use; each is at most as long as a part."""
SPARE_BYTES = MOST_SPARE * LONGEST_BYTES
"""What they may hold of the disk."""


class SpoolFiles:
    """Temporary files that are used one time after another: to write over pages costs a tenth of having new ones.

    May be used from several threads.
    """

    def __init__(self) -> None:
        self._spare: list[BinaryIO] = []
        self._is_closed = False
        self._lock = Lock()

    def take(self) -> BinaryIO:
        """Return a file, whose content is of no meaning.

        Raises:
            OSError: None can be opened.

        """
        with self._lock:
            if self._spare:
                return self._spare.pop()
        return cast("BinaryIO", TemporaryFile(buffering=0))

    def give_back(self, file: BinaryIO) -> None:
        """Take a file back, from whoever needs it no more."""
        with self._lock:
            if not self._is_closed and len(self._spare) < MOST_SPARE:
                self._spare.append(file)
                return
        file.close()

    def close(self) -> None:
        """Free the files that wait, and each that comes back from now on. May be called twice."""
        with self._lock:
            self._is_closed = True
            spare, self._spare = self._spare, []
        for file in spare:
            file.close()


class Spool:
    """An append-only store with a limit. Closing it, or leaving its `with`, frees memory and file.

    Readers may be in other threads than the writer once all is written.

    Args:
        limit_bytes: What it takes.
        memory_bytes: From when on it uses a file.
        charge: Is told how many bytes are written before they are, and refuses those there is no room for; on closing,
            that they are gone.
        files: Where its file comes from and goes to; None for one of its own.

    """

    def __init__(
        self,
        *,
        limit_bytes: int = LONGEST_BYTES,
        memory_bytes: int = MEMORY_BYTES,
        charge: Callable[[int], None] | None = None,
        files: SpoolFiles | None = None,
    ) -> None:
        self._limit = limit_bytes
        self._memory_bytes = memory_bytes
        self._charge = charge
        self._charged = 0
        self._files = files
        self._memory = bytearray()
        self._file: BinaryIO | None = None
        self._is_closed = False
        self.size = 0
        """Bytes held."""

    def write(self, data: bytes) -> None:
        """Append.

        Raises:
            errors.MessageTooLarge: The limit would be passed; nothing is appended.
            errors.QueueFull: The disk is full, or no further file can be opened; nothing is appended.

        """
        self._check_size(self.size + len(data))
        if self._is_closed:
            raise ValueError("the spool is closed")
        if self._charge is not None:
            self._charge(len(data))
            self._charged += len(data)
        try:
            if self._file is None and self.size + len(data) > self._memory_bytes:
                self._begin_file()
            if self._file is None:
                self._memory += data
            else:
                _write_at(self._file.fileno(), data, self.size)
        except OSError as error:
            raise errors.QueueFull(
                "this replica has no room for more rows on its disk; go on with the load in a minute",
                metadata={"waiting_bytes": str(self.size)},
                retry_after_seconds=60.0,
            ) from error
        self.size += len(data)

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `end` in pieces of at most 256 KiB. Readers do not disturb another."""
        end = self.size if end is None else end
        while start < end:
            chunk = self._read(start, min(CHUNK_BYTES, end - start))
            start += len(chunk)
            yield chunk

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield all bytes from the start, each time anew."""
        for chunk in self.chunks():
            yield chunk

    def close(self) -> None:
        """Forget everything. May be called twice."""
        self._is_closed = True
        if self._charge is not None:
            self._charge(-self._charged)
            self._charged = 0
        self._memory = bytearray()
        file, self._file = self._file, None
        if file is None:
            return
        if self._files is None:
            file.close()
        else:
            self._files.give_back(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise errors.MessageTooLarge(
                f"a part of the load would need more than {self._limit:,} bytes; send half of its rows as another load",
                metadata={"size_bytes": str(size), "limit_bytes": str(self._limit)},
            )

    def _begin_file(self) -> None:
        """Go on in a file."""
        file = self._files.take() if self._files else cast("BinaryIO", TemporaryFile(buffering=0))  # noqa: SIM115 - close()
        try:
            _write_at(file.fileno(), self._memory, 0)
        except OSError:
            file.close()
            raise
        self._file = file
        self._memory = bytearray()

    def _read(self, start: int, size: int) -> bytes:
        if self._is_closed:
            raise ValueError("the spool is closed")
        file = self._file
        if file is None:
            with memoryview(self._memory) as held:
                return bytes(held[start : start + size])
        # No reader moves a place that another one reads or writes at.
        chunk = os.pread(file.fileno(), size, start)
        if not chunk:
            raise errors.InternalError("a file of rows is shorter than what was written to it")
        return chunk


def _write_at(descriptor: int, data: bytes | bytearray, start: int) -> None:
    """Write all of it; a system may take less at a time, as it does when the disk is nearly full."""
    written = os.pwrite(descriptor, data, start)
    with memoryview(data) as rest:
        while written < len(data):
            written += os.pwrite(descriptor, rest[written:], start + written)
