"""Texts of others in a line of a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cli.lines import to_line


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
def test_texts_in_a_line(text, line):
    """Letters of all scripts stay; what would move the cursor, colour the rest or turn its direction does not."""
    assert line == to_line(text)


@given(st.text())
def test_every_line_is_one_line(text):
    """Nothing that a terminal obeys is left of any text."""
    line = to_line(text)

    assert not set(line) & set(map(chr, range(32)))
    assert line.replace("\u200c", "").replace("\u200d", "").isprintable()
