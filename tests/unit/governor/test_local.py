"""The governor of one process: who is refused, who waits, and what it learns."""

import asyncio
import gc

import pytest

from service.context import CallContext, Priority
from service.errors import CallerQuotaExceeded, ConcurrencyLimitExceeded, DailyLimitExceeded, Exhausted
from service.governor.accounts import REST
from service.governor.base import Cost, Observed, Share, Sign, Usage
from service.governor.limits import CallerLimits, Limits
from service.governor.local import LocalGovernor
from tests.support.attempts import attempts_of
from tests.support.clock import ManualClock, settle

HOUR = 3600.0


def govern(clock: ManualClock, **limits) -> LocalGovernor:
    return LocalGovernor(Limits(**limits), clock, org="prod", jitter=lambda: 1.0)


@pytest.mark.parametrize(
    ("used", "refused"),
    [
        (69_000, []),
        (70_000, [Priority.BATCH]),
        (85_000, [Priority.BATCH, Priority.STANDARD]),
        (97_000, [Priority.BATCH, Priority.STANDARD, Priority.INTERACTIVE]),
    ],
)
async def test_classes_stop_one_after_the_other(clock, make_context, used: int, refused: list[Priority]):
    """Each has its reserve; a call and an attempt are refused alike."""
    governor = govern(clock)
    governor.learn(Usage(used, 100_000))
    admitted, permitted = [], []
    for priority in reversed(Priority):
        context = make_context(priority=priority)
        try:
            governor.admit(context)
        except DailyLimitExceeded:
            admitted.append(priority)
        try:
            async with governor.permit(Cost(), context):
                pass
        except DailyLimitExceeded:
            permitted.append(priority)

    assert refused == admitted == permitted


async def test_a_refusal_says_which_limit_whose_and_when(clock, make_context):
    """The metadata is complete, and coming back when told is not in vain."""
    governor = govern(clock)
    context = make_context(priority=Priority.BATCH, caller="night")
    async with governor.permit(Cost(api_calls=75_000), context):
        governor.learn(Usage(75_000, 100_000))
    with pytest.raises(DailyLimitExceeded) as refused:
        governor.admit(context)
    seconds = refused.value.retry_after_seconds
    assert seconds is not None
    clock.advance(seconds - 3 * HOUR)
    with pytest.raises(DailyLimitExceeded):
        await permit_twice(governor, context)
    clock.advance(3 * HOUR + 1)
    governor.admit(context)

    assert {
        "limit": "DailyApiRequests",
        "used": "75000",
        "maximum": "100000",
        "class": "BATCH",
        "threshold": "70%",
        "org": "prod",
    } == refused.value.metadata
    assert 23 * HOUR < seconds < 25 * HOUR


async def permit_twice(governor: LocalGovernor, context: CallContext) -> None:
    """Ask for two permits that overlap: the first one may be a probe."""
    async with governor.permit(Cost(), context), governor.permit(Cost(), context):
        pass


async def test_one_call_finds_out_when_nothing_was_heard_for_long(clock, make_context):
    """Someone may have raised the maximum: five minutes after the last answer one attempt goes, and only one."""
    governor = govern(clock)
    context = make_context()
    governor.learn(Usage(100_000, 100_000))
    clock.advance(299)
    with pytest.raises(DailyLimitExceeded):
        governor.admit(context)
    clock.advance(2)
    governor.admit(context)
    with pytest.raises(DailyLimitExceeded):
        await permit_twice(governor, context)
    governor.learn(Usage(100_000, 200_000))
    governor.admit(context)
    await permit_twice(governor, context)

    assert 3 == governor.statistics().permits


async def test_a_callers_cap_stops_that_caller_alone(clock, make_context):
    """It is refused with its own figures and time; the neighbour goes on."""
    governor = govern(clock, callers={"greedy": CallerLimits(daily_calls=10)})
    greedy, other = make_context(caller="greedy"), make_context(caller="other")
    for _ in range(10):
        async with governor.permit(Cost(), greedy):
            pass
    with pytest.raises(CallerQuotaExceeded) as refused:
        governor.admit(greedy)
    governor.admit(other)
    clock.advance(24 * HOUR + 601)
    governor.admit(greedy)

    assert {
        "limit": "callers.daily_calls",
        "used": "10",
        "maximum": "10",
        "caller": "greedy",
        "org": "prod",
    } == refused.value.metadata
    assert refused.value.retry_after_seconds is not None
    assert 23 * HOUR < refused.value.retry_after_seconds <= 24 * HOUR + 600
    assert 1 == governor.statistics().callers["greedy"].refused


@pytest.mark.parametrize("used", [0, 85_000, 96_998])
async def test_what_is_begun_is_finished(clock, make_context, used: int):
    """Neither the caller's cap nor the share of its class stops it, but both are charged."""
    governor = govern(clock, callers={"a": CallerLimits(daily_calls=1)})
    governor.learn(Usage(used, 100_000))
    context = make_context(caller="a", priority=Priority.BATCH, begun=True)
    for _ in range(2):
        async with governor.permit(Cost(), context):
            pass
    statistics = governor.statistics()

    assert (2, 2) == (statistics.callers["a"].used, statistics.classes[Priority.BATCH].used)
    with pytest.raises(Exhausted):
        governor.admit(make_context(caller="a", priority=Priority.BATCH))


async def test_the_last_reserve_stops_what_is_begun(clock, make_context):
    """Nothing is finished with calls that someone waits for."""
    governor = govern(clock)
    governor.learn(Usage(97_000, 100_000))

    with pytest.raises(DailyLimitExceeded) as raised:
        async with governor.permit(Cost(), make_context(priority=Priority.BATCH, begun=True)):
            pass

    assert ("BATCH", "97%") == (raised.value.metadata["class"], raised.value.metadata["threshold"])


async def test_who_rides_along_pays_its_share(clock, make_context):
    """A call for several callers is split among them, and is not refused for the cap of one."""
    governor = govern(clock, callers={"a": CallerLimits(daily_calls=1)})
    context = make_context(caller="a", charged={"a": 0.75, "b": 0.25})
    for _ in range(4):
        async with governor.permit(Cost(api_calls=2), context):
            pass
    callers = governor.statistics().callers

    assert (6.0, 2.0) == (callers["a"].used, callers["b"].used)
    with pytest.raises(CallerQuotaExceeded):
        governor.admit(make_context(caller="a"))


async def test_callers_without_end_share_an_account(clock, make_context):
    """Names beyond the bound are not told apart; when the first ones rest for a day there is room for new ones."""
    governor = govern(clock, max_callers=3)
    for number in range(10):
        async with governor.permit(Cost(), make_context(caller=f"caller-{number}")):
            pass
    full = governor.statistics().callers
    clock.advance(25 * HOUR)
    async with governor.permit(Cost(), make_context(caller="new")):
        pass

    assert {"caller-0", "caller-1", "caller-2", REST} == set(full)
    assert 7.0 == full[REST].used
    assert 1.0 == governor.statistics().callers["new"].used


async def test_a_used_up_allocation_closes_the_gate_to_all(clock, make_context):
    """No class passes, though the reserves look full; one probe goes after five minutes, and its success opens."""
    governor = govern(clock)
    context = make_context(priority=Priority.INTERACTIVE)
    governor.observe(Observed(Sign.USED_UP, 0.1))
    with pytest.raises(DailyLimitExceeded) as refused:
        governor.admit(context)
    closed = governor.statistics().closed_seconds
    clock.advance(300)
    with pytest.raises(DailyLimitExceeded):
        await permit_twice(governor, context)
    governor.observe(Observed(Sign.WELL, 0.0))
    await permit_twice(governor, context)

    assert refused.value.retry_after_seconds is not None
    assert refused.value.retry_after_seconds >= 300
    assert 300 == closed
    assert 0 == governor.statistics().closed_seconds


async def test_a_used_up_allocation_stays_closed_as_long_as_salesforce_asks(clock, context):
    """The hint counts, not the five minutes."""
    governor = govern(clock)
    governor.observe(Observed(Sign.USED_UP, 0.1, retry_after_seconds=30.0))

    assert 30 == governor.statistics().closed_seconds


async def test_an_overloaded_org_is_left_alone_for_seconds(clock, make_context):
    """Nobody is refused: attempts wait for the end of the pause and then begin with a smaller limit."""
    governor = govern(clock)
    context = make_context(priority=Priority.BATCH)
    governor.observe(Observed(Sign.OVERLOADED, 0.1))
    governor.admit(context)
    async with attempts_of(governor) as attempts:
        await attempts.start("a", context)
        await attempts.start("b", context)
        await clock.pass_time(0.9)
        before = attempts.begun.copy()
        await clock.pass_time(0.2)

        assert [] == before
        assert ["a", "b"] == attempts.begun
        assert 11 == governor.statistics().concurrency_limit


async def test_attempts_wait_for_each_other_in_order_of_class(clock, make_context):
    """Above the limit the next one begins when one ends, the most urgent first."""
    governor = govern(clock, max_in_flight=2)
    async with attempts_of(governor) as attempts:
        for name, priority in (
            ("1", Priority.BATCH),
            ("2", Priority.BATCH),
            ("batch", Priority.BATCH),
            ("standard", Priority.STANDARD),
            ("interactive", Priority.INTERACTIVE),
        ):
            await attempts.start(name, make_context(priority=priority))
        waiting = governor.statistics()
        await attempts.end("1")
        await attempts.end("2")
        await attempts.end("interactive")

        assert (2, 3) == (waiting.in_flight, waiting.waiting)
        assert 1 == waiting.classes[Priority.BATCH].waiting
        assert ["1", "2", "interactive", "standard", "batch"] == attempts.begun


async def test_a_waiting_attempt_that_is_cancelled_gives_its_place_up(clock, context):
    """The next one begins in its stead, nothing is charged, and no permit is lost."""
    governor = govern(clock, max_in_flight=2)
    async with attempts_of(governor) as attempts:
        for name in ("1", "2", "gone", "next"):
            await attempts.start(name, context)
        attempts.tasks["gone"].cancel()
        await attempts.end("1", "2")
        await attempts.end("next")
        statistics = governor.statistics()

    assert ["1", "2", "next"] == attempts.begun
    assert (3, 0, 0) == (statistics.permits, statistics.in_flight, statistics.waiting)
    assert 3.0 == statistics.own_calls


async def test_an_attempt_cancelled_as_its_turn_comes_returns_the_permit(clock, context):
    """Its permit was given in the same turn of the loop, and goes to the next one."""
    governor = govern(clock, max_in_flight=2)
    async with attempts_of(governor) as attempts:
        for name in ("1", "2", "gone", "next"):
            await attempts.start(name, context)
        attempts.let_end("1")
        await asyncio.sleep(0)
        granted = governor.statistics().permits
        attempts.tasks["gone"].cancel()
        await settle()

        assert 3 == granted
        assert ["1", "2", "next"] == attempts.begun
        assert 2 == governor.statistics().in_flight


async def test_an_attempt_waits_no_longer_than_its_call_has_time(clock, make_context):
    """It is refused at its deadline, and leaves no task and no place behind."""
    governor = govern(clock, max_in_flight=2)
    async with attempts_of(governor) as attempts:
        await attempts.start("1", make_context())
        await attempts.start("2", make_context())
        late = await attempts.start("late", make_context(deadline=clock.monotonic() + 3.0, caller="late"))
        await clock.pass_time(3.0)

        with pytest.raises(ConcurrencyLimitExceeded) as refused:
            await late
        assert {
            "limit": "deadline",
            "in_flight": "2",
            "concurrency_limit": "2",
            "waiting": "0",
            "org": "prod",
        } == refused.value.metadata
        assert Share(0.0, None, 0, 1) == governor.statistics().callers["late"]
        assert 3 == len(asyncio.all_tasks())


async def test_an_attempt_that_would_wait_in_vain_is_refused_at_once(clock, make_context):
    """Twenty attempts of a second before it, two at a time, are more than its five seconds allow."""
    governor = govern(clock, max_in_flight=2)
    governor.observe(Observed(Sign.WELL, 1.0))
    async with attempts_of(governor) as attempts:
        for number in range(22):
            await attempts.start(str(number), make_context())
        hasty = await attempts.start("hasty", make_context(deadline=clock.monotonic() + 5.0))
        patient = await attempts.start("patient", make_context(deadline=clock.monotonic() + 50.0))

        assert not patient.done()
        with pytest.raises(ConcurrencyLimitExceeded) as refused:
            await hasty
        assert pytest.approx(10.0, abs=2.0) == refused.value.retry_after_seconds


@pytest.mark.parametrize(
    ("limits", "callers", "limit"),
    [
        ({"max_waiting": 3}, "abcde", "max_waiting"),
        ({"max_waiting_per_caller": 3}, "a", "max_waiting_per_caller"),
    ],
)
async def test_no_more_wait_than_the_bounds_allow(clock, make_context, limits, callers: str, limit: str):
    """The next one is refused at once, with what is in flight and waits."""
    governor = govern(clock, max_in_flight=2, **limits)
    async with attempts_of(governor) as attempts:
        for number in range(5):
            await attempts.start(str(number), make_context(caller=callers[number % len(callers)]))
        refused = await attempts.start("refused", make_context(caller=callers[-1]))

        with pytest.raises(ConcurrencyLimitExceeded) as raised:
            await refused
        assert {
            "limit": limit,
            "in_flight": "2",
            "concurrency_limit": "2",
            "waiting": "3",
            "org": "prod",
        } == raised.value.metadata


async def test_a_busy_caller_does_not_keep_others_waiting(clock, make_context):
    """One attempt of a second caller begins after one more of the busy one, not after all of them."""
    governor = govern(clock, max_in_flight=2)
    async with attempts_of(governor) as attempts:
        for number in range(20):
            await attempts.start(f"busy-{number}", make_context(caller="busy"))
        await attempts.start("quiet", make_context(caller="quiet"))
        await attempts.end("busy-0")
        await attempts.end("busy-1")

        assert "quiet" in attempts.begun[:4]


async def test_one_object_leaves_room_for_the_others(clock, context):
    """Of sixteen attempts twelve may be of one object; others pass those that wait for it, which follow as one ends."""
    governor = govern(clock)
    async with attempts_of(governor) as attempts:
        await attempts.start("first", context, Cost(bulkhead="contact"))
        for number in range(15):
            await attempts.start(f"slow-{number}", context, Cost(bulkhead="account"))
        await attempts.start("other", context, Cost(bulkhead="contact"))
        await attempts.start("none", context)
        filled = attempts.begun.copy()
        await attempts.end("slow-0")
        await attempts.end("other")

        assert ["first"] + [f"slow-{number}" for number in range(12)] + ["other", "none"] == filled
        assert ["slow-12"] == attempts.begun[15:]


async def test_an_object_without_others_leaves_room_for_their_first(clock, context):
    """Of sixteen attempts fifteen are its own; what comes next finds room, and then it keeps to its twelve."""
    governor = govern(clock)
    async with attempts_of(governor) as attempts:
        for number in range(17):
            await attempts.start(f"slow-{number}", context, Cost(bulkhead="account"))
        alone = attempts.begun.copy()
        await attempts.start("other", context, Cost(bulkhead="contact"))
        for number in range(3):
            await attempts.end(f"slow-{number}")
        crowded = attempts.begun[15:]
        await attempts.end("slow-3")

        assert [f"slow-{number}" for number in range(15)] == alone
        assert ["other"] == crowded
        assert ["slow-15"] == attempts.begun[16:]


async def test_long_running_slots_are_left_to_interactive_calls(clock, make_context):
    """With all but the headroom held for twenty seconds the others wait, until one ends."""
    governor = govern(clock, long_running_limit=5, long_running_headroom=2)
    async with attempts_of(governor) as attempts:
        for number in range(3):
            await attempts.start(f"long-{number}", make_context(priority=Priority.BATCH))
        await clock.pass_time(20.0)
        await attempts.start("standard", make_context(priority=Priority.STANDARD))
        await attempts.start("interactive", make_context(priority=Priority.INTERACTIVE))
        before = attempts.begun[3:]
        await attempts.end("long-0")

        assert 2 == governor.statistics().long_running
        assert ["interactive"] == before
        assert ["interactive", "standard"] == attempts.begun[3:]


async def test_those_that_wait_are_refused_when_the_allocation_is_used_up(clock, context):
    """Their turn would only bring Salesforce's refusal."""
    governor = govern(clock, max_in_flight=2)
    async with attempts_of(governor) as attempts:
        for name in ("1", "2", "waiting"):
            await attempts.start(name, context)
        governor.observe(Observed(Sign.USED_UP, 0.1))
        await attempts.end("1")

        with pytest.raises(DailyLimitExceeded):
            await attempts.tasks["waiting"]
        assert 0 == governor.statistics().waiting


async def test_in_shadow_mode_refusals_are_only_counted(clock, make_context):
    """Nothing is refused, held back or kept waiting, and what would be refused is told."""
    governor = govern(clock, shadow=True, max_in_flight=2, callers={"a": CallerLimits(daily_calls=1)})
    governor.learn(Usage(99_000, 100_000))
    async with attempts_of(governor) as attempts:
        for number in range(4):
            context = make_context(caller="a", priority=Priority.BATCH)
            governor.admit(context)
            await attempts.start(str(number), context)
        statistics = governor.statistics()

        assert 4 == len(attempts.begun)
    assert 0.0 == governor.hold(1, 200)
    assert statistics.shadow
    assert statistics.hold_seconds > 0
    assert 4 == statistics.classes[Priority.BATCH].refused == statistics.callers["a"].refused


async def test_in_shadow_mode_what_would_be_refused_a_permit_counts_once(clock, make_context):
    """Each call once: not again for what it would not have lived to ask, be it refused for calls or for a pause."""
    governor = govern(clock, shadow=True, callers={"a": CallerLimits(daily_calls=2)})
    governor.learn(Usage(10, 100_000))
    capped = make_context(caller="a")
    governor.admit(capped)
    for _ in range(4):
        async with governor.permit(Cost(), capped):
            pass
    governor.observe(Observed(Sign.OVERLOADED, 0.1))
    hurried = make_context(caller="b", deadline=clock.monotonic() + 0.1)
    for context in (hurried, hurried, make_context(caller="b", deadline=clock.monotonic() + HOUR)):
        async with governor.permit(Cost(), context):
            pass

    callers = governor.statistics().callers
    assert (1, 1) == (callers["a"].refused, callers["b"].refused)


async def test_statistics_tell_how_the_org_stands(clock, make_context):
    """Shares of classes and callers, and when the allocation will be used up."""
    governor = govern(clock, callers={"a": CallerLimits(daily_calls=50_000)})
    governor.learn(Usage(0, 100_000))
    for number in range(1, 61):
        async with governor.permit(Cost(api_calls=600), make_context(caller="a")):
            clock.advance(60)
        governor.learn(Usage(600 * number, 100_000))
    statistics = governor.statistics()

    assert Share(36_000.0, 85_000.0, 0, 0) == statistics.classes[Priority.STANDARD]
    assert Share(36_000.0, 50_000, 0, 0) == statistics.callers["a"]
    assert pytest.approx(6_400, rel=0.05) == statistics.exhausted_in_seconds
    assert 5.0 == statistics.hold_seconds


def pending() -> set[int]:
    """Return the futures and tasks that are not done, those of other tests among them."""
    gc.collect()
    return {id(each) for each in gc.get_objects() if isinstance(each, asyncio.Future) and not each.done()}


async def test_a_permit_that_need_not_wait_makes_no_task(clock, context):
    """Nothing but the permit itself is made for an attempt that begins at once."""
    governor = govern(clock)
    before = pending()
    async with governor.permit(Cost(), context):
        during = pending()

    assert during <= before


@pytest.mark.parametrize("calls", [1, 5])
async def test_an_attempt_needs_room_for_all_of_its_calls(clock, make_context, calls: int):
    """Of the last three calls one attempt may have one, but not five."""
    governor = govern(clock)
    governor.learn(Usage(84_997, 100_000))
    refused = False
    try:
        async with governor.permit(Cost(api_calls=calls), make_context()):
            pass
    except Exhausted:
        refused = True

    assert (calls == 5) == refused


async def test_nothing_is_left_of_those_that_gave_up_during_a_pause(clock, context):
    """With the last attempt that waits the alarm goes, too."""
    governor = govern(clock)
    tasks = len(asyncio.all_tasks())
    governor.observe(Observed(Sign.OVERLOADED, 0.1))
    async with attempts_of(governor) as attempts:
        await attempts.start("a", context)
        waiting = len(asyncio.all_tasks())
    await settle()

    assert tasks + 2 == waiting
    assert tasks == len(asyncio.all_tasks())


async def test_nobody_overtakes_those_that_wait_for_an_object(clock, context):
    """When the limit has grown and there is room for one more, a newcomer queues behind who came before."""
    governor = govern(clock)
    async with attempts_of(governor) as attempts:
        for number in range(16):
            await attempts.start(f"{number}", context, Cost(bulkhead="account"))
        for _ in range(40):
            governor.observe(Observed(Sign.WELL, 0.1))
        await attempts.start("newcomer", context, Cost(bulkhead="account"))
        before = attempts.begun.copy()
        await attempts.end("0")

        assert "newcomer" not in before
        assert "15" == attempts.begun[15]


async def test_a_used_up_allocation_is_told_as_used_up(clock, context):
    """What Salesforce said in its refusal outweighs the figures of its last answer."""
    governor = govern(clock)
    governor.learn(Usage(10, 15_000))
    governor.observe(Observed(Sign.USED_UP, 0.1))
    with pytest.raises(DailyLimitExceeded) as refused:
        governor.admit(context)

    assert "15000" == refused.value.metadata["used"]
    assert Usage(15_000, 15_000) == governor.statistics().usage


async def test_a_probe_that_came_to_nothing_is_followed_by_another(clock, context):
    """Ten seconds later the next one may find out."""
    governor = govern(clock)
    governor.observe(Observed(Sign.USED_UP, 0.1, retry_after_seconds=60.0))
    clock.advance(60)
    async with governor.permit(Cost(), context):
        pass
    governor.observe(Observed(Sign.DOWN, 0.0))
    with pytest.raises(DailyLimitExceeded):
        governor.admit(context)
    clock.advance(11)
    async with governor.permit(Cost(), context):
        pass

    assert 2 == governor.statistics().permits
