"""Cells of a result as text."""

import pytest

from service.cli.query.cells import to_text


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
