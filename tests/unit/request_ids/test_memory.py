"""What a replica remembers by itself."""

from hypothesis import given
from hypothesis import strategies as st

from service.request_ids.memory import Memory
from tests.support.clock import FakeClock


def test_an_outcome_is_remembered_until_it_expires():
    """It is there for the time it was given, and then gone."""
    clock = FakeClock()
    memory = Memory(clock)
    memory.put("k", b"digest", b"content", seconds=10)

    clock.advance(9)
    before = memory.get("k")
    clock.advance(1)
    after = memory.get("k")

    assert before is not None
    assert (b"digest", b"content") == (before.digest, before.content)
    assert (None, 0, 0) == (after, memory.entries, memory.size)


def test_the_least_recently_used_goes_first():
    """Asking for an outcome keeps it longer than its neighbours."""
    memory = Memory(FakeClock(), most_entries=2)
    memory.put("a", b"", b"", seconds=10)
    memory.put("b", b"", b"", seconds=10)
    memory.get("a")

    memory.put("c", b"", b"", seconds=10)

    assert [True, False, True] == [memory.get(key) is not None for key in "abc"]


def test_an_outcome_is_replaced():
    """Of one request the last outcome counts, once."""
    memory = Memory(FakeClock())
    memory.put("k", b"", b"one", seconds=10)
    memory.put("k", b"", b"other", seconds=10)

    found = memory.get("k")

    assert found is not None
    assert (b"other", 1, found.size) == (found.content, memory.entries, memory.size)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2_000))))
def test_the_bounds_hold(puts):
    """Neither the number nor the bytes pass their bounds, and the newest that fits is there."""
    memory = Memory(FakeClock(), most_entries=3, most_bytes=3_000)

    for key, length in puts:
        memory.put(key, b"", bytes(length), seconds=10)

        newest = memory.get(key)
        assert newest is not None
        assert len(newest.content) == length
        assert memory.entries <= 3
        assert memory.size <= 3_000
    held = [found.size for key in "abcdefgh" if (found := memory.get(key)) is not None]
    assert (len(held), sum(held)) == (memory.entries, memory.size)
