"""Making orgs: rows, an application that may log in, an administrator, and the credentials of both."""

import itertools
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from service.clock import Clock
from service.emulator import ids
from service.emulator.allocation import Allocation
from service.emulator.blueprint import Blueprint
from service.emulator.config import EmulatorConfig, Login
from service.emulator.credentials import Credentials
from service.emulator.cursors import Cursors
from service.emulator.definition import Definition, load_definition
from service.emulator.definition.apply import apply_definition
from service.emulator.disturbances import Disturbances
from service.emulator.editions import EDITIONS
from service.emulator.jobs import Jobs
from service.emulator.oauth.grants import Grants
from service.emulator.oauth.scopes import granted
from service.emulator.org import Org
from service.emulator.query_jobs import QueryJobs
from service.emulator.row_writer import RowWriter
from service.emulator.seeding import SeedRecord, plant_records, read_seed
from service.emulator.sessions import Sessions
from service.emulator.snapshots import read_snapshot
from service.emulator.sources import OrgSource
from service.emulator.tenants import ConnectedApp, Tenant
from service.emulator.tls import Certificate, certificate_in, private_key_in
from service.emulator.users import Users


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one emulator."""

    private_key: RSAPrivateKey
    """Of the JWT bearer flow; all orgs of an emulator register its public half, each under its own consumer key."""
    private_key_file: Path
    certificate: Certificate | None
    """None when the emulator speaks plain HTTP."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What an org starts with."""

    definition: Definition
    name: str = ""
    records: tuple[SeedRecord, ...] = ()
    copy_of: Path | None = None
    """A saved org."""
    org_id: str | None = None
    """The id of the saved org, 18 characters."""


def origin_of(source: OrgSource, base: Definition) -> Origin:
    """Read the files of an org; blocks.

    Args:
        source: The files.
        base: What its schema adds to, unless it loads a saved org.

    Raises:
        ValueError: A file cannot be read or understood; the text names it and the place.

    """
    saved_id = None
    if source.load is not None:
        base, saved_id = read_snapshot(source.load)
    definition = load_definition(source.schema, base) if source.schema else base
    records = tuple(record for path in source.seed for record in read_seed(path))
    return Origin(definition, source.name, records, source.load, saved_id)


def keys_in(directory: Path, *, with_certificate: bool) -> Keys:
    """Return the keys of a directory, made when they are not there yet; blocks for some tenths of a second then.

    Args:
        directory: Made when it is not there.
        with_certificate: Whether TLS is spoken.

    Raises:
        OSError: A file cannot be read or written.
        ValueError: A file holds something else.

    """
    directory.mkdir(parents=True, exist_ok=True)
    key, file = private_key_in(directory)
    return Keys(key, file, certificate_in(directory) if with_certificate else None)


class Founder:
    """Makes the orgs of one emulator.

    Args:
        config: Limits and times of every org.
        clock: Moves every org.
        keys: What clients log in with.
        definition: What orgs are made of that do not say it themselves.
        url: Scheme, host and port the orgs are reached at.
        disturbances: Scripted faults, among them row locks.

    """

    def __init__(
        self,
        *,
        config: EmulatorConfig,
        clock: Clock,
        keys: Keys,
        definition: Definition,
        url: str,
        disturbances: Disturbances,
    ) -> None:
        self._config = config
        self._clock = clock
        self._keys = keys
        self._definition = definition
        self._url = url
        self._disturbances = disturbances
        self._blueprint = Blueprint(definition.schema)

    def close(self) -> None:
        """Let go of what further orgs would have been made from; those there are stay as they are."""
        self._blueprint.close()

    def found(
        self,
        number: int,
        *,
        database: str = ":memory:",
        login: Login | None = None,
        daily_api_requests: int | None = None,
        origin: "Origin | None" = None,
    ) -> tuple[Tenant, Credentials]:
        """Make an org.

        Args:
            number: From 1; decides the org's id and its administrator's name.
            database: Where its rows are.
            login: What to log in with; None to have all of it made up.
            daily_api_requests: Its API allocation; None for that of the configuration.
            origin: What it starts with; None for an empty org of the definition all share.

        Raises:
            ValueError: The database or a file that is loaded does not fit, or a row of a file is refused.

        """
        origin = origin or Origin(self._definition)
        if origin.copy_of is not None and database != ":memory:":
            raise ValueError(f"{origin.copy_of} would take the place of what {database} holds: choose one of them")
        wanted = login or Login()
        username = wanted.username or f"admin@org{number}.emulator.test"
        org = Org(
            origin.definition.schema,
            clock=self._clock,
            org_id=origin.org_id or org_id(number),
            path=database,
            username=username,
            source=origin.copy_of,
            organization_type=EDITIONS[self._config.edition].organization_type,
            blueprint=self._blueprint,
        )
        apply_definition(origin.definition, org)
        plant_records(org, origin.records)
        policy = self._config.app
        app = ConnectedApp(
            client_id=wanted.client_id or "3MVG9" + secrets.token_urlsafe(60).replace("-", "."),
            client_secret=wanted.client_secret or secrets.token_hex(32).upper(),
            public_key=self._keys.private_key.public_key(),
            run_as_user_id=org.admin_id,
            redirect_uris=policy.redirect_uris,
            rotate_refresh_tokens=policy.rotate_refresh_tokens,
            require_secret=policy.require_secret,
            require_pkce=policy.require_pkce,
        )
        tenant = self._tenant(org, app, daily_api_requests)
        password, security_token = wanted.password or secrets.token_urlsafe(12), secrets.token_urlsafe(18)
        org.writes.forget()  # what an org starts with was not written to it
        administrator = tenant.users.by_id(org.admin_id)
        # A database file may hold an administrator of another name.
        name = administrator.username if administrator else username
        tenant.users.set_password(name, password, security_token)
        certificate = self._keys.certificate
        return tenant, Credentials(
            login_url=self._url,
            instance_url=self._url,
            org_id=org.id,
            client_id=app.client_id,
            username=name,
            client_secret=app.client_secret,
            password=password,
            security_token=security_token,
            access_token=tenant.sessions.open(org.admin_id, app.client_id).token,
            refresh_token=tenant.grants.approve(org.admin_id, app.client_id, granted("")).token,
            private_key_file=self._keys.private_key_file,
            certificate_file=certificate.certificate_file if certificate else None,
            name=origin.name,
        )

    def _tenant(self, org: Org, app: ConnectedApp, daily_api_requests: int | None) -> Tenant:
        config, clock, job_numbers = self._config, self._clock, itertools.count(1)
        edition = EDITIONS[config.edition]
        sessions = Sessions(org.id, clock=clock, idle_seconds=config.session_idle_seconds)
        requests = config.daily_api_requests if daily_api_requests is None else daily_api_requests
        return Tenant(
            org=org,
            instance_url=self._url,
            app=app,
            users=Users(org),
            sessions=sessions,
            grants=Grants(sessions, clock),
            edition=edition,
            allocation=Allocation(
                daily_api_requests=edition.api_requests(config.licences) if requests is None else requests,
                daily_bulk_batches=config.daily_bulk_batches,
                long_requests=edition.long_requests if config.long_requests is None else config.long_requests,
                clock=clock,
            ),
            cursors=Cursors(clock, shrink=config.shrink_wide_pages),
            jobs=Jobs(clock, job_numbers),
            query_jobs=QueryJobs(clock, job_numbers),
            writer=RowWriter(org, self._disturbances),
        )


def org_id(number: int) -> str:
    """Return the id of the org of a number, from 1."""
    # The two characters behind the prefix go into the ids of the org's rows, so that no two orgs share an id.
    pod = ids.from_counter("00D", number)[13:15]
    return ids.from_counter("00D", number, pod=f"{pod[1]}{pod[0]}")
