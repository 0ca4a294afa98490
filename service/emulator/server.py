"""The emulator as a server: starts, makes orgs, answers and stops."""

import asyncio
import itertools
import secrets
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from service.clock import Clock, SystemClock
from service.emulator import ids
from service.emulator.allocation import Allocation
from service.emulator.credentials import Credentials
from service.emulator.cursors import Cursors
from service.emulator.disturbances import Disturbances
from service.emulator.exchange import Call
from service.emulator.gateway import Gateway
from service.emulator.jobs import Jobs
from service.emulator.oauth import TokenEndpoint
from service.emulator.org import Org
from service.emulator.query_jobs import QueryJobs
from service.emulator.routes import org_router
from service.emulator.routes.bulk_ingest import IngestRoutes
from service.emulator.routes.bulk_query import QueryJobRoutes
from service.emulator.routes.oauth import OAuthRoutes
from service.emulator.routes.soap_login import SoapLogin
from service.emulator.routing import Router
from service.emulator.row_writer import RowWriter
from service.emulator.schema.model import Schema
from service.emulator.sessions import Sessions
from service.emulator.tenants import ConnectedApp, Tenant, Tenants
from service.emulator.tls import Certificate, certificate_in, private_key_in, server_context
from service.emulator.users import Users

_PARSER_BYTES = 65_536  # above Salesforce's own limit, so that its answer is given and not the parser's
_FIRST_ORG = 1


@dataclass(frozen=True, slots=True)
class EmulatorConfig:
    """What may be chosen about an emulator."""

    host: str = "127.0.0.1"
    """Address to listen on. With TLS only loopback names verify."""
    port: int = 0
    """0 takes a free one."""
    tls: bool = False
    database: str = ":memory:"
    """Where the first org's rows are: a file outlives the emulator. Further orgs always live in memory."""
    directory: Path | None = None
    """Where certificate and private keys are kept; those already there are used again. None for a directory that
    goes with the emulator."""
    session_idle_seconds: float = 7200.0
    daily_api_requests: int = 100_000
    daily_bulk_batches: int = 15_000
    long_requests: int = 25
    """Requests of one org that may be open for more than 20 seconds; 5 in Developer Edition."""
    bulk_delay_seconds: float = 0.0
    """How long a bulk job waits in UploadComplete."""
    shutdown_seconds: float = 2.0
    """How long open requests may go on when the emulator closes."""


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

    Raises:
        OSError: On entering: the address cannot be listened on, or a file not be written.

    """

    def __init__(
        self, config: EmulatorConfig | None = None, clock: Clock | None = None, schema: Schema | None = None
    ) -> None:
        self.config = config or EmulatorConfig()
        self.disturbances = Disturbances()
        self._clock = clock or SystemClock()
        self._schema = schema
        self._tenants = Tenants()
        self._stack = AsyncExitStack()
        self._gateway: Gateway | None = None
        self._url = ""
        self._keys: _Keys | None = None
        self._credentials: Credentials | None = None

    async def __aenter__(self) -> Self:
        """Start listening and make the first org."""
        async with AsyncExitStack() as stack:
            directory = self.config.directory or Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="sluicegate-emulator-"))
            )
            self._keys = await asyncio.to_thread(_make_keys, directory, with_certificate=self.config.tls)
            stack.callback(self._close_orgs)
            jobs = await stack.enter_async_context(_JobTasks())
            await self._listen(stack, jobs)
            self._credentials = self._make_org(self.config.database)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let open requests finish for `shutdown_seconds`, then stop everything; bulk jobs stop where they are."""
        await self._stack.aclose()

    @property
    def url(self) -> str:
        """Scheme, host and port it is reached at."""
        return self._url

    @property
    def credentials(self) -> Credentials:
        """How to call the first org."""
        if self._credentials is None:
            raise RuntimeError("the emulator has not been entered")
        return self._credentials

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

    def new_org(self, *, daily_api_requests: int | None = None) -> Credentials:
        """Make another, empty org with its own rows, users, tokens and limits; it lives in memory.

        Args:
            daily_api_requests: Its API allocation; None for that of the configuration.

        """
        return self._make_org(":memory:", daily_api_requests=daily_api_requests)

    def statistics(self) -> EmulatorStatistics:
        """Count what there is."""
        return EmulatorStatistics(
            orgs=len(self._tenants),
            sessions=sum(len(tenant.sessions) for tenant in self._tenants),
            bulk_jobs=sum(len(list(tenant.jobs)) + len(tenant.query_jobs) for tenant in self._tenants),
            open_requests=self._gateway.open_requests if self._gateway else 0,
            answers=dict(self._gateway.answered) if self._gateway else {},
        )

    async def _listen(self, stack: AsyncExitStack, jobs: "_JobTasks") -> None:
        scheme = "https" if self._keys and self._keys.certificate else "http"
        open_routes: Router[Call] = Router()
        clock, delay = self._clock, self.config.bulk_delay_seconds
        ingest = IngestRoutes(start=jobs.start, clock=clock, delay_seconds=delay)
        queries = QueryJobRoutes(clock=clock, delay_seconds=delay)
        gateway = Gateway(
            tenants=self._tenants,
            disturbances=self.disturbances,
            open_routes=open_routes,
            org_routes=org_router(ingest, queries),
            clock=self._clock,
        )
        self._gateway = gateway
        port = await _serve(stack, gateway, self.config, self._keys.certificate if self._keys else None)
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        self._url = f"{scheme}://{host}:{port}"
        endpoint = TokenEndpoint(self._tenants, base_url=self._url, clock=self._clock)
        OAuthRoutes(endpoint, self._tenants, self._url).add_to(open_routes)
        SoapLogin(self._tenants, self._url).add_to(open_routes)

    def _make_org(self, database: str, *, daily_api_requests: int | None = None) -> Credentials:
        keys = self._keys
        if keys is None:
            raise RuntimeError("the emulator has not been entered")
        number = len(self._tenants) + _FIRST_ORG
        username = f"admin@org{number}.emulator.test"
        org = Org(
            self._schema,
            clock=self._clock,
            org_id=_org_id(number),
            path=database,
            username=username,
        )
        config, clock, numbers = self.config, self._clock, itertools.count(1)
        app = ConnectedApp(
            client_id="3MVG9" + secrets.token_urlsafe(60).replace("-", "."),
            client_secret=secrets.token_hex(32).upper(),
            public_key=keys.private_key.public_key(),
            run_as_user_id=org.admin_id,
        )
        tenant = Tenant(
            org=org,
            instance_url=self._url,
            app=app,
            users=Users(org),
            sessions=Sessions(org.id, clock=clock, idle_seconds=config.session_idle_seconds),
            allocation=Allocation(
                daily_api_requests=config.daily_api_requests if daily_api_requests is None else daily_api_requests,
                daily_bulk_batches=config.daily_bulk_batches,
                long_requests=config.long_requests,
                clock=clock,
            ),
            cursors=Cursors(clock),
            jobs=Jobs(clock, numbers),
            query_jobs=QueryJobs(clock, numbers),
            writer=RowWriter(org, self.disturbances),
        )
        password, security_token = secrets.token_urlsafe(12), secrets.token_urlsafe(18)
        tenant.users.set_password(username, password, security_token)
        self._tenants.add(tenant)
        return Credentials(
            login_url=self._url,
            instance_url=self._url,
            org_id=org.id,
            client_id=app.client_id,
            username=username,
            client_secret=app.client_secret,
            password=password,
            security_token=security_token,
            access_token=tenant.sessions.open(org.admin_id, app.client_id).token,
            private_key_file=keys.private_key_file,
            certificate_file=keys.certificate.certificate_file if keys.certificate else None,
        )

    def _close_orgs(self) -> None:
        for tenant in self._tenants:
            tenant.jobs.close()
            tenant.org.close()


@dataclass(frozen=True, slots=True)
class _Keys:
    private_key: RSAPrivateKey
    """Of the JWT bearer flow; all orgs of an emulator register its public half, each under its own consumer key."""
    private_key_file: Path
    certificate: Certificate | None


def _make_keys(directory: Path, *, with_certificate: bool) -> _Keys:
    directory.mkdir(parents=True, exist_ok=True)
    key, file = private_key_in(directory)
    return _Keys(key, file, certificate_in(directory) if with_certificate else None)


def _org_id(number: int) -> str:
    # The two characters behind the prefix go into the ids of the org's rows, so that no two orgs share an id.
    pod = ids.from_counter("00D", number)[13:15]
    return ids.from_counter("00D", number, pod=f"{pod[1]}{pod[0]}")


async def _serve(
    stack: AsyncExitStack, gateway: Gateway, config: EmulatorConfig, certificate: Certificate | None
) -> int:
    """Listen until the stack closes, and return the port."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", gateway.handle)
    runner = web.AppRunner(
        application,
        access_log=None,
        auto_decompress=False,  # the gateway does it, within bounds
        shutdown_timeout=config.shutdown_seconds,
        max_line_size=_PARSER_BYTES,
        max_field_size=_PARSER_BYTES,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    context = server_context(certificate) if certificate else None
    await web.TCPSite(runner, config.host, config.port, ssl_context=context).start()
    return int(runner.addresses[0][1])


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
