"""Batches of a load are taken as they came: nothing is made of their values before they are needed."""

import pytest
from sluicegate.v1 import record_batch_pb2 as pb

from service.bulk.data.batches import CellKind
from service.errors import InvalidRequest
from service.rpc import load_batches
from service.rpc.load_batches import row_columns


def lists(texts, ends, rows=None):
    children = pb.RecordBatch(columns=[pb.Column(string_values=texts)])
    column = pb.Column(name="A", type=pb.COLUMN_TYPE_STRINGS, children=children, child_ends=ends)
    return pb.RecordBatch(row_count=len(ends) if rows is None else rows, columns=[column])


def test_values_stay_where_they_are():
    """Columns hold the message's own values: a message of millions makes no list of them."""
    column = pb.Column(name="A", type=pb.COLUMN_TYPE_BOOL, bool_values=[True, False, False], null_rows=[2])
    batch = pb.RecordBatch(row_count=3, columns=[column])

    (taken,) = row_columns(batch).columns

    assert (CellKind.TRUTH, False) == (taken.kind, isinstance(taken.values, list))
    assert ([True, False, False], [2]) == (list(taken.values), list(taken.null_rows))
    assert ([False, False], [1]) == (taken.rows(1, 9).values, taken.rows(1, 9).null_rows)


def test_lists_are_taken_row_by_row():
    """Each row has the texts up to its own end, from wherever rows are asked for."""
    (taken,) = row_columns(lists(["a", "b", "c"], [2, 2, 3])).columns

    assert [["a", "b"], [], ["c"]] == list(taken.values)
    assert [[], ["c"]] == taken.rows(1, 3).values
    assert ["c"] == taken.values[-1]
    with pytest.raises(IndexError):
        taken.values[3]


@pytest.mark.parametrize("ends", [[2, 1], [4], [-1, 3], [-1], [1, 2, 9]])
def test_lists_that_do_not_fit_are_refused(ends):
    """Ends that go back, or behind the last text, are the caller's fault, told with the column."""
    (taken,) = row_columns(lists(["a", "b", "c"], ends)).columns

    with pytest.raises(InvalidRequest, match="column 'A' has lists that do not fit its rows"):
        taken.rows(0, len(ends))


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (lists(["a"], [1], rows=2), "column 'A' has 1 values for 2 rows"),
        (pb.RecordBatch(row_count=1, columns=[pb.Column(name="A", type=pb.COLUMN_TYPE_STRING)]), "0 values for 1 rows"),
        (pb.RecordBatch(row_count=1, columns=[pb.Column(name="A")]), "has children, or no type"),
    ],
)
def test_columns_without_a_value_for_each_row_are_refused(batch, words):
    """What cannot be a table is refused with the column."""
    with pytest.raises(InvalidRequest, match=words) as caught:
        row_columns(batch)

    assert ["batch.columns"] == [violation.field for violation in caught.value.violations]


@pytest.mark.parametrize(
    "column",
    [
        pb.Column(name="A", type=pb.COLUMN_TYPE_INT64, int64_values=[0] * 6, null_rows=[0] * 5),
        pb.Column(name="A", type=pb.COLUMN_TYPE_INT64, int64_values=[0] * 6, double_values=[0] * 5),
    ],
)
def test_a_batch_of_too_many_values_is_refused(monkeypatch, column):
    """Values count wherever they stand, also where they are of no use; what to do is said."""
    monkeypatch.setattr(load_batches, "MAX_VALUES", 10)
    batch = pb.RecordBatch(row_count=6, columns=[column])

    with pytest.raises(InvalidRequest, match="more than 10 values; send fewer rows in each"):
        row_columns(batch)

    column.ClearField("double_values")
    column.ClearField("null_rows")
    assert 6 == row_columns(pb.RecordBatch(row_count=6, columns=[column])).row_count
