"""ResolveDeepLink by id, which asks Salesforce nothing, against the floor that gRPC itself sets."""

from statistics import median

from sluicegate.v1.deep_link_service_pb2 import ResolveDeepLinkRequest
from sluicegate.v1.record_pb2 import RecordRef

from tests.load.calls import Rounds, Side, compare, cpu_ratio, dominating
from tests.load.figure import Figure
from tests.load.processes import Server

PATH = "/sluicegate.v1.DeepLinkService/ResolveDeepLink"


async def against_echo(service: Server, echo: Server, rounds: Rounds, in_flight: int) -> Figure:
    """Measure `resolve_vs_echo`."""
    message = ResolveDeepLinkRequest(record=RecordRef(object="Case", id="500000000000001AAA")).SerializeToString()
    mine = Side("service", service.addresses["grpc"], {"service": service})
    floor = Side("echo", echo.addresses["grpc"], {"echo": echo})
    await compare(PATH, [message], (mine, floor), rounds, in_flight)
    ratio = median(a / b for a, b in zip(mine.rates, floor.rates, strict=True))
    detail = {
        "in_flight": in_flight,
        "cpu_ratio": cpu_ratio(mine, floor),
        "service": mine.summary(),
        "echo": floor.summary(),
        "dominates": dominating(mine),
    }
    return Figure("resolve_vs_echo", round(ratio, 3), "ratio of calls per second", detail)
