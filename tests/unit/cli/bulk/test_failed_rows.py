"""The file of rows that were not written."""

import csv
import json
import random
import tracemalloc
from pathlib import Path

import pytest
from sluicegate import BulkPart, RowResult

from service.bulk.data.columns import RESULT_COLUMNS
from service.cli.bulk import row_order
from service.cli.bulk.failed_rows import COLUMNS, FailedRows
from service.cli.bulk.originals import Originals


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
    assert [list(RESULT_COLUMNS), first, ["8", *first[1:]]] == lines(path)
    assert 2 == rows.count


def test_parts_that_are_told_again_are_dropped(tmp_path: Path):
    """Rows of parts that are done stay; of others, and of a line that was cut, nothing does."""
    path = tmp_path / "failed.csv"
    FailedRows(path).add([failed(1, 1), failed(2, 2), failed(3, 1)])
    with path.open("a", encoding="utf-8") as file:
        file.write("9,K,1,fai")
    rows = FailedRows(path)

    rows.begin([BulkPart(1, 1, 10, "done", ()), BulkPart(2, 11, 10, "committed", ())])

    assert ["sluicegate_row", "1", "3"] == [line[0] for line in lines(path)]
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


def told_of(path: Path, data: bytes, *numbers: int, **form: object) -> str:
    """Tell of rows of some data that they failed, and return the text of the file in the end."""
    source = path.with_name("data")
    source.write_bytes(data)
    rows = FailedRows(path)
    rows.add([failed(number, 1) for number in numbers])
    rows.finish(Originals(source, **form))  # type: ignore[arg-type]
    return path.read_bytes().decode()


REASON = 'K,1,failed,FIELD_TOO_LONG,STRING_TOO_LONG,A;B,"no ""room"",\nnone",'
HEADER = ",".join(RESULT_COLUMNS)


def test_the_columns_are_those_that_loads_leave_out():
    """What the service leaves out is what the command writes."""
    assert RESULT_COLUMNS == tuple(f"sluicegate_{name}" for name in COLUMNS)


def test_rows_are_put_beside_their_results(tmp_path: Path):
    """In the data's order and by its numbers, empty lines not counted; a result without number comes last, alone."""
    data = b'\nName,City\nCurie,Paris\n\n"Meitner,\nL.",Wien\nHahn,\n'

    text = told_of(tmp_path / "f.csv", data, 3, 0, 2)

    assert f'{HEADER},Name,City\n2,{REASON},"Meitner,\nL.",Wien\n3,{REASON},Hahn,\n,{REASON},,\n' == text


@pytest.mark.parametrize(
    ("data", "form", "begin", "end"),
    [
        (b"Name\tCity\r\nCurie\tParis\r\n", {}, "sluicegate_row\tsluicegate_key\t", "\tCurie\tParis\r\n"),
        (b"\xef\xbb\xbfName\nCurie\n", {}, "\ufeffsluicegate_row,", ",Curie\n"),
        (b"A|B,C,D\n1|2\n", {"delimiter": "pipe"}, "sluicegate_row|", "|1|2\n"),
        (b"Name\nCurie\n", {"line_end": "crlf"}, "sluicegate_row,", ",Curie\r\n"),
        (b"sluicegate_row,Name,sluicegate_message\n7,Curie,no\n", {}, f"{HEADER},Name\n1,", ",Curie\n"),
        (b'\n{"Name": "Curie"}\n', {"is_json": True}, f"{HEADER},Name\n1,", ",Curie\n"),
    ],
)
def test_the_file_is_written_as_the_data_is(tmp_path, data, form, begin, end):
    """So that the same options load it: delimiter, line ends and byte order mark; earlier results are gone."""
    text = told_of(tmp_path / "f.csv", data, 1, **form)

    assert (begin, end) == (text[: len(begin)], text[-len(end) :])


def test_lines_of_json_become_rows_as_the_load_takes_them(tmp_path):
    """Keys are columns, lookups dotted ones, null is #N/A, numbers keep their digits, and absent keys are empty."""
    rows = [
        {"Name": "Curie"},
        {"Name": None, "Account": {"Ext__c": "A-1"}, "N__c": 1.50, "sluicegate_row": 9},
        {"Old__c": True, "Junk": [1], "Long": "x" * 200_000, "Name": "x" * 131_072},
    ]
    data = "\n".join(map(json.dumps, rows)).replace("1.5", "1.50").encode()

    text = told_of(tmp_path / "f.csv", data, 3, 2, 0, is_json=True)

    header, second, third, last, rest = text.replace(REASON, "…").split("\n")
    assert [f"{HEADER},Name,Account.Ext__c,N__c,Old__c,Junk,Long", "2,…,#N/A,A-1,1.50,,,"] == [header, second]
    assert [f'3,…,{"x" * 131_072},,,true,"[""1""]",', ",…,,,,,,", ""] == [third, last, rest]


def test_a_load_that_is_over_is_finished_again(tmp_path):
    """Going on with it reads the file back, and leaves it as it was; so does finishing it twice."""
    path = tmp_path / "f.csv"
    text = told_of(path, b"\xef\xbb\xbfName;City\r\nCurie;Paris\r\nHahn;Mainz\r\n", 2, 1)
    rows = FailedRows(path)

    rows.begin([BulkPart(1, 1, 2, "done", ())])
    assert not path.read_bytes().endswith(b"Mainz\r\n")
    for _ in range(2):
        rows.finish(Originals(path.with_name("data")))

    assert (2, text) == (rows.count, path.read_bytes().decode())


def test_data_that_is_not_kept_leaves_results_alone(tmp_path):
    """They are in order all the same."""
    path = tmp_path / "f.csv"
    rows = FailedRows(path)
    rows.add([failed(12, 1), failed(3, 1)])

    rows.finish(None)

    assert ["sluicegate_row", "3", "12"] == [line[0] for line in lines(path)]


def test_data_that_is_gone_spoils_no_results(tmp_path):
    """The file stays as it was, and nothing else is left."""
    path = tmp_path / "f.csv"
    rows = FailedRows(path)
    rows.add([failed(2, 1), failed(1, 1)])

    with pytest.raises(FileNotFoundError):
        rows.finish(Originals(tmp_path / "gone.csv"))

    assert ["sluicegate_row", "2", "1"] == [line[0] for line in lines(path)]
    assert [path] == list(tmp_path.iterdir())


def test_numbers_of_other_data_find_the_rows_of_their_own(tmp_path):
    """Data that was made of other data is told by the numbers there."""
    (tmp_path / "data").write_text("Name\nB\nD\nE\n", encoding="utf-8")
    rows = FailedRows(tmp_path / "f.csv", [2, 4, 5])
    rows.add([failed(3, 1), failed(1, 1)])

    rows.finish(Originals(tmp_path / "data", numbers=[2, 4, 5]))

    assert [("2", "B"), ("5", "E")] == [(line[0], line[-1]) for line in lines(tmp_path / "f.csv")[1:]]


def test_any_number_of_results_is_put_in_order(tmp_path, monkeypatch):
    """What does not fit in memory waits on the disk, and memory does not grow with it."""
    monkeypatch.setattr(row_order, "_HELD_BYTES", 50_000)
    monkeypatch.setattr(row_order, "_READ_BYTES", 512)
    path, count = tmp_path / "f.csv", 20_000
    (tmp_path / "data").write_text("N\n" + "".join(f"N{number + 1}\n" for number in range(count)), encoding="utf-8")
    rows, order = FailedRows(path), list(range(1, count + 1))
    random.Random(7).shuffle(order)
    rows.add([failed(number, 1) for number in order])

    tracemalloc.start()
    rows.finish(Originals(tmp_path / "data"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [(str(number), f"N{number}") for number in range(1, count + 1)] == [
        (line[0], line[-1]) for line in lines(path)[1:]
    ]
    assert peak < 2_000_000
