"""The settings: a YAML file named by SLUICEGATE_CONFIG, overridden by SLUICEGATE_… variables, checked before start."""

import difflib
import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import yaml
from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableVariable

from service.settings.governor import CallerName, CallerSettings, CallerShareSettings, GovernorSettings
from service.settings.section import Section

_WORDS = {
    "missing": "is required",
    "string_pattern_mismatch": "must match {pattern}",
    "string_type": "must be text; YAML takes a number for text only in quotes",
}
"""What pydantic says less plainly, by the type of its finding."""

PREFIX = "SLUICEGATE_"
CONFIG_VARIABLE = "SLUICEGATE_CONFIG"

_LEAST_SECRET_BYTES = 32


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < _LEAST_SECRET_BYTES:
        raise ValueError(f"must have at least {_LEAST_SECRET_BYTES} bytes")
    return secret


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

KeyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
SigningKey = Annotated[SecretStr, AfterValidator(_long_enough)]


class SettingsError(Exception):
    """The settings cannot be used; the text names each setting at fault and the remedy."""


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


class TelemetrySettings(Section):
    """Logs and traces."""

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged")
    otlp_endpoint: str = Field("", description="OTLP/gRPC collector, `http://collector:4317`; empty exports nothing")
    sample_ratio: float = Field(0.1, ge=0, le=1, description="Share of calls traced when the caller has not decided")


class SharedStoreSettings(Section):
    """The Valkey or Redis in which replicas remember request ids."""

    url: Annotated[SecretStr | None, AfterValidator(_store_url)] = Field(
        None,
        description="Valkey or Redis that replicas share, `rediss://:password@host:6379`. Empty: each is on its own",
    )
    prefix: str = Field(
        "sluicegate:",
        pattern=r"^[A-Za-z0-9_.:{}-]{0,64}$",
        description="What names of keys in the shared store begin with",
    )


class LinkSettings(Section):
    """Deep links."""

    host: str = Field(
        "https://links.example.com",
        pattern=r"^https://[a-z0-9.-]+$",
        description="Where links point: the https origin of your link host",
    )
    keys: dict[KeyId, SigningKey] = Field(
        default_factory=dict, description="Signing keys by key id; the first signs, each verifies. Empty: made at start"
    )
    default_ttl_seconds: int = Field(
        2_592_000, ge=60, description="How long a link is valid when the caller says nothing"
    )
    default_provider: str = Field("web", description="The provider of links that name none")
    providers: dict[str, "LinkProviderSettings"] = Field(
        default_factory=dict, description="Providers by name. Empty: one provider `web` on the link host"
    )


class LinkProviderSettings(Section):
    """What a provider's links open; placeholders: {object} {id} {external_id} {external_id_field} {action} {query}."""

    app_link: str = Field("", description="https link that the app claims")
    app_scheme: str = Field("", description="Link in the app's own scheme")
    store_ios: str = Field("", description="App Store page")
    store_android: str = Field("", description="Play Store page")
    web: str = Field("", description="Web page of the record")


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


_FLOWS = ("jwt_bearer", "client_credentials")

# In the order of `_FLOWS`.
Auth = Annotated[JwtBearerAuth | ClientCredentialsAuth, Field(discriminator="flow")]


class WriteSettings(Section):
    """How single records are written."""

    check_fields: bool = Field(
        True, description="Hold values against the sObject's description before an API call is spent"
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
    governor: GovernorSettings = Field(GovernorSettings(), description="What may be asked of the org")

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
    links: LinkSettings = LinkSettings()
    token_keys: dict[KeyId, SigningKey] = Field(
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
    default_org: str = Field("", description="The org of requests that name none. Empty: the only org, if there is one")

    _file: ClassVar[Mapping[str, Any]] = {}

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
        return self

    @model_validator(mode="after")
    def _callers_exist(self) -> Self:
        lines = [
            f"orgs.{org}.governor.callers.{name} is not among callers: {', '.join(self.callers) or 'none'}"
            for org, settings in self.orgs.items()
            for name in settings.governor.callers
            if name not in self.callers
        ]
        if lines:
            raise ValueError("; ".join(lines))
        return self


LinkSettings.model_rebuild()
Settings.model_rebuild()

__all__ = [
    "CONFIG_VARIABLE",
    "PREFIX",
    "AdminSettings",
    "CallerSettings",
    "CallerShareSettings",
    "ClientCredentialsAuth",
    "EmulatorSettings",
    "GovernorSettings",
    "GrpcSettings",
    "JwtBearerAuth",
    "LinkProviderSettings",
    "LinkSettings",
    "OrgSettings",
    "Section",
    "Settings",
    "SettingsError",
    "SharedStoreSettings",
    "TelemetrySettings",
    "WriteSettings",
    "load",
]


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the file that SLUICEGATE_CONFIG names, apply the SLUICEGATE_… variables and check the whole.

    Args:
        environment: Only its SLUICEGATE_… variables are looked at for unknown names.

    Raises:
        SettingsError: The file cannot be read, or a setting is unknown or invalid; each is named.

    """
    path = environment.get(CONFIG_VARIABLE, "")
    values = _read(Path(path)) if path else {}
    unknown = _unknown_variables(environment)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError("\n".join(unknown + [_explain(item, path) for item in error.errors()])) from None
    except UnreadableVariable as error:
        # Its cause holds the value.
        raise SettingsError("\n".join([*unknown, _explain_variable(error)])) from None
    if unknown:
        raise SettingsError("\n".join(unknown))
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _Yaml)  # noqa: S506 - it is a SafeLoader
    except OSError as error:
        raise SettingsError(f"{CONFIG_VARIABLE}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 at byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        # Its own text quotes the file, secrets and all.
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise SettingsError(f"{path} is not YAML: {place}{error.problem}") from None
    except yaml.YAMLError:
        raise SettingsError(f"{path} is not YAML: it holds characters that YAML does not allow") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"{path} must be a mapping of settings, not a {type(document).__name__}")
    # Names that begin with an underscore would tell pydantic-settings where else to read from.
    strange = [str(name) for name in document if not isinstance(name, str) or name.startswith("_")]
    if strange:
        raise SettingsError("\n".join(f"{name}: no such setting" for name in strange))
    return document


class _Yaml(yaml.SafeLoader):
    """Refuses a name that stands twice, of which YAML's own loader would keep the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """Make a mapping."""
        found = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in found:
                raise yaml.MarkedYAMLError(problem=f"{key.value} stands twice", problem_mark=key.start_mark)
            found.add((key.tag, key.value if isinstance(key, yaml.ScalarNode) else id(key)))
        return super().construct_mapping(node, deep)


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return a line for each variable of ours that sets nothing; pydantic-settings would pass over it in silence."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    lines = []
    for variable in sorted(environment):
        if variable.upper().startswith(PREFIX) and variable != CONFIG_VARIABLE:
            top = variable.upper().split("__", 1)[0]
            if top not in known and not variable.startswith("SLUICEGATE_TEST_"):
                nearest = difflib.get_close_matches(top, known, n=1, cutoff=0)[0]
                lines.append(f"{variable}: no such setting; the nearest is {nearest}")
    return lines


def _explain_variable(error: UnreadableVariable) -> str:
    """Return a line for a variable that must be JSON and is not; pydantic-settings tells only the section."""
    found = re.search(r'for field "(\w+)"', str(error))
    name = f"{PREFIX}{found[1].upper()}" if found else PREFIX
    return f"{name} or a variable that begins with {name}__: must be a JSON object"


def _explain(item: Any, path: str) -> str:
    """Return one readable line for one of pydantic's findings, without the value: it may be a secret."""
    location = [str(part) for part in item["loc"]]
    parts = [part for part in location if part not in _FLOWS]
    name = ".".join(part for part in parts if part != "[key]") or path or "settings"
    if item["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(location[-1], _settings_at(location[:-1]), n=1, cutoff=0)
        return f"{name}: no such setting; the nearest is {'.'.join([*parts[:-1], *nearest])}"
    if item["type"].startswith("union_tag"):
        return f"{name}.flow: must be {' or '.join(_FLOWS)}"
    if item["type"] in {"model_type", "dict_type"}:
        names = ", ".join(_settings_at(location))
        return f"{name}: must be a group of settings" + (f": {names}" if names else "")
    meaning = _settings_at(location[:-1]).get(location[-1], "") if location else ""
    message = _WORDS.get(item["type"], "").format(**item.get("ctx", {})) or item["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"{name}: {'its name ' if '[key]' in parts else ''}{message}" + (f" ({meaning})" if meaning else "")


def _settings_at(location: list[str]) -> dict[str, str]:
    """Return the settings of the section at a location of pydantic's, with what they mean; none if it is no section."""
    annotation: Any = Settings
    for part in location:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(part)
            annotation = field.annotation if field else None
        else:
            # A choice of a union is a part of its own; any other part is a key, and the section its value.
            choices = get_args(annotation) or (None,)
            annotation = choices[_FLOWS.index(part)] if part in _FLOWS else choices[-1]
    fields = getattr(annotation, "model_fields", {})
    return {name: field.description or "" for name, field in fields.items()}
