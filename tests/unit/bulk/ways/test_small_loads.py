"""A small load goes the way that costs less, and an insert always as a job."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bulk.request import LoadRequest, Operation, WantedResults
from service.bulk.ways.small_loads import SHORT_SECONDS, Prices, choose
from service.bulk.ways.way import Way

UPSERT = LoadRequest("Lead", Operation.UPSERT, "Ext__c")
USUAL = Prices()


@pytest.mark.parametrize(
    ("request_", "rows", "prices", "way", "reason"),
    [
        (UPSERT, 1, USUAL, Way.COLLECTIONS, "no more calls than the 9 of a job"),
        (UPSERT, 1800, USUAL, Way.COLLECTIONS, "no more calls"),
        (UPSERT, 1801, USUAL, Way.JOB, "10 calls, a job about 9"),
        (UPSERT, 2000, Prices(polls=5), Way.COLLECTIONS, "no more calls"),
        (UPSERT, 2001, Prices(polls=60), Way.JOB, "more than 2,000 rows"),
        (UPSERT, 1600, Prices(call_seconds=3.0), Way.JOB, "24.0 s, a job about 15.0 s"),
        (UPSERT, 1600, Prices(call_seconds=3.0, calls_at_once=4), Way.COLLECTIONS, "no more calls"),
        (UPSERT, 1000, Prices(call_seconds=1.0, job_seconds=0.1), Way.COLLECTIONS, "no more calls"),
        (UPSERT, 1000, Prices(call_seconds=1.1, job_seconds=0.1), Way.JOB, "5.5 s, a job about 0.1 s"),
        (UPSERT, 2000, Prices(batches_left=0), Way.COLLECTIONS, "no batch is left"),
        (LoadRequest("Lead", Operation.DELETE), 1600, USUAL, Way.COLLECTIONS, "than the 8 of a job"),
        (LoadRequest("Lead", Operation.UPDATE), 1601, USUAL, Way.JOB, "9 calls, a job about 8"),
        (replace(UPSERT, results=WantedResults.NONE), 5, USUAL, Way.JOB, "only a job keeps them"),
        (replace(UPSERT, results=WantedResults.NONE), 5, Prices(batches_left=0), Way.COLLECTIONS, "no batch is left"),
        (replace(UPSERT, keeps_results=True), 5, Prices(batches_left=0), Way.JOB, "are to be kept"),
        (LoadRequest("Lead", Operation.UPSERT, "id"), 5, USUAL, Way.JOB, "by Id"),
        (LoadRequest("Lead", Operation.INSERT), 5, Prices(batches_left=0), Way.JOB, "insert cannot be repeated"),
        (LoadRequest("Lead", Operation.HARD_DELETE), 5, USUAL, Way.JOB, "bulk only"),
        (LoadRequest("Lead", Operation.UPDATE, assignment_rule_id="01Q000000000001"), 5, USUAL, Way.JOB, "rule"),
    ],
)
def test_the_cheaper_way_is_chosen_and_says_why(request_, rows, prices, way, reason):
    """Calls count first, then time; what only a job can do is done by one."""
    choice = choose(request_, rows, prices)

    assert way is choice.way
    assert reason in choice.reason


@given(
    operation=st.sampled_from([Operation.INSERT, Operation.HARD_DELETE, Operation.UPDATE, Operation.DELETE]),
    results=st.sampled_from(WantedResults),
    rows=st.integers(1, 5_000),
    prices=st.builds(
        Prices,
        call_seconds=st.floats(0.01, 60),
        calls_at_once=st.integers(0, 20),
        job_seconds=st.floats(0.1, 3600),
        polls=st.integers(1, 50),
        batches_left=st.none() | st.integers(0, 2),
    ),
)
def test_collections_never_cost_more(operation, results, rows, prices):
    """Whatever the prices, collections are chosen only where repeating is harmless and nothing is lost by it."""
    choice = choose(LoadRequest("Lead", operation, results=results), rows, prices)

    if choice.way is Way.COLLECTIONS:
        assert operation in {Operation.UPDATE, Operation.DELETE}
        assert rows <= 2_000
        is_soon = choice.collection_seconds <= max(choice.job_seconds, SHORT_SECONDS)
        is_cheaper = choice.collection_calls <= choice.job_calls and is_soon
        assert is_cheaper or prices.batches_left == 0
