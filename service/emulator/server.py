"""The emulator as a server: starts, makes orgs, answers and stops."""

import asyncio
import secrets
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from service.clock import Clock, SystemClock
from service.emulator.apex import Apex, load_apex
from service.emulator.call_counts import CallCounts
from service.emulator.config import EmulatorConfig, Login
from service.emulator.control import Control
from service.emulator.credentials import Credentials
from service.emulator.definition import Definition
from service.emulator.disturbances import Disturbances
from service.emulator.entrance import Entrance
from service.emulator.exchange import Call
from service.emulator.fault_rules import read_rules
from service.emulator.founding import Founder, Origin, keys_in, org_id, origin_of
from service.emulator.gateway import Gateway
from service.emulator.oauth.endpoint import TokenEndpoint
from service.emulator.org import Org
from service.emulator.routes import org_router
from service.emulator.routes.actions import ActionRoutes
from service.emulator.routes.bulk_ingest import IngestRoutes
from service.emulator.routes.bulk_query import QueryJobRoutes
from service.emulator.routes.bulk_v1 import BulkV1Routes
from service.emulator.routes.consent import ConsentRoutes
from service.emulator.routes.oauth import OAuthRoutes
from service.emulator.routes.soap_login import SoapLogin
from service.emulator.routing import Router
from service.emulator.schema import Schema
from service.emulator.schema.standard import STANDARD_OBJECTS
from service.emulator.snapshots import write_definition
from service.emulator.sources import OrgSource
from service.emulator.tenants import Tenant, Tenants
from service.emulator.tls import Certificate, server_context

__all__ = ["Credentials", "Emulator", "EmulatorConfig", "EmulatorStatistics", "Login", "OrgSource"]

_TURNS_TO_CLOSE = 3  # of the event loop: TLS, its transport and the socket below each take one
_PARSER_BYTES = 1_048_576  # far above Salesforce's own limit, so that its answer is given and not the parser's


@dataclass(frozen=True, slots=True)
class EmulatorStatistics:
    """What an emulator holds and has done so far."""

    orgs: int
    sessions: int
    """Open now, over all orgs."""
    bulk_jobs: int
    """Kept now, over all orgs."""
    open_requests: int
    """Being handled now."""
    answers: dict[int, int]
    """Answers given, by HTTP status."""


class Emulator:
    """A Salesforce of its own: use it as an async context manager, and call it over HTTP.

    The first org is there from the start; `new_org` makes more, which share nothing. Everything runs on the
    event loop that entered the emulator, and stops when it is left.

    Args:
        config: What may be chosen.
        clock: Moves sessions, limits, jobs and the dates of rows.
        schema: The sObjects of every org; None for Salesforce's standard ones.
        apex: The Apex of every org, beside that of the files of the configuration.

    Raises:
        ApexFileError: On entering: a file of the configuration holds no Apex.
        OSError: On entering: the address cannot be listened on, or a file not be written.

    """

    def __init__(
        self,
        config: EmulatorConfig | None = None,
        clock: Clock | None = None,
        schema: Schema | None = None,
        apex: Apex | None = None,
    ) -> None:
        self.config = config or EmulatorConfig()
        self.disturbances = Disturbances()
        self.control_token = secrets.token_urlsafe(32)
        """What callers of `/__control/` from other machines have to send."""
        self._apex = apex or Apex()
        self._clock = clock or SystemClock()
        self._base = Definition(schema or Schema(STANDARD_OBJECTS))
        self._saved: list[tuple[Tenant, Definition, Path]] = []
        self._entered = False
        self._all_credentials: list[Credentials] = []
        self.remarks: tuple[str, ...] = ()
        """What the files of the orgs say and the emulator does not do, one sentence for each."""
        self._tenants = Tenants()
        self._stack = AsyncExitStack()
        self._gateway: Gateway | None = None
        self._url = ""
        self._founder: Founder | None = None

    async def __aenter__(self) -> Self:
        """Start listening and make the first org."""
        apex = Apex()
        for each in (self._apex, *map(load_apex, self.config.apex)):
            apex.include(each)
        async with AsyncExitStack() as stack:
            directory = self.config.directory or Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="sluicegate-emulator-"))
            )
            keys = await asyncio.to_thread(keys_in, directory, with_certificate=self.config.tls)
            sources = (self.config.source, *self.config.more_orgs)
            origins = await asyncio.to_thread(lambda: [origin_of(source, self._base) for source in sources])
            stack.callback(self._close_orgs)
            stack.callback(self._save_orgs)
            jobs = await stack.enter_async_context(_JobTasks())
            self._url = await self._listen(stack, jobs, keys.certificate, apex)
            self._founder = Founder(
                config=self.config,
                clock=self._clock,
                keys=keys,
                definition=origins[0].definition,
                url=self._url,
                disturbances=self.disturbances,
            )
            stack.callback(self._founder.close)
            first, *others = zip(origins, sources, strict=True)
            self._make_org(first[0], first[1].save, database=self.config.database, login=self.config.login)
            for origin, source in others:
                self._make_org(origin, source.save)
            for rule in read_rules(self.config.faults, self._find_org) if self.config.faults else ():
                self.disturbances.add_rule(rule)
            self._entered = True
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let open requests finish for `shutdown_seconds`, then stop everything; bulk jobs stop where they are.

        Raises:
            OSError: An org could not be saved; the emulator has stopped all the same.
            sqlite3.Error: The same, as SQLite says it.

        """
        await self._stack.aclose()

    @property
    def url(self) -> str:
        """Scheme, host and port it is reached at."""
        return self._url

    @property
    def credentials(self) -> Credentials:
        """How to call the first org."""
        if not self._all_credentials:
            raise RuntimeError("the emulator has not been entered")
        return self._all_credentials[0]

    @property
    def all_credentials(self) -> tuple[Credentials, ...]:
        """How to call every org there is, oldest first."""
        return tuple(self._all_credentials)

    @property
    def org(self) -> Org:
        """The rows of the first org, for filling and checking them without HTTP."""
        return self.org_of(self.credentials)

    def org_of(self, credentials: Credentials) -> Org:
        """Return the rows of an org.

        Raises:
            KeyError: The credentials are of no org of this emulator.

        """
        tenant = self._tenants.by_org_id(credentials.org_id)
        if tenant is None:
            raise KeyError(credentials.org_id)
        return tenant.org

    def new_org(self, source: OrgSource | None = None, *, daily_api_requests: int | None = None) -> Credentials:
        """Make another org with its own rows, users, tokens and limits; it lives in memory.

        Args:
            source: Its files, which are read before the call returns; None for an empty org that knows the objects of
                the first.
            daily_api_requests: Its API allocation; None for that of the configuration.

        Raises:
            ValueError: A file cannot be understood, or a row of it is refused; there is no new org then.

        """
        origin = origin_of(source, self._base) if source else None
        save = source.save if source else None
        return self._make_org(origin, save, daily_api_requests=daily_api_requests)

    def move_org(self, credentials: Credentials, instance_url: str) -> None:
        """Let all further token answers of an org name another `instance_url`, as after Salesforce moved the org.

        The emulator answers at its old address too, so tokens go on working there.

        Args:
            credentials: Of the org.
            instance_url: Scheme, host and port, without a slash at the end.

        Raises:
            KeyError: The credentials are of no org of this emulator.

        """
        tenant = self._tenants.by_org_id(credentials.org_id)
        if tenant is None:
            raise KeyError(credentials.org_id)
        self._tenants.move(tenant, instance_url)

    def statistics(self) -> EmulatorStatistics:
        """Count what there is."""
        return EmulatorStatistics(
            orgs=len(self._tenants),
            sessions=sum(len(tenant.sessions) for tenant in self._tenants),
            bulk_jobs=sum(len(list(tenant.jobs)) + len(tenant.query_jobs) for tenant in self._tenants),
            open_requests=self._gateway.open_requests if self._gateway else 0,
            answers=dict(self._gateway.answered) if self._gateway else {},
        )

    async def _listen(
        self, stack: AsyncExitStack, jobs: "_JobTasks", certificate: Certificate | None, apex: Apex
    ) -> str:
        """Start serving and return the URL clients are told."""
        clock, delay = self._clock, self.config.bulk_delay_seconds
        open_routes: Router[Call] = Router()
        org_routes = org_router(
            IngestRoutes(
                start=jobs.start,
                clock=clock,
                delay_seconds=delay,
                hard_delete=self.config.bulk_hard_delete,
                lock_failures=self.config.bulk_lock_failures,
            ),
            QueryJobRoutes(clock=clock, delay_seconds=delay),
            ActionRoutes(apex),
        )
        calls = CallCounts(open_routes, org_routes)
        self._gateway = Gateway(
            tenants=self._tenants,
            disturbances=self.disturbances,
            open_routes=open_routes,
            org_routes=org_routes,
            apex=apex,
            clock=clock,
            calls=calls,
            control=self._control(calls),
        )
        port = await _serve(stack, self._gateway, self.disturbances, self.config, certificate)
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        url = self.config.public_url or f"{'https' if certificate else 'http'}://{host}:{port}"
        refresh = self.config.app.refresh_seconds
        endpoint = TokenEndpoint(self._tenants, base_url=url, clock=clock, refresh_seconds=refresh)
        OAuthRoutes(endpoint, self._tenants, url).add_to(open_routes)
        ConsentRoutes(endpoint, self._tenants, url, clock).add_to(open_routes)
        SoapLogin(self._tenants).add_to(open_routes)
        BulkV1Routes(
            self._tenants,
            start=jobs.start,
            clock=clock,
            delay_seconds=delay,
            hard_delete=self.config.bulk_hard_delete,
        ).add_to(open_routes)
        return url

    def _control(self, calls: CallCounts) -> Control | None:
        if not self.config.control:
            return None
        return Control(
            self.disturbances,
            self.control_token,
            find_org=self._find_org,
            statistics=self._counts,
            orgs=self._org_named,
            calls=calls,
        )

    def _counts(self) -> dict[str, object]:
        counts = asdict(self.statistics())
        return counts | {"answers": {str(status): count for status, count in counts["answers"].items()}}

    def _find_org(self, wanted: str) -> str | None:
        named = next((each.org_id for each in self._all_credentials if each.name == wanted), None)
        tenant = self._tenants.by_org_id(named or wanted)
        return tenant.org.id if tenant and wanted else None

    def _org_named(self, wanted: str) -> Org | None:
        tenant = self._tenants.by_org_id(self._find_org(wanted) or "") if wanted else None
        return tenant.org if tenant else None if wanted else self.org

    def _make_org(
        self,
        origin: Origin | None,
        save: Path | None,
        *,
        database: str = ":memory:",
        login: Login | None = None,
        daily_api_requests: int | None = None,
    ) -> Credentials:
        if self._founder is None:
            raise RuntimeError("the emulator has not been entered")
        number = len(self._tenants) + 1
        while self._tenants.by_org_id(org_id(number)) is not None:  # a loaded org keeps the number it had
            number += 1
        wanted = (origin.org_id if origin else None) or org_id(number)
        if self._tenants.by_org_id(wanted) is not None:
            raise ValueError(f"two orgs cannot be of one saved file: there is an org {wanted}")
        tenant, credentials = self._founder.found(
            number, database=database, login=login, daily_api_requests=daily_api_requests, origin=origin
        )
        self._tenants.add(tenant)
        self._all_credentials.append(credentials)
        if origin is not None:
            self.remarks += origin.definition.remarks
            if save is not None:
                self._saved.append((tenant, origin.definition, save))
        return credentials

    def _save_orgs(self) -> None:
        # An emulator that never started has nothing that is worth a file.
        for tenant, definition, path in self._saved if self._entered else ():
            tenant.org.save(path, partial(write_definition, definition=definition))

    def _close_orgs(self) -> None:
        for tenant in self._tenants:
            tenant.jobs.close()
            tenant.org.close()


async def _serve(
    stack: AsyncExitStack,
    gateway: Gateway,
    disturbances: Disturbances,
    config: EmulatorConfig,
    certificate: Certificate | None,
) -> int:
    """Listen until the stack closes, and return the port."""
    application = web.Application()
    application.router.add_route("*", r"/{path:(?s:.*)}", gateway.handle)
    runner = web.AppRunner(
        application,
        access_log=None,
        auto_decompress=False,  # the gateway does it, within bounds
        shutdown_timeout=config.shutdown_seconds,
        max_line_size=_PARSER_BYTES,
        max_field_size=_PARSER_BYTES,
    )
    await runner.setup()
    stack.push_async_callback(_stop, runner)
    context = server_context(certificate) if certificate else None
    await Entrance(runner, config.host, config.port, context, disturbances).start()
    return int(runner.addresses[0][1])


async def _stop(runner: web.AppRunner) -> None:
    server = runner.server
    transports = [each.transport for each in server.connections if each.transport] if server else []
    await runner.cleanup()
    # Closing TLS waits up to half a minute for the peer's farewell, and the loop may be gone before.
    for transport in transports:
        transport.abort()
    for _ in range(_TURNS_TO_CLOSE):
        await asyncio.sleep(0)


class _JobTasks:
    """Owns the tasks of bulk jobs, and ends them when the emulator closes."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *reason: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(None, None, None)

    def start(self, run: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._group.create_task(run)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
