"""What became of rows, counted."""

from collections import Counter
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from service.bulk.results.outcomes import RowCounts, RowOutcome

COUNTS = st.builds(RowCounts, *([st.integers(0, 10**9)] * len(RowOutcome)))


def test_every_outcome_has_its_count():
    """Counts are named as outcomes are and stand in their order: tokens and metrics rely on it."""
    assert [outcome.value for outcome in RowOutcome] == [each.name for each in fields(RowCounts)]


@given(st.lists(st.sampled_from(RowOutcome)))
def test_each_row_counts_once(outcomes):
    """Under its own outcome, whichever others there are; the total is how many rows there are."""
    counts = RowCounts.of(Counter(outcomes))

    assert len(outcomes) == counts.total
    assert {outcome.value: outcomes.count(outcome) for outcome in RowOutcome} == counts.by_name


@given(COUNTS, COUNTS)
def test_counts_of_parts_add_up(first, second):
    """Each outcome's by itself."""
    both = first + second

    assert [one + other for one, other in zip(first.by_outcome, second.by_outcome, strict=True)] == [*both.by_outcome]
