"""The loads of one org, whosever they are."""

import asyncio
from contextlib import aclosing
from typing import Any

from msgspec import structs

from service.bulk.cutting.parts import PartLimits
from service.bulk.request import LoadRequest, Operation
from service.bulk.telling.events import Finished
from service.bulk.token import TokenSigner
from service.governor.noop import NoopGovernor
from service.orgs.guard import Guard
from service.orgs.loads import LoadPolicy, OrgLoads
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.breaker import Circuit
from service.settings.signing_key import SigningKey
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.support.transport import call
from tests.unit.bulk.loading import stream

LOAD = LoadRequest("Lead", Operation.INSERT)
TOKENS = TokenSigner((SigningKey("k", b"0" * 32),))


async def load(loads: OrgLoads, caller: str, clock: FakeClock) -> None:
    """Load one row that holds its caller's name."""
    messages = stream(f"LastName\n{caller}\n".encode())
    context = structs.replace(call(clock), caller=caller)
    async with aclosing(loads.run(LOAD, "", messages, context)) as events:
        told = [event async for event in events]
    assert isinstance(told[-1], Finished)


async def test_one_callers_loads_do_not_hold_up_anothers(monkeypatch):
    """Who begins thirty loads delays the next caller by a few of them: how many are ready before it is the disk's."""
    org, clock = FakeBulkOrg(polls=1), FakeClock()
    monkeypatch.setattr(OrgLoads, "_jobs", lambda _self, _context: org)
    nothing: Any = None
    circuit = Circuit(clock, org="prod")
    loads = OrgLoads(
        SalesforceClient(nothing, org="prod", api_version="66.0"),
        guard=Guard(NoopGovernor(), circuit, circuit),
        tokens=TOKENS,
        policy=LoadPolicy(PartLimits(), parts_at_work=1),
        descriptions=None,
    )

    async with asyncio.TaskGroup() as tasks:
        for caller in [*["migration"] * 30, "checkout"]:
            tasks.create_task(load(loads, caller, clock))

    callers = [row["LastName"] for row in org.written]
    assert 31 == len(callers)
    assert callers.index("checkout") < 15
