"""A bulk load through the service into its embedded org, and which part of it takes longest."""

import os
import time
from collections.abc import AsyncIterator
from statistics import median

from sluicegate import Accepted, Client, Finished, Progress, Results

from tests.load.figure import Figure
from tests.load.processes import Server, cpu_seconds

_CHUNK_ROWS = 500
_HEADER = b"Ext__c,FirstName,LastName,Company,Email,Phone,Country,NumberOfEmployees,AnnualRevenue,Description\n"


async def into_embedded_org(service: Server, rounds: int, rows: int) -> Figure:
    """Measure `bulk_rows_per_second`.

    Args:
        service: A service on its embedded org, which is in the same process.
        rounds: Loads, each of other rows.
        rows: Rows of one load.

    """
    rates: list[float] = []
    phases: dict[str, float] = {}
    service_before, client_before = service.cpu_seconds(), cpu_seconds(os.getpid())
    async with Client(service.addresses["grpc"]) as client:
        for number in range(rounds):
            found = await _load(client, number, rows)
            rates.append(rows / sum(found.values()))
            phases = {name: phases.get(name, 0.0) + seconds for name, seconds in found.items()}
    total = sum(phases.values())
    name, longest = max(phases.items(), key=lambda item: item[1])
    loaded = rounds * rows
    detail = {
        "rows": rows,
        "rounds": [round(rate) for rate in rates],
        "share_of_time": {phase: round(seconds / total, 3) for phase, seconds in phases.items()},
        "cpu_microseconds_per_row": {
            "service_and_org": round(1e6 * (service.cpu_seconds() - service_before) / loaded, 1),
            "client": round(1e6 * (cpu_seconds(os.getpid()) - client_before) / loaded, 1),
        },
        "dominates": f"{name}: {100 * longest / total:.0f} % of the time",
    }
    return Figure("bulk_rows_per_second", round(median(rates)), "rows per second", detail)


async def _load(client: Client, number: int, rows: int) -> dict[str, float]:
    """Load rows once; return the seconds of each phase."""
    moments = [time.perf_counter()]
    data = _csv(number, rows, moments)
    results_began = 0.0
    async for event in client.bulk_load("Lead", "upsert", data, external_id_field="Ext__c", results="all"):
        match event:
            case Results() if not results_began:
                results_began = time.perf_counter()
            case Finished():
                if event.rows_created != rows:
                    raise RuntimeError(f"a load of {rows} rows created {event.rows_created}")
            case Accepted() | Progress() | Results():
                pass
    began, sent = moments
    return {
        "receiving and checking the rows": sent - began,
        "the org's upload and processing": results_began - sent,
        "reading and matching the results": time.perf_counter() - results_began,
    }


async def _csv(number: int, rows: int, moments: list[float]) -> AsyncIterator[bytes]:
    """Yield the file, and note when its last byte was taken."""
    yield _HEADER
    for first in range(0, rows, _CHUNK_ROWS):
        yield b"".join(
            f"B{number}-{row},Zoë,Sørensen {row},Übersee GmbH,zoe.{row}@example.com,+49 40 {row},Germany,{row % 5000},"
            f'{row * 12.5},"called, twice"\n'.encode()
            for row in range(first, min(first + _CHUNK_ROWS, rows))
        )
    moments.append(time.perf_counter())
