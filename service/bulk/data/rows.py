"""The caller's rows as the service remembers them: a digest of each, so that results find their row numbers again."""

from array import array
from collections.abc import Iterable, Iterator, Sequence

SEPARATOR = "\x1f"
"""Stands between cells in the text a digest is made of."""


def digest(cells: Sequence[str]) -> int:
    """Return the digest of a row's cells; see `digest_of_joined`."""
    return digest_of_joined(SEPARATOR.join(cells))


def digest_of_joined(cells: str) -> int:
    """Return a 64-bit digest of a row.

    Cells that are empty at the end of a row do not count, nor does how a line end within a cell is written, so that
    a row and its echo in a result file agree however it was padded and quoted. Python's own string hash is keyed
    anew in each process, so nobody can prepare two rows of one digest.

    Args:
        cells: The row's cells, joined by `SEPARATOR`.

    """
    if "\r" in cells:
        cells = cells.replace("\r\n", "\n")
    return hash(cells.rstrip(SEPARATOR))


class RowIndex:
    """Row numbers by digest. Equal rows are handed out one after another, in their order.

    A hash table of chains in flat arrays takes at most 16 bytes for each row; a dict would take twenty times as much.
    """

    def __init__(self) -> None:
        self._digests = array("q")
        self._heads = array("I")
        self._next = array("I")
        self._taken = 0

    def __len__(self) -> int:
        return len(self._digests)

    def add(self, digests: Iterable[int]) -> None:
        """Append rows."""
        self._digests.extend(digests)

    def build(self) -> None:
        """Make the table, after the last row was added and before the first is taken. Takes about 0.2 µs a row."""
        count = len(self._digests)
        size = 1 << max(count.bit_length() - 1, 0)
        heads = array("I", bytes(4 * size))
        following = array("I", bytes(4 * (count + 1)))
        mask = size - 1
        # From the last row to the first, so that each chain begins with its first row.
        for row in range(count, 0, -1):
            bucket = self._digests[row - 1] & mask
            following[row] = heads[bucket]
            heads[bucket] = row
        self._heads, self._next = heads, following

    def take(self, wanted: int) -> int | None:
        """Return the number of the first row of that digest that was not taken yet, and take it; None without one."""
        bucket = wanted & (len(self._heads) - 1)
        before = 0
        row = self._heads[bucket]
        while row and self._digests[row - 1] != wanted:
            before, row = row, self._next[row]
        if not row:
            return None
        if before:
            self._next[before] = self._next[row]
        else:
            self._heads[bucket] = self._next[row]
        # A row that follows itself is one that was taken: chains only lead to higher rows.
        self._next[row] = row
        self._taken += 1
        return row

    @property
    def left(self) -> int:
        """How many rows were not taken."""
        return len(self._digests) - self._taken

    def remaining(self) -> Iterator[int]:
        """Yield the numbers of the rows that were not taken, in order."""
        if self.left:
            yield from (row for row in range(1, len(self._digests) + 1) if self._next[row] != row)
