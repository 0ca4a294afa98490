"""Rows of a part found by their content: whatever they hold, each result line takes the number of a row like it."""

import csv
from collections import Counter
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from service.bulk.data.dialect import Delimiter
from service.bulk.data.rows import digest
from service.bulk.data.spool import Spool
from service.bulk.results.part_index import index_of

CELLS = st.text(st.sampled_from('ab,;"\n\t\x1f é'), max_size=4)


@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=20)
    ),
    delimiter=st.sampled_from([Delimiter.COMMA, Delimiter.SEMICOLON, Delimiter.TAB]),
    order=st.randoms(use_true_random=False),
)
def test_each_line_takes_a_row_of_its_content(rows, delimiter, order):
    """In whichever order lines come, rows with equal content are taken one after another, and none is left."""
    text = StringIO()
    writer = csv.writer(text, delimiter=delimiter.text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([[f"C{place}__c" for place in range(len(rows[0]))], *rows])
    lines = list(rows)
    order.shuffle(lines)

    with Spool() as content:
        content.write(text.getvalue().encode())
        index = index_of(content, delimiter)
    taken = [(index.take(digest(line)), line) for line in lines]

    assert list(range(1, len(rows) + 1)) == sorted(number or 0 for number, _ in taken)
    assert all(number is not None and trimmed(rows[number - 1]) == trimmed(line) for number, line in taken)
    assert 0 == index.left


def trimmed(row):
    """Return a row without what its digest leaves out."""
    return "\x1f".join(row).rstrip("\x1f")


def test_rows_without_quotes_are_found_too():
    """Plain rows are read without a look at single cells."""
    names = [f"N{number % 700}" for number in range(10_000)]
    with Spool() as content:
        content.write(b"LastName,Company\n" + "".join(f"{name},Radium\n" for name in names).encode())
        index = index_of(content, Delimiter.COMMA)

    taken = Counter(index.take(digest([name, "Radium"])) for name in reversed(names))

    assert Counter(range(1, 10_001)) == taken
    assert index.take(digest(["N1", "Radium"])) is None
