"""Batches of columns are cut into parts by their rows, whatever batches they come in."""

import csv
import hashlib
import tracemalloc
from contextlib import closing
from io import StringIO
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.bulk.cutting import batch_parts
from service.bulk.cutting.batch_parts import BatchSplitter
from service.bulk.cutting.parts import PartLimits, Position
from service.bulk.data.batches import CellColumn, CellKind, RowColumns
from service.bulk.data.mapping import FieldMapping

AS_IT_IS = FieldMapping()
TEXT = CellKind.TEXT


def batch(*columns, rows=None):
    return RowColumns(len(columns[0].values) if rows is None else rows, columns)


def taken(part):
    """Return what a part is, with its content for the file that holds it."""
    with part.content as content:
        data = b"".join(content.chunks())
    assert hashlib.sha256(data).digest() == part.digest
    return part.start, part.end, part.columns, data


def split(*batches, mapping=AS_IT_IS, limits=None, start=None):
    with closing(BatchSplitter(mapping, limits or PartLimits(), start or Position())) as splitter:
        parts = [taken(part) for each in batches for part in splitter.feed(each)]
        return [*parts, *(taken(part) for part in splitter.finish())]


def content(*batches, **options):
    return b"".join(part[-1] for part in split(*batches, **options))


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
tables = st.lists(st.tuples(texts, texts | st.none()), min_size=1, max_size=20)


def batches_of(table, size):
    for start in range(0, len(table), size):
        names, notes = zip(*table[start : start + size], strict=True)
        nulls = [at for at, note in enumerate(notes) if note is None]
        yield batch(CellColumn("Name", TEXT, names), CellColumn("Note__c", TEXT, [note or "" for note in notes], nulls))


@given(table=tables, cells=st.integers(1, 9), added=st.integers(1, 60), data=st.data())
def test_parts_do_not_depend_on_how_many_rows_are_written_at_a_time(table, cells, added, data):
    """Whether a batch becomes text at once or row by row, its parts are the same."""
    mapping = FieldMapping(constants={"Source__c": "bulk"})
    limits = PartLimits(size_bytes=data.draw(st.integers(120, 300)), rows=data.draw(st.integers(1, 9)))
    at_once = split(*batches_of(table, 20), mapping=mapping, limits=limits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_parts, "_CELLS_AT_A_TIME", cells)
        patch.setattr(batch_parts, "_BYTES_AT_A_TIME", added)
        by_and_by = split(*batches_of(table, 20), mapping=mapping, limits=limits)

    assert at_once == by_and_by


def test_a_small_batch_of_long_constants_does_not_fill_the_memory():
    """Thousands of rows that take up next to nothing are written a few at a time, whatever each is given."""
    mapping = FieldMapping(constants={"B": "x" * 100_000})
    splitter = BatchSplitter(mapping, PartLimits(), Position())
    many = batch(CellColumn("A", TEXT, [""] * 3_000))

    tracemalloc.start()
    parts = [*splitter.feed(many), *splitter.finish()]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for part in parts:
        part.content.close()
    splitter.close()

    assert [999, 999, 999, 3] == [part.rows for part in parts]
    assert peak < 32 * 1024 * 1024


def test_values_are_looked_at_a_few_rows_at_a_time():
    """However many rows a batch has, no step makes texts of more than some thousand cells."""
    sizes = []

    class Watched(list[str]):
        """Values that remember how many are asked for."""

        def __getitem__(self, at):
            sizes.append(len(range(*at.indices(len(self)))))
            return super().__getitem__(at)

    (part,) = split(batch(CellColumn("A", TEXT, Watched(["x"] * 90_000)), CellColumn("B", TEXT, ["y"] * 90_000)))

    assert b"A,B\n" + b"x,y\n" * 90_000 == part[-1]
    assert (10_000, 9) == (max(sizes), len(sizes))


@given(table=tables, size=st.integers(1, 7), limit=st.integers(90, 200), rows=st.integers(1, 9), data=st.data())
def test_parts_depend_on_the_rows_alone(table, size, limit, rows, data):
    """In whatever batches the rows come and wherever a load is gone on with, its parts are the same."""
    limits = PartLimits(size_bytes=limit, rows=rows)

    parts = split(*batches_of(table, size), limits=limits)

    start = data.draw(st.sampled_from([part[0] for part in parts]))
    assert split(*batches_of(table[start.row - 1 :], 3), limits=limits, start=start) == parts[start.part - 1 :]
    rows_read = [list(csv.reader(StringIO(part[-1].decode(), newline=""), strict=True))[1:] for part in parts]
    assert [["#N/A" if cell is None else cell for cell in row] for row in table] == list(chain(*rows_read))
    assert [len(each) for each in rows_read] == [part[1].row - part[0].row for part in parts]
    assert all(len(part[-1]) <= limit and part[1].row - part[0].row <= rows for part in parts)


@pytest.mark.parametrize(
    ("kind", "values", "nulls", "cells"),
    [
        (TEXT, ["a", "", "b,c"], [1], ["a", "#N/A", '"b,c"']),
        (CellKind.WHOLE, [1, 0, -9007199254740993], [1], ["1", "#N/A", "-9007199254740993"]),
        (CellKind.NUMBER, [1.5, 42.0, 1e22, 1e-7], [], ["1.5", "42", "10000000000000000000000", "0.0000001"]),
        (CellKind.NUMBER, [float("nan"), -0.5], [0], ["#N/A", "-0.5"]),
        (CellKind.TRUTH, [True, False, False], [2], ["true", "false", "#N/A"]),
        (CellKind.BYTES, [b"\xff\x00", b""], [1], ["/wA=", "#N/A"]),
        (CellKind.TEXTS, [["a", "b"], ["c"], []], [], ["a;b", "c", '""']),
        (TEXT, ["", '"', "\r"], [], ['""', '""""', '"\r"']),
    ],
)
def test_every_kind_is_written_as_salesforce_reads_it(kind, values, nulls, cells):
    """Values become the text that Bulk API 2.0 takes for their type, and null becomes #N/A."""
    assert ("A\n" + "\n".join(cells) + "\n").encode() == content(batch(CellColumn("A", kind, values, nulls)))


def test_a_mapping_renames_drops_adds_and_makes_null():
    """Columns go where the mapping says; constants follow, and the caller's null becomes Salesforce's."""
    mapping = FieldMapping({"Name": "LastName"}, {"Source__c": "q,1", "Old__c": None}, frozenset({"Id"}), "")
    columns = [CellColumn("Id", TEXT, ["003", "004"]), CellColumn("Name", TEXT, ["Curie", ""])]

    assert b'LastName,Source__c,Old__c\nCurie,"q,1",#N/A\n#N/A,"q,1",#N/A\n' == content(
        batch(*columns), mapping=mapping
    )


@pytest.mark.parametrize(
    ("second", "row", "words"),
    [
        (batch(CellColumn("B", TEXT, ["x"])), 3, "other columns"),
        (batch(CellColumn("A", TEXT, ["x"]), rows=2), 3, "has 1 values of A for 2 rows"),
        (batch(CellColumn("A", TEXT, ["x"], [1])), 3, "null that it does not have"),
        (batch(CellColumn("A", TEXT, ["x"], [-1])), 3, "null that it does not have"),
        (batch(CellColumn("A", TEXT, ["x", "y"], [1, 0])), 3, "twice or not in their order"),
        (batch(CellColumn("A", TEXT, ["x", "y"], [1, 1])), 3, "twice or not in their order"),
        (batch(CellColumn("A", CellKind.NUMBER, [1.0, float("inf")])), 4, "no finite number"),
        (batch(CellColumn("A", TEXT, ["x", "\0"])), 4, "NUL"),
        (batch(CellColumn("A", TEXT, ["x", "\ud800"])), 4, "surrogate"),
        (batch(CellColumn("A", TEXT, ["x", "y" * 131_073])), 4, "131,072 characters"),
    ],
)
def test_the_row_at_fault_is_named(second, row, words):
    """What cannot be loaded is refused with its row and what is wrong."""
    first = batch(CellColumn("A", TEXT, ["1", "2"]))

    with pytest.raises(errors.InvalidData, match=words) as caught:
        split(first, second)

    assert row == caught.value.row


def test_a_row_larger_than_a_part_is_named():
    """A row that fits into no part is refused with its number."""
    with pytest.raises(errors.InvalidData, match="row 2 is larger than a part"):
        split(batch(CellColumn("A", TEXT, ["1", "x" * 30])), limits=PartLimits(size_bytes=20))


def test_a_batch_without_rows_still_names_the_columns():
    """An empty result is no part, and one without columns cannot be loaded."""
    assert [] == split(batch(CellColumn("A", TEXT, [])))
    with pytest.raises(errors.InvalidData, match="no columns"):
        split(RowColumns(0, ()))


def test_bytes_are_refused():
    """What comes in another shape than the header says is refused."""
    with (
        closing(BatchSplitter(AS_IT_IS, PartLimits(), Position())) as splitter,
        pytest.raises(errors.InvalidRequest, match="send no bytes"),
    ):
        list(splitter.feed(b"A\n1\n"))
