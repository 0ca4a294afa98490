"""Bytes are kept, read as often as needed, and limited."""

import errno
import os
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.bulk.data.spool import CHUNK_BYTES, MOST_SPARE, Spool, SpoolFiles


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


@pytest.mark.parametrize("is_partly_taken", [True, False])
def test_a_full_disk_is_said_so(monkeypatch, is_partly_taken):
    """Rows that no disk takes are refused for a while, and what was kept before stays."""
    write = os.pwrite
    taken = [1] if is_partly_taken else []

    def full(descriptor, data, start):
        if taken:
            return write(descriptor, data[: taken.pop()], start)
        raise OSError(errno.ENOSPC, "No space left on device")

    with Spool(memory_bytes=1) as spool:
        spool.write(b"12345")
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", full)
            with pytest.raises(errors.QueueFull, match="no room") as caught:
                spool.write(b"678")

        assert 60.0 == caught.value.retry_after_seconds
        assert b"12345" == b"".join(spool.chunks())
        assert 5 == spool.size
        spool.write(b"9")
        assert b"123459" == b"".join(spool.chunks())


@given(
    pieces=st.lists(st.binary(max_size=40), max_size=20),
    memory_bytes=st.integers(0, 200),
    most=st.integers(1, 50),
    start=st.integers(0, 300),
)
def test_whatever_a_system_takes_at_a_time_all_is_kept(pieces, memory_bytes, most, start):
    """Pieces of any size are what comes out again, from anywhere on, in memory, in a file and in both by turns."""
    write, data = os.pwrite, b"".join(pieces)
    files = SpoolFiles()
    with pytest.MonkeyPatch.context() as patch, closing(files):
        patch.setattr(os, "pwrite", lambda descriptor, piece, at: write(descriptor, piece[:most], at))
        for _ in range(2):
            with Spool(memory_bytes=memory_bytes, files=files) as spool:
                for piece in pieces:
                    spool.write(piece)

                assert data[start:] == b"".join(spool.chunks(start))


def test_files_are_used_again_and_none_stays_open():
    """A spool's file is the next one's, which holds nothing of it; what comes back after the end is closed."""
    files = SpoolFiles()
    first = files.take()
    files.give_back(first)
    with Spool(memory_bytes=0, files=files) as spool, Spool(memory_bytes=0, files=files) as late:
        spool.write(b"123")
        spool.close()
        late.write(b"4")

        assert [b"4"] == list(late.chunks())
        assert [] == files._spare
        files.close()

    assert first.closed


def test_few_files_wait():
    """Files that are given back beyond a few are closed at once: each holds as much of the disk as a part."""
    files = SpoolFiles()
    taken = [files.take() for _ in range(MOST_SPARE + 2)]

    for file in taken:
        files.give_back(file)

    assert [False] * MOST_SPARE + [True] * 2 == [file.closed for file in taken]
    files.close()
    assert all(file.closed for file in taken)


@pytest.mark.parametrize("memory_bytes", [100, 0])
def test_a_closed_spool_is_of_no_use(memory_bytes):
    """Whoever goes on with one is told, and does not read what another spool has written since."""
    spool = Spool(memory_bytes=memory_bytes)
    spool.write(b"1")
    chunks = spool.chunks()
    spool.close()

    with pytest.raises(ValueError, match="closed"):
        next(chunks)
    with pytest.raises(ValueError, match="closed"):
        spool.write(b"2")
