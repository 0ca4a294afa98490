"""What the log tells of refusals, for whoever is woken by them."""

import pytest
from structlog.testing import capture_logs

from service.context import Priority
from service.errors import DailyLimitExceeded
from service.governor.base import Cost, Observed, Sign, Usage
from service.governor.limits import CallerLimits, Limits
from service.governor.local import LocalGovernor
from service.governor.notices import Notices
from service.governor.refusals import caller_quota


def govern(clock, **limits) -> LocalGovernor:
    return LocalGovernor(Limits(**limits), clock, org="prod", jitter=lambda: 0.5)


def refuse(governor: LocalGovernor, context, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(DailyLimitExceeded):
            governor.admit(context)


def test_equal_refusals_are_one_line_a_minute(clock, make_context):
    """A thousand refused calls do not bury what else the log says; another class's are told at once."""
    governor = govern(clock)
    governor.learn(Usage(90_000, 100_000))

    with capture_logs() as lines:
        refuse(governor, make_context(priority=Priority.BATCH), 1_000)
        refuse(governor, make_context(), 10)
        clock.advance(61)
        refuse(governor, make_context(), 10)

    assert ["BATCH", "STANDARD", "STANDARD"] == [line["class"] for line in lines]


def test_a_line_tells_what_the_caller_was_told(clock, make_context):
    """Reason, limit and figures, under the org's name."""
    governor = govern(clock)
    governor.learn(Usage(90_000, 100_000))

    with capture_logs() as lines:
        refuse(governor, make_context())

    [line] = lines
    assert ("calls are refused", "DAILY_LIMIT_EXCEEDED", "warning") == (
        line["event"],
        line["reason"],
        line["log_level"],
    )
    assert ("prod", "DailyApiRequests", "90000") == (line["org"], line["limit"], line["used"])
    assert line["message"].startswith("STANDARD calls stop at 85%")


def test_in_shadow_mode_a_line_says_that_nothing_was_refused(clock, make_context):
    """It would wake people for nothing."""
    governor = govern(clock, shadow=True, callers={"a": CallerLimits(daily_calls=1)})
    governor.learn(Usage(99_000, 100_000))

    with capture_logs() as lines:
        governor.admit(make_context())

    assert ["calls would be refused, if it were not for shadow mode"] == [line["event"] for line in lines]


def test_a_used_up_allocation_is_told_once_and_so_is_its_end(clock):
    """What was open meanwhile tells nothing new."""
    governor = govern(clock, shadow=True)

    with capture_logs() as lines:
        governor.observe(Observed(Sign.USED_UP, 0.1))
        governor.observe(Observed(Sign.USED_UP, 0.1))

    assert ["prod"] == [line["org"] for line in lines]
    assert 300 == lines[0]["next_try_seconds"]


async def test_that_calls_are_taken_again_is_told(clock, make_context):
    """By the first call that was answered."""
    governor = govern(clock)
    governor.observe(Observed(Sign.USED_UP, 0.1))
    clock.advance(301)

    with capture_logs() as lines:
        async with governor.permit(Cost(), make_context()):
            governor.observe(Observed(Sign.WELL, 0.0))

    assert ["the org takes calls again: one was answered"] == [line["event"] for line in lines]


def test_more_callers_than_are_remembered_are_told_again(clock):
    """Whoever invents a name for each call makes lines, but no memory that grows."""
    notices = Notices(shadow=False)
    names = [f"c{number}" for number in range(1_000)]

    with capture_logs() as lines:
        for name in [*names, *names, "one more", "c0"]:
            notices.refused(caller_quota(name, 1.0, 1.0, 1.0, org="prod"), clock.monotonic())

    assert [*names, "one more", "c0"] == [line["caller"] for line in lines]
