"""The composition root: everything is made here, on one exit stack, and closed in the opposite order."""

import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from types import TracebackType
from typing import TYPE_CHECKING, Self

from opentelemetry.sdk.trace.export import SpanExporter
from pydantic import SecretStr

from service import soql
from service.admin.links.associations import Association, associations, claimed_on
from service.admin.links.follower import Follower
from service.admin.links.link_host import LinkHost
from service.admin.links.server import LinkServer
from service.admin.metrics import Metrics
from service.admin.server import AdminServer
from service.bulk.data.spool import SPARE_BYTES
from service.bulk.failpoints import Deadly, Reach, pass_by
from service.bulk.room import DiskRoom
from service.bulk.ways.part_claims import ClaimsOfProcess, PartClaims
from service.clock import Clock, SystemClock
from service.deep_links.claim_store import ClaimsInMemory, ClaimStore
from service.deep_links.config import LinkConfig
from service.deep_links.keys import FixedKeys, KeyRing
from service.deep_links.short_form import ShortForm
from service.deep_links.shortener import Shortener
from service.governor.sharing import Sharing
from service.governor.valkey import ValkeyExchange
from service.orgs import config, link_config
from service.orgs.limits import with_callers
from service.orgs.org import Org
from service.orgs.registry import OpenOrg, OrgRegistry
from service.orgs.signers import Signers
from service.request_ids.request_ids import RequestIds
from service.request_ids.store import SharedStore
from service.request_ids.unshared import Unshared
from service.rpc.pipeline import Pipeline
from service.rpc.server import GrpcServer, authority
from service.settings import (
    PREFIX,
    AdminSettings,
    EmulatorSettings,
    GrpcSettings,
    JwtBearerAuth,
    LinkServerSettings,
    LinkSettings,
    OrgSettings,
    Settings,
    SettingsError,
)
from service.settings.signing_key import SigningKey
from service.telemetry import logs
from service.telemetry.tracing import Tracing, otlp_exporter

if TYPE_CHECKING:
    from service.emulator.server import Emulator
    from service.valkey import Valkey

EMBEDDED_ORG = "emulator"
VERSION = version("sluicegate")
_STORE_CONNECTIONS = 4
"""Of each of those who use the shared store."""

_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running service is reached."""

    grpc: str
    """`host:port`."""
    admin: str
    """Base URL."""
    links: str | None
    """Base URL of the server behind the link host; None if it is not enabled."""
    emulator: str | None
    """Base URL of the embedded org; None if orgs are configured."""
    default_org: str
    """The org of requests that name none; empty if they must name one."""


class App:
    """The whole service: use it as an async context manager.

    Entering starts every listener, or none: what was opened is closed if something cannot start. Leaving drains: it
    takes no more calls, lets the open ones end within `grpc.drain_seconds`, and closes what they used.

    Args:
        settings: What to serve and where.
        clock: Tells the time; tests give their own.
        span_exporter: Where spans go instead of `telemetry.otlp_endpoint`; with it every call is sampled.

    Raises:
        SettingsError: On entering: a setting cannot be used.
        OSError: On entering: a port is taken.

    """

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, span_exporter: SpanExporter | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._span_exporter = span_exporter
        self._stack = AsyncExitStack()
        self.emulator: Emulator | None = None
        self.addresses: Addresses | None = None

    async def __aenter__(self) -> Self:
        """Start everything."""
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Drain and close everything."""
        await self._stack.aclose()

    async def _start(self, stack: AsyncExitStack) -> None:
        # Half a second of work that the first query must not wait for.
        soql.prepare()
        settings = self._settings
        tracing = self._tracing()
        stack.callback(tracing.close)
        orgs = settings.orgs
        if not orgs:
            with _listening("emulator", settings.emulator):
                orgs = {EMBEDDED_ORG: await self._embedded_org(stack)}
        default = settings.default_org or (next(iter(orgs)) if len(orgs) == 1 else "")
        surroundings = await self._surroundings(stack, tracing)
        open_org = self._opener(orgs, surroundings)
        registry = await stack.enter_async_context(OrgRegistry(orgs, default=default, open_org=open_org))
        store = await self._shared_store(stack)
        # After the orgs, so that it closes before them: work whose callers have gone still needs its org.
        request_ids = await stack.enter_async_context(RequestIds(store, self._clock))
        with _listening("admin", settings.admin):
            metrics = Metrics(registry, surroundings.disk, [*surroundings.shorteners.values()])
            admin = await stack.enter_async_context(AdminServer(settings.admin, metrics))
        links = await self._link_server(stack, registry, tracing)
        pipeline = Pipeline(
            tracing, self._clock, settings.grpc.max_message_bytes, settings.grpc.default_deadline_seconds
        )
        server = GrpcServer(settings.grpc, registry, request_ids, pipeline)
        stack.push_async_callback(server.stop)
        with _listening("grpc", settings.grpc):
            await server.start()
        stack.callback(admin.set_ready, ready=False)
        admin.set_ready(ready=True)
        self.addresses = Addresses(
            grpc=authority(settings.grpc.host, server.port),
            admin=f"http://{authority(settings.admin.host, admin.port)}",
            links=links,
            emulator=self.emulator.url if self.emulator else None,
            default_org=default,
        )

    def _tracing(self) -> Tracing:
        settings = self._settings.telemetry
        if self._span_exporter is not None:
            return Tracing(self._span_exporter, sample_ratio=1.0, version=VERSION)
        return Tracing(otlp_exporter(settings.otlp_endpoint), sample_ratio=settings.sample_ratio, version=VERSION)

    async def _link_server(self, stack: AsyncExitStack, registry: OrgRegistry, tracing: Tracing) -> str | None:
        settings = self._settings.link_server
        if not settings.enabled:
            return None
        files = _associations(settings)
        host = LinkHost(self._settings.links.host, claimed_on(settings))
        server = LinkServer(settings, files, Follower(registry, host, self._clock), self._clock, tracing)
        with _listening("link_server", settings):
            await stack.enter_async_context(server)
        return f"http://{authority(settings.host, server.port)}"

    async def _sharing(self, stack: AsyncExitStack) -> Sharing | None:
        settings = self._settings.shared_store
        if settings.url is None:
            return None
        valkey = await self._valkey(stack, settings.url, _STORE_CONNECTIONS)
        place = partial(ValkeyExchange, valkey, settings.prefix)
        return await stack.enter_async_context(Sharing(place, self._clock))

    @staticmethod
    async def _valkey(stack: AsyncExitStack, url: SecretStr, connections: int) -> "Valkey":
        """Return connections of somebody's own: requests that crowd the store must not make it seem away to others."""
        from service.valkey import Valkey  # noqa: PLC0415 - the client takes a quarter of a second

        return await stack.enter_async_context(Valkey(url.get_secret_value(), connections=connections))

    async def _shared_store(self, stack: AsyncExitStack) -> SharedStore:
        settings = self._settings.shared_store
        if settings.url is None:
            return Unshared()
        from service.request_ids.valkey import ValkeyStore  # noqa: PLC0415 - the client takes a quarter of a second

        store = ValkeyStore(settings.url.get_secret_value(), prefix=settings.prefix)
        return await stack.enter_async_context(store)

    async def _embedded_org(self, stack: AsyncExitStack) -> OrgSettings:
        from service.emulator.server import Emulator, EmulatorConfig  # noqa: PLC0415 - where orgs are configured, none is

        settings = self._settings.emulator
        emulated = EmulatorConfig(
            host=settings.host, port=settings.port, daily_api_requests=settings.daily_api_requests
        )
        emulator = Emulator(emulated, self._clock)
        self.emulator = await stack.enter_async_context(emulator)
        credentials = emulator.credentials
        auth = JwtBearerAuth(
            flow="jwt_bearer",
            client_id=credentials.client_id,
            username=credentials.username,
            private_key_file=credentials.private_key_file,
        )
        return OrgSettings(login_url=credentials.login_url, auth=auth)

    async def _surroundings(self, stack: AsyncExitStack, tracing: Tracing) -> config.Surroundings:
        is_embedded = self.emulator is not None
        disk = DiskRoom(self._settings.spool.max_bytes - SPARE_BYTES)
        stack.callback(disk.files.close)
        return config.Surroundings(
            links=_link_config(self._settings.links, self._clock, embedded=is_embedded),
            claim_store=await self._claim_store(stack),
            signers=Signers.of(_keys(self._settings.token_keys, "token_keys", embedded=is_embedded)),
            tracing=tracing,
            clock=self._clock,
            sharing=await self._sharing(stack),
            shorteners=await self._shorteners(stack, tracing),
            reach=self._reach(),
            disk=disk,
            part_claims=await self._part_claims(stack),
        )

    async def _shorteners(self, stack: AsyncExitStack, tracing: Tracing) -> Mapping[str, Shortener]:
        forms = _short_forms(self._settings.links)
        return {
            name: await stack.enter_async_context(Shortener(form, self._clock, tracing=tracing))
            for name, form in forms.items()
        }

    def _reach(self) -> Reach:
        if not self._settings.failpoints:
            return pass_by
        try:
            return Deadly(self._settings.failpoints)
        except ValueError as error:
            raise SettingsError(f"failpoints: {error}") from None

    async def _claim_store(self, stack: AsyncExitStack) -> ClaimStore | None:
        settings, links = self._settings.shared_store, self._settings.links
        if settings.url is not None:
            from service.deep_links.valkey_claims import ValkeyClaims  # noqa: PLC0415 - as the other clients

            return ValkeyClaims(await self._valkey(stack, settings.url, _STORE_CONNECTIONS), prefix=settings.prefix)
        # An embedded org belongs to this process, which is alone with it.
        is_alone = self.emulator is not None and "claims_without_store" not in links.model_fields_set
        return ClaimsInMemory(self._clock) if is_alone or links.claims_without_store == "memory" else None

    async def _part_claims(self, stack: AsyncExitStack) -> PartClaims:
        settings = self._settings.shared_store
        if settings.url is None:
            return ClaimsOfProcess()
        from service.bulk.ways.valkey_part_claims import ValkeyPartClaims  # noqa: PLC0415 - as the other clients

        return ValkeyPartClaims(await self._valkey(stack, settings.url, _STORE_CONNECTIONS), prefix=settings.prefix)

    def _opener(self, orgs: Mapping[str, OrgSettings], surroundings: config.Surroundings) -> OpenOrg:
        callers = self._settings.callers
        orgs = {name: with_callers(settings, callers) for name, settings in orgs.items()}

        def open_org(name: str, stack: AsyncExitStack) -> Org:
            return config.open_org(name, orgs[name], surroundings, stack)

        return open_org


@contextmanager
def _listening(
    section: str, settings: GrpcSettings | AdminSettings | LinkServerSettings | EmulatorSettings
) -> Iterator[None]:
    """Let a listener that cannot listen say why, and which settings would help."""
    try:
        yield
    except OSError as error:
        reason = (
            error.strerror if isinstance(error, socket.gaierror) or error.errno is None else os.strerror(error.errno)
        )
        raise OSError(
            f"{section}: cannot listen on {authority(settings.host, settings.port)}: {reason or error}; set "
            f"{section}.host and {section}.port, or {PREFIX}{section.upper()}__PORT, to an address that is free here"
        ) from error


def check(settings: Settings) -> None:
    """Look at what can be wrong with settings beside their types, without listening or calling anyone.

    Raises:
        SettingsError: A template of a link or an app cannot be used, or a file of an org cannot be read; the text
            names it.

    """
    embedded = not settings.orgs
    _link_config(settings.links, SystemClock(), embedded=embedded)
    _short_forms(settings.links)
    _associations(settings.link_server)
    _keys(settings.token_keys, "token_keys", embedded=embedded)
    faults = [f"orgs.{name}.{fault}" for name, org in settings.orgs.items() for fault in config.faults(org)]
    if faults:
        raise SettingsError("\n".join(faults))


def _link_config(settings: LinkSettings, clock: Clock, *, embedded: bool) -> LinkConfig:
    if embedded:
        settings = link_config.with_example(settings)
    try:
        directory = link_config.key_directory(settings, clock.monotonic)
        keys: KeyRing = directory or FixedKeys(_keys(settings.keys, "links.keys", embedded=embedded))
        return link_config.link_config(settings, keys)
    except ValueError as error:
        raise SettingsError(f"links.{error}") from None


def _short_forms(settings: LinkSettings) -> Mapping[str, ShortForm]:
    try:
        return link_config.short_forms(settings)
    except ValueError as error:
        raise SettingsError(f"links.{error}") from None


def _associations(settings: LinkServerSettings) -> tuple[Association, ...]:
    try:
        return associations(settings)
    except ValueError as error:
        raise SettingsError(f"link_server: {error}") from None


def _keys(configured: Mapping[str, SecretStr], setting: str, *, embedded: bool) -> tuple[SigningKey, ...]:
    """Return the configured keys, or one made now that dies with this process, like an embedded org itself."""
    if configured:
        return tuple(SigningKey(key_id, secret.get_secret_value().encode()) for key_id, secret in configured.items())
    if not embedded:
        _log.warning("no keys are configured; what is signed stops working at exit and elsewhere", setting=setting)
    return (SigningKey("ephemeral", secrets.token_bytes(48)),)
