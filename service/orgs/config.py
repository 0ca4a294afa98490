"""An org from its settings: the stack of transports, its login, its links."""

import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from service.batching.coalescer import Coalescer
from service.bulk.cutting.parts import PartLimits
from service.bulk.failpoints import Reach, pass_by
from service.bulk.room import DiskRoom
from service.bulk.ways.part_claims import ClaimsOfProcess, PartClaims
from service.clock import Clock
from service.deep_links.claim_store import ClaimStore
from service.deep_links.config import LinkConfig
from service.deep_links.shortener import Shortener
from service.errors import OrgAuthenticationFailed
from service.governor.base import Governor
from service.governor.local import LocalGovernor
from service.governor.noop import NoopGovernor
from service.governor.sharing import Sharing
from service.orgs.descriptions import Descriptions
from service.orgs.guard import Guard
from service.orgs.limits import limits_of, policy_of
from service.orgs.links import OrgLinks
from service.orgs.loads import LoadPolicy, OrgLoads
from service.orgs.org import Org
from service.orgs.queries import OrgQueries
from service.orgs.records import OrgRecords
from service.orgs.signers import Signers
from service.query.leftovers import Leftovers
from service.salesforce.auth.flows import ClientCredentials, Flow, JwtBearer
from service.salesforce.auth.token_cache import TokenCache
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.authorize import AuthorizedTransport
from service.salesforce.transport.breaker import Circuit
from service.salesforce.transport.budget import RetryBudget
from service.salesforce.transport.govern import GovernedTransport
from service.salesforce.transport.http import HttpTransport
from service.salesforce.transport.observe import ObservedTransport
from service.salesforce.transport.retry import RetryTransport
from service.settings import ClientCredentialsAuth, JwtBearerAuth, OrgSettings
from service.telemetry.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all orgs of a service have in common."""

    links: LinkConfig
    """How deep links look."""
    claim_store: ClaimStore | None
    """Remembers which deep links were claimed; None if none may be."""
    signers: Signers
    """Sign the tokens of bulk loads and queries."""
    tracing: Tracing
    """Makes the spans of calls and their HTTP attempts."""
    clock: Clock
    """Tells the time and waits."""
    sharing: Sharing | None
    """What replicas share of the orgs' allocations; None if this one is on its own."""
    shorteners: Mapping[str, Shortener]
    """Make the short links of providers, by the provider's name."""
    reach: Reach = pass_by
    """Called at each place of a load where a test may have the process die."""
    disk: DiskRoom = field(default_factory=DiskRoom)
    """Room for the data of bulk loads."""
    part_claims: PartClaims = field(default_factory=ClaimsOfProcess)
    """Remember which jobs have the rows of which parts of bulk loads."""


def open_org(name: str, settings: OrgSettings, surroundings: Surroundings, stack: AsyncExitStack) -> Org:
    """Put an org together. Nothing is sent until it is called.

    Args:
        name: The org's configured name.
        settings: Its settings, with the shares of callers.
        surroundings: What it has in common with the others.
        stack: Closes its connections.

    """
    clock, tracing = surroundings.clock, surroundings.tracing
    http = HttpTransport(
        timeout_seconds=settings.request_timeout_seconds,
        max_connections=settings.max_connections,
        ca_file=settings.ca_file,
    )
    stack.push_async_exit(http)
    observed = ObservedTransport(http, tracing, org=name)
    governor = _governor(name, settings, surroundings)
    circuit, login_circuit = Circuit(clock, org=name), Circuit(clock, org=name, host="login host of the org")
    retries = RetryBudget()
    # Logins are no API calls, and a login host that is well says nothing of the org.
    login = GovernedTransport(observed, NoopGovernor(), login_circuit)
    tokens = TokenCache(
        RetryTransport(login, org=name, budget=retries),
        _flow(settings.auth, settings.login_url),
        login_url=settings.login_url,
        allowed_hosts=settings.allowed_hosts,
        org=name,
    )
    governed = GovernedTransport(observed, governor, circuit)
    client = SalesforceClient(
        RetryTransport(AuthorizedTransport(governed, tokens), org=name, budget=retries),
        org=name,
        api_version=settings.api_version,
    )
    descriptions = Descriptions(client)
    coalescer = Coalescer(
        client, org=name, policy=policy_of(settings), clock=clock, tracing=tracing, hold=governor.hold
    )
    stack.push_async_exit(coalescer)
    records = OrgRecords(coalescer, descriptions, check_fields=settings.writes.check_fields)
    leftovers = Leftovers(clock)
    stack.push_async_exit(leftovers)
    queries = OrgQueries(
        client,
        descriptions,
        surroundings.signers.queries,
        leftovers=leftovers,
        bulk_rows=settings.queries.bulk_rows,
        open_results=settings.queries.open_results,
    )
    guard = Guard(governor, circuit, login_circuit)
    links = OrgLinks(
        client,
        tokens,
        guard=guard,
        descriptions=descriptions,
        config=surroundings.links.with_default(settings.default_link_provider),
        claim_store=surroundings.claim_store,
        shorteners=surroundings.shorteners,
    )
    limits = PartLimits(settings.loads.part_bytes, settings.loads.part_rows)
    policy = LoadPolicy(
        limits, settings.loads.parts_at_work, surroundings.reach, surroundings.disk, surroundings.part_claims
    )
    return Org(
        client,
        guard=guard,
        records=records,
        queries=queries,
        links=links,
        loads=OrgLoads(
            client,
            guard=guard,
            tokens=surroundings.signers.loads,
            policy=policy,
            descriptions=descriptions if settings.writes.check_fields else None,
            tracing=tracing,
            coalescer=coalescer if settings.loads.small_loads == "collections" else None,
        ),
    )


def _governor(name: str, settings: OrgSettings, surroundings: Surroundings) -> Governor:
    limits = limits_of(settings)
    shared = None if surroundings.sharing is None else surroundings.sharing.join(name, limits)
    return LocalGovernor(limits, surroundings.clock, org=name, shared=shared)


def faults(settings: OrgSettings) -> list[str]:
    """Return a line for each file of an org's settings that cannot be read or holds something else."""
    lines = []
    try:
        _flow(settings.auth, settings.login_url).form(0)
    except OrgAuthenticationFailed as error:
        lines.append(f"auth: {error.message}")
    if settings.ca_file is not None:
        try:
            ssl.create_default_context().load_verify_locations(settings.ca_file)
        except OSError as error:
            lines.append(f"ca_file: {settings.ca_file} cannot be used: {error.strerror or 'not PEM'}")
    return lines


def _flow(auth: JwtBearerAuth | ClientCredentialsAuth, login_url: str) -> Flow:
    if isinstance(auth, JwtBearerAuth):
        return JwtBearer(auth.client_id, auth.username, auth.audience or login_url, auth.private_key_file)
    return ClientCredentials(auth.client_id, auth.client_secret_file)
