"""UpsertRecord against the floor that gRPC itself sets, and what it costs of the org's API calls."""

import json
import urllib.request
from statistics import median

from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest

from tests.load.calls import Rounds, Side, call_each, compare, cpu_ratio, dominating
from tests.load.figure import Figure
from tests.load.processes import Server

PATH = "/sluicegate.v1.RecordService/UpsertRecord"


def messages(count: int) -> list[bytes]:
    """Return encoded upserts of as many different records, ten fields each."""
    return [
        UpsertRecordRequest(
            object="Lead",
            external_id=ExternalId(field="Ext__c", value=f"L-{number}"),
            fields={
                "FirstName": FieldValue(string_value="Zoë"),
                "LastName": FieldValue(string_value=f"Sørensen {number}"),
                "Company": FieldValue(string_value="Übersee Handel GmbH"),
                "Email": FieldValue(string_value=f"zoe.{number}@example.com"),
                "Phone": FieldValue(string_value="+49 40 123456"),
                "Country": FieldValue(string_value="Germany"),
                "LeadSource": FieldValue(string_value="Web"),
                "NumberOfEmployees": FieldValue(int64_value=number),
                "AnnualRevenue": FieldValue(decimal_value="1250000.50"),
                "IsUnreadByOwner": FieldValue(bool_value=False),
            },
        ).SerializeToString()
        for number in range(count)
    ]


async def against_echo(
    service: Server, upstream: Server, echo: Server, rounds: Rounds, in_flight: tuple[int, ...]
) -> Figure:
    """Measure `upsert_unary_vs_echo`: the median over the numbers of calls in flight."""
    requests = messages(5000)
    ratios: dict[int, float] = {}
    detail: dict[str, object] = {}
    dominates = ""
    for number in in_flight:
        mine = Side("service", service.addresses["grpc"], {"service": service, "upstream": upstream})
        floor = Side("echo", echo.addresses["grpc"], {"echo": echo})
        await compare(PATH, requests, (mine, floor), rounds, number)
        ratios[number] = median(a / b for a, b in zip(mine.rates, floor.rates, strict=True))
        dominates = dominating(mine)
        detail[f"in_flight_{number}"] = {
            "ratio": round(ratios[number], 3),
            "cpu_ratio": cpu_ratio(mine, floor),
            "service": mine.summary(),
            "echo": floor.summary(),
        }
    detail["dominates"] = dominates
    return Figure("upsert_unary_vs_echo", round(median(ratios.values()), 3), "ratio of calls per second", detail)


async def calls_per_thousand(service: Server, upstream: Server) -> Figure:
    """Measure `upsert_calls_per_1000`: HTTP calls that a thousand upserts cost, 64 at a time."""
    before = _writes(upstream)
    await call_each(service.addresses["grpc"], PATH, messages(1000), in_flight=64)
    after = _writes(upstream)
    spent = {name: after[name] - before.get(name, 0) for name in after}
    calls = spent.get("upsert", 0) + spent.get("collection", 0)
    detail = {
        "records": 1000,
        "in_flight": 64,
        "single_record_calls": spent.get("upsert", 0),
        "collection_calls": spent.get("collection", 0),
        "dominates": f"{calls} calls carried {1000 / calls:.1f} records each",
    }
    return Figure("upsert_calls_per_1000", calls, "HTTP calls", detail)


def _writes(upstream: Server) -> dict[str, int]:
    with urllib.request.urlopen(f"{upstream.addresses['url']}/counts", timeout=10) as answer:
        counts: dict[str, int] = json.load(answer)
    return counts
