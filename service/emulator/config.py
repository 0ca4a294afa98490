"""What may be chosen about an emulator."""

from dataclasses import dataclass, field
from pathlib import Path

from service.emulator.editions import EditionName
from service.emulator.sources import OrgSource


@dataclass(frozen=True, slots=True)
class Login:
    """What to log in to the first org with; whatever is None is made up anew each time."""

    username: str | None = None
    """Has to look like an e-mail address."""
    password: str | None = field(default=None, repr=False)
    client_id: str | None = None
    """The connected app's consumer key."""
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AppPolicy:
    """How the connected app of every org lets people log in."""

    redirect_uris: tuple[str, ...] = ("http://localhost:1717/OauthRedirect",)
    """Callback URLs; a `redirect_uri` has to be one of them, character for character."""
    rotate_refresh_tokens: bool = False
    """Whether each refresh token serves once, and brings the next one."""
    require_secret: bool = True
    """Whether the consumer secret is needed in the web server and refresh token flows."""
    require_pkce: bool = False
    refresh_seconds: float = 0.05
    """How long a refresh takes; the same refresh token cannot be used by another request meanwhile."""


@dataclass(frozen=True, slots=True)
class EmulatorConfig:
    """What may be chosen about an emulator."""

    host: str = "127.0.0.1"
    """Address to listen on. With TLS only loopback names verify."""
    port: int = 0
    """0 takes a free one."""
    public_url: str | None = None
    """Scheme, host and port clients reach it at, without a slash at the end, where that is not the address listened
    on: in a container, behind a proxy. Token answers name it as `instance_url`."""
    tls: bool = False
    database: str = ":memory:"
    """Where the first org's rows are: a file outlives the emulator. Further orgs always live in memory."""
    apex: tuple[Path, ...] = ()
    """Files with Apex REST endpoints and actions: Python modules, which are run, or YAML."""
    directory: Path | None = None
    """Where certificate and private keys are kept; those already there are used again. None for a directory that
    goes with the emulator."""
    source: OrgSource = field(default_factory=OrgSource)
    """The files of the first org. Orgs of `Emulator.new_org` know the same objects, but start empty."""
    more_orgs: tuple[OrgSource, ...] = ()
    """Orgs that are there from the start beside the first."""
    login: Login = Login()
    app: AppPolicy = AppPolicy()
    edition: EditionName = "enterprise"
    licences: int = 0
    """User licences; each adds 1,000 daily API requests in Enterprise Edition, 5,000 in Unlimited Edition."""
    session_idle_seconds: float = 7200.0
    shrink_wide_pages: bool = True
    """Whether query pages hold fewer rows where long texts or very many fields are selected, as in Salesforce."""
    daily_api_requests: int | None = None
    """None for what edition and licences give."""
    daily_bulk_batches: int = 15_000
    long_requests: int | None = None
    """Requests of one org that may be open for more than 20 seconds; None for what the edition gives."""
    bulk_delay_seconds: float = 0.0
    """How long a bulk job waits in UploadComplete."""
    bulk_hard_delete: bool = False
    """Whether users have the permission "Bulk API Hard Delete", as nobody has in a new org."""
    bulk_lock_failures: int | None = None
    """Rows of one batch of 10,000 that may fail for a lock before the whole job fails with TooManyLockFailure; None
    for any number."""
    faults: Path | None = None
    """A YAML file of faults to start with; see `read_rules`."""
    control: bool = True
    """Whether `/__control/` answers, by which faults are scripted over HTTP."""
    shutdown_seconds: float = 2.0
    """How long open requests may go on when the emulator closes."""
