"""Bytes kept until they are needed, and needed perhaps more than once: in memory at first, then in a temporary file."""

from collections.abc import AsyncIterator, Callable, Iterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

from service import errors

MAX_LOAD_BYTES = 100_000_000
"""CSV of one load, the most that one job of Bulk API 2.0 safely takes."""
MEMORY_BYTES = 1024 * 1024
CHUNK_BYTES = 256 * 1024


class Spool:
    """An append-only store with a limit. Closing it, or leaving its `with`, frees memory and file.

    Args:
        limit_bytes: What it takes.
        memory_bytes: From when on it uses a file.
        charge: Is told how many bytes are written before they are, and refuses those there is no room for; on closing,
            that they are gone.

    """

    def __init__(
        self,
        *,
        limit_bytes: int = MAX_LOAD_BYTES,
        memory_bytes: int = MEMORY_BYTES,
        charge: Callable[[int], None] | None = None,
    ) -> None:
        self._file = SpooledTemporaryFile(max_size=memory_bytes)  # noqa: SIM115 - closed by close()
        self._limit = limit_bytes
        self._charge = charge
        self._charged = 0
        self.size = 0
        """Bytes held."""

    def write(self, data: bytes) -> None:
        """Append.

        Raises:
            errors.MessageTooLarge: The limit would be passed; nothing is appended.
            errors.QueueFull: The disk is full, or no further file can be opened; nothing is appended.

        """
        check_size(self.size + len(data), self._limit)
        if self._charge is not None:
            self._charge(len(data))
            self._charged += len(data)
        try:
            self._file.seek(self.size)
            self._file.write(data)
            # What is buffered might not fit when nobody looks any more.
            self._file.flush()
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
            self._file.seek(start)
            chunk = self._file.read(min(CHUNK_BYTES, end - start))
            start += len(chunk)
            yield chunk

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield all bytes from the start, each time anew."""
        for chunk in self.chunks():
            yield chunk

    def close(self) -> None:
        """Forget everything."""
        self._file.close()
        if self._charge is not None:
            self._charge(-self._charged)
            self._charged = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def check_size(size: int, limit: int = MAX_LOAD_BYTES) -> None:
    """Raise `errors.MessageTooLarge` when a load of that many bytes of CSV is larger than the limit."""
    if size > limit:
        raise errors.MessageTooLarge(
            f"a load takes at most {limit:,} bytes of CSV; send the rest as another load",
            metadata={"size_bytes": str(size), "limit_bytes": str(limit)},
        )
