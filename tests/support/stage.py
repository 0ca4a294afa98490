"""A service and its org inside a test: the org misbehaves as told, and both say what they did."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from grpc import aio
from opentelemetry.sdk.trace.export import SpanExporter
from sluicegate.v1.error_reason_pb2 import ErrorReason
from sluicegate.v1.record_operation_pb2 import RecordResult
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.app import App
from service.batching.coalescer import Coalescer
from service.clock import SystemClock
from service.emulator.fault_rules import parse_rules
from service.emulator.rule import Rule
from service.emulator.server import Emulator, EmulatorConfig
from service.emulator.sources import OrgSource
from service.orgs import config
from service.settings import JwtBearerAuth, OrgSettings
from tests.support.rich_status import failure
from tests.support.service import free_ports

SAVED = "saved"
"""What `told` and `result` return of a write that succeeded."""


class OrgClock(SystemClock):
    """The time of an org, which a test may stop: whoever waits for it then waits for the test."""

    def __init__(self) -> None:
        self._goes_on = asyncio.Event()
        self._goes_on.set()

    def stop(self) -> None:
        """Let every further wait last until `go_on`."""
        self._goes_on.clear()

    def go_on(self) -> None:
        """End the waits."""
        self._goes_on.set()

    async def sleep(self, seconds: float) -> None:
        """Wait for the time, or for the test."""
        if self._goes_on.is_set():
            await super().sleep(seconds)
        else:
            await self._goes_on.wait()


@dataclass(frozen=True)
class Stage:
    """A running service and its org.

    Attributes:
        channel: Where the service is called.
        records: Calls it.
        org: Its org, in this process.
        clock: The org's time.

    """

    channel: aio.Channel
    records: Any
    org: Emulator
    clock: OrgClock
    _coalescers: list[Coalescer]

    @property
    def coalescer(self) -> Coalescer:
        """What gathers the writes; there is one from the first call on."""
        return self._coalescers[-1]

    def script(self, *rules: Mapping[str, Any], seed: int = 7) -> list[Rule]:
        """Let the org misbehave by these rules alone, and return them with their counts."""
        self.org.disturbances.clear()
        made = parse_rules({"seed": seed, "rules": rules}, lambda _name: None)
        for rule in made:
            self.org.disturbances.add_rule(rule)
        return made

    def writes(self, sobject: str = "Lead", field: str = "Ext__c") -> dict[str, int]:
        """Return how often records were written, by a field; records with one value add up."""
        return dict(self.org.org.writes.by_key(sobject, field))

    async def calls(self) -> Counter[str]:
        """Return how many requests came to the org since `forget_calls`, by method and resource."""
        async with self._control() as control:
            return Counter((await control.get("/calls")).json()["calls"])

    async def forget_calls(self) -> None:
        """Count requests from nothing."""
        async with self._control() as control:
            await control.delete("/calls")

    def _control(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"{self.org.url}/__control", trust_env=False, verify=False)


@dataclass(frozen=True)
class StageFactory:
    """Makes stages of one test.

    Args:
        keys: Where the keys of every org are kept, so that they are made once.
        monkeypatch: Notes what the service makes.

    """

    keys: Path
    monkeypatch: pytest.MonkeyPatch

    @asynccontextmanager
    async def __call__(
        self,
        *,
        schema: Iterable[Path] = (),
        span_exporter: SpanExporter | None = None,
        **settings: Any,
    ) -> AsyncIterator[Stage]:
        """Run a service on an org.

        Args:
            schema: Files of further sObjects and fields.
            span_exporter: Where the service's spans go.
            settings: Of the org, as `OrgSettings` has them.

        """
        coalescers: list[Coalescer] = []

        def made(*args: Any, **kwargs: Any) -> Coalescer:
            coalescers.append(Coalescer(*args, **kwargs))
            return coalescers[-1]

        self.monkeypatch.setattr(config, "Coalescer", made)
        clock = OrgClock()
        source = OrgSource(schema=tuple(schema))
        async with AsyncExitStack() as stack:
            org = await stack.enter_async_context(Emulator(EmulatorConfig(directory=self.keys, source=source), clock))
            stack.callback(clock.go_on)
            orgs = {"prod": org_settings(org, **settings)}
            app = await stack.enter_async_context(App(free_ports(orgs=orgs), span_exporter=span_exporter))
            assert app.addresses is not None
            channel = await stack.enter_async_context(aio.insecure_channel(app.addresses.grpc))
            yield Stage(channel, RecordServiceStub(channel), org, clock, coalescers)


def org_settings(org: Emulator, **overrides: Any) -> OrgSettings:
    """Return settings that log in to an org with its key."""
    found = org.credentials
    auth = JwtBearerAuth(
        flow="jwt_bearer",
        client_id=found.client_id,
        username=found.username,
        private_key_file=found.private_key_file,
    )
    return OrgSettings(login_url=found.login_url, auth=auth, **overrides)


async def told(call: Awaitable[Any]) -> str:
    """Return what a caller hears of its write: SAVED, or the reason why not."""
    try:
        await call
    except aio.AioRpcError as error:
        return failure(error).reason or error.code().name
    return SAVED


def result(outcome: RecordResult) -> str:
    """Return what became of one of several operations, in the words of `told`."""
    if outcome.HasField("saved"):
        return SAVED
    return ErrorReason.Name(outcome.error.reason).removeprefix("ERROR_REASON_")
