"""Cells come back from the CSV that they are written as."""

import csv
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from service.bulk.data.cells import write_row
from service.bulk.data.dialect import Delimiter

cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def test_a_row_of_one_empty_cell_is_written_so_that_it_is_a_row():
    """An empty line would be no row at all."""
    assert write_row([""]) == '""\n'
    assert write_row(["", ""]) == ",\n"


@given(cells=st.lists(cell, min_size=1, max_size=5), missing=st.integers(0, 3), delimiter=st.sampled_from(Delimiter))
def test_a_row_is_written_to_its_width(cells, missing, delimiter):
    """Any cells come back, followed by as many empty ones as the table is wider."""
    line = write_row(cells, delimiter, len(cells) + missing)

    rows = csv.reader(StringIO(line, newline=""), strict=True, delimiter=delimiter.text)
    assert [[*cells, *[""] * missing]] == list(rows)
