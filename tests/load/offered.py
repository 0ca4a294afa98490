"""Callers that come whether or not the ones before were answered, and what became of each."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from sluicegate.v1.record_pb2 import RecordRef
from sluicegate.v1.record_service_pb2 import GetRecordRequest

from tests.load.calls import Call
from tests.load.wire import Connection

GET_PATH = "/sluicegate.v1.RecordService/GetRecord"
_RECORD_ID = "00Q000000000001AAA"
_SLACK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one call."""

    due: float
    """When its caller came, in seconds since the first phase began."""
    ended: float
    """When it was over."""
    answered: bool
    """Whether with a message; otherwise with a status."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A time in which callers come at one rate."""

    per_second: float
    """Calls in the mean."""
    seconds: float


@asynccontextmanager
async def patient(target: str, path: str, patience_seconds: float, caller: str = "") -> AsyncIterator[Call]:
    """Open a connection of one caller whose calls have a deadline; yield what it calls.

    Args:
        target: `host:port`.
        path: The method, `/package.Service/Method`.
        patience_seconds: When the deadline of a call is, after it begins.
        caller: The caller's name; empty for none.

    """
    metadata = {"grpc-timeout": f"{round(1000 * patience_seconds)}m"}
    if caller:
        metadata["sluicegate-caller"] = caller
    connection = await Connection.to(target, path, metadata)
    try:
        yield connection.call
    finally:
        connection.close()


async def offer(call: Call, messages: Iterable[bytes], phases: Sequence[Phase], chance: Random) -> list[Told]:
    """Call at random moments, and wait for the last answer.

    Args:
        call: Sends.
        messages: Encoded requests, sent one after another and then over again.
        phases: How often, one phase after the other.
        chance: Chooses the moments.

    """
    following = itertools.cycle(messages)
    told: list[Told] = []
    pending: set[asyncio.Future[bytes]] = set()
    began = time.perf_counter()

    def over(due: float, answer: asyncio.Future[bytes]) -> None:
        answered = not answer.cancelled() and answer.exception() is None
        told.append(Told(due, time.perf_counter() - began, answered))
        pending.discard(answer)

    until = 0.0
    for phase in phases:
        due, until = until, until + phase.seconds
        while (due := due + chance.expovariate(phase.per_second)) < until:
            await asyncio.sleep(max(0.0, began + due - time.perf_counter()))
            answer = call(next(following))
            pending.add(answer)
            answer.add_done_callback(partial(over, due))
    async with asyncio.timeout(_SLACK_SECONDS):
        while pending:
            await asyncio.wait(pending)
    return told


def reads() -> Sequence[bytes]:
    """Return the encoded request of a read of one record, which costs one call to the org."""
    record = RecordRef(object="Lead", id=_RECORD_ID)
    return [GetRecordRequest(record=record, fields=["LastName"]).SerializeToString()]


def summary(told: Sequence[Told]) -> dict[str, Any]:
    """Return how many calls were answered, and how fast."""
    durations = sorted(each.ended - each.due for each in told if each.answered)
    parts = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {
        "calls": len(told),
        "success_share": share(told, lambda each: each.answered),
        "latency_ms": {
            name: round(1000 * durations[int(part * (len(durations) - 1))], 1) if durations else None
            for name, part in parts.items()
        },
    }


def share(told: Sequence[Told], holds: Callable[[Told], bool]) -> float:
    """Return of which share of the calls something holds; 1 if there is none."""
    return round(sum(map(holds, told)) / len(told), 4) if told else 1.0


def well_after(told: Sequence[Told], end: float) -> float:
    """Return how long after a moment the last call came that was not answered; 0 if all were."""
    return round(max((each.due - end for each in told if each.due >= end and not each.answered), default=0.0), 2)
