"""The groups of settings: their names, types, defaults, bounds and meanings."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from service.settings.governor import CallerName, CallerSettings, GovernorSettings
from service.settings.link_server import LinkServerSettings
from service.settings.links import KeyId, LinkSettings, SigningSecret
from service.settings.section import Section

PREFIX = "SLUICEGATE_"


_STORE_URL = re.compile(
    r"(redis|valkey)s?://([^@/?#\[\]\s]*@)?([A-Za-z0-9._-]+|\[(?P<ipv6>[0-9A-Fa-f:.]+)\])(:(?P<port>[0-9]{1,5}))?(/[0-9]{0,4})?"
)
_LAST_PORT = 65_535


def _store_url(secret: SecretStr | None) -> SecretStr | None:
    """Check a URL without quoting any of it: it may hold a password. An empty one is none."""
    if secret is None or not secret.get_secret_value():
        return None
    found = _STORE_URL.fullmatch(secret.get_secret_value())
    if not found or not _is_ipv6(found["ipv6"] or "::") or not 0 < int(found["port"] or 1) <= _LAST_PORT:
        raise ValueError(
            "must be redis://, rediss://, valkey:// or valkeys:// and [user:password@]host[:port][/database], "
            "what is special in user and password percent-encoded"
        )
    return secret


def _is_ipv6(address: str) -> bool:
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return True


OrgName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class GrpcSettings(Section):
    """The gRPC listener."""

    host: str = Field("127.0.0.1", description="Address to listen on; `0.0.0.0` for every interface")
    port: int = Field(50051, ge=0, le=65535, description="Port to listen on; 0 picks a free one")
    max_message_bytes: int = Field(4_194_304, ge=1024, description="Largest request in bytes")
    default_deadline_seconds: float = Field(30, gt=0, description="Bound on a unary call whose caller set no deadline")
    drain_seconds: float = Field(25, ge=0, description="How long open calls may go on after SIGTERM")
    reflection: bool = Field(True, description="Serve gRPC reflection, which `buf curl` and grpcurl use")


class AdminSettings(Section):
    """The plaintext HTTP listener for health."""

    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 picks a free one")


class EmulatorSettings(Section):
    """The embedded org that stands in while no org is configured."""

    host: str = Field("127.0.0.1", description="Address the embedded org listens on")
    port: int = Field(8090, ge=0, le=65535, description="Port the embedded org listens on; 0 picks a free one")
    daily_api_requests: int | None = Field(
        None, ge=1, description="API calls that the embedded org takes in 24 hours. Empty: 100,000"
    )


class TelemetrySettings(Section):
    """Logs and traces."""

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged")
    otlp_endpoint: str = Field("", description="OTLP/gRPC collector, `http://collector:4317`; empty exports nothing")
    sample_ratio: float = Field(0.1, ge=0, le=1, description="Share of calls traced when the caller has not decided")


class SharedStoreSettings(Section):
    """The Valkey or Redis in which replicas remember request ids and share the calls that an org allows."""

    url: Annotated[SecretStr | None, AfterValidator(_store_url)] = Field(
        None,
        description="Valkey or Redis that replicas share, `rediss://:password@host:6379`. Empty: each is on its own",
    )
    prefix: str = Field(
        "sluicegate:",
        pattern=r"^[A-Za-z0-9_.:{}-]{0,64}$",
        description="What names of keys in the shared store begin with",
    )


class SpoolSettings(Section):
    """The disk on which the data of bulk loads lies while it is worked on."""

    max_bytes: int = Field(
        1_400_000_000,
        ge=1_000_000_000,
        description="Most bytes of bulk data and results that lie on the disk; 300 MB are kept for reuse. Loads wait "
        "for room, and are refused with QUEUE_FULL where others wait",
    )


class JwtBearerAuth(Section):
    """OAuth 2.0 JWT bearer: no secret leaves the service."""

    flow: Literal["jwt_bearer"] = Field(description="`jwt_bearer` or `client_credentials`")
    client_id: str = Field(description="Consumer key of the connected app")
    username: str = Field(description="The Salesforce user to act as")
    private_key_file: Path = Field(description="PEM file of the RSA key whose certificate the connected app holds")
    audience: str = Field("", description="`aud` of the assertion; empty means login_url")


class ClientCredentialsAuth(Section):
    """OAuth 2.0 client credentials: needs a My Domain login_url."""

    flow: Literal["client_credentials"] = Field(description="`jwt_bearer` or `client_credentials`")
    client_id: str = Field(description="Consumer key of the connected app")
    client_secret_file: Path = Field(description="File that holds the consumer secret")


FLOWS = ("jwt_bearer", "client_credentials")
"""The ways to log in."""

# In the order of `FLOWS`.
Auth = Annotated[JwtBearerAuth | ClientCredentialsAuth, Field(discriminator="flow")]


class WriteSettings(Section):
    """How single records are written."""

    check_fields: bool = Field(
        True,
        description="Hold values, and columns of bulk loads, against the sObject's description before a call is spent",
    )
    calls_in_flight: int = Field(8, ge=1, le=100, description="Most calls of one lane that are open at a time")
    gather_seconds: float = Field(
        1, ge=0, le=60, description="How long records gather behind a slow call before a call leaves that is not full"
    )
    max_wait_seconds: float = Field(
        1, ge=0, le=60, description="How long records may be held back for fuller calls if the caller says nothing"
    )
    max_waiting_records: int = Field(
        20_000, ge=1, description="Most records that wait or are in flight; further ones are refused with QUEUE_FULL"
    )
    max_waiting_bytes: int = Field(268_435_456, ge=1_048_576, description="The same in bytes")


class QuerySettings(Section):
    """How records are read."""

    bulk_rows: int = Field(
        500_000,
        ge=2_000,
        description="From how many rows on a query is read in bulk; by REST, 2,000 rows are an API call",
    )
    open_results: int = Field(
        64,
        ge=1,
        le=10_000,
        description="Most results that are read at a time; one whose caller does not read on holds about 4 MiB",
    )


class LoadSettings(Section):
    """How records are loaded in bulk."""

    part_bytes: int = Field(
        100_000_000, ge=1_000, le=100_000_000, description="Most bytes of a part of a load, which is one job"
    )
    part_rows: int = Field(
        1_000_000, ge=1, le=1_000_000, description="Most rows of a part; matching its results takes memory for each"
    )
    parts_at_work: int = Field(
        10,
        ge=1,
        description="Most parts of all loads, four of each, that are uploaded, written or reported at a time; each "
        "lies on disk meanwhile",
    )
    small_loads: Literal["collections", "jobs"] = Field(
        "collections",
        description="How updates, upserts and deletes of at most 2,000 rows are written: by sObject Collections where "
        "that costs no more calls and at most five seconds or the time of a job, or always by jobs, which keep results "
        "for seven days",
    )


class OrgSettings(Section):
    """One Salesforce org."""

    login_url: str = Field(pattern=r"^https?://[^/\s]+$", description="My Domain URL, or https://login.salesforce.com")
    auth: Auth = Field(description="How to log in")
    api_version: str = Field("66.0", pattern=r"^\d{2,3}\.0$", description="Version of Salesforce's API")
    allowed_hosts: tuple[str, ...] = Field(
        (".my.salesforce.com", ".salesforce.mil"),
        description="Hosts that tokens may send the service to; a leading dot allows subdomains",
    )
    ca_file: Path | None = Field(None, description="Further certificate authorities to trust, PEM")
    request_timeout_seconds: float = Field(120, gt=0, description="Bound on one HTTP attempt")
    max_connections: int = Field(64, ge=1, description="Most connections to the org")
    writes: WriteSettings = Field(WriteSettings(), description="How single records are written")
    queries: QuerySettings = Field(QuerySettings(), description="How records are read")
    loads: LoadSettings = Field(LoadSettings(), description="How records are loaded in bulk")
    governor: GovernorSettings = Field(GovernorSettings(), description="What may be asked of the org")
    default_link_provider: str = Field(
        "", description="The provider of the org's links that name none. Empty: `links.default_provider`"
    )

    @model_validator(mode="after")
    def _plain_http_only_to_this_machine(self) -> Self:
        host = self.login_url.split("://", 1)[1].rsplit(":", 1)[0]
        if self.login_url.startswith("http://") and host not in {"127.0.0.1", "localhost", "[::1]"}:
            raise ValueError("login_url must be https, except on this machine")
        return self


class Settings(BaseSettings):
    """Everything the service can be told."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, case_sensitive=False
    )

    grpc: GrpcSettings = GrpcSettings()
    admin: AdminSettings = AdminSettings()
    emulator: EmulatorSettings = EmulatorSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    shared_store: SharedStoreSettings = SharedStoreSettings()
    spool: SpoolSettings = SpoolSettings()
    links: LinkSettings = LinkSettings()
    link_server: LinkServerSettings = LinkServerSettings()
    token_keys: dict[KeyId, SigningSecret] = Field(
        default_factory=dict,
        description="Keys of resume tokens by key id; the first signs, each verifies. Empty: made at start",
    )
    callers: dict[CallerName, CallerSettings] = Field(
        default_factory=dict,
        description="Callers by the name that their calls give in the metadata `sluicegate-caller`",
    )
    orgs: dict[OrgName, OrgSettings] = Field(
        default_factory=dict, description="Orgs by name. Empty: the embedded org, under the name `emulator`"
    )
    failpoints: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="For tests: places in bulk loads where the process dies, and at which passage. Refused with orgs "
        "beyond this machine",
    )
    default_org: str = Field("", description="The org of requests that name none. Empty: the only org, if there is one")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic passes each by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment override the file, which arrives as keyword arguments."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _default_org_exists(self) -> Self:
        if self.default_org and self.default_org not in self.orgs:
            raise ValueError(f"default_org {self.default_org!r} is not among orgs: {', '.join(self.orgs) or 'none'}")
        if self.links.providers and self.links.default_provider not in self.links.providers:
            raise ValueError(f"links.default_provider {self.links.default_provider!r} is not among links.providers")
        known = {*self.links.providers} or {self.links.default_provider}
        for name, org in self.orgs.items():
            if org.default_link_provider and org.default_link_provider not in known:
                raise ValueError(
                    f"orgs.{name}.default_link_provider {org.default_link_provider!r} is not among links.providers"
                )
        return self

    @model_validator(mode="after")
    def _deaths_are_for_tests(self) -> Self:
        beyond = [name for name, org in self.orgs.items() if not org.login_url.startswith("http://")]
        if self.failpoints and beyond:
            raise ValueError(f"failpoints are for tests; orgs beyond this machine must not meet them: {beyond[0]}")
        return self

    @model_validator(mode="after")
    def _callers_exist(self) -> Self:
        lines = [
            f"orgs.{org}.governor.callers.{name} is not among callers: {', '.join(self.callers) or 'none'}; "
            f"name it there as well, callers.{name}"
            for org, settings in self.orgs.items()
            for name in settings.governor.callers
            if name not in self.callers
        ]
        if lines:
            raise ValueError("; ".join(lines))
        return self


LinkSettings.model_rebuild()
Settings.model_rebuild()
