"""What an org asks its governor before it does anything."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from service.bulk.cutting.parts import PartLimits
from service.bulk.ledger import Ledger
from service.bulk.request import LoadRequest
from service.bulk.request import Operation as LoadOperation
from service.bulk.token import TokenSigner
from service.context import CallContext
from service.deep_links.device import Device
from service.deep_links.keys import FixedKeys
from service.deep_links.link import ExternalId, Link, LinkedRecord
from service.errors import DailyLimitExceeded
from service.governor.noop import NoopGovernor
from service.orgs.guard import Guard
from service.orgs.link_config import link_config
from service.orgs.links import OrgLinks, Wanted
from service.orgs.loads import LoadPolicy, OrgLoads
from service.orgs.org import Org
from service.query.options import Options
from service.salesforce.calls.composite import Node
from service.salesforce.calls.writes import DEFAULT_OPTIONS, Operation, Write
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.breaker import Circuit
from service.settings import LinkSettings
from service.settings.signing_key import SigningKey
from tests.support.clock import FakeClock
from tests.support.transport import call

KEY = "x" * 32
WRITE = Write(Operation.CREATE, "Lead", values={"LastName": "Curie"})
LOAD = LoadRequest("Lead", LoadOperation.INSERT)
TOKENS = TokenSigner((SigningKey("k", KEY.encode()),))
TOKEN = TOKENS.write(Ledger.new(LOAD, org="prod", load_id="load", now=0, limits=PartLimits()).token())


class Untouched:
    """Stands for whatever must not be used."""

    def __getattr__(self, name: str) -> Any:
        def used(*_args: Any, **_kwargs: Any) -> Any:
            raise AssertionError(f"{name} is used")

        return used


class Refusing(NoopGovernor):
    """Admits nobody."""

    def admit(self, _context: CallContext) -> None:
        raise DailyLimitExceeded("none left")


def circuit() -> Circuit:
    """A circuit that is closed."""
    return Circuit(FakeClock(), org="prod")


def links() -> OrgLinks:
    """The links of an org that has no calls left."""
    nothing: Any = Untouched()
    tokens: Any = SimpleNamespace(login_url="https://acme.my.salesforce.com")
    return OrgLinks(
        SalesforceClient(nothing, org="prod", api_version="66.0"),
        tokens,
        guard=Guard(Refusing(), circuit(), circuit()),
        descriptions=nothing,
        config=link_config(LinkSettings(), FixedKeys((SigningKey("k", KEY.encode()),))),
        claim_store=None,
        shorteners={},
    )


@pytest.fixture
def org() -> Org:
    """An org that has no calls left."""
    nothing: Any = Untouched()
    client = SalesforceClient(nothing, org="prod", api_version="66.0")
    guard = Guard(Refusing(), circuit(), circuit())
    return Org(
        client,
        guard=guard,
        records=nothing,
        links=links(),
        queries=nothing,
        loads=OrgLoads(client, guard=guard, tokens=TOKENS, policy=LoadPolicy(PartLimits()), descriptions=None),
    )


async def first(items: Any) -> Any:
    """Return the first item of an iterator."""
    return await anext(aiter(items))


@pytest.mark.parametrize(
    "ask",
    [
        lambda org, context: org.write(WRITE, DEFAULT_OPTIONS, context),
        lambda org, context: org.apply([WRITE], DEFAULT_OPTIONS, context),
        lambda org, context: org.compose([Node("a", WRITE)], DEFAULT_OPTIONS, context),
        lambda org, context: org.get_record("Lead", "00Q000000000001AAA", None, (), context),
        lambda org, context: first(org.query("SELECT Id FROM Lead", {}, Options(), context)),
        lambda org, context: org.limits(context),
        lambda org, context: first(org.loads.run(LOAD, "", Untouched(), context)),
        lambda org, context: org.links.resolve(
            Link("prod", LinkedRecord("Lead", ExternalId("Ext__c", "1")), "web", 0), Device(), context, Wanted()
        ),
        lambda org, context: org.loads.find(TOKEN, context),
        lambda org, context: first(org.loads.watch(TOKEN, context)),
        lambda org, context: first(org.loads.results(TOKEN, frozenset(), 0, context)),
        lambda org, context: org.loads.cancel(TOKEN, context),
        lambda org, context: org.loads.upload(LOAD, "", b"LastName\nCurie\n", context),
    ],
    ids=[
        *("write", "apply", "compose", "get_record", "query", "limits", "bulk_load", "resolve_link"),
        *("find_load", "watch_load", "load_results", "cancel_load", "upload_part"),
    ],
)
async def test_nothing_is_done_for_a_call_that_cannot_be_afforded(org: Org, ask: Callable[[Org, CallContext], Any]):
    """Neither client nor lanes nor descriptions are used."""
    with pytest.raises(DailyLimitExceeded):
        await ask(org, call(FakeClock()))


def test_the_governor_tells_how_it_stands(org: Org):
    """Salesforce is not asked for it."""
    assert 0 == org.governor_statistics().permits
