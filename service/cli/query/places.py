"""Where rows go, and where a query that was stopped goes on."""

import errno
import io
import os
import select
import stat
import sys
from pathlib import Path

import msgspec

_STANDARD_OUTPUT = 1


class Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a query came."""

    resume_token: str
    """Lets it go on."""
    output_bytes: int
    """How many bytes of the output hold its rows so far."""
    form: str
    """How they are written: `csv`, `json` or `jsonl`."""


def read_progress(path: Path, form: str) -> Progress | None:
    """Return what a file says of an earlier run; None if there is no file.

    Raises:
        ValueError: It is no such file, or the earlier run wrote its rows in another form.
        OSError: It cannot be read.

    """
    if not path.exists():
        return None
    try:
        progress = msgspec.json.decode(path.read_bytes(), type=Progress)
    except ValueError as error:
        raise ValueError(f"{path} is not the progress of a query; name a file that does not exist") from error
    if progress.form != form:
        raise ValueError(f"{path} is the progress of a query with -o {progress.form}, which goes on in no other form")
    return progress


def write_progress(path: Path, progress: Progress) -> None:
    """Keep how far a query came; whoever reads finds this progress or the one before, never half of it.

    Raises:
        OSError: It cannot be written; what the file said before still stands.

    """
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.write_bytes(msgspec.json.encode(progress))
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


class Place:
    """A file or the standard output, which counts what is written.

    A file keeps what it holds until something is written: a query that is refused costs nobody an earlier result.

    Args:
        path: The file; None for the standard output.
        size: How many bytes of the file stay; what stands behind them was not finished.

    Raises:
        ValueError: The file holds less than that.
        OSError: It cannot be written.

    """

    def __init__(self, path: Path | None, size: int = 0) -> None:
        self._path = path
        self._is_new = path is not None and not path.exists()
        self._file = _opened(path)
        found = os.fstat(self._file.fileno())
        self._is_regular = path is not None and stat.S_ISREG(found.st_mode)
        self._is_begun = False
        self.size = size
        if size and found.st_size < size:
            self._file.close()
            raise ValueError(f"{path} has {found.st_size:,} bytes, and the query had written {size:,}; begin anew")

    @property
    def name(self) -> str:
        """What a person calls it."""
        return "standard output" if self._path is None else str(self._path)

    @property
    def is_terminal(self) -> bool:
        """Tell whether a person sees what is written."""
        return self._file.isatty()

    @property
    def is_pipe(self) -> bool:
        """Tell whether another program reads what is written."""
        kind = os.fstat(self._file.fileno()).st_mode
        return stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)

    def write(self, data: bytes) -> None:
        """Write at once, and count.

        Raises:
            BrokenPipeError: Nobody reads any more.
            OSError: It cannot be written, as on a full disk; a part may have been.

        """
        self._begin()
        rest = memoryview(data)
        while rest:
            written = self._file.write(rest)
            if written is None:
                # Another program made the pipe that both share one that does not wait.
                select.select([], [self._file], [])
                continue
            rest = rest[written:]
            self.size += written

    def cut(self, size: int) -> None:
        """Take back what was written behind so many bytes, where that can be done."""
        if self._is_regular and self._is_begun:
            self._file.truncate(size)
            self._file.seek(size)
            self.size = size

    def close(self) -> None:
        """Close it; a file holds nothing but what was written."""
        self._begin()
        self._file.close()

    def leave(self) -> None:
        """Close it; if nothing was written, a file is what it was before."""
        self._file.close()
        if self._is_new and not self._is_begun and self._path is not None:
            self._path.unlink(missing_ok=True)

    def _begin(self) -> None:
        if not self._is_begun:
            self._is_begun = True
            self.cut(self.size)


def _opened(path: Path | None) -> io.FileIO:
    """Open it without a buffer, so that no failure waits for the end."""
    if path is None:
        if sys.stdout is None:  # as Python leaves it where the shell closed it; the number may be another file's by now
            raise OSError(errno.EBADF, "is closed", "standard output")
        return io.FileIO(_STANDARD_OUTPUT, "wb", closefd=False)
    return io.FileIO(os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "wb")
