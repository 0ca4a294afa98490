"""The data of loads, from any place on."""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluicegate import Reference
from sluicegate.bulk_data import Source, Start

DATA = bytes(range(256))


async def read(data, start: Start | None = None) -> bytes:
    """Read data whole."""
    pieces = [piece async for piece in Source(data).pieces(start or Start())]
    return b"".join(piece for piece in pieces if isinstance(piece, bytes))


async def cut(data: bytes, places: list[int]):
    """Yield data in pieces that end at places."""
    begin = 0
    for end in sorted(places):
        yield data[begin:end]
        begin = end
    yield data[begin:]


@given(st.integers(0, 20), st.integers(0, 260), st.lists(st.integers(0, 256)))
async def test_bytes_from_a_place_on(head: int, place: int, places: list[int]):
    """The header and everything from the place on come once, however the data is given and cut."""
    place = 0 if place < head else place
    expected = DATA[:head] + DATA[max(head, place) :]

    found = [await read(data, Start(head, place, 5)) for data in (DATA, cut(DATA, places), lambda: cut(DATA, places))]

    assert [expected] * 3 == found


async def test_a_file_from_a_place_on(tmp_path: Path):
    """A file is read from where it is needed."""
    path = tmp_path / "data"
    path.write_bytes(DATA)

    assert DATA[:10] + DATA[200:] == await read(path, Start(10, 200, 5))
    assert DATA == await read(path)


async def test_rows():
    """Rows become lines of JSON that the service reads, from a row on."""
    row = {
        "A": None,
        "B": Decimal("1E+2"),
        "C": datetime(2026, 1, 2, tzinfo=UTC),
        "D": date(2026, 1, 2),
        "E": time(1, 2),
        "F": b"x",
        "Account": Reference("Ext__c", "ü"),
        "G": True,
    }
    expected = {
        "A": None,
        "B": "100",
        "C": "2026-01-02T00:00:00+00:00",
        "D": "2026-01-02",
        "E": "01:02:00.000Z",
        "F": "eA==",
        "Account": {"Ext__c": "ü"},
        "G": True,
    }

    lines = (await read([{"A": 1}, row, row], Start(0, 0, 2))).splitlines()

    assert [expected, expected] == [json.loads(line) for line in lines]


@pytest.mark.parametrize("value", [object(), datetime(2026, 1, 1), Decimal("NaN"), float("inf"), {1}])  # noqa: DTZ001
async def test_rows_that_no_field_takes(value):
    """They are refused with their number."""
    with pytest.raises((TypeError, ValueError), match=r"^row 2: "):
        await read([{"A": 1}, {"A": value}])


def test_what_can_be_read_twice():
    """Iterators cannot, everything else can."""
    rows = [{"A": 1}]

    repeatable = [Source(data).is_repeatable for data in (b"", Path("x"), rows, lambda: iter(rows))]

    assert [True] * 4 == repeatable
    assert not Source(iter(rows)).is_repeatable
    assert not Source(cut(b"", [])).is_repeatable
