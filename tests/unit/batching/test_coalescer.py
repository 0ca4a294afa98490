"""What callers get: their own outcome, their own error, and a refusal when too many wait."""

import asyncio

import pytest
from msgspec.structs import replace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import set_span_in_context

from service.batching.coalescer import Coalescer, Prepared
from service.batching.item import Route
from service.batching.policy import Policy
from service.errors import (
    DailyLimitExceeded,
    DeadlineExceeded,
    DuplicateValue,
    InternalError,
    InvalidFieldValue,
    OutcomeUnknown,
    QueueFull,
    RowLocked,
    UnknownField,
    UnknownObject,
)
from service.salesforce.calls.writes import DEFAULT_OPTIONS, Operation, Saved, WriteOptions
from service.telemetry.tracing import Tracing
from tests.support.clock import ManualClock, settle
from tests.support.transport import call
from tests.unit.batching.conftest import RECORD_ID, Callers, ManualCalls, coalescer_of, prepared


async def test_each_caller_gets_its_own_outcome(callers: Callers, calls: ManualCalls) -> None:
    """Outcomes map back by their place in the call, refusals too."""
    good, bad, other = await callers.start(prepared("a"), prepared("b"), prepared("c"))
    refusal = DuplicateValue("taken", metadata={"object": "Lead"})
    await calls.sent[0].end([Saved("1"), refusal, Saved("3", created=True)])

    assert Saved("1") == await good
    with pytest.raises(DuplicateValue) as caught:
        await bad
    assert refusal is caught.value
    assert Saved("3", created=True) == await other


async def test_a_failure_of_the_call_reaches_every_caller_as_an_error_of_its_own(
    callers: Callers, calls: ManualCalls
) -> None:
    """Callers share no exception: each adds its own traceback and details."""
    tasks = await callers.start(prepared("a"), prepared("b"))
    await calls.sent[0].end(
        DailyLimitExceeded("used up", metadata={"limit": "DailyApiRequests"}, retry_after_seconds=900.0)
    )
    errors = list(await asyncio.gather(*tasks, return_exceptions=True))

    assert 1 == len(calls.sent)
    assert [DailyLimitExceeded] * 2 == [type(error) for error in errors]
    assert errors[0] is not errors[1]
    assert [900.0] * 2 == [getattr(error, "retry_after_seconds", None) for error in errors]


async def test_a_row_that_fails_the_whole_call_fails_alone(callers: Callers, calls: ManualCalls) -> None:
    """A call that Salesforce refuses unread goes on in parts until the bad row is found; all others are written."""
    tasks = await callers.start(*(prepared(name) for name in "abcdefgh"))
    answered = 0
    while answered < len(calls.sent):
        sent = calls.sent[answered]
        answered += 1
        if "f" in sent.names:
            await sent.end(InvalidFieldValue("AnnualRevenue takes a number"))
        else:
            await sent.succeed()

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [Saved] * 5 + [InvalidFieldValue] + [Saved] * 2 == [type(outcome) for outcome in outcomes]
    assert [list("abcdefgh"), list("ab"), list("cd"), list("ef"), list("gh"), ["e"], ["f"]] == calls.names


async def test_nobody_waits_for_the_search_among_others_rows(callers: Callers, calls: ManualCalls) -> None:
    """A record in a part of a refused call that goes through is answered, whatever becomes of the other parts."""
    tasks = await callers.start(*(prepared(name) for name in "abcdefgh"))
    await calls.sent[0].end(InvalidFieldValue("AnnualRevenue takes a number"))
    await calls.sent[2].succeed()

    assert [task.done() for task in tasks] == [name in "cd" for name in "abcdefgh"]


async def test_rows_that_take_many_calls_leave_every_other_one_to_newer_ones(
    calls: ManualCalls, clock: ManualClock
) -> None:
    """However many rows of one caller are bad, others wait for one of its calls and not for all of them."""
    async with coalescer_of(calls, clock, Policy(busy_seconds=0, calls_in_flight=1)) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(*(prepared(name) for name in "abcd"))
        await callers.start(prepared("late"))
        await clock.pass_time(2)
        for number in range(2):
            await calls.sent[number].end(InvalidFieldValue("AnnualRevenue takes a number"))

    assert [list("abcd"), ["a"], ["late"]] == calls.names


async def test_a_caller_that_has_gone_is_not_searched_for(callers: Callers, calls: ManualCalls) -> None:
    """Rows that nobody waits for cost no further calls."""
    tasks = await callers.start(*(prepared(name) for name in "abcd"))
    for task in tasks[1:]:
        task.cancel()
    await settle()
    await calls.sent[0].end(InvalidFieldValue("AnnualRevenue takes a number"))
    await calls.sent[1].succeed()

    assert Saved(RECORD_ID) == await tasks[0]
    assert [list("abcd"), ["a"]] == calls.names


def with_fields(write: Prepared, *names: str) -> Prepared:
    """Return a write that sets fields."""
    values = dict.fromkeys(names, "x")
    return replace(write, row=replace(write.row, write=replace(write.row.write, values=values)))


async def test_records_with_a_field_that_is_unknown_need_no_call_of_their_own(
    callers: Callers, calls: ManualCalls
) -> None:
    """Salesforce names the field, in whatever case; all others share one further call."""
    writes = [
        with_fields(prepared(name), field) for name, field in [("a", "x__c"), ("b", "X__C"), ("c", "y__c"), ("d", "z")]
    ]
    tasks = await callers.start(*writes)
    await calls.sent[0].end(UnknownField("no x__c", metadata={"object": "Lead", "field": "X__c"}))
    await calls.sent[1].end(UnknownField("no y__c", metadata={"object": "lead", "field": "y__c"}))
    await calls.sent[2].succeed()

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [list("abcd"), list("cd"), list("d")] == calls.names
    assert [UnknownField] * 3 + [Saved] == [type(outcome) for outcome in outcomes]
    assert ["X__c", "X__c", "y__c"] == [getattr(error, "metadata", {})["field"] for error in outcomes[:3]]


async def test_fields_that_are_named_one_after_the_other_end_the_call(callers: Callers, calls: ManualCalls) -> None:
    """A call goes on twice without the rows at fault; then its parts do, beside each other."""
    await callers.start(*(with_fields(prepared(name), f"{name}__c") for name in "abcdefgh"))
    for number, name in enumerate("abc"):
        await calls.sent[number].end(UnknownField("no", metadata={"object": "Lead", "field": f"{name}__c"}))

    assert [list("abcdefgh"), list("bcdefgh"), list("cdefgh"), list("de"), list("fg"), ["h"]] == calls.names


@pytest.mark.parametrize(("sobject", "mixed"), [("Account", False), ("Lead", True)])
async def test_an_unknown_field_that_may_be_another_sobjects_is_looked_for(
    callers: Callers, calls: ManualCalls, sobject: str, mixed: bool
) -> None:
    """A record is not blamed for a field of its parent's, nor for one of its neighbour's sObject: halves are sent."""
    tasks = await callers.start(*(with_fields(prepared(name, mixed=mixed), "x__c") for name in "ab"))
    await calls.sent[0].end(UnknownField("no x__c", metadata={"object": sobject, "field": "x__c"}))
    await calls.sent[1].succeed()
    await calls.sent[2].succeed()

    assert [["a", "b"], ["a"], ["b"]] == calls.names
    assert [Saved(RECORD_ID)] * 2 == await asyncio.gather(*tasks)


async def test_an_unknown_sobject_is_nobodys_row(callers: Callers, calls: ManualCalls) -> None:
    """All rows of the lane share it, so that halving would only cost calls."""
    tasks = await callers.start(prepared("a"), prepared("b"))
    await calls.sent[0].end(UnknownObject("no such sObject", metadata={"object": "Led"}))

    assert [UnknownObject] * 2 == [type(error) for error in await asyncio.gather(*tasks, return_exceptions=True)]
    assert 1 == len(calls.sent)


async def test_an_unknown_sobject_among_several_is_somebodys_row(callers: Callers, calls: ManualCalls) -> None:
    """Records of other sObjects do not fail with the one whose sObject is gone."""
    lead, gone = prepared("lead", mixed=True), prepared("gone", mixed=True, sobject="Gone__c")
    kept, lost = await callers.start(lead, gone)
    refusal = UnknownObject("no such sObject", metadata={"object": "Gone__c"})

    await calls.sent[0].end(refusal)
    for sent in calls.sent[1:]:
        await sent.end(refusal if "gone" in sent.names else [Saved(RECORD_ID)])

    assert Saved(RECORD_ID) == await kept
    with pytest.raises(UnknownObject):
        await lost


@pytest.mark.parametrize(
    ("operation", "expected"), [(Operation.UPSERT, InternalError), (Operation.CREATE, OutcomeUnknown)]
)
async def test_a_fault_of_ours_reaches_the_caller_and_leaves_the_lane_alive(
    callers: Callers, calls: ManualCalls, operation: Operation, expected: type[Exception]
) -> None:
    """Of a creation nobody knows then whether it happened."""
    (broken,) = await callers.start(prepared("a", operation=operation))
    await calls.sent[0].end(ZeroDivisionError())
    (fine,) = await callers.start(prepared("b", operation=operation))
    await calls.sent[1].succeed()

    with pytest.raises(expected):
        await broken
    assert Saved(RECORD_ID) == await fine


async def test_fewer_outcomes_than_records_are_nobodys(callers: Callers, calls: ManualCalls) -> None:
    """Rather no outcome than another's."""
    tasks = await callers.start(prepared("a"), prepared("b"))
    await calls.sent[0].end([Saved(RECORD_ID)])

    assert [InternalError] * 2 == [type(error) for error in await asyncio.gather(*tasks, return_exceptions=True)]


async def test_options_keep_records_apart(callers: Callers, calls: ManualCalls) -> None:
    """One call to Salesforce has one set of options."""
    plain = prepared("a")
    assigned = prepared("b")
    options = WriteOptions(assignment="FALSE")
    route = Route(assigned.route.operation, assigned.route.sobject, assigned.route.field, options)

    await callers.start(plain, type(assigned)(route, assigned.row, assigned.key, assigned.locks))

    assert [["a"], ["b"]] == calls.names


async def test_orgs_share_nothing(calls: ManualCalls, clock: ManualClock) -> None:
    """Two coalescers, and so two Salesforce users, never share a call, nor a record's key."""
    async with coalescer_of(calls, clock) as mine, coalescer_of(calls, clock) as other:
        await Callers(mine, clock).start(prepared("a", key="k"))
        await Callers(other, clock).start(prepared("b", key="k"))

    assert [["a"], ["b"]] == calls.names


@pytest.mark.parametrize("policy", [Policy(busy_seconds=0, most_records=2), Policy(busy_seconds=0, most_bytes=2)])
async def test_more_than_may_wait_is_refused_at_once(calls: ManualCalls, clock: ManualClock, policy: Policy) -> None:
    """The refusal says how many wait and when to come back, and nothing of it is sent."""
    async with coalescer_of(calls, clock, policy) as coalescer:
        callers = Callers(coalescer, clock)
        await callers.start(prepared("a"), prepared("b"))
        (refused,) = await callers.start(prepared("c"))
        await calls.sent[0].succeed()
        (later,) = await callers.start(prepared("d"))
        await calls.sent[1].succeed()

    with pytest.raises(QueueFull) as caught:
        await refused
    assert "2" == caught.value.metadata["waiting"]
    assert 1.0 == caught.value.retry_after_seconds
    assert Saved(RECORD_ID) == await later


@pytest.mark.parametrize("policy", [Policy(busy_seconds=0, most_records=20), Policy(busy_seconds=0, most_bytes=60)])
async def test_a_caller_that_sends_too_much_leaves_room_to_others(
    calls: ManualCalls, clock: ManualClock, policy: Policy
) -> None:
    """It is refused in the last fifth of the room, where those who hold little are not."""
    async with coalescer_of(calls, clock, policy) as coalescer:
        greedy = replace(call(clock), caller="greedy")
        modest = replace(call(clock), caller="modest")
        taken = [asyncio.create_task(coalescer.write(prepared(f"g{n:02}"), greedy)) for n in range(30)]
        await settle()
        waiting = coalescer.statistics().held_records
        others = [asyncio.create_task(coalescer.write(prepared(f"m{n:02}"), modest)) for n in range(4)]
        await settle()

        assert 16 == waiting
        assert not any(each.done() for each in others)
        with pytest.raises(QueueFull) as refused:
            await taken[-1]
        assert "16" == refused.value.metadata["waiting_of_caller"]
        for each in (*taken, *others):
            each.cancel()
        await asyncio.gather(*taken, *others, return_exceptions=True)


async def test_nothing_needs_no_room(calls: ManualCalls, clock: ManualClock) -> None:
    """Writes that were all refused before they came here have their own refusals, however full it is."""
    async with coalescer_of(calls, clock, Policy(busy_seconds=0, most_records=10)) as coalescer:
        contexts = [replace(call(clock), caller=caller) for caller in ("greedy",) * 8 + ("modest",) * 2]
        held = [asyncio.create_task(coalescer.write(prepared(f"r{n}"), each)) for n, each in enumerate(contexts)]
        await settle()

        assert 10 == coalescer.statistics().held_records
        assert [] == await coalescer.write_all([], contexts[0])
        for each in held:
            each.cancel()
        await asyncio.gather(*held, return_exceptions=True)


async def test_many_writes_of_one_caller_are_admitted_together_or_not_at_all(
    calls: ManualCalls, clock: ManualClock
) -> None:
    """A refused call wrote nothing."""
    async with coalescer_of(calls, clock, Policy(busy_seconds=0, most_records=2)) as coalescer:
        with pytest.raises(QueueFull):
            await coalescer.write_all([prepared("a"), prepared("b"), prepared("c")], call(clock))
        await settle()

    assert [] == calls.sent


async def test_many_writes_of_one_caller_come_back_in_their_order(callers: Callers, calls: ManualCalls) -> None:
    """Whatever lanes they took, and with errors as values."""
    writes = [prepared("a"), prepared("b", sobject="Case"), prepared("c")]
    task = asyncio.create_task(callers.coalescer.write_all(writes, call(ManualClock())))
    await settle()
    refusal = DuplicateValue("taken")
    of_case, of_lead = sorted(calls.sent, key=lambda sent: len(sent.names))
    await of_case.end([Saved("b")])
    await of_lead.end([Saved("a"), refusal])

    assert [Saved("a"), Saved("b"), refusal] == await task


async def test_no_writes_take_no_call(callers: Callers, calls: ManualCalls) -> None:
    """An empty list is answered by an empty list."""
    assert [] == await callers.coalescer.write_all([], call(ManualClock()))
    assert [] == calls.sent


async def test_cancelling_many_writes_withdraws_those_that_have_not_left(callers: Callers, calls: ManualCalls) -> None:
    """What has left stands; the rest is never sent, and nothing is held any more."""
    writes = [prepared(f"{number}", key="same") for number in range(3)]
    task = asyncio.create_task(callers.coalescer.write_all(writes, call(ManualClock())))
    await settle()
    task.cancel()
    await settle()
    await calls.sent[0].succeed()

    assert [["0"]] == calls.names
    assert 0 == callers.coalescer.statistics().held_records


async def test_many_writes_are_answered_before_their_deadline(
    callers: Callers, calls: ManualCalls, clock: ManualClock
) -> None:
    """What was written is told, and of each other record whether it may have been; what has not left never leaves."""
    writes = [
        prepared("done"),
        prepared("away", sobject="Case"),
        prepared("behind", sobject="Case", key="away"),
        prepared("made", sobject="Task", key="", operation=Operation.CREATE),
    ]
    task = asyncio.create_task(callers.coalescer.write_all(writes, call(clock, deadline=clock.monotonic() + 60)))
    await settle()
    await next(sent for sent in calls.sent if sent.names == ["done"]).succeed()
    await clock.pass_time(59.4)
    assert not task.done()
    await clock.pass_time(0.2)
    done, away, behind, made = await task
    for sent in calls.sent:
        if not sent.answer.done():
            await sent.succeed()

    assert Saved(RECORD_ID) == done
    assert isinstance(away, DeadlineExceeded)
    assert "may have been written" in away.message
    assert isinstance(behind, DeadlineExceeded)
    assert "nothing of it was written" in behind.message
    assert isinstance(made, OutcomeUnknown)
    assert [["done"], ["away"], ["made"]] == calls.names
    assert 0 == callers.coalescer.statistics().held_records


async def test_of_locked_records_the_deadline_tells_that_they_were_locked(
    calls: ManualCalls, clock: ManualClock
) -> None:
    """That nothing was written, and why, is known of a record that is about to be sent again."""
    patient = Policy(busy_seconds=0, attempts=10_000, longest_delay_seconds=0.2)
    async with coalescer_of(calls, clock, patient) as coalescer:
        deadline = clock.monotonic() + 10
        task = asyncio.create_task(coalescer.write_all([prepared("locked")], call(clock, deadline=deadline)))
        await settle()
        for _ in range(192):
            for sent in calls.sent:
                if not sent.answer.done():
                    await sent.end([RowLocked("locked")])
            await clock.pass_time(0.05)

        (locked,) = await task

    assert isinstance(locked, RowLocked)
    assert str(len(calls.sent)) == locked.metadata["attempts"]
    assert clock.monotonic() < deadline


async def test_statistics_tell_what_waits_and_what_left(callers: Callers, calls: ManualCalls) -> None:
    """An operator sees lanes by name."""
    await callers.start(prepared("a", key="k"), prepared("b", key="k"), prepared("c"))
    await callers.start(prepared("d"))
    during = callers.coalescer.statistics()
    for number in range(2):
        await calls.sent[number].succeed()
    after = callers.coalescer.statistics()

    lane = during.lanes["upsert.lead.ext__c"]
    assert (1, 1, 1) == (lane.waiting, lane.behind, lane.in_flight)
    assert (1, 2, 4, 4) == (during.calls, during.records, during.held_records, during.held_bytes)
    assert (2, 4, 0, 0) == (after.calls, after.records, after.held_records, len(after.lanes))


async def test_lanes_of_names_that_callers_make_up_do_not_pile_up(callers: Callers, calls: ManualCalls) -> None:
    """Idle lanes are dropped, so that hostile names cost no memory."""
    for number in range(1_100):
        await callers.start(prepared("a", key="", sobject=f"Made_up_{number}__c"))
        await calls.sent[-1].succeed()

    assert len(callers.coalescer._lanes) <= 1_000


async def test_leaving_ends_calls_in_flight(calls: ManualCalls, clock: ManualClock) -> None:
    """No task outlives the coalescer."""
    before = asyncio.all_tasks()
    async with coalescer_of(calls, clock) as coalescer:
        (task,) = await Callers(coalescer, clock).start(prepared("a"))

    assert calls.sent[0].answer.cancelled()
    task.cancel()
    await settle()
    assert before == asyncio.all_tasks()


async def test_a_batch_is_a_span_linked_to_every_caller(calls: ManualCalls, clock: ManualClock) -> None:
    """The batch's span names all who ride along, and each caller's trace tells how long it waited for it."""
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter, sample_ratio=1.0, version="0")
    spans = [tracing.start_server_span("Upsert", None, {}) for _ in range(2)]
    coalescer = Coalescer(
        calls, org="prod", policy=Policy(), clock=clock, tracing=tracing, hold=lambda _waiting, _most: 0.0
    )
    async with coalescer:
        contexts = [replace(call(clock), trace=set_span_in_context(span)) for span in spans if span is not None]
        tasks = [
            asyncio.create_task(coalescer.write(prepared(name), context))
            for name, context in zip("ab", contexts, strict=True)
        ]
        await settle()
        await calls.sent[0].succeed()
        await asyncio.gather(*tasks)
    tracing.close()

    finished = exporter.get_finished_spans()
    batch = next(span for span in finished if span.name.startswith("batch"))
    waits = [span for span in finished if span.name == "wait for a batch"]
    callers = [span.get_span_context().span_id for span in spans if span is not None]
    (of_batch,) = {link.context.span_id for span in waits for link in span.links}
    assert callers == [link.context.span_id for link in batch.links]
    assert {"sluicegate.batch.records": 2, "sluicegate.lane": "upsert.lead.ext__c"}.items() <= dict(
        batch.attributes or {}
    ).items()
    assert callers == [span.parent.span_id for span in waits if span.parent is not None]
    assert of_batch == getattr(batch.context, "span_id", None)


def test_a_lane_is_named_by_what_its_records_share() -> None:
    """A person reads the name in traces and statistics."""
    routes = [
        Route(Operation.UPSERT, "lead", "ext__c", DEFAULT_OPTIONS),
        Route(Operation.CREATE, "", "", DEFAULT_OPTIONS),
    ]

    assert ["upsert.lead.ext__c", "create"] == [str(route) for route in routes]
