"""Rows by digest: numbers are found again, equal rows in turn."""

from hypothesis import given
from hypothesis import strategies as st

from service.bulk.data.rows import RowIndex, digest


def index_of(digests):
    index = RowIndex()
    index.add(digests)
    index.build()
    return index


@given(st.lists(st.integers(min_value=-3, max_value=3)), st.randoms(use_true_random=False))
def test_every_row_is_found_once(digests, random):
    """In whatever order results come, each digest gives its rows in order, and each row once."""
    index = index_of(digests)
    shuffled = list(digests)
    random.shuffle(shuffled)

    taken = [(wanted, index.take(wanted)) for wanted in shuffled]

    for value in set(digests):
        expected = [row for row, number in enumerate(digests, 1) if number == value]
        assert expected == [row for wanted, row in taken if wanted == value]
    assert index.left == 0
    assert list(index.remaining()) == []
    assert [index.take(value) for value in set(digests)] == [None] * len(set(digests))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=200), st.data())
def test_what_is_not_taken_remains(digests, data):
    """The rows left over are those that no result spoke of."""
    index = index_of(digests)
    taken = data.draw(st.sets(st.sampled_from(range(1, len(digests) + 1)))) if digests else set()

    found = {index.take(digests[row - 1]) for row in taken}

    assert taken == found
    assert [row for row in range(1, len(digests) + 1) if row not in taken] == list(index.remaining())
    assert index.left == len(digests) - len(taken)


def test_an_unknown_row_is_not_found():
    """A digest that was not added has no row, in an empty index too."""
    assert index_of([5]).take(6) is None
    assert index_of([]).take(6) is None


def test_many_equal_rows_cost_no_more_than_others():
    """A hundred thousand equal rows are handed out in one pass."""
    index = index_of([42] * 100_000)

    assert [index.take(42) for _ in range(100_000)] == list(range(1, 100_001))


def test_digests_ignore_padding_and_line_ends():
    """A row and its echo agree however it was padded and its line ends written; other rows differ."""
    assert digest(["a", "", "b\r\nc", "", ""]) == digest(["a", "", "b\nc"])
    assert digest(["a", "b"]) != digest(["ab"])
    assert digest(["", "a"]) != digest(["a"])
