"""What a caller is told that is refused: which limit, how much of it is used, whose it is, and when to come back."""

import pytest

from service.context import Priority
from service.errors import CallerQuotaExceeded, ConcurrencyLimitExceeded, DailyLimitExceeded
from service.governor import refusals
from service.governor.base import Cost, Observed, Sign, Usage
from service.governor.limits import CallerLimits, Limits
from service.governor.local import LocalGovernor
from service.governor.refusals import SlotUse

HOUR = 3600


def govern(clock, **limits) -> LocalGovernor:
    return LocalGovernor(Limits(**limits), clock, org="prod", jitter=lambda: 0.5)


async def test_a_refusal_knows_of_the_calls_of_the_last_second(clock, make_context):
    """A burst is refused with the figures of now and sent away for a day, not with those of before, for a second."""
    governor = govern(clock, daily_calls=40)
    context = make_context(priority=Priority.BATCH)
    governor.statistics()
    for _ in range(28):
        async with governor.permit(Cost(), context):
            pass

    with pytest.raises(DailyLimitExceeded) as refused:
        governor.admit(context)

    assert ("28", "40") == (refused.value.metadata["used"], refused.value.metadata["maximum"])
    assert refused.value.retry_after_seconds is not None
    assert 23 * HOUR < refused.value.retry_after_seconds < 25 * HOUR


async def test_the_services_own_bound_is_not_told_as_the_orgs(clock, make_context):
    """Whoever reads it looks for the setting, not for another client of the org."""
    governor = govern(clock, daily_calls=40, stop_standard_at=0.675, stop_batch_at=0.5)
    governor.learn(Usage(50_000, 100_000))
    for _ in range(27):
        async with governor.permit(Cost(), make_context()):
            pass

    with pytest.raises(DailyLimitExceeded) as refused:
        governor.admit(make_context())

    expected = "STANDARD calls stop at 67.5% of the API calls of 24 hours that the service may make (daily_calls)"
    assert f"{expected}, and it made 27 of 40" == refused.value.message
    assert "daily_calls" == refused.value.metadata["limit"]


def test_the_orgs_allocation_is_told_with_its_figures(clock, make_context):
    """The message alone suffices whoever sees no metadata."""
    governor = govern(clock)
    governor.learn(Usage(71_000, 100_000))

    with pytest.raises(DailyLimitExceeded) as refused:
        governor.admit(make_context(priority=Priority.BATCH))

    expected = "BATCH calls stop at 70% of the org's API calls of 24 hours"
    assert f"{expected}, and all of its clients used 71,000 of 100,000" == refused.value.message


@pytest.mark.parametrize(
    ("learned", "known"),
    [([], {}), ([Usage(500, 100_000)], {"used": "100000", "maximum": "100000"})],
)
def test_that_salesforce_refuses_is_told_as_such(clock, make_context, learned, known):
    """No class and no threshold of the service's is to blame."""
    governor = govern(clock)
    for usage in learned:
        governor.learn(usage)
    governor.observe(Observed(Sign.USED_UP, 0.1))

    with pytest.raises(DailyLimitExceeded) as refused:
        governor.admit(make_context(priority=Priority.INTERACTIVE))

    assert refused.value.message.startswith("Salesforce says that the org's API calls of 24 hours are used up")
    assert {"limit": "DailyApiRequests", "org": "prod", **known} == refused.value.metadata


async def test_a_caller_at_its_cap_is_named(clock, make_context):
    """With what it used of what."""
    governor = govern(clock, callers={"tiny": CallerLimits(daily_calls=1)})
    async with governor.permit(Cost(), make_context(caller="tiny")):
        pass

    with pytest.raises(CallerQuotaExceeded) as refused:
        governor.admit(make_context(caller="tiny"))

    expected = "the caller tiny made 1 of the 1 API calls of 24 hours that it may make of the org; other callers go on"
    assert expected == refused.value.message


async def test_a_pause_is_told_with_its_time(clock, make_context):
    """An overloaded org is not told as one whose requests are all open."""
    governor = govern(clock)
    governor.observe(Observed(Sign.OVERLOADED, 0.1, retry_after_seconds=3.0))

    with pytest.raises(ConcurrencyLimitExceeded) as refused:
        async with governor.permit(Cost(), make_context(deadline=clock.monotonic() + 1.0)):
            pass

    assert "pause" == refused.value.metadata["limit"]
    assert "overloaded and left alone for 3.0 s" in refused.value.message
    assert 3.0 == refused.value.retry_after_seconds


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("deadline", "16 of 16 requests are open in the org and 2,000 wait: the call has too little time left"),
        ("max_waiting", "2,000 requests wait for the org, and no more may"),
        ("max_waiting_per_caller", "as many requests of the caller wait for the org as may wait of one caller"),
    ],
)
def test_what_stands_against_an_attempt_is_told(limit, message):
    """With how many are open, how many may be, and how many wait."""
    refusal = refusals.concurrency(limit, SlotUse(16, 16, 2_000), 0.0, 2.0, org="prod")

    assert refusal.message.startswith(message)
    assert {
        "limit": limit,
        "org": "prod",
        "in_flight": "16",
        "concurrency_limit": "16",
        "waiting": "2000",
    } == refusal.metadata


@pytest.mark.parametrize(("caller", "who"), [("web", "the caller web"), ("", "callers without a name")])
def test_a_share_is_told_with_its_figures(caller, who):
    """It is no cap that someone set, and it ends with the shortage."""
    refusal = refusals.caller_share(caller, 1_200.4, 1_200.9, org="prod")

    assert f"{who} used 1,200 of a share by weight of 1,201; others go on" in refusal.message
    assert 300 == refusal.retry_after_seconds


def test_what_is_begun_is_not_told_by_its_class(clock, make_context):
    """It is stopped where INTERACTIVE calls are, whatever its own class."""
    governor = govern(clock)
    governor.learn(Usage(98_000, 100_000))

    with pytest.raises(DailyLimitExceeded) as refused:
        governor.admit(make_context(priority=Priority.BATCH, begun=True))

    assert refused.value.message.startswith("calls for what is begun stop at 97% of the org's API calls")


async def test_statistics_tell_which_limit_is_nearer(clock, make_context):
    """Stops are figures of the org's usage, or of the service's own where it has used more of its own bound."""
    governor = govern(clock, daily_calls=10)
    governor.learn(Usage(50_000, 100_000))
    before = governor.statistics()
    for _ in range(8):
        async with governor.permit(Cost(), make_context()):
            pass
    after = governor.statistics()

    assert (None, 70_000) == (before.own_maximum, before.classes[Priority.BATCH].maximum)
    assert (10, 7) == (after.own_maximum, after.classes[Priority.BATCH].maximum)
    assert 8 == after.own_calls == after.classes[Priority.STANDARD].used
