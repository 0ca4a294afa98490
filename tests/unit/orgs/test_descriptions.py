"""The cache of descriptions."""

import asyncio
from typing import Any

import pytest

from service.errors import UnknownObject
from service.orgs.descriptions import Descriptions
from service.salesforce.calls.describe import SObject
from tests.support.clock import FakeClock
from tests.support.transport import call


class Describing:
    """A client that describes when it is let, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.faults: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def describe(self, sobject: str, _context: object) -> SObject:
        """Describe an sObject."""
        self.asked.append(sobject)
        await self.gate.wait()
        if self.faults:
            raise self.faults.pop()
        return SObject(sobject, {}, {})


def descriptions(client: Any, jitter: float = 0.0) -> Descriptions:
    """Return a cache whose jitter is known."""
    return Descriptions(client, jitter=lambda: jitter)


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_description_is_asked_for_once():
    """However it is spelled, an sObject is described once."""
    client, context = Describing(), call(FakeClock())
    cache = descriptions(client)

    first, second = await cache.get("Lead", context), await cache.get("LEAD", context)

    assert first is second
    assert ["Lead"] == client.asked


async def test_those_who_wait_share_one_answer():
    """Fifty calls at once cost one call to Salesforce."""
    client, context = Describing(), call(FakeClock())
    client.gate.clear()
    cache = descriptions(client)
    tasks = [asyncio.create_task(cache.get("Lead", context)) for _ in range(50)]

    await settle()
    client.gate.set()
    found = await asyncio.gather(*tasks)

    assert ["Lead"] == client.asked
    assert 1 == len({id(description) for description in found})


async def test_sobjects_do_not_wait_for_each_other():
    """A slow description holds nobody up but those who want it."""
    client, context = Describing(), call(FakeClock())
    client.gate.clear()
    cache = descriptions(client)
    tasks = [asyncio.create_task(cache.get(name, context)) for name in ("Lead", "Case")]

    await settle()
    asked = list(client.asked)
    client.gate.set()
    await asyncio.gather(*tasks)

    assert ["Lead", "Case"] == asked


async def test_whoever_is_cancelled_leaves_the_asking_to_the_next():
    """One caller's cancellation fails nobody else."""
    client, context = Describing(), call(FakeClock())
    client.gate.clear()
    cache = descriptions(client)
    first = asyncio.create_task(cache.get("Lead", context))
    second = asyncio.create_task(cache.get("Lead", context))

    await settle()
    first.cancel()
    await settle()
    client.gate.set()

    assert "Lead" == (await second).name
    assert first.cancelled()
    assert ["Lead", "Lead"] == client.asked


async def test_a_failure_is_not_remembered():
    """An sObject that was deployed a moment later is found."""
    client, context = Describing(), call(FakeClock())
    client.faults.append(UnknownObject("no such sObject"))
    cache = descriptions(client)

    with pytest.raises(UnknownObject):
        await cache.get("New__c", context)

    assert "New__c" == (await cache.get("New__c", context)).name


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 600), (1.0, 540)])
async def test_a_description_ages(jitter, seconds):
    """It is kept for nine to ten minutes: the schema of an org changes."""
    clock = FakeClock()
    client, context = Describing(), call(clock)
    cache = descriptions(client, jitter)

    await cache.get("Lead", context)
    clock.advance(seconds - 1)
    await cache.get("Lead", context)
    kept = len(client.asked)
    clock.advance(2)
    await cache.get("Lead", context)

    assert (1, 2) == (kept, len(client.asked))


async def test_the_cache_is_bounded():
    """A caller who names ever new sObjects takes no memory without end; the oldest go first."""
    client, context = Describing(), call(FakeClock())
    cache = descriptions(client)

    for number in range(600):
        await cache.get(f"N{number}__c", context)
    await cache.get("N599__c", context)
    asked = len(client.asked)
    await cache.get("N0__c", context)

    assert (600, 601) == (asked, len(client.asked))
    assert len(cache._known) == 512
