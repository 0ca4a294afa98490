"""Rows as Parquet files."""

import sys

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from sluicegate import Batch, ColumnDescription

from service.cli.query import parquet
from service.cli.query.parquet import ParquetWriter
from service.cli.query.places import Place

NUMBER = ColumnDescription("Number", "int64")


def numbers(*values: int) -> Batch:
    """Make a batch of one column."""
    return Batch({"Number": values}, len(values), 9, descriptions=(NUMBER,))


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    """Take back which allocator Arrow is told to use."""
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "system")


@pytest.fixture
def path(tmp_path):
    """Where the file will be."""
    return tmp_path / "rows.parquet"


@pytest.fixture
def place(path):
    """Open it."""
    place = Place(path)
    yield place
    place.leave()


@pytest.fixture
def writer(place):
    """Write to it."""
    return ParquetWriter(place)


def test_rows_of_all_batches(writer, path):
    """Batches that are small are one group of rows, in order."""
    for start in range(0, 9, 3):
        writer.batch(numbers(start, start + 1, start + 2))
    writer.end()

    assert list(range(9)) == pq.read_table(path)["Number"].to_pylist()
    assert 1 == pq.ParquetFile(path).num_row_groups


def test_rows_do_not_gather_without_bound(writer, path, monkeypatch):
    """From some size on rows are written, and a group is what was."""
    monkeypatch.setattr(parquet, "_GROUP_BYTES", 8 * 4)
    for start in range(0, 9, 3):
        writer.batch(numbers(start, start + 1, start + 2))
    written = path.stat().st_size
    writer.end()

    assert written > len(b"PAR1")
    assert [6, 3] == [pq.ParquetFile(path).metadata.row_group(number).num_rows for number in range(2)]


def test_no_rows_have_their_types(writer, path):
    """An empty result is a file with columns."""
    writer.batch(numbers())
    writer.end()

    assert [("Number", "int64")] == [(field.name, str(field.type)) for field in pq.read_schema(path)]
    assert 0 == pq.read_metadata(path).num_rows


def test_a_count_is_a_row(writer, path):
    """The answer of SELECT COUNT() has a column."""
    writer.count(7)
    writer.end()

    assert [{"count": 7}] == pq.read_table(path).to_pylist()


def test_rounded_values_are_told(writer):
    """Whoever reads the notes knows which column is not exact."""
    column = ColumnDescription("Rate__c", "decimal")
    writer.batch(Batch({"Rate__c": ["0.0000000000000000001", "1"]}, 2, 2, descriptions=(column,)))
    writer.end()

    (note,) = writer.notes()
    assert note.startswith("column Rate__c: rounded 1 ")


def test_without_pyarrow(place, monkeypatch):
    """Who lacks the package is told which extra brings it, before anything is asked of the org."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    with pytest.raises(ValueError, match=r"sluicegate\[parquet\]"):
        ParquetWriter(place)
