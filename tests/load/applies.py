"""ApplyRecords at full size, and how far that is from decoding and encoding the same rows and nothing else."""

import asyncio
import itertools
import os
import time
from statistics import median
from typing import Any

import orjson
from grpc import aio
from sluicegate.v1.field_value_pb2 import ExternalId
from sluicegate.v1.record_operation_pb2 import RecordOperation, RecordUpsert
from sluicegate.v1.record_service_pb2 import ApplyRecordsRequest, ApplyRecordsResponse

from tests.load.calls import Rounds
from tests.load.figure import Figure
from tests.load.lead import KEY, values
from tests.load.processes import Server, cpu_seconds
from tests.load.upserts import field_values
from tests.load.upstream_counts import Written

PATH = "/sluicegate.v1.RecordService/ApplyRecords"
_CALL_ROWS = 200


def message(number: int, rows: int) -> bytes:
    """Return one encoded call that upserts records of its own."""
    return ApplyRecordsRequest(
        operations=[
            RecordOperation(
                upsert=RecordUpsert(
                    object="Lead",
                    external_id=ExternalId(field=KEY, value=f"A-{number}-{row}"),
                    fields=field_values(row),
                )
            )
            for row in range(rows)
        ]
    ).SerializeToString()


async def rows_per_second(service: Server, upstream: Server, rounds: Rounds, rows: int, in_flight: int) -> Figure:
    """Measure `apply_records_rows_per_s`.

    Args:
        service: The service on the upstream.
        upstream: The upstream, without latency.
        rounds: How long to measure; one short round before them is not counted.
        rows: Of one call, at most 2,000.
        in_flight: Calls that are open at any time.

    """
    requests = [message(number, rows) for number in range(2 * in_flight)]
    rates: list[float] = []
    floors: list[float] = []
    cpu: dict[str, float] = {}
    done = 0
    async with aio.insecure_channel(service.addresses["grpc"]) as channel:
        method: Any = channel.unary_unary(PATH)
        _check(await method(requests[0]), rows)
        await _drive(method, requests, rounds.seconds / 2, in_flight)
        before = Written.at(upstream)
        for _ in range(rounds.count):
            floors.append(_floor(requests[0], rows))
            used = _cpu(service, upstream)
            calls, elapsed = await _drive(method, requests, rounds.seconds, in_flight)
            cpu = {name: cpu.get(name, 0.0) + now - used[name] for name, now in _cpu(service, upstream).items()}
            rates.append(calls * rows / elapsed)
            done += calls * rows
    costs = {name: round(1e6 * seconds / done, 1) for name, seconds in cpu.items()}
    name, most = max(costs.items(), key=lambda item: item[1])
    detail = {
        "rows": rows,
        "fields": 10,
        "in_flight": in_flight,
        "bytes_per_row": round(len(requests[0]) / rows),
        "rounds": [round(rate) for rate in rates],
        "cpu_microseconds_per_row": costs,
        "calls_per_1000": Written.at(upstream).since(before).calls_per_thousand,
        "floor": {
            "what": "decode the message, and encode its rows as JSON for calls of 200, in one process",
            "rows_per_second": round(median(floors)),
            "microseconds_per_row": round(1e6 / median(floors), 2),
            "share_of_floor": round(median(rates) / median(floors), 3),
        },
        "dominates": f"{name}: {most:.1f} of {sum(costs.values()):.1f} µs of processor time a row",
    }
    return Figure("apply_records_rows_per_s", round(median(rates)), "rows per second", detail)


async def _drive(method: Any, requests: list[bytes], seconds: float, in_flight: int) -> tuple[int, float]:
    """Keep calls open for a while, no two of the same records; return how many were answered in how many seconds."""
    began = time.perf_counter()
    answered = 0

    async def keep_calling(own: list[bytes]) -> None:
        nonlocal answered
        for request in itertools.cycle(own):
            await method(request)
            answered += 1
            if time.perf_counter() - began > seconds:
                return

    async with asyncio.TaskGroup() as group:
        for number in range(in_flight):
            group.create_task(keep_calling(requests[number::in_flight]))
    return answered, time.perf_counter() - began


def _floor(request: bytes, rows: int) -> float:
    """Return the rows a second that a process would manage if it only decoded and encoded."""
    records = [{"attributes": {"type": "Lead"}, KEY: f"A-0-{row}", **values(row)} for row in range(rows)]
    bodies = [
        {"allOrNone": False, "records": records[first : first + _CALL_ROWS]} for first in range(0, rows, _CALL_ROWS)
    ]
    began = time.perf_counter()
    ApplyRecordsRequest.FromString(request)
    for body in bodies:
        orjson.dumps(body)
    return rows / (time.perf_counter() - began)


def _check(answer: bytes, rows: int) -> None:
    results = ApplyRecordsResponse.FromString(answer).results
    failed = [result.error for result in results if result.WhichOneof("outcome") != "saved"]
    if failed or len(results) != rows:
        raise RuntimeError(f"{len(failed)} of {len(results)} records were refused; the first: {failed[:1]}")


def _cpu(service: Server, upstream: Server) -> dict[str, float]:
    return {
        "service": service.cpu_seconds(),
        "upstream": upstream.cpu_seconds(),
        "client": cpu_seconds(os.getpid()),
    }
