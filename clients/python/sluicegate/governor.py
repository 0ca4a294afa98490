"""How the service keeps to an org's limits, as the client tells it."""

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration

from sluicegate.v1 import governor_pb2
from sluicegate.words import to_word

_PRIORITIES = governor_pb2.Priority.DESCRIPTOR


@dataclass(frozen=True, slots=True)
class ApiUsage:
    """API calls of an org's rolling 24 hours."""

    used: int
    """Calls that were made."""
    maximum: int
    """The most that may be made."""


@dataclass(frozen=True, slots=True)
class ClassShare:
    """How one class of calls stands."""

    used_calls: float
    """API calls of the last 24 hours that the service made for the class."""
    stops_at_calls: float | None
    """From which usage calls of the class are refused: the org's, by all of its clients, or the service's own where
    `Governor.own_maximum` is set; None until it is known."""
    waiting: int
    """Requests to the org that wait to be made."""
    refused: int
    """Calls refused since the replica started; in shadow mode those that would have been."""


@dataclass(frozen=True, slots=True)
class CallerShare:
    """How one caller stands."""

    used_calls: float
    """API calls of the last 24 hours that the service made for the caller: fractions where callers shared a call."""
    maximum_calls: float | None
    """The most that the caller may use; None without a bound of its own."""
    waiting: int
    """Requests to the org that wait to be made."""
    refused: int
    """Calls refused since the replica started; in shadow mode those that would have been."""


@dataclass(frozen=True, slots=True)
class Governor:
    """How the service governs its calls to an org, as the replica that answered knows it."""

    usage: ApiUsage | None
    """The org's API calls by all of its clients; None until Salesforce answered the replica for the first time."""
    own_calls: float
    """API calls of the last 24 hours that the service made."""
    others_per_second: float
    """Rate at which others use up the org's allocation."""
    exhausted_in_seconds: float | None
    """When the allocation will be used up at the present rate; None if it will not within 24 hours."""
    hold_seconds: float
    """How long calls that are not full are held back now: the price of a call."""
    closed_seconds: float
    """How long Salesforce is left alone because it refused; 0 while it is not."""
    classes: Mapping[str, ClassShare]
    """The classes `interactive`, `standard` and `batch`, in this order."""
    callers: Mapping[str, CallerShare]
    """The callers that used most, at most 200; the empty name stands for whoever gives none."""
    more_callers: int
    """How many callers were left out."""
    in_flight: int
    """Requests to the org that are open now."""
    concurrency_limit: int | None
    """Most of them at a time; it adapts. None without a bound."""
    waiting: int
    """Requests to the org that wait to be made."""
    long_running: int
    """Open requests that Salesforce counts as long-running."""
    permits: int
    """Requests to the org that were made since the replica started."""
    shadow: bool
    """Whether refusals are only counted."""
    degraded: bool
    """Whether the store that replicas share is away, so that the replica keeps to its safe share."""
    out_of_order_seconds: float | None = None
    """How long the org has been left alone but for probes, for it answered nothing but outages; None if it is not."""
    login_out_of_order_seconds: float | None = None
    """The same of the host that the service logs in at."""
    own_maximum: int | None = None
    """Most API calls that the service makes in 24 hours by its own settings, where that is nearer than the org's.

    Then `exhausted_in_seconds` and `stops_at_calls` are about `own_calls`. None where those are about `usage`.
    """


def decode_governor(message: governor_pb2.Governor) -> Governor:
    """Read how an org is governed from its message."""
    usage = ApiUsage(message.usage.used, message.usage.maximum) if message.HasField("usage") else None
    return Governor(
        usage=usage,
        own_calls=message.own_calls,
        others_per_second=message.others_per_second,
        exhausted_in_seconds=_seconds(message, "exhausted_in"),
        hold_seconds=message.hold.ToTimedelta().total_seconds(),
        closed_seconds=message.closed_for.ToTimedelta().total_seconds(),
        classes={to_word(_PRIORITIES, share.priority): _class(share) for share in message.classes},
        callers={share.caller: _caller(share) for share in message.callers},
        more_callers=message.more_callers,
        in_flight=message.in_flight,
        concurrency_limit=message.concurrency_limit if message.HasField("concurrency_limit") else None,
        waiting=message.waiting,
        long_running=message.long_running,
        permits=message.permits,
        shadow=message.shadow,
        degraded=message.degraded,
        out_of_order_seconds=_seconds(message, "out_of_order_for"),
        login_out_of_order_seconds=_seconds(message, "login_out_of_order_for"),
        own_maximum=message.own_maximum if message.HasField("own_maximum") else None,
    )


def _seconds(message: governor_pb2.Governor, field: str) -> float | None:
    duration: Duration = getattr(message, field)
    return duration.ToTimedelta().total_seconds() if message.HasField(field) else None  # type: ignore[arg-type]


def _class(share: governor_pb2.ClassShare) -> ClassShare:
    stops_at = share.stops_at_calls if share.HasField("stops_at_calls") else None
    return ClassShare(share.used_calls, stops_at, share.waiting, share.refused)


def _caller(share: governor_pb2.CallerShare) -> CallerShare:
    maximum = share.maximum_calls if share.HasField("maximum_calls") else None
    return CallerShare(share.used_calls, maximum, share.waiting, share.refused)
