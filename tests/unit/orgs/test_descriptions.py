"""The cache of descriptions."""

import asyncio
import gc
from typing import Any

import pytest

from service.errors import ConcurrencyLimitExceeded, DeadlineExceeded, UnknownObject, UpstreamUnavailable
from service.orgs.descriptions import Descriptions
from service.salesforce.calls.describe import SObject
from tests.support.clock import FakeClock
from tests.support.transport import call


class Describing:
    """A client that describes when it is let, and counts."""

    org = "prod"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.known: list[SObject | None] = []
        self.unchanged = False
        self.names: list[str] | Exception = []
        self.listed = 0
        self.faults: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def describe(self, sobject: str, _context: object, known: SObject | None = None) -> SObject:
        """Describe an sObject."""
        self.asked.append(sobject)
        self.known.append(known)
        await self.gate.wait()
        if self.faults:
            raise self.faults.pop()
        return known if known is not None and self.unchanged else SObject(sobject, {}, {})

    async def sobject_names(self, _context: object) -> list[str]:
        """List the sObjects."""
        self.listed += 1
        if isinstance(self.names, Exception):
            raise self.names
        return self.names


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
    """An org that could not be asked is asked again."""
    client, context = Describing(), call(FakeClock())
    client.faults.append(UpstreamUnavailable("down"))
    cache = descriptions(client)

    with pytest.raises(UpstreamUnavailable):
        await cache.get("New__c", context)

    assert "New__c" == (await cache.get("New__c", context)).name


async def test_a_missing_sobject_is_asked_for_once_a_minute():
    """A caller that misspells it a thousand times spends one call, and one that was just deployed is found soon."""
    clock = FakeClock()
    client, context = Describing(), call(clock)
    cache = descriptions(client)
    client.faults.append(UnknownObject("no such sObject", metadata={"object": "New__c"}))

    errors = []
    for name in ("New__c", "new__c", "NEW__C"):
        with pytest.raises(UnknownObject) as caught:
            await cache.get(name, context)
        errors.append(caught.value)
    asked = client.asked.copy()
    clock.advance(61)

    assert ["New__c"] == asked
    assert 3 == len({id(error) for error in errors})
    assert {"New__c"} == {error.metadata["object"] for error in errors}
    assert "New__c" == (await cache.get("New__c", context)).name


async def test_missing_sobjects_do_not_pile_up():
    """Their names are made up by callers."""
    client, context = Describing(), call(FakeClock())
    cache = descriptions(client)

    for number in range(600):
        client.faults.append(UnknownObject("m"))
        with pytest.raises(UnknownObject):
            await cache.get(f"Made_up_{number}__c", context)

    assert len(cache._missing) <= 512


async def test_guessed_names_stop_costing_calls():
    """Sixteen unknown names are looked up within a minute; what comes next is held against the list of all names."""
    clock = FakeClock()
    client, context = Describing(), call(clock)
    client.names = ["Real__c", "Guess2__c"]
    cache = descriptions(client)

    errors = []
    for number in range(100, 200):
        client.faults = [UnknownObject("m")]
        with pytest.raises(UnknownObject) as caught:
            await cache.get(f"Guess{number}__c", context)
        errors.append(caught.value)
    client.faults.clear()
    found = await cache.get("real__c", context)
    asked = len(client.asked)
    clock.advance(61)
    after = await cache.get("Guess150__c", context)

    assert ("real__c", 17, "Guess150__c") == (found.name, asked, after.name)
    assert 1 == client.listed
    assert ("Guess199__c", "prod") == (errors[-1].metadata["object"], errors[-1].metadata["org"])
    assert "did you mean 'Guess2__c'?" in errors[-1].message


async def test_guessed_names_are_looked_up_where_there_is_no_list():
    """An org that cannot tell its names is asked for each of them."""
    client, context = Describing(), call(FakeClock())
    client.names = UpstreamUnavailable("m")
    cache = descriptions(client)

    for number in range(20):
        client.faults = [UnknownObject("m")]
        with pytest.raises(UnknownObject):
            await cache.get(f"Guess{number}__c", context)

    assert 20 == len(client.asked)


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


async def test_a_description_that_aged_is_asked_for_by_its_date():
    """An org whose schema did not change says so, and what was made of the description is kept."""
    clock = FakeClock()
    client, context = Describing(), call(clock)
    cache = descriptions(client)
    client.unchanged = True

    first = await cache.rules("Lead", context)
    clock.advance(601)
    second = await cache.rules("Lead", context)
    clock.advance(599)
    third = await cache.rules("Lead", context)

    assert [None, first.description] == client.known
    assert first is second is third


async def test_rules_are_made_once():
    """What a description tells of writes is worked out when it is first wanted."""
    client, context = Describing(), call(FakeClock())
    cache = descriptions(client)

    rules = await cache.rules("lead", context)

    assert rules is await cache.rules("LEAD", context)
    assert rules.description is await cache.get("Lead", context)
    assert ["lead"] == client.asked


async def test_a_new_description_makes_new_rules():
    """Rules never outlive the description that they were made of."""
    clock = FakeClock()
    client, context = Describing(), call(clock)
    cache = descriptions(client)

    before = await cache.rules("Lead", context)
    clock.advance(601)

    assert before is not await cache.rules("Lead", context)


async def test_what_is_a_minute_old_is_read_again_before_a_refusal():
    """A field that was added since is found, and what is younger than a minute is good enough."""
    clock = FakeClock()
    client, context = Describing(), call(clock)
    cache = descriptions(client)
    before = await cache.rules("Lead", context)

    clock.advance(59)
    fresh = await cache.refreshed_rules("Lead", context)
    clock.advance(2)
    renewed = await cache.refreshed_rules("LEAD", context)
    again = await cache.refreshed("Lead", context)

    assert (None, None) == (fresh, again)
    assert renewed is not before
    assert renewed is await cache.rules("Lead", context)
    assert [None, None] == client.known


async def test_a_date_does_not_make_a_description_fresh():
    """What the org's user may see changes without the date; only what was read whole is good enough to refuse by."""
    clock = FakeClock()
    client, context = Describing(), call(clock)
    cache = descriptions(client)
    client.unchanged = True
    before = await cache.rules("Lead", context)
    clock.advance(601)
    await cache.rules("Lead", context)

    renewed = await cache.refreshed_rules("Lead", context)

    assert renewed is not None
    assert renewed is not before


async def test_fifty_refusals_cost_one_call():
    """All that are refused at once wait for one description, and each gets it."""
    clock = FakeClock()
    client, context = Describing(), call(clock)
    cache = descriptions(client)
    before = await cache.rules("Lead", context)
    clock.advance(61)
    client.gate.clear()
    tasks = [asyncio.create_task(cache.refreshed_rules("Lead", context)) for _ in range(50)]

    await settle()
    client.gate.set()
    found = await asyncio.gather(*tasks)

    assert 2 == len(client.asked)
    assert 1 == len(set(found))
    assert before not in found
    assert None not in found


@pytest.mark.parametrize("fault", [UpstreamUnavailable("m"), ConcurrencyLimitExceeded("m")])
async def test_an_org_that_cannot_say_is_asked_again_in_a_minute(fault):
    """A refusal stands on what is known rather than fail for want of something newer."""
    clock = FakeClock()
    client, context = Describing(), call(clock)
    cache = descriptions(client)
    await cache.rules("Lead", context)
    clock.advance(61)
    client.faults.append(fault)

    first = await cache.refreshed_rules("Lead", context)
    clock.advance(59)
    second = await cache.refreshed_rules("Lead", context)
    clock.advance(2)
    third = await cache.refreshed_rules("Lead", context)

    assert (None, None) == (first, second)
    assert third is not None
    assert 3 == len(client.asked)


async def test_a_caller_without_time_leaves_the_asking_to_others():
    """One caller's deadline is no reason to refuse others by old knowledge."""
    clock = FakeClock()
    client, context = Describing(), call(clock)
    cache = descriptions(client)
    await cache.rules("Lead", context)
    clock.advance(61)
    client.faults.append(DeadlineExceeded("m"))

    with pytest.raises(DeadlineExceeded):
        await cache.refreshed_rules("Lead", context)

    assert await cache.refreshed_rules("Lead", context) is not None


async def test_an_sobject_that_was_deleted_is_forgotten():
    """What the org has no more is not described from memory."""
    clock = FakeClock()
    client, context = Describing(), call(clock)
    cache = descriptions(client)
    await cache.get("Lead", context)
    clock.advance(61)
    client.faults += [UnknownObject("m"), UnknownObject("m")]

    for ask in (cache.refreshed, cache.get):
        with pytest.raises(UnknownObject):
            await ask("Lead", context)

    assert 2 == len(client.asked)


async def test_a_refresh_of_what_is_not_known():
    """A description that was dropped for want of room is simply read."""
    client, context = Describing(), call(FakeClock())

    assert await descriptions(client).refreshed("Lead", context) is not None


async def test_nothing_is_left_of_who_waited():
    """A lock lives no longer than those who wait for it, however they end."""
    client, context = Describing(), call(FakeClock())
    client.gate.clear()
    cache = descriptions(client)
    tasks = [asyncio.create_task(cache.get("Lead", context)) for _ in range(3)]

    await settle()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    del tasks, task
    await settle()
    gc.collect()

    assert 0 == len(cache._locks)


@pytest.mark.parametrize(
    ("names", "nearest"),
    [
        (["Account", "Contact", "Thing__c"], "Account"),
        (["Zebra__c"], None),
        (["ACOUNT"], None),
        (UpstreamUnavailable("m"), None),
    ],
)
async def test_a_misspelt_sobject(names, nearest):
    """The name that was meant is told where there is one, and nothing else goes wrong where there is none."""
    client, context = Describing(), call(FakeClock())
    client.faults.append(UnknownObject("the org has no sObject", metadata={"object": "Acount"}))
    client.names = names

    with pytest.raises(UnknownObject) as raised:
        await descriptions(client).get("Acount", context)

    assert nearest == raised.value.metadata.get("nearest")
    assert (nearest is not None) == ("did you mean" in raised.value.message)


async def test_the_names_are_read_once_in_ten_minutes():
    """However many names are misspelt, the list of them costs one call; one that failed is tried again."""
    clock = FakeClock()
    client, context = Describing(), call(clock)
    cache = descriptions(client)

    listed: list[int] = []
    for names, seconds in ((UpstreamUnavailable("m"), 0), (["Account"], 599), (["Account"], 2), (["Account"], 0)):
        client.names = names
        client.faults.append(UnknownObject("m"))
        with pytest.raises(UnknownObject):
            await cache.get(f"Acount{seconds}{len(listed)}", context)
        listed.append(client.listed)
        clock.advance(seconds)

    assert [1, 2, 2, 3] == listed
