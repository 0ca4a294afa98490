"""What callers notice of one that asks for twenty times its share of an org, with names and without."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random
from typing import Any

from sluicegate.v1.field_value_pb2 import ExternalId
from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2 import UpdateRecordRequest

from tests.load.calls import Call, tried
from tests.load.figure import Figure
from tests.load.lead import KEY
from tests.load.offered import GET_PATH, Phase, Told, offer, patient, reads, summary
from tests.load.processes import Server, running, service_on
from tests.load.upserts import field_values
from tests.load.upstream_counts import set_latency

_UPDATE_PATH = "/sluicegate.v1.RecordService/UpdateRecord"
_LATENCY_MS = 200.0
_SPREAD = 0.5
"""An org whose calls took equally long would end those that began together together, and nobody in between."""
_SLOTS = 16
_LANE_CALLS = 2
_ROWS_PER_CALL = 25
"""What one call updates of records that are given by external id."""
_OTHERS = 9
_PART_OF_SHARE = 0.5
"""What each of the others asks for; the greedy one asks for twenty shares."""
_GREED = 20.0
_PATIENCE_SECONDS = 1.0
_ROUNDS = 2
"""Phases of each side, in turns."""
_EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class _Load:
    """What is called, and how often the org can do it."""

    path: str
    messages: Callable[[str], Sequence[bytes]]
    """Returns a caller's requests."""
    capacity: float
    """Calls a second."""

    @property
    def share(self) -> float:
        return self.capacity / (_OTHERS + 1)


def _updates(caller: str) -> Sequence[bytes]:
    """Return encoded updates of many records by external id."""
    return [
        UpdateRecordRequest(
            record=RecordRef(object="Lead", external_id=ExternalId(field=KEY, value=f"{caller}-{number}")),
            fields=field_values(number),
        ).SerializeToString()
        for number in range(2000)
    ]


_LOADS = {
    "reads": _Load(GET_PATH, lambda _caller: reads(), 1000 * _SLOTS / _LATENCY_MS),
    "updates": _Load(_UPDATE_PATH, _updates, 1000 * _LANE_CALLS * _ROWS_PER_CALL / _LATENCY_MS),
}


async def beside_a_greedy_caller(seconds: float) -> Figure:
    """Measure `governor_fairness_p99_ratio`: nine callers beside one at twenty times its share, over them alone.

    Reads compete for what the governor lets be open at a time, updates for their lane's calls. The greater of both
    ratios counts. Detail has the same with the mitigation off, where all of them go by one name.

    Args:
        seconds: How long the others call alone, and as long beside the greedy one; half as long by one name.

    """
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(running("tests.load.static_upstream"))
        settings = {"governor": {"max_in_flight": _SLOTS}, "writes": {"calls_in_flight": _LANE_CALLS}}
        environment = service_on(upstream, **settings)
        service = await stack.enter_async_context(running("service", "serve", "--json", environment=environment))
        set_latency(upstream, _LATENCY_MS, spread=_SPREAD)
        found = {name: await _compared(service, load, seconds) for name, load in _LOADS.items()}
    worst = max(found, key=lambda name: found[name]["p99_ratio"])
    detail = {
        "others": _OTHERS,
        "upstream_latency_ms": {"mean": _LATENCY_MS, "spread": _SPREAD},
        "others_ask_for_of_their_share": _PART_OF_SHARE,
        "greedy_asks_for_of_its_share": _GREED,
        "patience_seconds": _PATIENCE_SECONDS,
        **found,
        "dominates": f"{worst}: waiting for one of the calls to the org that are open to end",
    }
    return Figure("governor_fairness_p99_ratio", found[worst]["p99_ratio"], "ratio of latencies", detail)


async def _compared(service: Server, load: _Load, seconds: float) -> dict[str, Any]:
    target = service.addresses["grpc"]
    await tried(target, load.path, load.messages("first")[0])
    alone: list[Told] = []
    beside: list[Told] = []
    greedy: list[Told] = []
    for _ in range(_ROUNDS):
        told, _nobody = await _phase(target, load, seconds / _ROUNDS, is_greedy=False, are_named=True)
        alone += told
        told, too_many = await _phase(target, load, seconds / _ROUNDS, is_greedy=True, are_named=True)
        beside += told
        greedy += too_many
    unnamed, _ = await _phase(target, load, seconds / 2, is_greedy=True, are_named=False)
    sides = {"alone": summary(alone), "beside": summary(beside), "beside_by_one_name": summary(unnamed)}
    return {
        "capacity_per_second": load.capacity,
        "p99_ratio": _ratio("p99", sides["beside"], sides["alone"]),
        "p95_ratio": _ratio("p95", sides["beside"], sides["alone"]),
        "p99_ratio_by_one_name": _ratio("p99", sides["beside_by_one_name"], sides["alone"]),
        "others_success_share": sides["beside"]["success_share"],
        "others_success_share_by_one_name": sides["beside_by_one_name"]["success_share"],
        **sides,
        "greedy": summary(greedy),
    }


def _ratio(part: str, side: dict[str, Any], alone: dict[str, Any]) -> float:
    return round(float(side["latency_ms"][part] or 0.0) / float(alone["latency_ms"][part] or 1.0), 3)


async def _phase(
    target: str, load: _Load, seconds: float, *, is_greedy: bool, are_named: bool
) -> tuple[list[Told], list[Told]]:
    """Let the others call, and the greedy caller beside them or not; return what became of the calls of both."""
    names = [f"team-{number}" for number in range(_OTHERS)] + (["greedy"] if is_greedy else [])
    rates = [_PART_OF_SHARE * load.share] * _OTHERS + [_GREED * load.share]
    async with AsyncExitStack() as stack:
        calls: list[Call] = [
            await stack.enter_async_context(
                patient(target, load.path, _PATIENCE_SECONDS, name if are_named else _EVERYONE)
            )
            for name in names
        ]
        told = await asyncio.gather(
            *(
                offer(call, load.messages(name), [Phase(rate, seconds)], Random(name))
                for call, name, rate in zip(calls, names, rates, strict=False)
            )
        )
    others = [each for one in told[:_OTHERS] for each in one]
    return others, [each for one in told[_OTHERS:] for each in one]
