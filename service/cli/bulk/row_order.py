"""Lines by the numbers of their rows, however many there are: what does not fit in memory waits in a file."""

import heapq
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import IO

import msgspec

_HELD_BYTES = 16 * 1024 * 1024
_LINE_BYTES = 150
"""About what a line takes in memory beside its text."""
_READ_BYTES = 64 * 1024
_BY_NUMBER = itemgetter(0)


def in_order(lines: Iterable[Sequence[str]], place: int, folder: Path) -> Iterator[list[str]]:
    """Yield lines in ascending order of a number that each has; those without one last.

    Args:
        lines: The lines, as cells.
        place: Which cell has the number; it may be empty.
        folder: Where the file may be that is gone in the end.

    Raises:
        OSError: There is no room for it.

    """
    with tempfile.TemporaryFile(dir=folder) as file:
        held: list[tuple[int, bytes]] = []
        runs: list[tuple[int, int]] = []
        size = 0
        for line in lines:
            text = msgspec.json.encode(line)
            held.append((int(line[place] or sys.maxsize), text))
            size += len(text) + _LINE_BYTES
            if size > _HELD_BYTES:
                runs.append(_put_down(held, file))
                held, size = [], 0
        held.sort(key=_BY_NUMBER)
        for _, text in heapq.merge(*(_run(file, *run) for run in runs), held, key=_BY_NUMBER):
            yield msgspec.json.decode(text, type=list[str])


def _put_down(held: list[tuple[int, bytes]], file: IO[bytes]) -> tuple[int, int]:
    held.sort(key=_BY_NUMBER)
    begin = file.tell()
    file.writelines(b"%d %s\n" % line for line in held)
    return begin, file.tell()


def _run(file: IO[bytes], at: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a run, reading a piece at a time: others read the same file meanwhile."""
    rest = b""
    while at < end:
        file.seek(at)
        piece = file.read(min(_READ_BYTES, end - at))
        at += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            number, _, text = line.partition(b" ")
            yield int(number), text
