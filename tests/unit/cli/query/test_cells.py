"""Cells of a result as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cli.query.cells import to_line, to_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("a\nb", "a\nb"),
        (True, "true"),
        (7, "7"),
        (b"\x00\xff", "AP8="),
        ([], ""),
        (["A", "B"], "A;B"),
        ([{"Id": "1", "Body": b"x", "Name": "山"}], '[{"Id": "1", "Body": "eA==", "Name": "山"}]'),
    ],
)
def test_cells_as_text(value, text):
    """Each kind of value has one text, in CSV and in tables."""
    assert text == to_text(value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("山田 太郎", "山田 太郎"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("one\r\ntwo\tthree", "one⏎two three"),
        ("a\u00a0b", "a b"),
        ("\x1b[31mred\x07", "?[31mred?"),
        ("abc\u202edef\ufeff", "abcdef"),
    ],
)
def test_cells_in_a_line(text, line):
    """Letters of all scripts stay; what would move the cursor, colour the rest or turn its direction does not."""
    assert line == to_line(text)


@given(st.text())
def test_every_line_is_one_line(text):
    """Nothing that a terminal obeys is left of any text."""
    line = to_line(text)

    assert not set(line) & set(map(chr, range(32)))
    assert line.replace("\u200c", "").replace("\u200d", "").isprintable()
