"""Deep links: ResolveDeepLink against the floor that gRPC itself sets, and what signing and checking cost."""

import os
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sluicegate.v1.deep_link_service_pb2 import ResolveDeepLinkRequest
from sluicegate.v1.record_pb2 import RecordRef

from service.deep_links.claim_store import ClaimsInMemory
from service.deep_links.claims import Claims
from service.deep_links.config import LinkConfig, LinkProvider
from service.deep_links.device import Platform
from service.deep_links.keys import FixedKeys
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.deep_links.signer import LinkSigner
from service.settings.signing_key import SigningKey
from tests.load.calls import Rounds, Side, compare, cpu_ratio, dominating
from tests.load.figure import Figure
from tests.load.processes import Server, apart
from tests.support.clock import FakeClock

PATH = "/sluicegate.v1.DeepLinkService/ResolveDeepLink"
_EACH_TIME = 100


async def against_echo(service: Server, echo: Server, rounds: Rounds, in_flight: int) -> Figure:
    """Measure `resolve_vs_echo`: both have one processor in turns. Detail has the ratio with all processors for all."""
    with apart((service.pid, echo.pid), (os.getpid(),)) as is_apart:
        ratio, detail = await _beside_echo(service, echo, rounds, in_flight)
    spread, _ = await _beside_echo(service, echo, rounds, in_flight)
    detail = {"one_processor_each": is_apart, **detail, "all_processors_for_all": {"ratio": spread}}
    return Figure("resolve_vs_echo", ratio, "ratio of calls per second", detail)


async def _beside_echo(service: Server, echo: Server, rounds: Rounds, in_flight: int) -> tuple[float, dict[str, Any]]:
    """Return the ratio and the detail."""
    message = ResolveDeepLinkRequest(record=RecordRef(object="Case", id="500000000000001AAA")).SerializeToString()
    mine = Side("service", service.addresses["grpc"], {"service": service})
    floor = Side("echo", echo.addresses["grpc"], {"echo": echo})
    await compare(PATH, [message], (mine, floor), rounds, in_flight)
    ratio = median(a / b for a, b in zip(mine.rates, floor.rates, strict=True))
    return round(ratio, 3), {
        "in_flight": in_flight,
        "cpu_ratio": cpu_ratio(mine, floor),
        "service": mine.summary(),
        "echo": floor.summary(),
        "dominates": dominating(mine),
    }


def signatures(times: int) -> Iterator[Figure]:
    """Measure `link_sign_us` and `link_check_us`: processor time of a link by external id with a campaign.

    Args:
        times: How often a hundred links are timed.

    """
    clock = FakeClock()
    keys = FixedKeys((SigningKey("2026", b"n" * 32), SigningKey("2025", b"o" * 32)))
    signer = LinkSigner(LinkConfig("https://links.example.com", keys, 3600, "web", {"web": LinkProvider()}))
    record = LinkedRecord("Case", ExternalId("Ext__c", "ACME-2026/000123"))
    campaign = {"utm_source": "sms", "utm_campaign": "brake pads"}
    link = Link("prod", record, "web", int(clock.now()) + 3600, campaign=campaign)
    claims = Claims("prod", keys, ttl_seconds=3600, store=ClaimsInMemory(clock))
    url, other = signer.write(link), Ed25519PrivateKey.generate()
    signed, public = other.sign(url.encode()), other.public_key()
    sign = {
        "link": _timed(lambda: signer.write(link), times),
        "claim": _timed(lambda: claims.make(link, Platform.IOS, clock.now()), times),
        "ed25519_alone": _timed(lambda: other.sign(url.encode()), times),
    }
    check = {
        "link": _timed(lambda: signer.read(url, org="prod", now=clock.now()), times),
        "ed25519_alone": _timed(lambda: public.verify(signed, url.encode()), times),
    }
    characters = {"characters": len(url)}
    dominates = "writing and reading the parameters, each in the one form that it may have; the HMAC takes 2 µs"
    yield Figure("link_sign_us", sign["link"], "µs", {**sign, **characters, "dominates": dominates})
    yield Figure("link_check_us", check["link"], "µs", {**check, **characters, "dominates": dominates})


def _timed(run: Callable[[], object], times: int) -> float:
    """Return the processor time of one run in microseconds: the median of many hundreds."""
    found = []
    for _ in range(times):
        began = time.process_time_ns()
        for _ in range(_EACH_TIME):
            run()
        found.append((time.process_time_ns() - began) / _EACH_TIME / 1000)
    return round(median(found), 2)
