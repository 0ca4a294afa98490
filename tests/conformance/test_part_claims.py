"""Claims of parts of loads, in the process and in a real Valkey: one job has a part, and keeps it."""

from collections.abc import AsyncIterator

import pytest

from service.bulk.ways.part_claims import CLAIM_SECONDS, ClaimsOfProcess, PartClaims
from service.bulk.ways.valkey_part_claims import ValkeyPartClaims
from service.valkey import Valkey
from tests.support.valkey import valkey_process

ENTRY = "test:load-part:1:load/1/1"


@pytest.fixture(params=["process", "valkey"])
async def claims(request, shared, client) -> AsyncIterator[PartClaims]:
    """Either of them."""
    if request.param == "process":
        yield ClaimsOfProcess()
    else:
        async with Valkey(shared.url, connections=4) as valkey:
            yield ValkeyPartClaims(valkey, prefix="test:")


async def test_the_first_job_has_a_part(claims):
    """Whoever asks later is told of it, as often as anybody asks; other parts are others'."""
    holders = [await claims.take("load/1/1", job) for job in ("A", "B", "A", "C")]
    other = await claims.take("load/2/1", "B")

    assert ["A", "A", "A", "A"] == holders
    assert "B" == other


async def test_a_job_takes_the_place_of_the_one_that_it_names_alone(claims):
    """Of two jobs that would follow a third, the first one does."""
    await claims.take("load/1/1", "A")

    holders = [await claims.take("load/1/1", job, instead_of=before) for job, before in (("B", "X"), ("C", "A"))]
    late = await claims.take("load/1/1", "D", instead_of="A")

    assert ["A", "C"] == holders
    assert "C" == late


async def test_a_claim_outlives_its_job_by_nothing(shared, client):
    """It is one key, which expires a day after Salesforce has forgotten the job."""
    async with Valkey(shared.url, connections=4) as valkey:
        await ValkeyPartClaims(valkey, prefix="test:").take("load/1/1", "A")

        left = await client.pttl(ENTRY)

    assert [ENTRY.encode()] == await client.keys()
    assert CLAIM_SECONDS * 1000 - 60_000 < left <= CLAIM_SECONDS * 1000


async def test_a_load_goes_on_without_the_store():
    """What guards against its caller alone keeps no load from its end; once the store is back, it guards again."""
    async with valkey_process() as server, Valkey(server.url, connections=4) as valkey:
        claims = ValkeyPartClaims(valkey, prefix="test:")
        await server.kill()

        away = [await claims.take("load/1/1", job) for job in ("A", "B")]
        await server.restart()
        back = [await claims.take("load/1/1", job) for job in ("A", "B")]

    assert ["A", "B"] == away
    assert ["A", "A"] == back
