"""The order of loads that refer to each other."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.orgs.load_order import LoadOrder, Waiting


def waiting(load: int, *parents: int, column: str = "", bar: str = "") -> Waiting:
    """Return a column of a load."""
    name = column or f"C{load}{''.join(map(str, parents))}"
    return Waiting(load, f"loads[{load}].columns[0]", name, frozenset(parents), bar)


def test_parents_come_first_and_the_rest_stays():
    """Loads that nothing forces apart keep their places."""
    order = LoadOrder.of(5, [waiting(0, 3), waiting(1, 0, 4)])

    assert [2, 3, 0, 4, 1] == order.order
    assert set() == order.deferred


def test_rows_that_refer_to_their_own_load_wait():
    """Such a column is left to the second pass, and keeps nobody else waiting."""
    own = waiting(0, 0, 1)

    order = LoadOrder.of(2, [own])

    assert ([0, 1], {own}) == (order.order, order.deferred)


def test_a_circle_is_opened_where_least_is_left_out():
    """Of two loads that wait for each other the one goes first that has fewer columns which find the other."""
    one, other, third = waiting(0, 1, column="A"), waiting(0, 1, column="B"), waiting(1, 0)

    order = LoadOrder.of(2, [one, other, third])

    assert ([1, 0], {third}) == (order.order, order.deferred)


def test_what_only_waits_for_a_circle_leaves_nothing_out():
    """A load behind a circle comes after it, though it has fewer columns that wait."""
    columns = [waiting(0, 1), waiting(1, 2, column="A"), waiting(1, 2, column="B"), waiting(2, 1, column="C")]

    order = LoadOrder.of(3, columns)

    assert [2, 1, 0] == order.order
    assert {columns[3]} == order.deferred


def test_a_circle_is_opened_where_it_can_be():
    """A column that cannot wait is not left out."""
    fixed, other = waiting(0, 1, bar="it is needed"), waiting(1, 0)

    order = LoadOrder.of(2, [fixed, other])

    assert ([1, 0], {other}) == (order.order, order.deferred)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([waiting(0, 0, column="Parent.Ext__c", bar="no")], "Parent.Ext__c refers to rows of its own load, and no"),
        (
            [waiting(0, 1, column="A.E", bar="no"), waiting(1, 0, column="B.E", bar="no")],
            r"A.E refers to rows of loads\[1\], which wait for those of loads\[0\], and no; also at fault: B.E",
        ),
    ],
)
def test_a_circle_that_cannot_be_opened_is_refused(columns, words):
    """Every column of it is named."""
    with pytest.raises(InvalidRequest, match=words) as caught:
        LoadOrder.of(2, columns)

    assert [each.path for each in columns] == [violation.field for violation in caught.value.violations]


@given(
    st.integers(1, 7).flatmap(
        lambda count: st.tuples(
            st.just(count),
            st.lists(
                st.tuples(st.integers(0, count - 1), st.frozensets(st.integers(0, count - 1), min_size=1)), max_size=20
            ),
        )
    )
)
def test_every_column_finds_its_parents_or_waits(loads):
    """Whatever refers to what, each load is there once, and what is loaded first finds rows of earlier loads alone."""
    count, edges = loads
    columns = [Waiting(load, "", f"{place}", parents) for place, (load, parents) in enumerate(edges)]

    found = LoadOrder.of(count, columns)

    place = {load: at for at, load in enumerate(found.order)}
    assert list(range(count)) == sorted(found.order)
    for each in columns:
        finds = all(place[parent] < place[each.load] for parent in each.parents)
        assert finds or each in found.deferred


def test_loads_that_all_wait_for_each_other_take_no_time():
    """The most loads that a request has, with several lookups each: to walk all ways took half a minute."""
    columns = [
        waiting(load, *(other for other in range(100) if other != load), column=f"C{number}")
        for load in range(100)
        for number in range(8)
    ]
    begin = time.process_time()

    order = LoadOrder.of(100, columns)

    assert time.process_time() - begin < 8
    assert (100, 99 * 8) == (len({*order.order}), len(order.deferred))
