"""A service and its org inside a test: the org misbehaves as told, and both say what they did."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

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
from service.settings import ClientCredentialsAuth, GrpcSettings, OrgSettings
from tests.support.rich_status import failure
from tests.support.service import free_ports

T = TypeVar("T")

SAVED = "saved"
"""What `told` and `result` return of a write that succeeded."""


class OrgClock(SystemClock):
    """The time of an org, which a test may stop: whoever waits for it then waits for the test.

    Attributes:
        goes_on: Set while time passes.

    """

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def sleep(self, seconds: float) -> None:
        """Wait for the time, or for the test."""
        if self.goes_on.is_set():
            await super().sleep(seconds)
        else:
            await self.goes_on.wait()


@dataclass(frozen=True)
class Stage:
    """A running service and its org.

    Attributes:
        channel: Where the service is called.
        records: Calls it.
        org: Its org, in this process.

    """

    channel: aio.Channel
    records: Any
    org: Emulator
    _clock: OrgClock
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

    def hold(self, path: str, *rules: Mapping[str, Any]) -> None:
        """Let no answer to requests of a path leave the org before `go_on`, and let it misbehave by further rules."""
        self.script({"effect": {"latency": 1}, "match": {"path": path}}, *rules)
        self._clock.goes_on.clear()

    def go_on(self) -> None:
        """Let the org behave from now on, and answer what it was asked."""
        self.org.disturbances.clear()
        self._clock.goes_on.set()

    async def all_at_once(self, work: Awaitable[T], records: int, *rules: Mapping[str, Any]) -> tuple[T, list[Rule]]:
        """Let the org answer nothing until so many records are under way, and then misbehave by these rules alone.

        Return what became of the work, and the rules with their counts. Something was written before.
        """
        self.hold("/composite")
        working = asyncio.ensure_future(work)
        await until(lambda: self.coalescer.statistics().held_records == records)
        made = self.script(*rules)
        self._clock.goes_on.set()
        return await working, made

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
        return httpx.AsyncClient(base_url=f"{self.org.url}/__control", trust_env=False, verify=False, timeout=60)


@dataclass(frozen=True)
class StageFactory:
    """Makes stages of one test.

    Args:
        keys: Where keys and secrets of every org are kept, so that keys are made once.
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
        self.monkeypatch.setattr(ssl, "create_default_context", tls_context)
        clock = OrgClock()
        source = OrgSource(schema=tuple(schema))
        async with AsyncExitStack() as stack:
            org = await stack.enter_async_context(Emulator(EmulatorConfig(directory=self.keys, source=source), clock))
            stack.callback(clock.goes_on.set)
            orgs = {"prod": org_settings(org, self.keys, **settings)}
            service = free_ports(orgs=orgs, grpc=GrpcSettings(port=0, drain_seconds=0))
            app = await stack.enter_async_context(App(service, span_exporter=span_exporter))
            assert app.addresses is not None
            channel = await stack.enter_async_context(aio.insecure_channel(app.addresses.grpc))
            yield Stage(channel, RecordServiceStub(channel), org, clock, coalescers)


def org_settings(org: Emulator, folder: Path, **overrides: Any) -> OrgSettings:
    """Return settings that log in to an org with its secret: its key would take longer to read than most tests do.

    Args:
        org: The org.
        folder: Where the secret is left.
        overrides: What is not as usual.

    """
    secret = folder / f"{org.credentials.client_id[-20:]}.secret"
    secret.write_text(org.credentials.client_secret, encoding="utf-8")
    auth = ClientCredentialsAuth(
        flow="client_credentials", client_id=org.credentials.client_id, client_secret_file=secret
    )
    return OrgSettings(login_url=org.credentials.login_url, auth=auth, **overrides)


@cache
def tls_context() -> ssl.SSLContext:
    """Return a context that all connections share: the certificates of the machine take long to read, too."""
    return make_context()


make_context = ssl.create_default_context


async def until(is_so: Callable[[], bool]) -> None:
    """Return when something is so that nothing else tells."""
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.002)


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
