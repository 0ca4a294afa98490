"""Rows of one parent stand together in an upload, and within a batch where they fit."""

import csv
from collections import Counter
from io import StringIO
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bulk.cutting.parts import PartLimits
from service.bulk.data.dialect import Delimiter
from service.bulk.data.mapping import FieldMapping
from service.bulk.data.spool import Spool
from service.bulk.request import Commit, LoadRequest, Operation
from service.bulk.running import parent_order
from service.bulk.running.parent_order import write_by_parent
from service.errors import InvalidData
from tests.support.bulk import FakeBulkOrg
from tests.unit.bulk.loading import Caller, load, loader

CELLS = st.text(st.sampled_from('ab,;"\n é'), max_size=3)


def ordered(text: str, *, delimiter: Delimiter = Delimiter.COMMA, column: str = "Account.Ext__c") -> str | None:
    """Return an upload in the order of its parents; None if it stays as it is."""
    with Spool() as content, Spool() as result:
        content.write(text.encode())
        if not write_by_parent(content, delimiter, column, result):
            assert 0 == result.size
            return None
        return b"".join(result.chunks()).decode()


def upload(parents: list[str]) -> str:
    """Return an upload whose rows have these parents."""
    return "Ext__c,Account.Ext__c\n" + "".join(f"{number},{parent}\n" for number, parent in enumerate(parents))


def parents_of(text: str) -> list[str]:
    """Return the parents of the rows of an upload."""
    return [line.split(",")[1] for line in text.splitlines()[1:]]


@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=30),
    delimiter=st.sampled_from([Delimiter.COMMA, Delimiter.SEMICOLON]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_the_rows_stay_the_same_and_parents_are_not_scattered(rows, delimiter, quoting):
    """Whatever cells hold, each row is there as often as before, and the rows of a parent follow each other."""
    text = StringIO()
    writer = csv.writer(text, delimiter=delimiter.text, lineterminator="\n", quoting=quoting)
    writer.writerows([("A__c", "Account.Ext__c", "B__c"), *rows])

    result = ordered(text.getvalue(), delimiter=delimiter, column="account.ext__C") or text.getvalue()

    header, *found = csv.reader(StringIO(result), delimiter=delimiter.text)
    assert ["A__c", "Account.Ext__c", "B__c"] == header
    assert Counter(rows) == Counter(map(tuple, found))
    assert len(text.getvalue()) == len(result)
    runs = [parent for parent, _ in groupby(found, key=lambda row: row[1].lower()) if parent]
    assert sorted(set(runs)) == sorted(runs)


def test_parents_and_their_rows_keep_their_order():
    """The first row of each parent tells its place; rows without a parent stay where they are among them."""
    result = ordered(upload(["b", "", "a", "B", "#N/A", "a", "", "b"]))

    assert result is not None
    assert ["b", "B", "b", "", "a", "a", "#N/A", ""] == parents_of(result)
    assert ["0", "3", "7", "1", "2", "5", "4", "6"] == [line.split(",")[0] for line in result.splitlines()[1:]]


@pytest.mark.parametrize("parents", [["a", "a", "b"], ["", "", ""], ["#N/A", "", "#N/A"], ["a"]])
def test_what_is_in_order_is_left_alone(parents):
    """No second copy of such an upload is made."""
    assert ordered(upload(parents)) is None


def test_without_the_column_nothing_is_ordered():
    """Parts of JSON Lines have the columns of their own rows."""
    assert ordered("Ext__c\n1\n2\n") is None


def test_batches_tear_no_parent_that_fits(monkeypatch):
    """What does not fit in the rest of a batch waits for the next, and later parents fill the batch up."""
    monkeypatch.setattr(parent_order, "BATCH_ROWS", 10)
    sizes = {"a": 6, "b": 7, "c": 3, "d": 4, "e": 10, "f": 0, "g": 25, "h": 5}
    scattered = [name for turn in range(25) for name, size in sizes.items() if turn < size]

    result = ordered(upload(scattered))

    assert result is not None
    batches = [parents_of(result)[start : start + 10] for start in range(0, 60, 10)]
    torn = {name for name in sizes if sum(name in batch for batch in batches) > 1}
    assert {"g"} == torn
    assert sizes == {name: parents_of(result).count(name) for name in sizes}


@pytest.mark.parametrize("size", [1, 7])
def test_many_rows_are_read_from_disk(size):
    """An upload that is larger than what is kept in memory, of many parents or few, comes out whole."""
    count, tail = 40_000, "x" * 60
    text = "Ext__c,Account.Ext__c,Tail\n" + "".join(f"{n},p{n % (count // size)},{tail}\n" for n in range(count))

    result = ordered(text)

    if size == 1:
        assert result is None
    else:
        assert result is not None
        assert sorted(text.splitlines()) == sorted(result.splitlines())
        found = parents_of(result)
        assert count // size == len(list(groupby(found)))


REQUEST = LoadRequest(
    "Contact",
    Operation.UPSERT,
    "Ext__c",
    commit=Commit.BY_PART,
    mapping=FieldMapping({"account": "Account.Ext__c"}),
    parent_column="account",
    key_column="Ext__c",
)
DATA = b"Ext__c,account\n" + b"".join(b"C-%d,A-%d\n" % (number, number % 3) for number in range(30))


async def test_results_have_the_numbers_of_the_data():
    """The upload is in the order of its parents, and each failure is told by the row that the caller sent."""
    org = FakeBulkOrg(judge=lambda row: "REQUIRED:no:--" if row["Ext__c"] in {"C-4", "C-29"} else "")
    caller = Caller(REQUEST, DATA, PartLimits(rows=12))

    await caller.call(loader(org))

    assert [4, 4, 4] == [len({row["Account.Ext__c"]: 0 for row in job.rows}) + 1 for job in org.jobs]
    for job in org.jobs:
        parents = [row["Account.Ext__c"] for row in job.rows]
        assert parents == sorted(parents, key=parents.index)
    assert {5: ("failed", "C-4"), 30: ("failed", "C-29")} == caller.told


async def test_rows_that_are_tried_again_are_in_order_too():
    """Results come shuffled; what is made of them is ordered like the data."""
    attempts = Counter[str]()

    def judge(row: dict[str, str]) -> str:
        attempts[row["Ext__c"]] += 1
        return "UNABLE_TO_LOCK_ROW:locked:--" if attempts[row["Ext__c"]] == 1 else ""

    org = FakeBulkOrg(judge=judge)
    caller = Caller(REQUEST, DATA)

    await caller.call(loader(org))

    again = [row["Account.Ext__c"] for row in org.jobs[1].rows]
    assert again == sorted(again, key=again.index)
    assert 30 == len(again)


async def test_a_missing_parent_column_is_named():
    """It costs no job."""
    org = FakeBulkOrg()
    request = LoadRequest("Contact", Operation.INSERT, parent_column="Acount")

    with pytest.raises(InvalidData, match="the data has no column Acount, which is to name the parents of rows"):
        await load(request, org, b"LastName\nA\n")

    assert [] == org.jobs
