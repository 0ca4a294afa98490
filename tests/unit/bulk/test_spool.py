"""Bytes are kept, read as often as needed, and limited."""

import errno

import pytest

from service import errors
from service.bulk.spool import CHUNK_BYTES, Spool


@pytest.mark.parametrize("memory_bytes", [1 << 24, 10])
async def test_bytes_are_read_as_often_as_needed(memory_bytes):
    """Readers start anew and do not disturb each other or a writer, in memory and in a file."""
    with Spool(memory_bytes=memory_bytes) as spool:
        spool.write(b"a" * CHUNK_BYTES)
        spool.write(b"b" * 10)
        first = spool.chunks()

        begun = next(first)
        again = b"".join([chunk async for chunk in spool.stream()])
        spool.write(b"c")
        rest = b"".join(first)

        assert again == b"a" * CHUNK_BYTES + b"b" * 10
        assert begun + rest == again
        assert b"".join(spool.chunks(CHUNK_BYTES + 9)) == b"bc"
        assert b"".join(spool.chunks(0, 3)) == b"aaa"
        assert spool.size == CHUNK_BYTES + 11


def test_a_spool_has_a_limit():
    """What would pass the limit is refused with both sizes, and nothing of it is kept."""
    with Spool(limit_bytes=5) as spool:
        spool.write(b"12345")

        with pytest.raises(errors.MessageTooLarge, match="another load") as caught:
            spool.write(b"6")

        assert caught.value.metadata == {"size_bytes": "6", "limit_bytes": "5"}
        assert b"".join(spool.chunks()) == b"12345"


def test_a_full_disk_is_said_so(monkeypatch):
    """Rows that no disk takes are refused for a while, and what was kept before stays."""

    def full(_data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with Spool(memory_bytes=1) as spool:
        spool.write(b"12345")
        with monkeypatch.context() as patched:
            patched.setattr(spool._file, "write", full)
            with pytest.raises(errors.QueueFull, match="no room") as caught:
                spool.write(b"678")

        assert 60.0 == caught.value.retry_after_seconds
        assert b"12345" == b"".join(spool.chunks())
        assert 5 == spool.size
