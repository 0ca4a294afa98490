"""What a terminal shows of a reading."""

import pytest

from service.cli.query.display import Pace

WIDE = 100


def test_before_the_first_row():
    """How long the wait has been is all there is to say, of a query job for minutes."""
    pace = Pace(0, 100.0)

    assert "waiting for the first row, 1:05" == pace.line(165.0, WIDE)


def test_rows_share_rate_and_time_left():
    """The rate is that of the last seconds, and the time left follows from it."""
    pace = Pace(0, 0.0)
    pace.came(2000, 100_000, 60.0)
    pace.came(4000, 100_000, 61.0)

    line = pace.line(61.0, WIDE)

    assert "4,000 of 100,000 rows, 4 %, 0:48 left, 2,000 rows/s" == line


def test_the_rate_is_that_of_the_last_looks():
    """It follows what the org does now, and forgets how fast it was long ago."""
    pace = Pace(0, 0.0)
    lines = []
    for second, place in enumerate([*range(0, 60_000, 1_000), *range(59_100, 65_000, 100)]):
        pace.came(place, 10**6, second)
        lines.append(pace.line(second, WIDE))

    fast, turning, slow = (line.rpartition(", ")[2] for line in (lines[59], lines[62], lines[-1]))
    assert ("1,000 rows/s", "100 rows/s") == (fast, slow)
    assert turning not in {fast, slow}


def test_the_rows_that_were_asked_for_are_the_whole():
    """With --max-rows the share and the time left are those of the rows that will come."""
    pace = Pace(10_000, 0.0)
    pace.came(2000, 1_000_000, 1.0)
    pace.came(5000, 1_000_000, 2.0)

    assert pace.line(2.0, WIDE).startswith("5,000 of 10,000 rows, 50 %, 0:02 left")


def test_a_run_that_goes_on_is_as_fast_as_itself():
    """Rows of an earlier run count in the share, and not in the rate."""
    pace = Pace(0, 0.0)
    pace.came(900_000, 1_000_000, 1.0)
    pace.came(901_000, 1_000_000, 2.0)

    assert "901,000 of 1,000,000 rows, 90 %, 1:39 left, 1,000 rows/s" == pace.line(2.0, WIDE)


def test_a_pause_is_told():
    """A service that is being replaced, or an org that is slow, is no rate of zero."""
    pace = Pace(0, 0.0)
    pace.came(2000, 4000, 1.0)

    assert "2,000 of 4,000 rows, 50 %, nothing came for 0:09" == pace.line(10.0, WIDE)


@pytest.mark.parametrize("total", [0, 10])
def test_a_total_that_says_nothing(total):
    """A total that is not known, or that the rows have passed, is left out."""
    pace = Pace(0, 0.0)
    pace.came(2000, total, 1.0)

    assert "2,000 rows" == pace.line(1.0, WIDE)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (80, "4,000 of 100,000 rows, 4 %, 0:48 left, 2,000 rows/s"),
        (40, "4,000 of 100,000 rows, 4 %, 0:48 left"),
        (30, "4,000 of 100,000 rows, 4 %"),
        (10, "4,000 of 1"),
        (0, ""),
        (-1, ""),
    ],
)
def test_a_line_fits_the_terminal(width, expected):
    """What matters least is left out; a line that went on in the next one could not be taken back."""
    pace = Pace(0, 0.0)
    pace.came(2000, 100_000, 60.0)
    pace.came(4000, 100_000, 61.0)

    assert expected == pace.line(61.0, width)


def test_hours():
    """Long waits are told in hours."""
    assert "waiting for the first row, 1:02:03" == Pace(0, 0.0).line(3723.0, WIDE)
