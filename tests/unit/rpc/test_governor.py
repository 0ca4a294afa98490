"""How a governor stands becomes a message that says no more than is known."""

from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st
from sluicegate.v1 import governor_pb2 as pb

from service.context import Priority
from service.governor.base import Share, Statistics, Usage
from service.rpc.governor import MOST_CALLERS, to_governor


def test_nothing_is_known_at_first():
    """What nobody told is unset, which is not the same as none."""
    message = to_governor(Statistics(permits=0, in_flight=0, usage=None))

    assert ["hold"] == [field.name for field, _ in message.ListFields()]
    assert message.hold.ToMilliseconds() == 0


def test_everything_is_told():
    """Each figure arrives under its own name."""
    statistics = Statistics(
        permits=9,
        in_flight=1,
        usage=Usage(700, 1000),
        waiting=2,
        concurrency_limit=3,
        long_running=4,
        own_calls=5.5,
        own_maximum=8,
        others_per_second=0.25,
        exhausted_in_seconds=3600.5,
        hold_seconds=1.25,
        closed_seconds=6.5,
        outage_seconds=7.5,
        login_outage_seconds=0.0,
        shadow=True,
        degraded=True,
    )

    expected = pb.Governor(
        usage=pb.ApiUsage(used=700, maximum=1000),
        own_calls=5.5,
        own_maximum=8,
        others_per_second=0.25,
        exhausted_in=Duration(seconds=3600, nanos=500_000_000),
        hold=Duration(seconds=1, nanos=250_000_000),
        closed_for=Duration(seconds=6, nanos=500_000_000),
        in_flight=1,
        concurrency_limit=3,
        waiting=2,
        long_running=4,
        permits=9,
        shadow=True,
        degraded=True,
        out_of_order_for=Duration(seconds=7, nanos=500_000_000),
        login_out_of_order_for=Duration(),
    )
    assert expected == to_governor(statistics)


def test_classes_come_by_urgency_and_callers_by_use():
    """A reader finds first what is refused last, and whoever uses most."""
    classes = {Priority.BATCH: Share(1, 700, 2, 3), Priority.INTERACTIVE: Share(4, None, 5, 6)}
    callers = {"b": Share(1, None, 0, 0), "a": Share(1, 50, 7, 8), "": Share(0.5, None, 0, 0), "z": Share(2, 9, 0, 0)}

    message = to_governor(Statistics(0, 0, None, classes=classes, callers=callers))

    assert [
        pb.ClassShare(priority=pb.PRIORITY_INTERACTIVE, used_calls=4, waiting=5, refused=6),
        pb.ClassShare(priority=pb.PRIORITY_BATCH, used_calls=1, stops_at_calls=700, waiting=2, refused=3),
    ] == list(message.classes)
    assert [
        pb.CallerShare(caller="z", used_calls=2, maximum_calls=9),
        pb.CallerShare(caller="a", used_calls=1, maximum_calls=50, waiting=7, refused=8),
        pb.CallerShare(caller="b", used_calls=1),
        pb.CallerShare(caller="", used_calls=0.5),
    ] == list(message.callers)


@given(st.integers(0, MOST_CALLERS * 2), st.randoms())
def test_no_number_of_callers_makes_a_large_message(number, random):
    """At most so many callers are told of, none that used less than one left out, and the rest is counted."""
    callers = {f"{each}": Share(random.randrange(9), None, 0, 0) for each in range(number)}

    message = to_governor(Statistics(0, 0, None, callers=callers))

    told = {caller.caller: caller.used_calls for caller in message.callers}
    assert len(callers) == len(message.callers) + message.more_callers
    assert min(number, MOST_CALLERS) == len(told)
    left_out = [share.used for name, share in callers.items() if name not in told]
    assert not left_out or max(left_out) <= min(told.values())
