"""Result files of bulk jobs."""

import csv
import io
from collections.abc import Callable, Iterator

import pytest

from service.emulator.faults import SalesforceFault
from service.emulator.results import Results


def read(pieces) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(pieces).decode())))


Fill = Callable[[int], Results]


@pytest.fixture
def made() -> Iterator[list[Results]]:
    """The results a test made, closed when it ends."""
    made: list[Results] = []
    yield made
    for results in made:
        results.close()


@pytest.fixture
def results(made: list[Results]) -> Results:
    """Empty results."""
    results = Results()
    made.append(results)
    return results


@pytest.fixture
def filled(made) -> Fill:
    """Make results of so many rows that all went through."""

    def fill(count: int) -> Results:
        results = Results()
        made.append(results)
        results.start(["LastName"])
        for number in range(count):
            results.succeed(f"003{number}", [f"name {number}"], created=True)
        results.flush()
        return results

    return fill


def test_the_order_is_not_the_uploads(filled):
    """Even two rows come back in another order, the same one in every run, and none is lost."""
    for count in (2, 3, 50):
        rows = read(filled(count).succeeded())

        assert rows[0] == ["sf__Id", "sf__Created", "LastName"]
        assert sorted(rows[1:]) == sorted(["003" + str(n), "true", f"name {n}"] for n in range(count))
        assert [f"name {n}" for n in range(count)] != [row[2] for row in rows[1:]]
        assert rows == read(filled(count).succeeded())


def test_no_batch_keeps_its_order(results):
    """Of many small batches, of which chance would leave some alone, none comes back as uploaded."""
    results.start(["LastName"])
    for _ in range(40):
        results.succeed("003a", ["first"], created=True)
        results.succeed("003b", ["second"], created=True)
        results.flush()

    rows = read(results.succeeded())[1:]

    assert [row[2] for row in rows] == ["second", "first"] * 40


def test_the_text_of_a_failure(results):
    """A failure reads `CODE:message:fields --`, and `CODE:message:--` without fields."""
    results.start(["Phone"])
    results.fail(
        "", ["1"], SalesforceFault(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [A, B]", ["A", "B"])
    )
    results.fail("003x", ["2"], SalesforceFault(400, "DUPLICATE_VALUE", "duplicate value found"))
    results.flush()

    rows = read(results.failed())

    assert rows[0] == ["sf__Id", "sf__Error", "Phone"]
    assert ["", "REQUIRED_FIELD_MISSING:Required fields are missing: [A, B]:A B --", "1"] in rows
    assert ["003x", "DUPLICATE_VALUE:duplicate value found:--", "2"] in rows


def test_every_cell_is_quoted(filled):
    """Results are quoted throughout, as Salesforce writes them."""
    assert b"".join(filled(1).succeeded()) == b'"sf__Id","sf__Created","LastName"\n"0030","true","name 0"\n'


def test_two_downloads_at_once(filled):
    """A file may be read twice at the same time, piece by piece."""
    results = filled(20_000)

    pieces = list(zip(results.succeeded(), results.succeeded(), strict=True))

    assert len(pieces) > 1
    assert all(one == other for one, other in pieces)


def test_rows_never_tried(results):
    """Unprocessed rows come back as uploaded, without extra columns."""
    results.start(["LastName"])
    results.skip([["a"], ["b"]])

    assert read(results.unprocessed()) == [["LastName"], ["a"], ["b"]]
