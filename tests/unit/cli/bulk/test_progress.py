"""What a terminal shows of a load."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluicegate import Accepted, BulkLoad, Progress

from service.cli.bulk.progress import Extent, describe

LOAD = BulkLoad("t", "Lead", "insert", "processing", "750", 0, 0, datetime(2026, 1, 1, tzinfo=UTC), "")


def progress(received: int, size: int, processed: int = 0, failed: int = 0) -> Progress:
    """Return how far a load is."""
    return Progress(replace(LOAD, rows_processed=processed, rows_failed=failed), received, size)


def test_a_load_that_is_sent():
    """Rows are estimated by the bytes they take until all are there."""
    extent = Extent(10_000_000)
    extent.take(Accepted(LOAD), 100.0)
    extent.take(progress(1_000, 2_500_000), 101.0)

    line = describe("a.csv", extent, 101.0, 200)

    assert "a.csv ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌   0 %, 0 of ~4,000 rows, 2 of 10 MB sent" == line


def test_a_load_that_is_written():
    """The rate is that of rows that were tried, and tells the time that is left."""
    extent = Extent(1_000)
    extent.take(Accepted(LOAD), 100.0)
    extent.take(progress(4_000, 1_000, processed=1_000, failed=3), 110.0)

    line = describe("a.csv", extent, 110.0, 200)

    assert f"a.csv {'━' * 8}{'╌' * 22}  25 %, 1,000 of 4,000 rows, 100 rows/s, 30 s left, 3 failed" == line


def test_a_load_that_is_gone_on_with():
    """Rows of before count for the bar, and not for the rate."""
    extent = Extent(1_000)
    extent.take(Accepted(replace(LOAD, rows_processed=3_000), 3_001, 750), 100.0)
    extent.take(progress(4_000, 300, processed=3_500), 110.0)

    line = describe("a.csv", extent, 110.0, 200)

    assert line.endswith(" 88 %, 3,500 of 4,000 rows, 50 rows/s, 10 s left")


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (69, "a.csv 25 %, 1,000 of 4,000 rows, 100 rows/s, 30 s left, 1,234 failed"),
        (68, " 25 %, 1,000 of 4,000 rows, 100 rows/s, 30 s left, 1,234 failed"),
        (50, " 25 %, 1,000 of 4,000 rows, 100 rows/s, 30 s left"),
        (49, " 25 %, 1,000 of 4,000 rows, 100 rows/s"),
        (30, " 25 %, 1,000 of 4,000 rows"),
        (8, " 25 %"),
        (4, " 25"),
    ],
)
def test_a_narrow_terminal_leaves_facts_out(width: int, line: str):
    """A number that is cut would be read as another, so the last ones go as a whole."""
    extent = Extent(1_000)
    extent.take(Accepted(LOAD), 100.0)
    extent.take(progress(4_000, 1_000, processed=1_000, failed=1_234), 110.0)

    assert line == describe("a.csv", extent, 110.0, width)


def test_a_load_that_has_not_begun():
    """No rows are told before there are any."""
    extent = Extent(6_000_000)
    extent.take(Accepted(LOAD), 100.0)

    line = describe("a.csv", extent, 100.0, 200)

    assert line.endswith("   0 %, 0 of 6 MB sent")


@pytest.mark.parametrize(("seconds", "text"), [(120, "2 min left"), (7_200, "2.0 h left")])
def test_long_loads(seconds: int, text: str):
    """What takes long is told in minutes and hours."""
    extent = Extent(1_000)
    extent.take(Accepted(LOAD), 1.0)
    extent.take(progress(2_000, 1_000, processed=1_000), 1.0)

    assert describe("a.csv", extent, 1.0 + seconds, 200).endswith(text)


def test_data_of_unknown_size():
    """There is no bar before the end of the data, and one from then on."""
    extent = Extent(None)
    extent.take(Accepted(LOAD), 100.0)
    extent.take(progress(4_000, 3_000_000, processed=1_000, failed=3), 110.0)

    before = describe("standard input", extent, 110.0, 200)
    extent.data_bytes = 3_000_000
    after = describe("standard input", extent, 110.0, 200)

    assert "standard input: 1,000 of 4,000 rows so far, 100 rows/s, 3 MB sent, 3 failed" == before
    assert after.endswith("╌  25 %, 1,000 of 4,000 rows, 100 rows/s, 30 s left, 3 failed")


@given(st.integers(0, 300), st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from([None, 1_000]))
def test_it_fits(width: int, received: int, processed: int, size: int | None):
    """No terminal is too narrow."""
    extent = Extent(size)
    extent.take(Accepted(LOAD), 1.0)
    extent.take(progress(received, 500, processed=processed, failed=processed), 2.0)

    assert len(describe("leads.csv", extent, 3.0, width)) <= max(0, width - 1)
