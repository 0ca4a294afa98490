"""How an org's governor stands, as the contract's message."""

import heapq

from google.protobuf.duration_pb2 import Duration
from sluicegate.v1 import governor_pb2 as pb

from service.context import Priority
from service.governor.base import Share, Statistics

MOST_CALLERS = 200
"""How many callers a message tells of: everyone who calls may invent names, and messages are to stay small."""

_PRIORITIES = {priority: pb.Priority.Value(f"PRIORITY_{priority.name}") for priority in Priority}


def to_governor(statistics: Statistics) -> pb.Governor:
    """Return the message.

    Args:
        statistics: How the governor stands.

    """
    message = pb.Governor(
        own_calls=statistics.own_calls,
        own_maximum=statistics.own_maximum,
        others_per_second=statistics.others_per_second,
        hold=_duration(statistics.hold_seconds),
        classes=[_class(priority, share) for priority, share in sorted(statistics.classes.items())],
        callers=[_caller(name, share) for name, share in _most_used(statistics)],
        more_callers=max(0, len(statistics.callers) - MOST_CALLERS),
        in_flight=statistics.in_flight,
        concurrency_limit=statistics.concurrency_limit,
        waiting=statistics.waiting,
        long_running=statistics.long_running,
        permits=statistics.permits,
        shadow=statistics.shadow,
        degraded=statistics.degraded,
    )
    if statistics.usage is not None:
        message.usage.used = statistics.usage.used
        message.usage.maximum = statistics.usage.maximum
    if statistics.exhausted_in_seconds is not None:
        message.exhausted_in.CopyFrom(_duration(statistics.exhausted_in_seconds))
    if statistics.closed_seconds > 0:
        message.closed_for.CopyFrom(_duration(statistics.closed_seconds))
    if statistics.outage_seconds is not None:
        message.out_of_order_for.CopyFrom(_duration(statistics.outage_seconds))
    if statistics.login_outage_seconds is not None:
        message.login_out_of_order_for.CopyFrom(_duration(statistics.login_outage_seconds))
    return message


def _most_used(statistics: Statistics) -> list[tuple[str, Share]]:
    """Return the callers that used most, those that used the same by name."""
    return heapq.nsmallest(MOST_CALLERS, statistics.callers.items(), key=lambda item: (-item[1].used, item[0]))


def _class(priority: Priority, share: Share) -> pb.ClassShare:
    return pb.ClassShare(
        priority=_PRIORITIES[priority],
        used_calls=share.used,
        stops_at_calls=share.maximum,
        waiting=share.waiting,
        refused=share.refused,
    )


def _caller(name: str, share: Share) -> pb.CallerShare:
    return pb.CallerShare(
        caller=name,
        used_calls=share.used,
        maximum_calls=share.maximum,
        waiting=share.waiting,
        refused=share.refused,
    )


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration
