"""An org's place in the shared store: the one in memory and the one in Valkey keep to the same."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from service.clock import SystemClock
from service.errors import SharedStoreUnavailable
from service.governor.exchange import BUDGET, Exchange, Report, Standing, ToldUsage
from service.governor.valkey import ValkeyExchange
from service.valkey import Valkey
from tests.support.shared_budget import PlaceInMemory
from tests.support.valkey import ValkeyProcess, valkey_process

KEY = "test:governor:1:{prod}"


def report(replica: str, sequence: int = 1, standing: Standing | None = None, **values: Any) -> Report:
    """Return what a replica tells after it was told a standing."""
    values.setdefault("spent", {BUDGET: 0.0})
    values.setdefault("leases", dict.fromkeys(values["spent"], 0.0))
    if standing is not None:
        known = ("epoch", "serial", "generation")
        values = {**{name: getattr(standing, name) for name in known}, "since": standing.minute, **values}
    return Report(replica, sequence, values.pop("lease_seconds", 30.0), **values)


async def told(place: Exchange, said: Report) -> Standing:
    """Return the standing, which must be there."""
    standing = await place.exchange(said)
    assert standing is not None
    return standing


def total(standing: Standing, name: str = BUDGET) -> float:
    """Return the calls that were told."""
    return sum(standing.counts[name].values())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[ValkeyProcess]:
    """A server that no test harms."""
    async with valkey_process() as opened:
        yield opened


@pytest.fixture
async def client(server) -> AsyncIterator["Redis"]:
    """A client of it, which leaves nothing there."""
    async with Redis(port=server.port) as opened:
        yield opened
        await opened.flushall()


@pytest.fixture(params=["memory", "valkey"])
async def place(request, server, client) -> AsyncIterator[Exchange]:
    """The place of one org."""
    if request.param == "memory":
        yield PlaceInMemory(SystemClock())
    else:
        async with Valkey(server.url, connections=2) as valkey:
            yield ValkeyExchange(valkey, "test:", "prod")


async def forget(place: Exchange, client: "Redis") -> None:
    """Let the store lose everything."""
    if isinstance(place, PlaceInMemory):
        place.forget()
    await client.flushall()


async def test_each_replica_hears_what_all_spent_and_what_the_others_hold(place):
    """Own leases are not told back, own calls are."""
    await told(place, report("one", spent={BUDGET: 3.0, "billing": 1.5}, leases={BUDGET: 80.0, "billing": 10.0}))
    other = await told(place, report("two", spent={BUDGET: 4.0, "billing": 0.0}, leases={BUDGET: 7.0, "billing": 2.0}))
    again = await told(place, report("one", 2, leases={BUDGET: 60.0}))

    assert (7.0, 1.5) == (total(other), total(other, "billing"))
    assert ({BUDGET: 80.0, "billing": 10.0}, 2) == (other.held, other.replicas)
    assert (7.0, {BUDGET: 7.0}) == (total(again), again.held)
    assert (other.epoch, other.serial + 1) == (again.epoch, again.serial)


async def test_what_is_told_again_counts_once(place):
    """A report whose answer was lost is repeated under its number."""
    await told(place, report("one", 5, spent={BUDGET: 2.5}))
    await told(place, report("one", 5, spent={BUDGET: 2.5}))
    standing = await told(place, report("one", 5, spent={BUDGET: 2.5}))
    further = await told(place, report("one", 6, spent={BUDGET: 2.5}))

    assert (2.5, 5.0) == (total(standing), total(further))


async def test_only_news_are_told(place):
    """Minutes before the last standing are left out, unless they changed."""
    first = await told(place, report("one", spent={BUDGET: 1.0}))
    old = {first.minute - 60: 9.0, first.minute - 1440: 5.0}

    same = await told(place, report("one", 2, first))
    await told(place, report("two", epoch="of a loss", memory={BUDGET: old}))
    changed = await told(place, report("one", 3, first))

    assert {first.minute: 1.0} == same.counts[BUDGET]
    assert {first.minute - 60: 9.0, first.minute: 1.0} == changed.counts[BUDGET]


async def test_leases_end(place):
    """A dead replica's is not held any longer than it lasts, that of one that leaves not at all."""
    await told(place, report("dead", leases={BUDGET: 80.0}, lease_seconds=600.0))
    await told(place, report("leaving", leases={BUDGET: 40.0}))
    await told(place, report("leaving", 2, lease_seconds=0.0))
    before = await told(place, report("one"))
    await told(place, report("dead", 2, leases={BUDGET: 80.0}, lease_seconds=0.05))
    await asyncio.sleep(0.1)
    after = await told(place, report("one", 2))

    assert (80.0, 0.0) == (before.held[BUDGET], after.held[BUDGET])
    assert (2, 1) == (before.replicas, after.replicas)


async def test_long_running_requests_of_the_others_are_told(place):
    """A replica's own are not."""
    await told(place, report("one", long_running=3))
    await told(place, report("two", long_running=4))
    standing = await told(place, report("one", 2, long_running=5))

    assert 4 == standing.long_running_elsewhere


async def test_the_last_usage_that_was_learned_is_told(place):
    """What was learned before changes nothing."""
    await told(place, report("one", usage=ToldUsage(-2.5, 100_000, 5.0)))
    await told(place, report("two", usage=ToldUsage(99.0, 100_000, 60.0)))
    standing = await told(place, report("two", 2))

    assert standing.usage is not None
    assert (-2.5, 100_000) == (standing.usage.others, standing.usage.maximum)
    assert 5.0 <= standing.usage.seconds_ago < 60.0


async def test_a_store_that_lost_everything_says_so_and_is_reminded(place, client):
    """Nothing is changed by a report that does not remind it; of two memories each minute's larger count is kept."""
    first = await told(place, report("one", spent={BUDGET: 1.0}))
    other = await told(place, report("two", spent={BUDGET: 1.0}))
    await forget(place, client)
    earlier = first.minute - 10

    lost = await place.exchange(report("one", 2, first, spent={BUDGET: 1.0}))
    mine = await told(place, report("one", 2, first, spent={BUDGET: 1.0}, memory={BUDGET: {earlier: 5.0}}))
    lost_too = await place.exchange(report("two", 2, other))
    memory = {BUDGET: {earlier: 7.0, earlier + 1: 2.0}}
    theirs = await told(place, report("two", 2, other, spent={BUDGET: 3.0}, memory=memory))
    after = await told(place, report("one", 3, mine))

    assert (None, None) == (lost, lost_too)
    assert first.epoch != mine.epoch == theirs.epoch
    assert (6.0, 13.0, 13.0) == (total(mine), total(theirs), total(after))


async def test_calls_of_after_a_loss_do_not_hide_those_of_before(place, client):
    """What the second replica remembers beyond the first counts, though more was made in the same minute meanwhile."""
    first = await told(place, report("one", spent={BUDGET: 5.0}))
    second = await told(place, report("two", spent={BUDGET: 3.0}))
    await forget(place, client)

    await told(place, report("one", 2, first, spent={BUDGET: 10.0}, memory={BUDGET: dict(first.counts[BUDGET])}))
    standing = await told(place, report("two", 2, second, memory={BUDGET: dict(second.counts[BUDGET])}))

    assert (5.0, 8.0, 18.0) == (total(first), total(second), total(standing))


async def test_a_store_that_went_back_in_time_is_reminded(place, client, server):
    """Its epoch is the same, but it knows less than it told."""
    first = await told(place, report("one", spent={BUDGET: 1.0}))
    photograph = await _photograph(place, client)
    last = await told(place, report("one", 2, first, spent={BUDGET: 1.0}))
    await _go_back(place, client, photograph)

    lost = await place.exchange(report("one", 3, last))
    standing = await told(place, report("one", 3, last, memory={BUDGET: dict(last.counts[BUDGET])}))

    assert None is lost
    assert 2.0 == total(standing)
    assert standing.epoch != last.epoch
    assert standing.serial > last.serial


async def _photograph(place: Exchange, client: "Redis") -> Any:
    if isinstance(place, PlaceInMemory):
        return place.photograph()
    return {key: await client.dump(key) for key in await client.keys()}


async def _go_back(place: Exchange, client: "Redis", photograph: Any) -> None:
    if isinstance(place, PlaceInMemory):
        place.go_back(photograph)
        return
    for key, content in photograph.items():
        await client.restore(key, 0, content, replace=True)


@pytest.fixture
async def valkey(server, client) -> AsyncIterator[ValkeyExchange]:
    """The place of one org in Valkey."""
    async with Valkey(server.url, connections=2) as opened:
        yield ValkeyExchange(opened, "test:", "prod")


async def test_keys_are_of_one_slot_and_end(valkey, client):
    """They carry the prefix, the version and the org, hold no more than a day's minutes, and are gone a day later."""
    long_ago = int(time.time() // 60) - 1500
    await told(valkey, report("one", spent={BUDGET: 1.0, "billing": 1.0}))
    await client.hset(f"{KEY}:calls:", mapping={f"m:{long_ago}": 1, "swept": long_ago - 10})
    await told(valkey, report("one", 2, spent={BUDGET: 1.0, "billing": 1.0}))

    assert {KEY, f"{KEY}:calls:", f"{KEY}:calls:billing"} == {key.decode() for key in await client.keys()}
    lives = [await client.ttl(key) for key in await client.keys()]
    assert all(86_400 < seconds <= 90_000 for seconds in lives)
    assert not await client.hexists(f"{KEY}:calls:", f"m:{long_ago}")


async def test_an_exchange_is_one_round_trip(valkey, client):
    """The script travels once and is called by its digest."""
    standing = await told(valkey, report("one"))
    await client.config_resetstat()
    for sequence in range(2, 12):
        standing = await told(valkey, report("one", sequence, standing, spent={BUDGET: 1.0, "billing": 1.0}))
    stats = await client.info("commandstats")

    assert 10 == stats["cmdstat_evalsha"]["calls"]
    assert "cmdstat_eval" not in stats
    assert "cmdstat_script|load" not in stats


@pytest.mark.parametrize("steps", range(12))
async def test_a_cancelled_exchange_is_cancelled(server, steps):
    """At whatever moment, also when the answer is there already: whoever cancels waits for nothing further."""
    async with Valkey(server.url, connections=1) as opened:

        async def exchange() -> None:
            await opened.run("return 1", [], [], seconds=5)
            await asyncio.Event().wait()

        task = asyncio.ensure_future(exchange())
        for _ in range(steps):
            await asyncio.sleep(0)

        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=5)

    assert {task} == done
    assert task.cancelled()


@pytest.mark.parametrize("key", [KEY, f"{KEY}:calls:"])
@pytest.mark.parametrize("kind", ["set", "lpush", "hset"])
async def test_what_others_left_there_is_overcome(valkey, client, key, kind):
    """Keys of another type are dropped, and fields that are no numbers count as none."""
    minute = int(time.time() // 60)
    if kind == "hset":
        garbage = {"epoch": "\xff", "serial": "x", "generation": "{}", "usage": "1 2", "r:x": "?", "swept": "never"}
        await client.hset(key, mapping={**garbage, f"m:{minute}": "many", f"s:{minute}": "many"})
    else:
        await getattr(client, kind)(key, "garbage")

    standing = await told(valkey, report("one", spent={BUDGET: 2.0}, leases={BUDGET: 5.0}))
    again = await told(valkey, report("one", 2, standing, spent={BUDGET: 2.0}))

    assert (4.0, None) == (total(again), again.usage)


@pytest.mark.parametrize("count", ["1e300", "-5", "nan", "inf"])
async def test_a_count_that_is_none_counts_as_none(valkey, client, count):
    """No replica may be stopped, or let go, by what somebody else wrote."""
    await told(valkey, report("one"))
    await client.hset(f"{KEY}:calls:", f"m:{int(time.time() // 60)}", count)

    standing = await told(valkey, report("one", 2, spent={BUDGET: 1.0}))

    assert 1.0 == total(standing)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"[]",
        b"not json",
        17,
        orjson.dumps({"counts": [], "held": []}),
        orjson.dumps({"counts": [{}], "held": [-1.0]}),
        orjson.dumps({"counts": [{}], "held": [0], "usage": [0, -1, 0]}),
        orjson.dumps({"counts": [[[1, -2]]], "held": [0]}),
    ],
)
async def test_an_answer_that_makes_no_sense_is_no_answer(answer):
    """It raises what an absent store raises."""

    class Store:
        async def run(self, *_: object, **__: object) -> object:
            return answer

    with pytest.raises(SharedStoreUnavailable, match="not of this service"):
        await ValkeyExchange(Store(), "test:", "prod").exchange(report("one"))
