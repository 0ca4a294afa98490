"""What an org gets done while ten times as many calls come as it can answer, and how soon all is well afterwards."""

from random import Random
from typing import Any

from tests.load.calls import tried
from tests.load.figure import Figure
from tests.load.offered import GET_PATH, Phase, offer, patient, reads, summary, well_after
from tests.load.processes import running, service_on
from tests.load.upstream_counts import calls_of, set_latency

_LATENCY_MS = 100.0
_SPREAD = 0.5
_SLOTS = 4
_CAPACITY = 1000 * _SLOTS / _LATENCY_MS
_OVERLOAD = 10.0
_CALM = 0.7
"""Which part of its capacity is asked of the org before and after."""
_CALM_SECONDS = 0.5
_PATIENCE_SECONDS = (4.0, 1.0)
_COUNTED = 0.5
"""Which part of the overload counts, from its end: whatever happens needs queues that are full and a limit that has
moved."""


async def goodput(overload_seconds: float, calm_seconds: float) -> Figure:
    """Measure `governor_goodput_at_10x`: calls answered in time during the overload, over what the org can answer.

    The org works on four calls at a time, lets the others wait, and works on for callers that have gone. The lesser
    goodput counts of callers who wait for forty times as long as a call takes, and for ten times. Detail has the latter
    in shadow mode, where the governor bounds nothing.

    Args:
        overload_seconds: How long the overload lasts; its second half counts.
        calm_seconds: How long the calm afterwards.

    """
    long, short = _PATIENCE_SECONDS
    sides = {
        "patient": await _side(overload_seconds, calm_seconds, long, shadow=False),
        "impatient": await _side(overload_seconds, calm_seconds, short, shadow=False),
        "impatient_in_shadow_mode": await _side(overload_seconds, calm_seconds, short, shadow=True),
    }
    value, name = min((sides[name]["goodput"], name) for name in ("patient", "impatient"))
    detail = {
        "capacity_per_second": _CAPACITY,
        "offered_per_second": _OVERLOAD * _CAPACITY,
        "upstream": {"slots": _SLOTS, "latency_ms": _LATENCY_MS, "spread": _SPREAD},
        **sides,
        "dominates": f"{name}: calls that the org works on after their callers have gone",
    }
    return Figure("governor_goodput_at_10x", value, "ratio of calls per second", detail)


async def _side(
    overload_seconds: float, calm_seconds: float, patience_seconds: float, *, shadow: bool
) -> dict[str, Any]:
    calm = _CALM * _CAPACITY
    phases = (
        Phase(calm, _CALM_SECONDS),
        Phase(_OVERLOAD * _CAPACITY, overload_seconds),
        Phase(calm, calm_seconds),
    )
    messages = reads()
    async with running("tests.load.static_upstream") as upstream:
        environment = service_on(upstream, governor={"shadow": shadow})
        async with running("service", "serve", "--json", environment=environment) as service:
            target = service.addresses["grpc"]
            await tried(target, GET_PATH, messages[0])
            set_latency(upstream, _LATENCY_MS, spread=_SPREAD, slots=_SLOTS)
            async with patient(target, GET_PATH, patience_seconds) as call:
                told = await offer(call, messages, phases, Random(7))
            asked = calls_of(upstream)["record"]
    begin, end = _CALM_SECONDS, _CALM_SECONDS + overload_seconds
    counted = _COUNTED * overload_seconds
    in_time = sum(each.answered and end - counted <= each.ended < end for each in told)
    return {
        "patience_seconds": patience_seconds,
        "goodput": round(in_time / counted / _CAPACITY, 3),
        "recovered_after_seconds": well_after(told, end),
        "before": summary([each for each in told if each.due < begin]),
        "during": summary([each for each in told if begin <= each.due < end]),
        "after": summary([each for each in told if each.due >= end]),
        "calls_to_the_org": asked,
    }
