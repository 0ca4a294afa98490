"""Rows as tables."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from sluicegate import Batch, ColumnDescription

from service.cli.query.places import Place
from service.cli.query.tables import TableWriter

TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("山田👩\u200d👧é\u0301👍🏽🇩🇪\n\t "), max_size=60)


def printed(columns, width, *, kind="string", first_row=0) -> list[str]:
    """Return the lines of a table of texts."""
    descriptions = tuple(ColumnDescription(name, kind) for name in columns)
    count = len(next(iter(columns.values())))
    place = Memory()
    TableWriter(place, width).batch(Batch(columns, count, count, first_row=first_row, descriptions=descriptions))
    return place.text.decode().split("\n")[:-1]


class Memory(Place):
    """A place that keeps what is written."""

    def __init__(self) -> None:
        self.text = b""

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.text += data


def test_columns_are_as_wide_as_their_cells():
    """Texts stand left, numbers right, under their names; letters that are two wide count as two."""
    columns = {"Name": ["山田", "Curie"], "AnnualRevenue": ["12.5", None]}

    lines = (
        printed({"Name": columns["Name"]}, 80),
        printed({"AnnualRevenue": columns["AnnualRevenue"]}, 80, kind="decimal"),
    )

    assert ["", " Name", " ─────", " 山田", " Curie", ""] == lines[0]
    assert ["", " AnnualRevenue", " ─────────────", "          12.5", "", ""] == lines[1]


def test_the_longest_texts_are_cut_first():
    """Ids and numbers stay whole, and what is cut says so."""
    columns = {"Id": ["00Q010000000001EAA"], "Company": ["Radium"], "Description": ["word " * 40]}

    _, head, _, row, _ = printed(columns, 60)

    assert row.startswith(" 00Q010000000001EAA   Radium    word word")
    assert row.endswith("…")
    assert head.index("Company") == row.index("Radium")


def test_cells_have_lines_of_their_own_where_columns_do_not_fit():
    """Each row has its number in the whole result; nulls are left out, and long texts go on under themselves."""
    columns = {f"Field{number}": ["x" * 18, None] for number in range(4)} | {"Description": ["word " * 9, "山" * 9]}

    lines = printed(columns, 40, first_row=1999)

    assert "row 2,000" == lines[0]
    assert "Field0       " + "x" * 18 == lines[1]
    assert ["Description  word word word word word", "             word word word word"] == lines[5:7]
    assert ["", "row 2,001", "Description  " + "山" * 9, ""] == lines[7:]


def test_a_narrow_terminal_has_room_for_something():
    """However few columns a terminal has, names and texts can be guessed."""
    lines = printed({"Id": ["00Q010000000001EAA"], "NumberOfEmployees": [7]}, 5)

    assert ["row 1", "Id        00Q0100000", "          00001EAA", "NumberO…  7", ""] == lines


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=4), st.integers(60, 120))
@example([["山" * 60, "x"]], 60)
@example([["👩\u200d👩\u200d👧" * 20, "e\u0301" * 80]], 60)
def test_no_line_is_wider_than_the_terminal(texts, width):
    """Whatever the cells hold, each line is one line, and all of it can be seen."""
    lines = printed({f"c{number}": cells for number, cells in enumerate(texts)}, width)

    assert width >= max(map(cell_len, lines))
    assert all(line.isprintable() or set(line) & {"\u200c", "\u200d"} for line in lines)


@pytest.mark.parametrize("count", [0, 1_234_567])
def test_a_count_is_its_number(count):
    """The answer of SELECT COUNT() stands alone, for shells to read."""
    place = Memory()

    TableWriter(place, 80).count(count)

    assert f"{count}\n".encode() == place.text
