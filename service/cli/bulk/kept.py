"""A file beside the data from which a command that broke off goes on."""

from pathlib import Path
from typing import Generic, TypeVar

import msgspec
from sluicegate import TokenFile

S = TypeVar("S", bound=msgspec.Struct)


def read_kept(path: Path, kind: type[S], problem: str) -> S:
    """Return what a file keeps.

    Args:
        path: The file.
        kind: What it is to keep.
        problem: What is said of a file that keeps something else, after its name.

    Raises:
        ValueError: It is no such file.
        OSError: It cannot be read.

    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except ValueError as error:
        raise ValueError(f"{path} {problem}") from error


def put_back(file: TokenFile, before: str) -> None:
    """Leave a file as it was found: with what it held, or not there at all."""
    if before:
        file.store(before)
    else:
        file.remove()


class KeptFile(Generic[S]):
    """Keeps something in a file that nobody else goes on with.

    Args:
        file: The file, entered.
        kept: What it is to hold.

    """

    def __init__(self, file: TokenFile, kept: S) -> None:
        self._file = file
        self.kept = kept

    def store(self, kept: S) -> None:
        """Have it on the disk when this returns.

        Raises:
            OSError: It cannot be written.

        """
        self._file.store(msgspec.json.format(msgspec.json.encode(kept)).decode())
        self.kept = kept
