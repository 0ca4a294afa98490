"""Where rows go, and where a query that was stopped goes on."""

import os
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec


class Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a query came."""

    resume_token: str
    """Lets it go on."""
    output_bytes: int
    """How many bytes of the output hold its rows so far."""


def read_progress(path: Path) -> Progress | None:
    """Return what a file says of an earlier run; None if there is no file.

    Raises:
        ValueError: It is no such file.
        OSError: It cannot be read.

    """
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Progress)
    except ValueError as error:
        raise ValueError(f"{path} is not the progress of a query; name a file that does not exist") from error


def write_progress(path: Path, progress: Progress) -> None:
    """Keep how far a query came; whoever reads finds this progress or the one before, never half of it."""
    draft = path.with_name(f"{path.name}.new")
    draft.write_bytes(msgspec.json.encode(progress))
    draft.replace(path)


class Place:
    """A file or the standard output, which counts what is written.

    Args:
        path: The file; None for the standard output.
        size: How many bytes of the file stay; what stands behind them was not finished.

    """

    def __init__(self, path: Path | None, size: int = 0) -> None:
        self._file: BinaryIO = sys.stdout.buffer if path is None else _opened(path, size)
        self._is_own = path is not None
        self.size = size

    def write(self, data: bytes) -> None:
        """Write and count."""
        self._file.write(data)
        self.size += len(data)

    def flush(self) -> None:
        """Hand on what was written."""
        self._file.flush()

    def close(self) -> None:
        """Hand on what was written, and close the file."""
        self._file.flush()
        if self._is_own:
            self._file.close()


def _opened(path: Path, size: int) -> BinaryIO:
    file = path.open("r+b" if size else "wb")
    if size:
        found = file.seek(0, os.SEEK_END)
        if found < size:
            file.close()
            raise ValueError(f"{path} has {found:,} bytes, and the query had written {size:,}; begin anew")
        file.truncate(size)
        file.seek(size)
    return file
