"""The adaptive limit, the pause and the gate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.governor.base import Observed, Sign
from service.governor.concurrency import AdaptiveLimit
from service.governor.gate import Gate, Pause
from service.governor.slots import Slots

WELL = Observed(Sign.WELL, 0.1)
OVERLOADED = Observed(Sign.OVERLOADED, 0.1)


def test_the_limit_grows_by_one_for_each_limits_worth_of_successes():
    """Sixteen attempts that go well make it seventeen."""
    limit = AdaptiveLimit(64)
    for _ in range(17):
        limit.observe(WELL, 16, 0.0)

    assert 17 == limit.value


def test_the_limit_does_not_grow_unused():
    """A few attempts at a time prove nothing about many."""
    limit = AdaptiveLimit(64)
    for _ in range(1_000):
        limit.observe(WELL, 3, 0.0)

    assert 16 == limit.value


def test_attempts_that_were_open_together_shrink_the_limit_once():
    """The failures of one round trip tell one thing; a later one tells it again."""
    limit = AdaptiveLimit(64)
    for _ in range(10):
        limit.observe(Observed(Sign.DOWN, 0.5), 16, 100.0)
    once = limit.value
    limit.observe(Observed(Sign.TIMED_OUT, 0.5), 16, 100.4)
    same_trip = limit.value
    limit.observe(Observed(Sign.TIMED_OUT, 0.5), 16, 101.0)

    assert (11, 11, 7) == (once, same_trip, limit.value)


def test_a_few_locked_rows_are_no_overload_and_many_are():
    """Row locks shrink the limit when they are a good part of what comes back."""
    few, many = AdaptiveLimit(64), AdaptiveLimit(64)
    for number in range(100):
        few.observe(Observed(Sign.LOCKED if number % 10 == 0 else Sign.WELL, 0.1), 1, float(number))
        many.observe(Observed(Sign.LOCKED if number % 2 == 0 else Sign.WELL, 0.1), 1, float(number))

    assert 16 == few.value
    assert many.value < 16


@given(st.lists(st.tuples(st.sampled_from(list(Sign)), st.floats(0, 30), st.floats(0, 60)), max_size=80))
def test_the_limit_stays_within_its_bounds(history):
    """Between 2 and the most, whatever is observed; one object has room and leaves some."""
    limit = AdaptiveLimit(24)
    now = 0.0
    for sign, seconds, passed in history:
        now += passed
        limit.observe(Observed(sign, seconds), 24, now)
        assert 2 <= limit.value <= 24
        assert 1 <= limit.bulkhead(is_alone=False) <= limit.bulkhead(is_alone=True) < limit.value


def test_an_object_is_alone_until_another_comes_and_again_some_time_after():
    """An attempt of no object is another, too."""
    slots = Slots(20, 25)
    slots.begin("a", "account", 0.0)
    alone = slots.is_alone("account", 0.0)
    slots.begin("b", "", 1.0)
    slots.begin("c", "account", 2.0)

    assert alone
    assert not slots.is_alone("", 60.0)
    assert not slots.is_alone("account", 11.9)
    assert slots.is_alone("account", 12.0)


def test_attempts_become_long_running_after_twenty_seconds():
    """Those that end before do not count, nor those that have ended."""
    slots = Slots(20, 25)
    for key, at in (("a", 0.0), ("b", 0.0), ("c", 5.0)):
        slots.begin(key, "account", at)
    before = slots.long_running(19.9)
    reached = slots.long_running(20.0)
    slots.end("a", "account")
    left = slots.long_running(20.0)
    all_of_them = slots.long_running(25.0)

    assert (0, 2, 1, 2) == (before, reached, left, all_of_them)
    assert (2, 0) == (slots.of("account"), slots.of("contact"))


def test_pauses_double_while_the_org_stays_overloaded():
    """Each sign from an attempt that began after the pause prolongs it; success resets it."""
    pause = Pause(lambda: 1.0)
    lengths = []
    now = 0.0
    for _ in range(6):
        pause.observe(OVERLOADED, now)
        lengths.append(pause.until - now)
        now = pause.until + 1.0
    pause.observe(WELL, now)
    pause.observe(OVERLOADED, now)

    assert [1.0, 2.0, 4.0, 8.0, 16.0, 16.0] == lengths
    assert pytest.approx(1.0) == pause.until - now


def test_a_pause_is_as_long_as_salesforce_asked():
    """A hint above the pause's own length holds, and jitter never makes a pause shorter than half."""
    asked, jittered = Pause(lambda: 0.0), Pause(lambda: 0.0)
    asked.observe(Observed(Sign.OVERLOADED, 0.1, retry_after_seconds=7.0), 100.0)
    jittered.observe(OVERLOADED, 100.0)

    assert (107.0, 100.5) == (asked.until, jittered.until)


def test_those_open_at_the_time_do_not_prolong_a_pause():
    """Thirty refusals of one moment are one."""
    pause = Pause(lambda: 1.0)
    for number in range(30):
        pause.observe(Observed(Sign.OVERLOADED, 0.5), 100.0 + number / 100)

    assert pytest.approx(101.0) == pause.until


def test_a_gate_opens_for_one_probe_at_a_time():
    """After its time one call may find out, and the next one only when that is over."""
    gate = Gate()
    gate.close(300.0, 0.0)
    too_early = gate.may_probe(299.0)
    in_time = gate.may_probe(300.0)
    gate.begin_probe(300.0)
    second = gate.may_probe(300.0)
    gate.end_probe(301.0)
    opened = gate.observe(Observed(Sign.WELL, 1.0), 301.0)

    assert (False, True, False) == (too_early, in_time, second)
    assert not opened
    assert not gate.is_closed


def test_an_answer_to_an_older_attempt_opens_no_gate():
    """What began before the probe knows nothing of now."""
    gate = Gate()
    gate.close(300.0, 0.0)
    gate.observe(Observed(Sign.WELL, 2.0), 1.0)
    gate.begin_probe(300.0)
    gate.observe(Observed(Sign.WELL, 301.0), 300.5)

    assert gate.is_closed


@pytest.mark.parametrize("sign", [Sign.DOWN, Sign.TIMED_OUT])
def test_a_probe_without_an_answer_is_repeated_soon(sign: Sign):
    """An outage says nothing of the allocation: the gate stays closed, and the next probe leaves in seconds."""
    gate = Gate()
    gate.close(300.0, 0.0)
    gate.begin_probe(300.0)
    gate.end_probe(301.0)
    gate.observe(Observed(sign, 1.0), 301.0)

    assert gate.is_closed
    assert not gate.may_probe(305.0)
    assert gate.may_probe(311.0)


def test_only_news_closes_a_gate():
    """The first attempt that is told closes it, those that were open with it do not, and a probe does again."""
    gate = Gate()
    first = gate.observe(Observed(Sign.USED_UP, 0.1), 0.0)
    gate.close(300.0, 0.0)
    straggler = gate.observe(Observed(Sign.USED_UP, 0.2), 0.1)
    gate.begin_probe(300.0)
    probe = gate.observe(Observed(Sign.USED_UP, 0.1), 300.1)

    assert (True, False, True) == (first, straggler, probe)
