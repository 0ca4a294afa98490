"""When records leave, with whom, and in which order."""

import asyncio
import gc
import itertools
import sys

import pytest

from service.batching.coalescer import Prepared
from service.batching.item import Item
from service.batching.policy import Policy
from service.errors import RowLocked
from service.salesforce.calls.writes import Operation, Saved
from tests.support.clock import ManualClock, settle
from tests.unit.batching.conftest import RECORD_ID, Callers, ManualCalls, coalescer_of, prepared


def locked() -> RowLocked:
    return RowLocked("another transaction holds the record", metadata={}, retry_after_seconds=1.0)


async def test_a_record_leaves_at_once_when_no_call_is_in_flight(callers: Callers, calls: ManualCalls) -> None:
    """Nothing waits while the lane is idle, and no time passes."""
    (task,) = await callers.start(prepared("a"))
    await calls.sent[0].succeed()

    assert [["a"]] == calls.names
    assert Saved(RECORD_ID) == await task


async def test_records_of_one_turn_of_the_loop_share_a_call(callers: Callers, calls: ManualCalls) -> None:
    """What arrives together leaves together, though nothing was held back."""
    await callers.start(prepared("a"), prepared("b"))

    assert [["a", "b"]] == calls.names


async def test_records_gather_while_a_call_is_in_flight(callers: Callers, calls: ManualCalls) -> None:
    """The end of the call sends what gathered behind it."""
    await callers.start(prepared("a"))
    await callers.start(prepared("b"))
    await callers.start(prepared("c"))
    before = calls.names.copy()

    await calls.sent[0].succeed()

    assert [["a"]] == before
    assert [["a"], ["b", "c"]] == calls.names


async def test_a_record_that_waited_for_its_key_leaves_before_later_ones(callers: Callers, calls: ManualCalls) -> None:
    """Whoever came first is not last for having waited behind a record of the same key."""
    await callers.start(prepared("a", key="k"))
    await callers.start(prepared("again", key="k"))
    await callers.start(prepared("b"))

    await calls.sent[0].succeed()

    assert [["a"], ["again", "b"]] == calls.names


async def test_a_full_call_leaves_beside_the_one_in_flight(callers: Callers, calls: ManualCalls) -> None:
    """Two hundred records do not wait for an answer."""
    await callers.start(prepared("first"))
    await callers.start(*(prepared(str(number)) for number in range(201)))

    assert [1, 200] == [len(names) for names in calls.names]


async def test_a_thousand_records_at_once_take_six_calls_at_most(callers: Callers, calls: ManualCalls) -> None:
    """The first may go alone, the rest fills calls."""
    tasks = await callers.start(prepared("0"))
    tasks += await callers.start(*(prepared(str(number)) for number in range(1, 1000)))
    for index in range(6):
        await calls.sent[index].succeed()

    assert [1, 200, 200, 200, 200, 199] == [len(names) for names in calls.names]
    assert all(task.done() for task in tasks)


async def test_a_slow_call_holds_others_back_for_a_second_at_most(
    callers: Callers, calls: ManualCalls, clock: ManualClock
) -> None:
    """Records that gather behind a call that does not end leave without it."""
    await callers.start(prepared("slow"))
    await callers.start(prepared("a"))

    await clock.pass_time(0.9)
    before = calls.names.copy()
    await clock.pass_time(0.2)

    assert [["slow"]] == before
    assert [["slow"], ["a"]] == calls.names


async def test_a_busy_lane_waits_until_no_further_record_comes(calls: ManualCalls, clock: ManualClock) -> None:
    """After a call that carried several, their callers are about to send again: the first does not leave alone."""
    async with coalescer_of(calls, clock, Policy()) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("a"), prepared("b"))
        await calls.sent[0].succeed()
        for name in "cde":
            await callers.start(prepared(name))
            await clock.pass_time(0.001)
        before = calls.names.copy()
        await clock.pass_time(0.002)

    assert [["a", "b"]] == before
    assert [["a", "b"], ["c", "d", "e"]] == calls.names


async def test_what_gathered_behind_a_call_waits_for_its_callers_too(calls: ManualCalls, clock: ManualClock) -> None:
    """Two groups of callers become one, instead of waiting for each other's calls for ever."""
    async with coalescer_of(calls, clock, Policy()) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("a1"), prepared("b1"))
        await callers.start(prepared("c1"), prepared("d1"))
        await clock.pass_time(0.5)
        await calls.sent[0].succeed()
        await clock.pass_time(0.001)
        await callers.start(prepared("a2"), prepared("b2"))
        await clock.pass_time(0.003)

    assert [["a1", "b1"], ["c1", "d1", "a2", "b2"]] == calls.names


async def test_a_lane_is_busy_after_a_record_alone_behind_which_another_waited(
    calls: ManualCalls, clock: ManualClock
) -> None:
    """A burst whose first record left alone does not go on record by record."""
    async with coalescer_of(calls, clock, Policy()) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("first"))
        await callers.start(prepared("a"))
        await calls.sent[0].succeed()
        await clock.pass_time(0.001)
        await callers.start(prepared("b"))
        await clock.pass_time(0.002)

    assert [["first"], ["a", "b"]] == calls.names


async def test_a_busy_lane_waits_no_longer_than_its_policy_says(calls: ManualCalls, clock: ManualClock) -> None:
    """Records that trickle in without end do not keep the first of them."""
    async with coalescer_of(calls, clock, Policy(longest_quiet_seconds=0.005)) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("a"), prepared("b"))
        await calls.sent[0].succeed()
        for number in range(10):
            await callers.start(prepared(str(number)))
            await clock.pass_time(0.001)

    assert 2 == len(calls.sent)
    assert 5 <= len(calls.names[1]) <= 7


async def test_a_lone_caller_never_finds_the_lane_busy(calls: ManualCalls, clock: ManualClock) -> None:
    """A caller that sends one record after the other waits for nobody."""
    async with coalescer_of(calls, clock, Policy()) as coalescer:
        callers = Callers(coalescer, clock)
        for number in range(3):
            await callers.start(prepared(str(number)))
            await calls.sent[number].succeed()

    assert [["0"], ["1"], ["2"]] == calls.names
    assert [] == clock.sleeps


async def test_a_lane_is_busy_for_a_while_only(calls: ManualCalls, clock: ManualClock) -> None:
    """A record that comes long after the last call leaves at once."""
    async with coalescer_of(calls, clock, Policy()) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("a"), prepared("b"))
        await calls.sent[0].succeed()
        await clock.pass_time(0.2)
        await callers.start(prepared("c"))

    assert [["a", "b"], ["c"]] == calls.names


async def test_no_more_calls_are_in_flight_than_the_policy_allows(calls: ManualCalls, clock: ManualClock) -> None:
    """Full calls wait too when enough are open."""
    async with coalescer_of(calls, clock, Policy(busy_seconds=0, calls_in_flight=2)) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(*(prepared(str(number)) for number in range(600)))
        before = len(calls.sent)
        await calls.sent[0].succeed()

    assert 2 == before
    assert 3 == len(calls.sent)


async def test_equal_keys_leave_one_after_the_other(callers: Callers, calls: ManualCalls) -> None:
    """The later waits for the outcome of the earlier, so the value last sent is the one that stands."""
    await callers.start(prepared("a1", key="a"), prepared("a2", key="a"), prepared("b"), prepared("a3", key="a"))
    first = calls.names.copy()
    await calls.sent[0].succeed()
    await calls.sent[1].succeed()

    assert [["a1", "b"]] == first
    assert [["a1", "b"], ["a2"], ["a3"]] == calls.names


async def test_equal_keys_keep_their_order_across_lanes(callers: Callers, calls: ManualCalls) -> None:
    """An update and a deletion of one record are two lanes, and the later still waits for the earlier's outcome."""
    await callers.start(prepared("x", operation=Operation.DELETE))
    await callers.start(prepared("first", key="lead:1", operation=Operation.DELETE))
    await callers.start(
        prepared("then", key="lead:1", operation=Operation.UPDATE), prepared("other", operation=Operation.UPDATE)
    )
    before = calls.names
    await calls.sent[0].succeed()
    await calls.sent[1].succeed()
    await calls.sent[2].succeed()

    assert [["x"], ["other"]] == before
    assert [["x"], ["other"], ["first"], ["then"]] == calls.names


async def test_a_record_that_waits_behind_another_lane_can_be_withdrawn(callers: Callers, calls: ManualCalls) -> None:
    """Whoever waited behind it goes on all the same, and nothing is left of it."""
    await callers.start(prepared("first", key="lead:1"))
    (gone,) = await callers.start(prepared("gone", key="lead:1", operation=Operation.UPDATE))
    await callers.start(prepared("last", key="lead:1", operation=Operation.DELETE))
    waiting = callers.coalescer.statistics().lanes["update.lead.ext__c"].behind
    gone.cancel()
    await settle()
    await calls.sent[0].succeed()
    await calls.sent[1].succeed()

    assert 1 == waiting
    assert [["first"], ["last"]] == calls.names
    assert {} == callers.coalescer.statistics().lanes


async def test_records_under_one_parent_share_a_call_or_wait(callers: Callers, calls: ManualCalls) -> None:
    """No two calls in flight hold children of one parent, though there would be room for both."""
    await callers.start(prepared("a", parents=["p"]), prepared("b", parents=["p"]))
    others = [prepared(str(number)) for number in range(199)]
    await callers.start(prepared("c", parents=["p"]), *others)
    before = [len(names) for names in calls.names]
    await calls.sent[0].succeed()
    await calls.sent[1].succeed()

    assert ["a", "b"] == calls.names[0]
    assert [2, 199] == before
    assert ["c"] == calls.names[2]


async def test_a_parent_is_kept_apart_across_lanes(callers: Callers, calls: ManualCalls) -> None:
    """Contacts and cases of one account do not contend for it either."""
    await callers.start(prepared("contact", sobject="Contact", parents=["p"]))
    await callers.start(prepared("case", sobject="Case", parents=["p"]))
    before = calls.names.copy()
    await calls.sent[0].succeed()

    assert [["contact"]] == before
    assert [["contact"], ["case"]] == calls.names


async def test_locked_rows_are_sent_again_alone_after_a_pause(
    callers: Callers, calls: ManualCalls, clock: ManualClock
) -> None:
    """Neighbours get their outcome at once; only the locked row goes again."""
    tasks = await callers.start(prepared("a"), prepared("b"))
    await calls.sent[0].end([locked(), Saved(RECORD_ID)])
    done = [task.done() for task in tasks]
    await clock.pass_time(1)
    await calls.sent[1].succeed()

    assert [False, True] == done
    assert [["a", "b"], ["a"]] == calls.names
    assert Saved(RECORD_ID) == await tasks[0]


async def test_calls_shrink_from_attempt_to_attempt(calls: ManualCalls, clock: ManualClock) -> None:
    """Rows that stay locked end up alone, so that one of them cannot keep the others."""
    async with coalescer_of(calls, clock, Policy(busy_seconds=0, shrinking=(4, 2, 1))) as coalescer:
        await Callers(coalescer, clock).start(*(prepared(str(number)) for number in range(8)))
        sizes = []
        for _ in range(5):
            sent, calls.sent = calls.sent, []
            sizes.append([len(each.names) for each in sent])
            for each in sent:
                await each.end([locked() for _ in each.names])
            await clock.pass_time(10)

    assert [[8], [4] * 2, [2] * 4, [1] * 8, [1] * 8] == sizes


async def test_a_locked_row_ends_with_its_deadline(callers: Callers, calls: ManualCalls, clock: ManualClock) -> None:
    """A row whose caller cannot wait for another attempt is answered before the deadline, not after it."""
    (task,) = await callers.start(prepared("a"), deadline=0.01)
    while not task.done():
        if not calls.sent[-1].answer.done():
            await calls.sent[-1].end([locked()])
        await clock.pass_time(0.005)

    with pytest.raises(RowLocked):
        await task


async def test_locked_rows_are_not_all_sent_again_at_one_moment(calls: ManualCalls, clock: ManualClock) -> None:
    """They met once; calls that pause for equal times would meet again."""
    async with coalescer_of(calls, clock) as coalescer:
        writes = [prepared(f"row-{number}", sobject=f"Object{number}__c") for number in range(20)]
        tasks = await Callers(coalescer, clock).start(*writes)
        for sent in calls.sent[:20]:
            await sent.end([locked()])
        moments = []
        for _ in range(20):
            await clock.pass_time(0.01)
            moments.append(len(calls.sent))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert 40 == moments[-1]
    assert len(set(moments)) > 3


async def test_a_row_that_stays_locked_is_told_after_its_attempts(calls: ManualCalls, clock: ManualClock) -> None:
    """However much time its caller has: each attempt is a call of the org's allocation."""
    async with coalescer_of(calls, clock, Policy(busy_seconds=0, attempts=3)) as coalescer:
        (task,) = await Callers(coalescer, clock).start(prepared("a"))
        for attempt in range(3):
            await calls.sent[attempt].end([locked()])
            await clock.pass_time(5)

        with pytest.raises(RowLocked):
            await task
    assert [["a"]] * 3 == calls.names


async def test_a_later_record_of_the_key_waits_for_the_retries(
    callers: Callers, calls: ManualCalls, clock: ManualClock
) -> None:
    """A row that is tried again keeps its place before later writes of the same record."""
    await callers.start(prepared("a1", key="a"), prepared("a2", key="a"))
    await calls.sent[0].end([locked()])
    await clock.pass_time(1)
    await calls.sent[1].succeed()

    assert [["a1"], ["a1"], ["a2"]] == calls.names


@pytest.mark.parametrize(
    "write",
    [prepared("late"), prepared("late", key="held"), prepared("late", key="", parents=["held"], sobject="Case")],
    ids=["ready", "behind its key", "kept by a lock"],
)
async def test_callers_who_come_and_go_fill_no_queue(calls: ManualCalls, clock: ManualClock, write: Prepared) -> None:
    """While a call is slow, what is withdrawn leaves nothing behind, wherever it waited."""
    async with coalescer_of(calls, clock, Policy(busy_seconds=0, calls_in_flight=1)) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("first", key="held"))
        before = [each for each in gc.get_objects() if isinstance(each, Item)]
        for _ in range(5):
            tasks = await callers.start(*[write] * 100)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            tasks.clear()
        gc.collect()
        after = sum(isinstance(each, Item) for each in gc.get_objects())
        left = coalescer.statistics()

    assert (1, 5) == (left.held_records, left.held_bytes)
    assert after - len(before) <= 66


@pytest.mark.parametrize(("key", "parents"), [("held", ()), ("", ("held",))], ids=["behind its key", "kept by a lock"])
async def test_callers_who_come_and_go_by_ever_new_lanes_fill_no_queue(
    calls: ManualCalls, clock: ManualClock, key: str, parents: tuple[str, ...]
) -> None:
    """Each lane has few that have gone, but callers choose how many lanes there are."""
    async with coalescer_of(calls, clock, Policy(busy_seconds=0)) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("first", key="held"))
        before = [each for each in gc.get_objects() if isinstance(each, Item)]
        for number in range(300):
            tasks = await callers.start(prepared("late", key=key, parents=parents, sobject=f"Sobject{number}__c"))
            tasks[0].cancel()
            await asyncio.wait(tasks)
            tasks.clear()
        gc.collect()
        after = sum(isinstance(each, Item) for each in gc.get_objects())

    assert after - len(before) <= 66


async def test_a_withdrawn_row_is_freed_at_once(calls: ManualCalls, clock: ManualClock) -> None:
    """Rows may be large: not one of them is kept for the sake of a queue."""
    async with coalescer_of(calls, clock, Policy(busy_seconds=0, calls_in_flight=1)) as coalescer:
        callers = Callers(coalescer, clock)
        first, large = prepared("first"), prepared("large")
        before = [sys.getrefcount(each.row) for each in (first, large)]
        await callers.start(first)
        (task,) = await callers.start(large)
        task.cancel()
        await asyncio.wait([task])
        del task
        gc.collect()
        after = [sys.getrefcount(each.row) for each in (first, large)]

    assert before[0] < after[0]
    assert before[1] == after[1]


async def test_a_cancelled_caller_is_withdrawn_before_its_record_left(callers: Callers, calls: ManualCalls) -> None:
    """What nobody waits for any more is not sent, and its key is free."""
    await callers.start(prepared("first"))
    gone, _ = await callers.start(prepared("a1", key="a"), prepared("a2", key="a"))
    gone.cancel()
    await settle()
    await calls.sent[0].succeed()

    assert [["first"], ["a2"]] == calls.names


async def test_a_caller_cancelled_later_leaves_its_neighbours_alone(callers: Callers, calls: ManualCalls) -> None:
    """The write stands, its outcome is dropped, and the others get theirs."""
    gone, stays = await callers.start(prepared("a"), prepared("b"))
    gone.cancel()
    await settle()
    await calls.sent[0].succeed()

    assert gone.cancelled()
    assert Saved(RECORD_ID) == await stays
    assert 0 == callers.coalescer.statistics().held_records


async def test_a_locked_row_whose_caller_has_gone_is_not_tried_again(
    callers: Callers, calls: ManualCalls, clock: ManualClock
) -> None:
    """Nothing was written for it, and nobody wants it."""
    (gone,) = await callers.start(prepared("a"))
    gone.cancel()
    await settle()
    await calls.sent[0].end([locked()])
    await clock.pass_time(10)

    assert [["a"]] == calls.names


async def test_records_of_several_sobjects_travel_in_ten_runs_at_most(callers: Callers, calls: ManualCalls) -> None:
    """Rows are sorted by sObject, and the eleventh sObject waits for the next call."""
    names = [f"{kind}{number}" for number in range(2) for kind in "abcdefghijk"]
    await callers.start(
        *(prepared(name, key="", sobject=name[0], mixed=True, operation=Operation.CREATE) for name in names)
    )
    for number in range(3):
        await calls.sent[number].succeed()

    runs = [[kind for kind, _ in itertools.groupby(name[0] for name in call)] for call in calls.names]
    assert all(len(kinds) == len(set(kinds)) <= 10 for kinds in runs)
    assert sorted(names) == sorted(name for call in calls.names for name in call)


async def test_records_of_one_sobject_are_neighbours_in_a_call(callers: Callers, calls: ManualCalls) -> None:
    """Salesforce counts runs of neighbours, and callers send records of several sObjects in any order."""
    sobjects = [f"Object{number % 5}__c" for number in range(20)]
    writes = [prepared(f"{name}:{number}", sobject=name, mixed=True) for number, name in enumerate(sobjects)]
    tasks = await callers.start(*writes)
    order = [name.partition(":")[0] for name in calls.names[0]]
    await calls.sent[0].end([Saved(name) for name in calls.names[0]])

    assert 5 == len([name for name, _ in itertools.groupby(order)])
    assert [write.row.write.record_id for write in writes] == [(await task).record_id for task in tasks]


async def test_a_large_row_travels_alone(calls: ManualCalls, clock: ManualClock) -> None:
    """A call has a bound in bytes beside the one in rows."""
    async with coalescer_of(calls, clock, Policy(busy_seconds=0, most_call_bytes=10)) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("0123456789ab"), prepared("c"), prepared("d"))
        await calls.sent[0].succeed()

    assert [["0123456789ab"], ["c", "d"]] == calls.names


async def test_a_hold_gathers_records_up_to_what_their_callers_tolerate(calls: ManualCalls, clock: ManualClock) -> None:
    """While calls are dear, a call that is not full waits, but no longer than its least patient caller."""
    async with coalescer_of(calls, clock, hold=lambda _waiting, _most: 5.0) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("patient"))
        await clock.pass_time(0.5)
        before = calls.names.copy()
        await clock.pass_time(0.5)

    assert [] == before
    assert [["patient"]] == calls.names


async def test_the_least_patient_caller_ends_a_hold(calls: ManualCalls, clock: ManualClock) -> None:
    """Whoever came first may tolerate more than those who came after."""
    async with coalescer_of(calls, clock, hold=lambda _waiting, _most: 5.0) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("patient"), max_wait=4.0)
        await callers.start(prepared("hurried"), max_wait=0.5)
        await clock.pass_time(0.4)
        before = calls.names.copy()
        await clock.pass_time(0.2)

    assert [] == before
    assert [["patient", "hurried"]] == calls.names


async def test_a_caller_that_never_waits_is_not_held_back(calls: ManualCalls, clock: ManualClock) -> None:
    """Zero is less than the org's default, not in place of one."""
    async with coalescer_of(calls, clock, hold=lambda _waiting, _most: 5.0) as coalescer:
        await Callers(coalescer, clock).start(prepared("now"), max_wait=0.0)

    assert [["now"]] == calls.names


async def test_a_caller_that_has_gone_ends_no_hold(calls: ManualCalls, clock: ManualClock) -> None:
    """Its record is not among those that wait, however hurried it was."""
    async with coalescer_of(calls, clock, hold=lambda _waiting, _most: 5.0) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("patient"), max_wait=4.0)
        (hurried,) = await callers.start(prepared("hurried"), max_wait=0.5)
        hurried.cancel()
        await clock.pass_time(3.9)
        before = calls.names.copy()
        await clock.pass_time(0.2)

    assert [] == before
    assert [["patient"]] == calls.names


async def test_a_hold_leaves_half_of_the_callers_time(calls: ManualCalls, clock: ManualClock) -> None:
    """A record must not wait for a fuller call until there is no time for the call."""
    async with coalescer_of(calls, clock, hold=lambda _waiting, _most: 5.0) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("short of time"), deadline=0.8)
        await clock.pass_time(0.3)
        before = calls.names.copy()
        await clock.pass_time(0.2)

    assert [] == before
    assert [["short of time"]] == calls.names


async def test_a_hold_ends_for_whoever_waits_for_the_key_of_a_held_record(
    calls: ManualCalls, clock: ManualClock
) -> None:
    """One caller's patience must not hold back another's write of the same record, in whichever lane that is."""
    async with coalescer_of(calls, clock, hold=lambda _waiting, _most: 5.0) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("patient", key="K"), max_wait=4.0)
        before = calls.names.copy()
        await callers.start(prepared("hurried", key="K", operation=Operation.UPDATE), max_wait=0.0)
        await calls.sent[0].succeed()

    assert [] == before
    assert [["patient"], ["hurried"]] == calls.names


async def test_a_hold_ends_for_the_least_patient_of_all_who_wait_for_a_key(
    calls: ManualCalls, clock: ManualClock
) -> None:
    """It waits for those between as well: each of them leaves as soon as it has the key."""
    async with coalescer_of(calls, clock, hold=lambda _waiting, _most: 5.0) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("first", key="K"), prepared("second", key="K"), max_wait=4.0)
        await callers.start(prepared("third", key="K"), deadline=1.0)
        await clock.pass_time(0.4)
        before = calls.names.copy()
        await clock.pass_time(0.2)
        await calls.sent[0].succeed()
        await calls.sent[1].succeed()

    assert [] == before
    assert [["first"], ["second"], ["third"]] == calls.names


async def test_a_hold_goes_on_while_those_behind_it_are_as_patient(calls: ManualCalls, clock: ManualClock) -> None:
    """Calls are dear: a second write of a record is no reason to spend one."""
    async with coalescer_of(calls, clock, hold=lambda _waiting, _most: 5.0) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("first", key="K"), max_wait=4.0)
        await clock.pass_time(1.0)
        await callers.start(prepared("second", key="K"), max_wait=4.0)
        await clock.pass_time(2.9)
        before = calls.names.copy()
        await clock.pass_time(0.2)

    assert [] == before
    assert [["first"]] == calls.names


async def test_a_hold_never_keeps_a_full_call(calls: ManualCalls, clock: ManualClock) -> None:
    """There is nothing to gain by waiting longer."""
    async with coalescer_of(calls, clock, hold=lambda _waiting, _most: 5.0) as coalescer:
        await Callers(coalescer, clock).start(*(prepared(str(number)) for number in range(200)))

    assert [200] == [len(names) for names in calls.names]


async def test_a_hold_that_ends_lets_the_lane_go(calls: ManualCalls, clock: ManualClock) -> None:
    """The lane asks anew each time a record arrives."""
    seconds = [5.0, 0.0]
    async with coalescer_of(calls, clock, hold=lambda _waiting, _most: seconds.pop(0)) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("a"))
        await callers.start(prepared("b"))

    assert [["a", "b"]] == calls.names


async def test_creations_have_no_key_and_share_calls(callers: Callers, calls: ManualCalls) -> None:
    """Two records to be created are two records, however equal they are."""
    twins = [prepared("a", key="", operation=Operation.CREATE) for _ in range(2)]
    tasks = await callers.start(*twins)
    await calls.sent[0].succeed()

    assert [["a", "a"]] == calls.names
    assert 2 == len(await asyncio.gather(*tasks))
