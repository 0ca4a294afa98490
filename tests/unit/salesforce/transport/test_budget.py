"""What retries may cost."""

from hypothesis import given
from hypothesis import strategies as st

from service.salesforce.transport.budget import TOKENS, RetryBudget, RetryCost


def test_an_outage_is_answered_with_35_retries():
    """A full budget pays for so many and no more, however many calls there are."""
    budget = RetryBudget()

    granted = [budget.take(RetryCost.TRANSIENT) for _ in range(1000)]

    assert 35 == sum(granted)
    assert 965 == budget.refused


def test_refusals_for_load_may_be_tried_again_more_often():
    """They come with long pauses, and so cost less."""
    budget = RetryBudget()

    assert 100 == sum(budget.take(RetryCost.THROTTLED) for _ in range(1000))


def test_success_gives_back():
    """A retry that helped costs nothing, and first attempts that succeed fill the bucket one by one."""
    budget = RetryBudget()

    budget.take(RetryCost.TRANSIENT)
    budget.take(RetryCost.TRANSIENT)
    budget.succeeded(RetryCost.TRANSIENT)
    budget.succeeded(None)

    assert TOKENS - 14 + 1 == budget.tokens


@given(st.lists(st.sampled_from(["take", "first", "retry"])))
def test_the_bucket_neither_overflows_nor_goes_into_debt(steps):
    """Whatever happens, what is left is between nothing and a full bucket."""
    budget = RetryBudget(50)

    for step in steps:
        if step == "take":
            budget.take(RetryCost.TRANSIENT)
        else:
            budget.succeeded(None if step == "first" else RetryCost.TRANSIENT)

        assert 0 <= budget.tokens <= 50
