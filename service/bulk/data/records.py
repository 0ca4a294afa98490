"""Cutting a stream of bytes into blocks of whole CSV records or whole lines."""

from collections.abc import Iterator

BLOCK_BYTES = 96 * 1024
MAX_RECORD_BYTES = 4 * 1024 * 1024
"""What one record may take before it ends; well above Salesforce's 400,000 characters in any script."""
_MOST_WALKED = 256


class RecordBuffer:
    """Holds bytes back until a record ends. A line end within double quotes does not end a record.

    Blocks are at least 96 KiB, so that the cost of a record does not depend on how the caller cuts the stream.

    Args:
        quoted: Whether double quotes protect line ends (CSV) or not (JSON Lines).

    """

    def __init__(self, *, quoted: bool) -> None:
        self._quoted = quoted
        self._held = bytearray()
        self._look_at = BLOCK_BYTES
        # Up to where no record ends, and whether a quote is open there.
        self._seen = 0
        self._odd = 0

    @property
    def overlong(self) -> bool:
        """Whether a record is open that no block will end within reason."""
        return len(self._held) > MAX_RECORD_BYTES

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """Yield a chunk in pieces, each to be fed before the next is taken: none makes a block larger than need be."""
        start = 0
        while start < len(chunk):
            end = start + self._look_at - len(self._held)
            yield chunk[start:end]
            start = end

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes and return the next block of whole records, or nothing yet."""
        self._held += chunk
        if len(self._held) < self._look_at:
            return b""
        end = self._last_end()
        with memoryview(self._held) as held:
            block = bytes(held[:end])
        del self._held[:end]
        # The next look waits for another block's worth: a long record is not searched again for every byte.
        self._look_at = len(self._held) + BLOCK_BYTES
        return block

    def finish(self) -> bytes:
        """Return whatever is held, whole or not, with a line end at its end."""
        rest = bytes(self._held)
        self._held.clear()
        return rest if not rest or rest.endswith(b"\n") else rest + b"\n"

    def _last_end(self) -> int:
        """Return the offset behind the last line end that stands outside quotes; 0 without one.

        Only bytes that were not looked at before are read, so a quote that is never closed costs no more than others.
        """
        stop = self._held.rfind(b"\n") + 1
        if not self._quoted or stop <= self._seen:
            return 0 if self._quoted else stop
        # Looking for one is many times faster than counting them.
        first = self._held.find(b'"', self._seen, stop)
        odd = 0 if first < 0 else self._held.count(b'"', first, stop) % 2
        if odd == self._odd:
            self._seen, self._odd = 0, 0
            return stop
        # An open quote is as a rule closed within a few cells before the end: they are walked back over one by one.
        end, is_within = stop, True
        for _ in range(_MOST_WALKED):
            quote = self._held.rfind(b'"', self._seen, end)
            found = 0 if is_within else self._held.rfind(b"\n", max(quote, self._seen), end) + 1
            if found:
                self._seen, self._odd = 0, 0
                return found
            if quote < 0:
                break
            end, is_within = quote, not is_within
        else:
            return self._last_end_of_many(stop)
        self._seen, self._odd = stop, 1
        return 0

    def _last_end_of_many(self, stop: int) -> int:
        """Do the same for data of many quotes and few records, where walking back would take too long."""
        parts = self._held[self._seen : stop].split(b'"')
        # Parts stand outside and within quotes by turns.
        is_within = self._odd ^ (len(parts) - 1) % 2
        start = stop
        for part in reversed(parts):
            start -= len(part)
            end = 0 if is_within else part.rfind(b"\n") + 1
            if end:
                self._seen, self._odd = 0, 0
                return start + end
            is_within ^= 1
            start -= 1
        self._odd ^= (len(parts) - 1) % 2
        self._seen = stop
        return 0


def split_records(block: bytes) -> Iterator[bytes]:
    """Yield the records of a block one by one; an empty line is a record of its own."""
    start = 0
    while start < len(block):
        end = _end_of_record(block, start)
        yield block[start:end] if block.endswith(b"\n", start, end) else block[start:end] + b"\n"
        start = end


def _end_of_record(block: bytes, start: int) -> int:
    """Return where a record ends. What stands between quotes is leapt over, however many line ends are in it."""
    at = start
    while (end := block.find(b"\n", at)) >= 0:
        if not block.count(b'"', at, end) % 2:
            return end + 1
        at = block.find(b'"', end) + 1
        if not at:
            break
    return len(block)
