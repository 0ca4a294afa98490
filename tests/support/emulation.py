"""What tests of the emulator share: a clock they move, and an org without a server."""

import asyncio
import itertools
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from service.emulator.allocation import Allocation
from service.emulator.cursors import Cursors
from service.emulator.disturbances import Disturbances
from service.emulator.editions import EDITIONS
from service.emulator.exchange import Answer, BufferedBody, OrgCall
from service.emulator.jobs import Jobs
from service.emulator.oauth.grants import Grants
from service.emulator.org import Org
from service.emulator.query_jobs import QueryJobs
from service.emulator.routing import Router
from service.emulator.row_writer import RowWriter
from service.emulator.sessions import Sessions
from service.emulator.tenants import ConnectedApp, Tenant
from service.emulator.users import Users

START = 1_772_366_400.0
"""2026-03-01T12:00:00Z."""

USERNAME = "admin@acme.example"
PASSWORD = "correct horse"
SECURITY_TOKEN = "battery"
CLIENT_ID = "3MVG9client"
CLIENT_SECRET = "staple"


class ManualClock:
    """A clock that stands still until a test moves it; sleeping moves it at once."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed

    def now(self) -> float:
        return START + self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds
        await asyncio.sleep(0)


def make_tenant(clock: ManualClock, public_key: rsa.RSAPublicKey | None = None, **limits: int) -> Tenant:
    """Make an org with everything beside its rows; the key is only needed for assertions."""
    org = Org(clock=clock, username=USERNAME)
    users = Users(org)
    numbers = itertools.count(1)
    sessions = Sessions(org.id, clock=clock, idle_seconds=7200)
    users.set_password(USERNAME, PASSWORD, SECURITY_TOKEN)
    allocation = {"daily_api_requests": 1000, "daily_bulk_batches": 100, "long_requests": 5, **limits}
    return Tenant(
        org=org,
        instance_url="https://acme.example",
        app=ConnectedApp(CLIENT_ID, CLIENT_SECRET, public_key, org.admin_id),  # type: ignore[arg-type]
        users=users,
        sessions=sessions,
        grants=Grants(sessions, clock),
        edition=EDITIONS["enterprise"],
        allocation=Allocation(**allocation, clock=clock),
        cursors=Cursors(clock),
        jobs=Jobs(clock, numbers),
        query_jobs=QueryJobs(clock, numbers),
        writer=RowWriter(org, Disturbances()),
    )


async def call(
    router: Router[OrgCall],
    tenant: Tenant,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: Any = None,
) -> Answer:
    """Send a call to a resource as the administrator; a body that is not bytes becomes JSON."""
    handler, parameters = router.find(method, path.split("/"))
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    session = tenant.sessions.open(tenant.org.admin_id)
    return await handler(
        OrgCall(
            method,
            parameters,
            query or {},
            headers or {},
            BufferedBody(content),
            tenant=tenant,
            session=session,
            version="66.0",
        )
    )
