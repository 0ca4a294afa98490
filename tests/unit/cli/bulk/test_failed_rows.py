"""The file of rows that were not written."""

import csv
from pathlib import Path

import pytest
from sluicegate import BulkPart, RowResult

from service.cli.bulk.failed_rows import COLUMNS, FailedRows


def failed(row: int, part: int) -> RowResult:
    """Return a row that was refused."""
    return RowResult(row, "failed", "", "FIELD_TOO_LONG", 'no "room",\nnone', ("A", "B"), "STRING_TOO_LONG", "K", part)


def lines(path: Path) -> list[list[str]]:
    """Read the file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_rows_are_written(tmp_path: Path):
    """Each row has its reason; there is no file before the first one."""
    path = tmp_path / "failed.csv"
    rows = FailedRows(path)
    rows.begin(())
    assert not path.exists()

    rows.add([failed(7, 1)])
    rows.add([failed(8, 1)])

    first = ["7", "K", "1", "failed", "FIELD_TOO_LONG", "STRING_TOO_LONG", "A;B", 'no "room",\nnone', ""]
    assert [list(COLUMNS), first, ["8", *first[1:]]] == lines(path)
    assert 2 == rows.count


def test_parts_that_are_told_again_are_dropped(tmp_path: Path):
    """Rows of parts that are done stay; of others, and of a line that was cut, nothing does."""
    path = tmp_path / "failed.csv"
    FailedRows(path).add([failed(1, 1), failed(2, 2), failed(3, 1)])
    with path.open("a", encoding="utf-8") as file:
        file.write("9,K,1,fai")
    rows = FailedRows(path)

    rows.begin([BulkPart(1, 1, 10, "done", ()), BulkPart(2, 11, 10, "committed", ())])

    assert ["row", "1", "3"] == [line[0] for line in lines(path)]
    assert 2 == rows.count


def test_nothing_is_left_of_a_load_that_begins_anew(tmp_path: Path):
    """Where no part is done the file is gone."""
    path = tmp_path / "failed.csv"
    FailedRows(path).add([failed(1, 1)])

    FailedRows(path).begin(())

    assert [] == list(tmp_path.iterdir())


def test_a_file_of_somebody_else_stays(tmp_path: Path):
    """What is no such file is refused and left as it is."""
    path = tmp_path / "failed.csv"
    path.write_text("Name,Company\na,b\n", encoding="utf-8")

    with pytest.raises(ValueError, match="is not the results of a load"):
        FailedRows(path).begin(())

    assert "Name,Company\na,b\n" == path.read_text(encoding="utf-8")
    assert [path] == list(tmp_path.iterdir())
